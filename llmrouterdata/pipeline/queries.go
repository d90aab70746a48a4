package pipeline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// In a test run step 3 takes this many queries of each split.
const (
	testRunTrain = 50
	testRunTest  = 20
)

// maxProblems is how many bad lines or queries are reported at once.
const maxProblems = 20

// workload is everything that step 3 works on: the queries of both splits, in
// order, and the candidates.
type workload struct {
	queries []query // training, then test
	train   int     // how many of them are for training
	targets []chat.Target
	params  chat.Params
	// unique holds the index of the first query of each embedding id.
	unique []int
}

// query is a query with what is known about it before any call.
type query struct {
	llmrouterdata.StandardQueryData
	embeddingID int
	// occurrence counts earlier queries with the same prompt: each row is a
	// call of its own.
	occurrence int
}

// pairs is the number of rows.
func (w *workload) pairs() int { return len(w.queries) * len(w.targets) }

// load reads and checks the queries and candidates. Everything that is wrong
// with them is found before the first call.
func load(c *llmrouterdata.Config, o *EvaluateOptions) (*workload, error) {
	if err := c.Require("query_data_train", "query_data_test", "llm_data"); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	w := &workload{params: o.Params}
	if w.targets, err = chat.Resolve(candidates, c.APIEndpoint, o.Keys); err != nil {
		return nil, err
	}
	if err := o.Params.Validate(); err != nil {
		return nil, err
	}
	for i, name := range []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest} {
		limit := 0
		if o.TestRun {
			limit = []int{testRunTrain, testRunTest}[i]
		}
		records, err := readQueries(name, limit)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			w.queries = append(w.queries, query{StandardQueryData: record})
		}
		if i == 0 {
			w.train = len(records)
		}
	}
	if len(w.queries) == 0 {
		return nil, fmt.Errorf("pipeline: %s and %s hold no query", c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest)
	}
	if err := w.prepare(o); err != nil {
		return nil, err
	}
	return w, nil
}

// readQueries reads a query file, the first limit records where limit is not
// 0. Lines that are no valid record are reported together.
func readQueries(name string, limit int) ([]llmrouterdata.StandardQueryData, error) {
	var records []llmrouterdata.StandardQueryData
	var problems problemList
	for record, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
		if err == nil {
			if err = record.Validate(); err != nil {
				err = fmt.Errorf("pipeline: %s: record %d: %w", name, len(records)+1, err)
			}
			records = append(records, record)
		} else if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
			return nil, err
		}
		problems.add(err)
		if limit > 0 && len(records) == limit {
			break
		}
	}
	return records, problems.join()
}

// problemList keeps the first problems and counts the rest.
type problemList struct {
	errs []error
	more int
}

func (p *problemList) add(err error) {
	switch {
	case err == nil:
	case len(p.errs) < maxProblems:
		p.errs = append(p.errs, err)
	default:
		p.more++
	}
}

func (p *problemList) join() error {
	if p.more > 0 {
		return errors.Join(append(p.errs, fmt.Errorf("... and %d more", p.more))...)
	}
	return errors.Join(p.errs...)
}

// prepare numbers the queries and finds their prompts and metrics.
func (w *workload) prepare(o *EvaluateOptions) error {
	ids := map[llmrouterdata.QueryKey]int{}
	asked := map[[32]byte]int{}
	type kind struct{ task, metric string }
	looked := map[kind]bool{}
	unavailable := map[string]string{}
	var problems problemList
	for i := range w.queries {
		q := &w.queries[i]
		id, known := ids[q.Key()]
		if !known {
			id = len(w.unique)
			ids[q.Key()] = id
			w.unique = append(w.unique, i)
		}
		q.embeddingID = id

		prompt, err := w.prompt(i, o.Prompts)
		if err != nil {
			problems.add(err)
			continue
		}
		sum := sha256.Sum256([]byte(prompt.System + "\x00" + prompt.User))
		q.occurrence = asked[sum]
		asked[sum]++

		k := kind{q.TaskName, q.Metric}
		if looked[k] {
			continue
		}
		looked[k] = true
		metric, err := o.Metrics.Lookup(k.task, k.metric)
		if err != nil {
			problems.add(fmt.Errorf("pipeline: %s: %w", w.describe(i), err))
			continue
		}
		if u, ok := metric.(metrics.Unavailable); ok && !o.AllowNotEvaluated {
			if reason := u.Unavailable(); reason != "" {
				unavailable[metric.Name()] = reason
			}
		}
	}
	for name, reason := range unavailable {
		problems.add(&UnavailableMetricError{Metric: name, Reason: reason})
	}
	return problems.join()
}

// UnavailableMetricError says that the queries need a metric that cannot
// evaluate anything here, so that paid answers would go unscored.
type UnavailableMetricError struct {
	Metric, Reason string
}

func (e *UnavailableMetricError) Error() string {
	return fmt.Sprintf("pipeline: the metric %s cannot be evaluated: %s (allow it to write such rows with performance 0.0, counted apart)", e.Metric, e.Reason)
}

// describe names a query in messages.
func (w *workload) describe(i int) string {
	split, n := "training", i
	if i >= w.train {
		split, n = "test", i-w.train
	}
	return fmt.Sprintf("%s query %d (task %s)", split, n+1, w.queries[i].TaskName)
}

// prompt returns the prompt of a query.
func (w *workload) prompt(q int, prompts *chat.Prompts) (chat.Prompt, error) {
	prompt, err := prompts.For(w.queries[q].StandardQueryData)
	if err != nil {
		return prompt, fmt.Errorf("pipeline: prompt of %s: %w", w.describe(q), err)
	}
	return prompt, nil
}

// request returns the request of a pair and the id of its call.
func (w *workload) request(q, t int, prompt chat.Prompt) (chat.Request, string) {
	r := chat.Request{Target: w.targets[t], Prompt: prompt, Params: w.params}
	call := r.Fingerprint()
	if n := w.queries[q].occurrence; n > 0 {
		call += "-" + strconv.Itoa(n)
	}
	return r, call
}
