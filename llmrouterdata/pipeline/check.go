package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// CheckOptions says what a data set must hold; nil and the zero value are
// good.
type CheckOptions struct {
	// Subset lets queries of the query files be without rows, as after a test
	// run. Default: each has a row for every candidate.
	Subset bool
}

// Check reads a finished data set and reports what is wrong with it, up to a
// number of problems, joined in one error: records with missing or wrong
// fields, a performance outside of 0 to 1, a query without a row for every
// candidate or with two for one, candidates in another order than in llm_data,
// a query with two embedding ids or an id of two queries, ids that do not count
// the queries in order of first appearance, ids without a vector, vectors
// without an id, of different lengths or with numbers that are not finite. Memory is bounded by the queries, not by the rows.
func Check(ctx context.Context, c *llmrouterdata.Config, o *CheckOptions) error {
	if o == nil {
		o = &CheckOptions{}
	}
	paths := c.DataPath
	if err := c.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(paths.LLMData)
	if err != nil {
		return err
	}
	check := checker{vectors: paths.QueryEmbeddingData, models: calledNames(candidates), subset: o.Subset}
	for _, split := range [][2]string{{paths.QueryDataTrain, paths.RoutingDataTrain}, {paths.QueryDataTest, paths.RoutingDataTest}} {
		queries, err := readQueries(ctx, split[0], 0)
		if err != nil {
			return err
		}
		check.splits = append(check.splits, checkSplit{routing: split[1], queries: queries})
	}
	if err := check.check(ctx); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	return nil
}

// calledNames returns the names of the candidates that step 3 calls.
func calledNames(candidates []llmrouterdata.Candidate) []string {
	var names []string
	for _, c := range candidates {
		if c.Called() {
			names = append(names, c.Name)
		}
	}
	return names
}

// checker holds routing files and vectors against queries and candidates.
type checker struct {
	vectors string
	models  []string
	splits  []checkSplit
	subset  bool

	store    *vectorFile
	ids      map[llmrouterdata.QueryKey]int
	keys     map[int]llmrouterdata.QueryKey
	problems problemList
}

type checkSplit struct {
	routing string
	queries []llmrouterdata.StandardQueryData
}

func (c *checker) check(ctx context.Context) error {
	store, err := openVectors(c.vectors)
	if err != nil {
		return err
	}
	defer store.close()
	c.store = store
	c.ids = map[llmrouterdata.QueryKey]int{}
	c.keys = map[int]llmrouterdata.QueryKey{}
	for _, split := range c.splits {
		if err := c.split(ctx, split); err != nil {
			return err
		}
	}
	if extra := store.n - len(c.keys); extra > 0 {
		c.problems.add(fmt.Errorf("%s: %d vectors belong to no row", c.vectors, extra))
	}
	return c.problems.join()
}

// split reads one routing file. Rows of one query follow each other; a row
// whose query or candidate does not go on from the one before begins the next.
func (c *checker) split(ctx context.Context, s checkSplit) error {
	next := 0 // the query that is due
	var group []llmrouterdata.RoutingRecord
	start := 0
	row := 0
	flush := func() {
		if len(group) > 0 {
			next = c.group(s, group, start, next)
		}
		group = group[:0]
	}
	for record, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](s.routing, nil) {
		row++
		if err != nil {
			if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
				return err
			}
			c.problems.add(err)
			continue
		}
		if row%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := record.Validate(); err != nil {
			c.problems.add(fmt.Errorf("%s: row %d: %w", s.routing, row, err))
		}
		if len(group) > 0 && (group[0].Key() != record.Key() || seen(group, record.ModelName)) {
			flush()
		}
		if len(group) == 0 {
			start = row
		}
		record.Response = "" // not looked at, and long
		group = append(group, record)
	}
	flush()
	if !c.subset {
		for ; next < len(s.queries); next++ {
			c.problems.add(fmt.Errorf("%s: no rows of query %d (task %s)", s.routing, next+1, s.queries[next].TaskName))
		}
	}
	return nil
}

func seen(group []llmrouterdata.RoutingRecord, model string) bool {
	for i := range group {
		if group[i].ModelName == model {
			return true
		}
	}
	return false
}

// group checks the rows of one query and returns the query that is due next.
func (c *checker) group(s checkSplit, group []llmrouterdata.RoutingRecord, row, next int) int {
	at := func(format string, args ...any) {
		c.problems.add(fmt.Errorf("%s: row %d (task %s): %s", s.routing, row, group[0].TaskName, fmt.Sprintf(format, args...)))
	}
	found := next
	for found < len(s.queries) && s.queries[found].Key() != group[0].Key() {
		found++
	}
	switch {
	case found == len(s.queries):
		at("its query is not the next of the query file, nor a later one")
	default:
		if found > next && !c.subset {
			at("%d queries before this one have no rows", found-next)
		}
		want := s.queries[found]
		if !want.Choices.Equal(group[0].Choices) || (want.TaskID == nil) != (group[0].TaskID == nil) || want.TaskID != nil && *want.TaskID != *group[0].TaskID {
			at("choices or task_id differ from the query file")
		}
		next = found + 1
	}
	names := make([]string, len(group))
	for i := range group {
		names[i] = group[i].ModelName
	}
	if !slices.Equal(names, c.models) {
		at("the candidates are %q, want %q", names, c.models)
	}
	c.id(group, at)
	return next
}

// id checks the embedding id of a query's rows.
func (c *checker) id(group []llmrouterdata.RoutingRecord, at func(string, ...any)) {
	key, id := group[0].Key(), group[0].EmbeddingID
	for i := range group {
		if group[i].EmbeddingID != id {
			at("its rows have the embedding ids %d and %d", id, group[i].EmbeddingID)
			return
		}
	}
	if known, ok := c.ids[key]; ok {
		if known != id {
			at("the query has the embedding ids %d and %d", known, id)
		}
		return
	}
	if _, ok := c.keys[id]; ok {
		at("the embedding id %d belongs to another query too", id)
		return
	}
	if id != len(c.keys) {
		at("the embedding id is %d, the next new query has %d", id, len(c.keys))
	}
	vector, err := c.store.get(id)
	if err != nil {
		at("there is no vector of embedding id %d", id)
	}
	for _, x := range vector {
		if x-x != 0 {
			at("the vector of embedding id %d holds %v", id, x)
			break
		}
	}
	c.ids[key], c.keys[id] = id, key
}
