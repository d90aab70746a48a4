package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/llmrouter-go/llmrouter/internal/problems"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// readCandidates finds out whom to call and with which keys.
func (p *Plan) readCandidates() error {
	name := p.config.DataPath.LLMData
	if name == "" {
		return nil // the configuration's check has said so
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(name)
	if err != nil {
		return err
	}
	for _, c := range candidates {
		if !c.Called() {
			p.options.Logger.Warn("a candidate is not called, since its name ends in _think", "candidate", c.Name)
		}
	}
	p.candidates = candidates
	p.targets, err = chat.Resolve(candidates, p.config.APIEndpoint, p.options.Keys, p.options.Calling)
	if err == nil && p.options.Batch != nil {
		err = batch.Prices(p.targets)
	}
	if err != nil || p.options.UnpricedOK || budgetOf(p.options.Client) == nil {
		return err
	}
	local := map[string]bool{}
	for _, t := range p.targets {
		local[t.Name] = t.Local()
	}
	var errs []error
	for _, c := range candidates {
		if c.Called() && c.Unpriced && !local[c.Name] {
			errs = append(errs, &llmrouterdata.CandidateError{File: name, Candidate: c.Name, Err: ErrUnpriced})
		}
	}
	return errors.Join(errs...)
}

// budgetOf returns the budget of a client, nil where it has none.
func budgetOf(client Client) *chat.Budget {
	if c, ok := client.(interface{ Budget() *chat.Budget }); ok {
		return c.Budget()
	}
	return nil
}

// readQueries reads the queries of both splits.
func (p *Plan) readQueries(ctx context.Context) error {
	paths, errs := p.config.DataPath, []error(nil)
	for i, name := range []string{paths.QueryDataTrain, paths.QueryDataTest} {
		if name == "" {
			continue // the configuration's check has said so
		}
		limit := 0
		if p.options.TestRun {
			limit = []int{testRunTrain, testRunTest}[i]
		}
		records, err := dataset.ReadQueries(ctx, name, limit)
		errs = append(errs, err)
		if err == nil && len(records) == 0 && name != os.DevNull {
			p.options.Logger.Warn("a query file is empty: its split will have no rows", "file", name)
		}
		for _, record := range records {
			p.queries = append(p.queries, query{StandardQueryData: record})
		}
		if i == 0 {
			p.train = len(records)
		}
	}
	err := errors.Join(errs...)
	if err == nil && len(p.queries) == 0 && paths.QueryDataTrain+paths.QueryDataTest != "" {
		return fmt.Errorf("pipeline: %s and %s hold no query", paths.QueryDataTrain, paths.QueryDataTest)
	}
	return err
}

// CheckQuery returns what would make [NewPlan] refuse a query: a field that is
// wrong, a task without a prompt, an unknown metric. So a program can leave such
// queries out.
func CheckQuery(q llmrouterdata.StandardQueryData, prompts *chat.Prompts, registry *metrics.Registry) error {
	if err := q.Validate(); err != nil {
		return err
	}
	_, promptErr := prompts.For(q)
	_, metricErr := registry.Lookup(q.TaskName, q.Metric)
	return errors.Join(promptErr, metricErr)
}

// kind is what the metric of a query depends on.
type kind struct{ task, metric string }

// prepare numbers the queries and finds their prompts and metrics.
func (p *Plan) prepare(ctx context.Context) error {
	ids := map[llmrouterdata.QueryKey]int{}
	asked := map[[32]byte]int{}
	seen := map[kind]bool{}
	var firsts []int // the first query of each kind
	var bad problems.List
	for i := range p.queries {
		q := &p.queries[i]
		id, known := ids[q.Key()]
		if !known {
			id = len(p.unique)
			ids[q.Key()] = id
			p.unique = append(p.unique, i)
		}
		q.embeddingID = id

		prompt, err := p.prompt(i)
		if e, ok := errors.AsType[*chat.UnknownTaskError](err); ok {
			bad.AddAlike(e.Task, func(more int) error {
				return fmt.Errorf("pipeline: prompt of %s%s: %w", p.describe(i), moreOfTask(more), e)
			})
		} else {
			bad.Add(err)
		}
		if len(prompt.System)+len(prompt.User) > longPrompt { // fewer bytes are no more tokens
			if n := chat.EstimateTokens(prompt.System) + chat.EstimateTokens(prompt.User); n > longPrompt {
				q.longPrompt = n
			}
		}
		sum := sha256.Sum256([]byte(prompt.System + "\x00" + prompt.User))
		q.occurrence = asked[sum]
		asked[sum]++

		if k := (kind{q.TaskName, q.Metric}); !seen[k] {
			seen[k] = true
			firsts = append(firsts, i)
		}
	}
	unavailable := map[string]bool{} // the metrics that bad has
	for _, i := range firsts {
		err := p.findMetric(ctx, i)
		if u, ok := errors.AsType[*UnavailableMetricError](err); ok {
			if !unavailable[u.Metric] {
				bad.Add(u)
			}
			unavailable[u.Metric] = true
		} else if err != nil {
			bad.Add(fmt.Errorf("pipeline: %s: %w", p.describe(i), err))
		}
	}
	return bad.Join()
}

func moreOfTask(more int) string {
	if more == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more of the task", more)
}

// findMetric demands a metric that can score answers to a query. The first one
// that cannot be evaluated has the registry opened that may be able to.
func (p *Plan) findMetric(ctx context.Context, i int) error {
	o, q := &p.options, &p.queries[i]
	for {
		metric, err := o.Metrics.Lookup(q.TaskName, q.Metric)
		if err != nil {
			return err
		}
		u, may := metric.(metrics.Unavailable)
		if !may || u.Unavailable() == "" {
			return nil
		}
		if o.OpenMetrics == nil {
			if o.AllowNotEvaluated {
				return nil
			}
			return &UnavailableMetricError{Metric: metric.Name(), Reason: u.Unavailable()}
		}
		opened, err := o.OpenMetrics(ctx)
		o.OpenMetrics = nil
		if err != nil {
			// There will be no plan, and this error says why for every metric.
			o.AllowNotEvaluated = true
			return fmt.Errorf("opening the metrics: %w", err)
		}
		o.Metrics = opened
	}
}

// describe names a query in messages.
func (p *Plan) describe(i int) string {
	split, n := "training", i
	if i >= p.train {
		split, n = "test", i-p.train
	}
	return fmt.Sprintf("%s query %d (task %s)", split, n+1, p.queries[i].TaskName)
}

// prompt returns the prompt of a query.
func (p *Plan) prompt(q int) (chat.Prompt, error) {
	prompt, err := p.options.Prompts.For(p.queries[q].StandardQueryData)
	if err != nil {
		return prompt, fmt.Errorf("pipeline: prompt of %s: %w", p.describe(q), err)
	}
	return prompt, nil
}

// request returns the request of a pair and the id of its call.
func (p *Plan) request(q, t int, prompt chat.Prompt) (chat.Request, string) {
	r := chat.Request{Target: p.targets[t], Prompt: prompt, Params: p.options.Params}
	call := r.Fingerprint()
	if n := p.queries[q].occurrence; n > 0 {
		call += "-" + strconv.Itoa(n)
	}
	return r, call
}
