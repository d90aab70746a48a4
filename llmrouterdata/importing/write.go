package importing

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// writer writes the joined results.
type writer struct {
	*joiner
	config *llmrouterdata.Config
	train  int // of the queries
	report *Report

	out    atomicfile.Group
	unique []string // the texts of the embedding ids
	ids    map[llmrouterdata.QueryKey]int
	cells  map[[2]string]int // in the report
}

// write writes all files under temporary names, checks them, and gives them their
// names.
func (w *writer) write(ctx context.Context) error {
	defer w.out.Abort()
	w.ids, w.cells = map[llmrouterdata.QueryKey]int{}, map[[2]string]int{}
	written := *w.config // the names that the files have until they are complete
	paths := &written.DataPath
	var err error
	for _, split := range []struct {
		queries, routing *string
		part             []query
		unscored         [2]*[]int // lines that were not evaluated, and that failed to be
	}{
		{&paths.QueryDataTrain, &paths.RoutingDataTrain, w.queries[:w.train], [2]*[]int{&w.report.NotEvaluatedRows.Train, &w.report.ScoreErrorRows.Train}},
		{&paths.QueryDataTest, &paths.RoutingDataTest, w.queries[w.train:], [2]*[]int{&w.report.NotEvaluatedRows.Test, &w.report.ScoreErrorRows.Test}},
	} {
		if !w.options.Match {
			if *split.queries, err = writeLines(w, *split.queries, func(put func(llmrouterdata.StandardQueryData) error) error {
				return writeQueries(split.part, put)
			}); err != nil {
				return err
			}
		}
		if *split.routing, err = writeLines(w, *split.routing, func(put func(llmrouterdata.RoutingRecord) error) error {
			return w.writeRows(ctx, split.part, split.unscored, put)
		}); err != nil {
			return err
		}
	}
	w.report.TrainQueries, w.report.TestQueries = w.train, len(w.queries)-w.train
	w.sum()
	if w.options.Encoder == nil {
		return w.out.Commit()
	}
	if paths.QueryEmbeddingData, err = w.writeVectors(ctx, paths.QueryEmbeddingData); err != nil {
		return err
	}
	if err := dataset.Check(ctx, &written, &dataset.CheckOptions{Subset: w.options.Match}); err != nil {
		return fmt.Errorf("importing: the finished files do not pass their check: %w", err)
	}
	return w.out.Commit()
}

// writeLines writes a file of JSON Lines and returns the name that it has until it
// is complete.
func writeLines[T llmrouterdata.Record](w *writer, name string, write func(put func(T) error) error) (string, error) {
	f, err := w.out.Create(name)
	if err != nil {
		return "", err
	}
	records, err := llmrouterdata.NewFileWriter[T](f, name)
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(write(records.Write), records.Close())
}

func writeQueries(queries []query, put func(llmrouterdata.StandardQueryData) error) error {
	for i := range queries {
		if err := put(queries[i].StandardQueryData); err != nil {
			return err
		}
	}
	return nil
}

// writeRows writes the rows of a split, some queries at a time.
func (w *writer) writeRows(ctx context.Context, queries []query, unscored [2]*[]int, put func(llmrouterdata.RoutingRecord) error) error {
	for from, line := 0, 0; from < len(queries); from += scoreChunk {
		part := queries[from:min(from+scoreChunk, len(queries))]
		texts, err := w.texts(part)
		if err != nil {
			return err
		}
		outcomes, err := w.scores(ctx, part, texts)
		if err != nil {
			return err
		}
		for i := range part {
			for c := range w.candidates {
				line++
				at := i*len(w.candidates) + c
				record, scored := w.row(&part[i], c, texts[at], &outcomes[at])
				if scored != isScored {
					*unscored[scored] = append(*unscored[scored], line)
				}
				if err := put(record); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// texts reads the answers to some queries back, those of one query together.
func (w *writer) texts(queries []query) ([]string, error) {
	var texts []string
	for i := range queries {
		for _, p := range queries[i].pairs {
			text, err := w.spool.get(p.span)
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
	}
	return texts, nil
}

// scores scores the answers to some queries, or takes the source's scores.
func (w *writer) scores(ctx context.Context, queries []query, texts []string) ([]metrics.Outcome, error) {
	outcomes := make([]metrics.Outcome, len(texts))
	var items []metrics.Item
	var places []int
	for i := range queries {
		q := &queries[i]
		for c, p := range q.pairs {
			at := i*len(w.candidates) + c
			switch {
			case !p.known || p.failed:
			case !w.options.Rescore:
				outcomes[at].Result = metrics.Scored(*p.score)
			default:
				items = append(items, metrics.Item{Metric: q.Metric, Input: metrics.Input{
					Task: q.TaskName, TaskID: orZero(q.TaskID), Query: q.Query, Prediction: texts[at], Truth: q.GroundTruth, Choices: q.Choices.Text(),
				}})
				places = append(places, at)
			}
		}
	}
	scored, err := metrics.Evaluate(ctx, items, &metrics.BatchOptions{Registry: *w.options.Metrics, Workers: w.options.Workers})
	if err != nil {
		return nil, err
	}
	for i, at := range places {
		var unknown *metrics.UnknownMetricError
		if errors.As(scored[i].Err, &unknown) {
			return nil, fmt.Errorf("importing: scoring anew: %w", unknown)
		}
		outcomes[at] = scored[i]
		if scored[i].Result.Evaluated {
			w.scorers[scored[i].Metric] = true
		}
	}
	return outcomes, nil
}

// scoring is what became of the score of a row.
type scoring int

const (
	notEvaluated scoring = iota
	scoreError
	isScored
)

// row makes the row of a pair and counts it.
func (w *writer) row(q *query, c int, text string, o *metrics.Outcome) (llmrouterdata.RoutingRecord, scoring) {
	r, p, sum, cell := llmrouterdata.NewRoutingRecord(q.StandardQueryData), &q.pairs[c], &w.report.Candidates[c], w.cell(q.TaskName, c)
	r.ModelName, r.EmbeddingID = w.candidates[c].Name, w.id(q)
	w.report.Rows++
	cell.Pairs++
	if p.cost != nil {
		sum.SourceUSD += *p.cost
		sum.SourceCosts++
	}
	switch {
	case !p.known:
		sum.Missing++
		r.Response = llmrouterdata.FailedCall(llmrouterdata.NotCalled)
		return r, isScored
	case p.failed:
		sum.Failed++
		sum.scored++
		r.Response, r.ResponseTime = llmrouterdata.FailedCall(text), orZero(p.seconds)
		return r, isScored
	}
	r.Response, r.ResponseTime = text, orZero(p.seconds)
	r.InputTokens, r.OutputTokens = orZero(p.input), orZero(p.output)
	r.TokenNum = r.InputTokens + r.OutputTokens
	sum.answer(p, w.candidates[c].Cost(r.InputTokens, r.OutputTokens))
	switch {
	case o.Err != nil:
		cell.ScoreErrors++
		return r, scoreError
	case !o.Result.Evaluated:
		cell.NotEvaluated++
		return r, notEvaluated
	}
	r.Performance = o.Result.Score
	sum.total += r.Performance
	sum.scored++
	return r, isScored
}

// answer counts an answer.
func (c *Candidate) answer(p *pair, usd float64) {
	c.Answers++
	c.CostUSD += usd
	if p.input == nil || p.output == nil {
		c.UnknownTokens++
	}
	if p.seconds == nil {
		c.UnknownTimes++
	}
}

// id is the embedding id of a query.
func (w *writer) id(q *query) int {
	id, known := w.ids[q.Key()]
	if !known {
		id = len(w.unique)
		w.ids[q.Key()] = id
		w.unique = append(w.unique, q.Query)
	}
	return id
}

// cell is that of a task and a candidate in the report.
func (w *writer) cell(task string, c int) *Cell {
	key := [2]string{task, w.candidates[c].Name}
	i, known := w.cells[key]
	if !known {
		i = len(w.report.Cells)
		w.cells[key] = i
		w.report.Cells = append(w.report.Cells, Cell{Task: task, Model: key[1]})
	}
	return &w.report.Cells[i]
}

// sum ends the report.
func (w *writer) sum() {
	w.report.ScoredBy = w.scoredBy()
	for i := range w.report.Candidates {
		if c := &w.report.Candidates[i]; c.scored > 0 {
			c.Performance = c.total / float64(c.scored)
		}
	}
}

// writeVectors embeds the queries and writes their vectors by id. It returns the
// name that the file has until it is complete.
func (w *writer) writeVectors(ctx context.Context, name string) (string, error) {
	f, err := w.out.Create(name)
	if err != nil {
		return "", err
	}
	vectors := torchio.NewWriter(io.Writer(f), nil)
	for from := 0; from < len(w.unique); from += encodeChunk {
		texts := w.unique[from:min(from+encodeChunk, len(w.unique))]
		encoded, err := embedding.EncodeChecked(ctx, w.options.Encoder, texts)
		if err != nil {
			return "", fmt.Errorf("importing: embedding the queries: %w", err)
		}
		for i, vector := range encoded {
			if err := vectors.PutInt(int64(from+i), torchio.Of(vector, len(vector))); err != nil {
				return "", fmt.Errorf("importing: %s: %w", name, err)
			}
		}
	}
	if err := vectors.Close(); err != nil {
		return "", fmt.Errorf("importing: %s: %w", name, err)
	}
	w.report.Embeddings = len(w.unique)
	return f.Name(), nil
}
