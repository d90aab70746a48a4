package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// Repairs counts what [Dataset.Repair] had to do.
type Repairs struct {
	// Queries and Rows were written.
	Queries, Rows int
	// Moved rows stand elsewhere than they stood among those that were kept.
	Moved int
	// Failed rows are of calls that failed, and did not say so as the files do:
	// with the response "API Error: ..." and performance 0.
	Failed int
	// Differing rows had other choices or another task id than their query.
	Differing int
	// Renumbered queries have another embedding id.
	Renumbered int

	// Unreadable lines are no records, rows without a finite vector, or rows with what
	// no row may have and Repair cannot mend, such as text that is not UTF-8.
	Unreadable int
	// Unscored rows have no performance from 0 to 1.
	Unscored int
	// Repeated rows are of a query and candidate that had a row before them.
	Repeated int
	// Unknown rows are of candidates that are not called, or of queries that the
	// query file does not have.
	Unknown int
	// Incomplete queries lack the row of a candidate, or a field, and were left out
	// with their other rows.
	Incomplete int
}

// RepairOptions says what a repaired data set is for; nil and the zero value are good.
type RepairOptions struct {
	// Order is the order of a query's rows. Default: [OrderFile].
	Order CandidateOrder
	// Trainer, TextDim and Warn are those of [CheckOptions], for the repaired files.
	Trainer Trainer
	TextDim int
	Warn    func(message string)
}

func (o *RepairOptions) validate() (RepairOptions, error) {
	v, f := options.Begin(o, "dataset: RepairOptions")
	validateFor(f, &v.Order, &v.Trainer, &v.TextDim)
	return v, f.Err()
}

// Repair writes the data set anew to other files: query_data_train and
// query_data_test, query_embedding_data, routing_data_train and
// routing_data_test of to. The rows stand in the order of the query file (of
// their first rows where the set has none), and those of a query in that of
// the options; rows have the choices and task ids of their query, failed calls
// are marked, times and counts that cannot be are 0, and embedding ids count the
// queries. Lines and rows that cannot be repaired are left out, and so are
// queries that lack a row then: [Repairs] counts them. What was left out can be
// called again by step 3. The lines that a report of step 3 names are those of the set,
// not of what is written.
//
// The files appear together, and only when they pass [Check]. Those of the set
// are not changed; to name one of them is an error. Memory is bounded by the
// queries, and by the rows that come before their turn.
func (d *Dataset) Repair(ctx context.Context, to llmrouterdata.DataPath, o *RepairOptions) (*Repairs, error) {
	options, err := o.validate()
	if err != nil {
		return nil, err
	}
	if err := d.distinct(to); err != nil {
		return nil, err
	}
	r := &repair{data: d, to: to, options: options, models: llmrouterdata.CalledNames(d.Candidates), ids: map[llmrouterdata.QueryKey]int{}}
	out := &atomicfile.Group{}
	defer out.Abort()
	vectors, err := out.Create(to.QueryEmbeddingData)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	r.vectors = torchio.NewWriter(vectors, nil)
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{QueryEmbeddingData: vectors.Name(), LLMData: d.paths.LLMData}
	for _, split := range []Split{Train, Test} {
		queries, err := out.Create(split.queryFile(to))
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		rows, err := out.Create(split.routingFile(to))
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		if err := r.split(ctx, split, queries, rows); err != nil {
			return nil, err
		}
		written, name := &c.DataPath, rows.Name()
		if split == Train {
			written.QueryDataTrain, written.RoutingDataTrain = queries.Name(), name
		} else {
			written.QueryDataTest, written.RoutingDataTest = queries.Name(), name
		}
	}
	if r.done.Queries == 0 {
		return nil, fmt.Errorf("dataset: no query of %s and %s has a good row of every candidate", d.paths.RoutingDataTrain, d.paths.RoutingDataTest)
	}
	if err := r.vectors.Close(); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", to.QueryEmbeddingData, err)
	}
	if err := Check(ctx, c, &CheckOptions{Order: options.Order, Trainer: options.Trainer, TextDim: options.TextDim, Warn: options.Warn}); err != nil {
		return nil, fmt.Errorf("dataset: the repaired files do not pass their check: %w", err)
	}
	if err := out.Commit(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return &r.done, nil
}

// distinct demands that what is written is named, and neither twice nor a file of
// the set.
func (d *Dataset) distinct(to llmrouterdata.DataPath) error {
	if err := (&llmrouterdata.Config{DataPath: to}).Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
		return err
	}
	return outputs.CheckDistinct([]outputs.File{
		{Role: "query_data_train", Path: to.QueryDataTrain}, {Role: "query_data_test", Path: to.QueryDataTest},
		{Role: "query_embedding_data", Path: to.QueryEmbeddingData},
		{Role: "routing_data_train", Path: to.RoutingDataTrain}, {Role: "routing_data_test", Path: to.RoutingDataTest},
	}, d.files())
}

// files are those of the set, with their roles.
func (d *Dataset) files() []outputs.File {
	p := &d.paths
	return []outputs.File{
		{Role: "the set's query_data_train", Path: p.QueryDataTrain}, {Role: "the set's query_data_test", Path: p.QueryDataTest},
		{Role: "the set's query_embedding_data", Path: p.QueryEmbeddingData},
		{Role: "the set's query_embedding_data_train", Path: p.QueryEmbeddingDataTrain}, {Role: "the set's query_embedding_data_test", Path: p.QueryEmbeddingDataTest},
		{Role: "the set's routing_data_train", Path: p.RoutingDataTrain}, {Role: "the set's routing_data_test", Path: p.RoutingDataTest},
		{Role: "llm_data", Path: p.LLMData}, {Role: "llm_embedding_data", Path: p.LLMEmbeddingData},
	}
}

// repair writes the files.
type repair struct {
	data    *Dataset
	to      llmrouterdata.DataPath
	options RepairOptions
	models  []string
	order   *Arrangement // set when the training rows have been found
	vectors *torchio.Writer
	ids     map[llmrouterdata.QueryKey]int // of the queries written
	done    Repairs
}

// found is a query and where its rows are.
type found struct {
	query llmrouterdata.StandardQueryData
	// lines are those of the rows that are kept, by candidate; 0: there is none.
	lines  []int
	scores []float64 // of these rows
	rows   []*Row    // that were read and are not written yet
	have   int
}

// split writes the files of a split. It reads the rows twice: to find those that
// are kept, and to write them.
func (r *repair) split(ctx context.Context, split Split, queries, rows *atomicfile.File) error {
	order, byKey, err := r.find(ctx, split)
	if err != nil {
		return err
	}
	if split == Train {
		if err := r.arrange(order); err != nil {
			return err
		}
	}
	queryLines, err := llmrouterdata.NewFileWriter[llmrouterdata.StandardQueryData](queries, split.queryFile(r.to))
	if err != nil {
		return err
	}
	rowLines, err := llmrouterdata.NewFileWriter[llmrouterdata.RoutingRecord](rows, split.routingFile(r.to))
	if err != nil {
		return err
	}
	next := 0 // the query that is due
	for row, err := range r.data.Rows(ctx, split) {
		if _, line := errors.AsType[*llmrouterdata.LineError](err); err != nil && !line {
			return err
		} else if err != nil {
			continue // counted
		}
		f, m := byKey[row.Key()], slices.Index(r.models, row.ModelName)
		if f == nil || m < 0 || f.lines[m] != row.Line {
			continue
		}
		if f != order[next] || r.order.Of(row.Key())[f.have] != m {
			r.done.Moved++
		}
		if m > 0 {
			row.Embedding = nil // a query has one vector
		}
		f.rows[m] = &row
		f.have++
		for ; next < len(order) && order[next].have == len(r.models); next++ {
			if err := errors.Join(queryLines.Write(order[next].query), r.write(order[next], rowLines)); err != nil {
				return err
			}
			order[next].rows = nil
		}
	}
	if next < len(order) {
		return fmt.Errorf("dataset: %s was changed while it was read", split.routingFile(r.data.paths))
	}
	return errors.Join(queryLines.Close(), rowLines.Close())
}

// arrange finds the order of a query's rows, by the training queries that are kept.
func (r *repair) arrange(kept []*found) (err error) {
	y := newTally()
	for _, f := range kept {
		for m, score := range f.scores {
			y.add(r.models[m], score)
		}
	}
	r.order, err = r.options.Order.Arrange(r.data.Candidates, y.means(r.models))
	return err
}

// find returns the queries of a split that are kept, in the order in which they
// are written.
func (r *repair) find(ctx context.Context, split Split) (order []*found, byKey map[llmrouterdata.QueryKey]*found, err error) {
	byKey = map[llmrouterdata.QueryKey]*found{}
	add := func(q llmrouterdata.StandardQueryData) {
		if byKey[q.Key()] == nil {
			f := &found{query: q, lines: make([]int, len(r.models)), scores: make([]float64, len(r.models)), rows: make([]*Row, len(r.models))}
			byKey[q.Key()] = f
			order = append(order, f)
		}
	}
	listed := r.data.queries(split)
	for _, q := range listed {
		add(q)
	}
	for row, err := range r.data.Rows(ctx, split) {
		if err != nil {
			if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
				return nil, nil, err
			}
			r.done.Unreadable++
			continue
		}
		if listed == nil {
			add(row.QueryData())
		}
		f, m := byKey[row.Key()], slices.Index(r.models, row.ModelName)
		switch {
		case f == nil || m < 0:
			r.done.Unknown++
		case f.lines[m] > 0:
			r.done.Repeated++
		case !scored(&row.RoutingRecord):
			r.done.Unscored++
		case !sound(row, &f.query):
			r.done.Unreadable++
		default:
			f.lines[m] = row.Line
			mend(&row.RoutingRecord, &f.query)
			f.scores[m] = row.Performance
		}
	}
	order = slices.DeleteFunc(order, func(f *found) bool {
		incomplete := slices.Contains(f.lines, 0) || f.query.Validate() != nil
		if incomplete {
			r.done.Incomplete++
			delete(byKey, f.query.Key())
		}
		return incomplete
	})
	return order, byKey, nil
}

// write writes the rows of a query, and its vector where no row had it before.
func (r *repair) write(f *found, to *llmrouterdata.Writer[llmrouterdata.RoutingRecord]) error {
	id, known := r.ids[f.query.Key()]
	if !known {
		id = len(r.ids)
		r.ids[f.query.Key()] = id
		vector := f.rows[0].Embedding
		if len(vector) == 0 {
			return errors.New("dataset: the set has no query embeddings, and a repaired one needs them")
		}
		if err := r.vectors.PutInt(int64(id), torchio.Of(vector, len(vector))); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		if f.rows[0].EmbeddingID != id {
			r.done.Renumbered++
		}
	}
	r.done.Queries++
	for _, m := range r.order.Of(f.query.Key()) {
		row := f.rows[m]
		differed, unmarked := mend(&row.RoutingRecord, &f.query)
		r.done.Differing += differed
		r.done.Failed += unmarked
		row.EmbeddingID = id
		if err := to.Write(row.RoutingRecord); err != nil {
			return err
		}
		r.done.Rows++
	}
	return nil
}

// scored reports whether a row has a performance, or needs none.
func scored(row *llmrouterdata.RoutingRecord) bool {
	_, failed := failure(row.Response, row.InputTokens, row.OutputTokens, row.ResponseTime)
	return failed || row.Performance >= 0 && row.Performance <= 1
}

// sound reports whether a row can stand in a finished set once it is mended.
func sound(row Row, query *llmrouterdata.StandardQueryData) bool {
	mend(&row.RoutingRecord, query)
	return notFinite(row.Embedding) < 0 && row.Validate() == nil
}

// mend gives a row what its query says, and what the files say of failed calls. It
// counts rows that differed, and failed calls that did not say so, as 0 or 1.
func mend(row *llmrouterdata.RoutingRecord, query *llmrouterdata.StandardQueryData) (differed, unmarked int) {
	if !query.Equal(row.QueryData()) {
		differed = 1
		row.Choices, row.TaskID = query.Choices, query.TaskID
	}
	if query.Extra != nil {
		row.Extra = query.Extra
	}
	message, failed := failure(row.Response, row.InputTokens, row.OutputTokens, row.ResponseTime)
	if response := errorPrefix + message; failed && (row.Response != response || row.Performance != 0) {
		unmarked = 1
		row.Response, row.Performance = response, 0
	}
	row.TokenNum, row.InputTokens, row.OutputTokens = max(row.TokenNum, 0), max(row.InputTokens, 0), max(row.OutputTokens, 0)
	if !(row.ResponseTime >= 0 && row.ResponseTime < maxSeconds) {
		row.ResponseTime = 0
	}
	return differed, unmarked
}
