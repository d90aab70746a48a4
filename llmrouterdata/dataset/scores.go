package dataset

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// ScoreOptions says how scores are read; nil and the zero value are good.
type ScoreOptions struct {
	// Queries is a query file that tells the task and metric of each question
	// by its text. Default, and for questions that it does not have: the task
	// is "unknown" and so is the metric.
	Queries string
	// Candidates is a candidate file; it gives the order of the candidates and
	// their prices. Scores have no token counts, so costs stay unknown.
	// Default: the order of the first item, and no warnings about prices.
	Candidates string
}

// ReadScores reads a file of scores without answers into the [Table]
// that routing files give: a JSON array of
//
//	{"question": "...", "scores": {"model-a": 1.0, "model-b": 0.25}, "cluster_id": 0}
//
// as published for the DCRouter preprocessing of the Python project. A score
// is from 0 to 1; null is not evaluated. Other fields are ignored.
// All queries belong to one split, [Train]. Tokens, times and embeddings are
// unknown. An item that is not of this form is an error that names it.
func ReadScores(ctx context.Context, name string, o *ScoreOptions) (*Table, error) {
	if o == nil {
		o = &ScoreOptions{}
	}
	f, err := textfile.Open(name)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	t := newTable()
	if o.Candidates != "" {
		list, err := llmrouterdata.ReadCandidatesFile(o.Candidates)
		if err != nil {
			return nil, err
		}
		if err := t.addListed(o.Candidates, list); err != nil {
			return nil, err
		}
	}
	known := map[digest]head{}
	if o.Queries != "" {
		if err := notRouting(o.Queries); err != nil {
			return nil, err
		}
		for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](o.Queries, nil) {
			if err != nil {
				return nil, err
			}
			h := headOf(q.Key())
			if _, twice := known[h.text]; !twice {
				known[h.text] = h
			}
		}
	}
	if err := t.readScores(ctx, f, known); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", name, err)
	}
	return t, nil
}

// readScores adds the items of a file of scores.
func (t *Table) readScores(ctx context.Context, r io.Reader, known map[digest]head) error {
	d := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return fmt.Errorf("want an array of {question, scores}, not %v (%v)", start, err)
	}
	a := t.adder("")
	a.loose = true // an object has no order
	item := 0
	fail := func(err error) error { return fmt.Errorf("item %d: %w", item, err) }
	for d.More() {
		item++
		if err := ctx.Err(); err != nil {
			return err
		}
		var v struct {
			Question *string `json:"question"`
			Scores   scores  `json:"scores"`
		}
		if err := d.Decode(&v); err != nil {
			return fail(err)
		}
		if v.Question == nil || len(v.Scores) == 0 {
			return fail(fmt.Errorf("no question or no scores: %w", llmrouterdata.ErrMissing))
		}
		query, ok := known[digestOf([]byte(*v.Question))]
		if !ok {
			query = headOf(llmrouterdata.QueryKey{TaskName: "unknown", Query: *v.Question, Metric: "unknown"})
		}
		for _, s := range v.Scores {
			r := row{head: query}
			r.setAnswer(strings.Clone(s.model), "", 0, 0, 0, s.score, llmrouterdata.NoEmbedding)
			r.Empty = false // there are no answers
			if r.kind == KindOutOfRange {
				return fail(fmt.Errorf("model %q: the score %v is not from 0 to 1", s.model, s.score))
			}
			a.add(&r, item)
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("after item %d: %w", item, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the array")
	}
	return nil
}

// scores is a JSON object of scores by model, in its order.
type scores []modelScore

type modelScore struct {
	model string
	score float64 // NaN: none
}

// UnmarshalJSON reads the object. A model that is there twice is an error.
func (s *scores) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("scores: want an object by model, have %.20s", text)
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		model := name.(string) // JSON has no other keys
		var score *float64
		if err := d.Decode(&score); err != nil {
			return fmt.Errorf("scores: model %q: %w", model, err)
		}
		if seen[model] {
			return fmt.Errorf("scores: duplicate model %q", model)
		}
		seen[model] = true
		if score == nil {
			score = new(math.NaN())
		}
		*s = append(*s, modelScore{model, *score})
	}
	return nil
}
