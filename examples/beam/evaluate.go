package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// Report is what became of a shard, or of all that a run has evaluated.
type Report struct {
	Shards int    `json:"shards"`
	Shard  string `json:"shard,omitempty"`
	// Split is "train" or "test"; "" of several shards.
	Split string `json:"split,omitempty"`
	// Queries have rows, DeadLetters have none.
	Queries     int `json:"queries"`
	DeadLetters int `json:"dead_letters"`
	Rows        int `json:"rows"`
	// Called is how many calls were made this time, Resumed how many the
	// journal held.
	Called       int     `json:"called"`
	Resumed      int     `json:"resumed"`
	Failed       int     `json:"failed"`
	NotEvaluated int     `json:"not_evaluated"`
	ScoreErrors  int     `json:"score_errors"`
	CostUSD      float64 `json:"cost_usd"`
	SpentUSD     float64 `json:"spent_usd"`
	Seconds      float64 `json:"seconds"`
}

// placed is a query with the line that it comes from.
type placed struct {
	llmrouterdata.StandardQueryData
	line int
	text []byte
}

// evaluate does a shard: it reads and checks the queries, and evaluates those
// that are good as a data set of their own, below the working folder. An error
// is of the worker or the services, not of a query: the shard can be done again,
// here or elsewhere, and makes no call that its journal holds.
func (w *worker) evaluate(ctx context.Context, s shards.Shard, drain <-chan struct{}) (report Report, dead []DeadLetter, err error) {
	report = Report{Shards: 1, Shard: s.Name, Split: s.Split}
	defer func() {
		if err != nil {
			dead, err = nil, fmt.Errorf("shard %s: %w", s.Name, err)
		}
	}()
	claim, err := w.folder.Claim(s)
	if err != nil {
		return report, nil, err
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	registry := metrics.Builtin()
	good, dead, err := readShard(w.folder, s, &w.prompts, &registry)
	if err != nil {
		return report, nil, err
	}
	c := datasetOf(w.folder, s)
	c.APIEndpoint = w.settings.APIEndpoint
	if err := errors.Join(markDone(c, ""), cli.WriteFile(c.DataPath.LLMData, []byte(w.settings.Candidates))); err != nil {
		return report, nil, err
	}
	client := w.client
	if w.budget != nil {
		charging, giveBack := w.budget.Charge(s, client)
		defer func() { err = errors.Join(err, giveBack()) }()
		client = charging
	}
	encoder := newPicky(w.encoder)
	o := w.options(client, encoder, drain)
	for {
		if err := writeQueries(c, s, good); err != nil {
			return report, nil, err
		}
		if len(good) == 0 {
			break
		}
		refused := len(encoder.all())
		r, err := runPlan(ctx, c, o)
		if r != nil {
			report.add(r)
		}
		if err == nil {
			break
		}
		if len(encoder.all()) == refused || ctx.Err() != nil {
			return report, nil, err
		}
		// Texts were refused: the others go on from the journal.
		var letters []DeadLetter
		good, letters = dropRefused(s, good, encoder.all())
		dead = append(dead, letters...)
	}
	report.Queries, report.DeadLetters = len(good), len(dead)
	return report, dead, markDone(c, s.SHA256)
}

// options are those of a run over the queries of a shard.
func (w *worker) options(client pipeline.Client, encoder embedding.Encoder, drain <-chan struct{}) *pipeline.Options {
	registry := metrics.Builtin()
	return &pipeline.Options{
		Keys: w.keys, Client: client, Params: chat.Params{Stream: w.settings.Stream}, UnpricedOK: w.settings.UnpricedOK,
		Prompts: &w.prompts, Metrics: &registry, OpenMetrics: w.sandboxed, Encoder: encoder, Workers: max(1, w.settings.Calls),
		AllowNotEvaluated: w.settings.AllowNotEvaluated, KeyLabels: w.settings.KeyLabels, RetryFailed: w.settings.RetryFailed,
		Drain: drain, Logger: w.logger,
	}
}

func runPlan(ctx context.Context, c *llmrouterdata.Config, o *pipeline.Options) (*pipeline.Report, error) {
	plan, err := pipeline.NewPlan(ctx, c, o)
	if err != nil {
		return nil, err
	}
	return plan.Run(ctx)
}

// add takes over what a run says; what runs before it spent is added up.
func (r *Report) add(p *pipeline.Report) {
	if r.Seconds == 0 { // the first run
		r.Resumed = p.Resumed
	}
	r.Called += p.Called
	r.SpentUSD += p.SpentUSD
	r.Seconds += p.Seconds
	r.Rows, r.Failed, r.NotEvaluated, r.ScoreErrors, r.CostUSD = p.Pairs, p.Failed, p.NotEvaluated, p.ScoreErrors, p.CostUSD
}

// readShard reads the queries of a shard and finds those that can have no rows:
// whatever a run of step 3 would refuse to start with.
func readShard(f *shards.Folder, s shards.Shard, prompts *chat.Prompts, registry *metrics.Registry) (good []placed, dead []DeadLetter, err error) {
	file, err := llmrouterdata.OpenFile(f.QueriesFile(s))
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 256<<10)
	for line := s.FirstLine; ; line++ {
		text, err := readLine(lines, llmrouterdata.DefaultMaxLine)
		if err == io.EOF {
			return good, dead, nil
		}
		if err != nil && !errors.Is(err, llmrouterdata.ErrLineTooLong) {
			return nil, nil, fmt.Errorf("%s: %w", s.Queries, err)
		}
		if err != nil {
			dead = append(dead, deadLetter(s, "read", placed{line: line, text: text}, err))
			continue
		}
		for query, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](bytes.NewReader(text), nil) {
			q := placed{query, line, text}
			if err != nil {
				if e, ok := errors.AsType[*llmrouterdata.LineError](err); ok { // whose line is that of the reader
					err = e.Err
					if e.Field != "" {
						err = fmt.Errorf("field %q: %w", e.Field, e.Err)
					}
				}
				dead = append(dead, deadLetter(s, "read", q, err))
				continue
			}
			if err := pipeline.CheckQuery(query, prompts, registry); err != nil {
				dead = append(dead, deadLetter(s, "check", q, err))
				continue
			}
			good = append(good, q)
		}
	}
}

// readLine returns a line with its end; io.EOF behind the last one. A line of
// more than most bytes is read to its end and cut, with ErrLineTooLong.
func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	size := 0
	for {
		part, err := r.ReadSlice('\n')
		size += len(part)
		line = append(line, part[:min(len(part), most-len(line))]...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && (err != io.EOF || size == 0):
			return nil, err
		case size > most:
			return line, fmt.Errorf("%w: more than %d bytes", llmrouterdata.ErrLineTooLong, most)
		}
		return line, nil
	}
}

// deadLetter makes a dead letter of a query.
func deadLetter(s shards.Shard, stage string, q placed, err error) DeadLetter {
	text := bytes.TrimRight(q.text, "\r\n")
	return DeadLetter{
		Shard: s.Name, File: s.Source, Line: q.line, Stage: stage, Task: q.TaskName,
		Error: err.Error(), Record: string(text[:min(len(text), 64<<10)]),
	}
}

// dropRefused takes out the queries whose texts were refused.
func dropRefused(s shards.Shard, list []placed, refused map[string]error) (good []placed, dead []DeadLetter) {
	for _, q := range list {
		if err := refused[q.Query]; err != nil {
			dead = append(dead, deadLetter(s, "embed", q, err))
		} else {
			good = append(good, q)
		}
	}
	return good, dead
}

// writeQueries writes the queries of a shard's data set.
func writeQueries(c *llmrouterdata.Config, s shards.Shard, list []placed) error {
	var text bytes.Buffer
	w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](&text)
	for _, q := range list {
		if err := w.Write(q.StandardQueryData); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return cli.WriteFile(*queriesOf(c, s), text.Bytes())
}

// each reads a file of values in JSON: of reports, or of dead letters.
func each[T any](name string, visit func(T)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		visit(v)
	}
}
