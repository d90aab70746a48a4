package analysis

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Promise says what routing has to gain on the data set, in training and test
// queries together: figures of [routers.NewPromise], by ridge and logistic
// regression and nearest neighbours with their default settings, where there are
// embeddings.
type Promise struct {
	routers.Promise
	// Verdict is the one sentence of it.
	Verdict string `json:"verdict"`
	// Complete is how many queries have a score of every candidate, and a vector
	// where there are any; Queries of them, drawn by their texts, were
	// looked at.
	Complete int `json:"complete"`
	// LeftOut are candidates that have a score at less than half of the queries.
	LeftOut []string `json:"left_out,omitempty"`
	// Embedded says whether there were embeddings to try routers with.
	Embedded bool `json:"embedded"`
}

// promise computes Promise.
func (b *builder) promise(ctx context.Context) error {
	if b.options.NoRouters {
		b.r.NoPromise = "it was not asked for"
		return nil
	}
	p := &Promise{Embedded: b.t.HasEmbeddings() && b.t.Dim() > 0}
	models := b.promising(p)
	queries, err := b.completeQueries(models, p.Embedded)
	if err != nil {
		return err
	}
	p.Complete = len(queries)
	texts := map[dataset.TextID]bool{}
	for _, q := range queries {
		texts[b.t.TextID(q)] = true
	}
	if len(models) < 2 || len(texts) < minPromise {
		b.r.NoPromise = fmt.Sprintf("it takes two candidates that have a score at half of the queries, and %d queries with different texts and a score of each; there are %d and %d", minPromise, len(models), len(texts))
		return nil
	}
	data, err := routers.FromQueries(ctx, b.t, b.draw(queries, b.options.RouterQueries), models)
	if err != nil {
		return err
	}
	var trainers []routers.Trainer
	if p.Embedded {
		trainers = []routers.Trainer{routers.Ridge{}, routers.Logistic{}, routers.KNN{}}
	}
	found, err := routers.NewPromise(ctx, data, trainers, &routers.PromiseOptions{Judge: routers.JudgeOptions{Workers: b.options.Workers}})
	if err != nil {
		return err
	}
	p.Promise, p.Verdict = *found, found.Verdict()
	b.r.Promise = p
	return nil
}

// draw returns the n queries whose texts have the lowest hashes, or all of fewer, in
// that order: the order of the files has no say.
func (b *builder) draw(queries []int, n int) []int {
	slices.SortStableFunc(queries, func(p, q int) int {
		x, y := b.t.TextID(p), b.t.TextID(q)
		return bytes.Compare(x[:], y[:])
	})
	return queries[:min(n, len(queries))]
}

// promising returns the candidates that have a score at half of the queries that
// have any, and notes the others.
func (b *builder) promising(p *Promise) []int {
	var models []int
	for i := range b.r.Models {
		m := &b.r.Models[i]
		switch {
		case m.Answered > 0 && 2*m.Answered >= b.r.Routers.Queries:
			models = append(models, i)
		case m.Rows > 0:
			p.LeftOut = append(p.LeftOut, m.Name)
		}
	}
	return models
}

// completeQueries returns the queries at which models have a score, and which have
// a vector of finite numbers where vectors are wanted.
func (b *builder) completeQueries(models []int, embedded bool) ([]int, error) {
	var list []int
	var vector []float32
	for q := range b.t.Len() {
		pairs := b.t.Pairs(q)
		if slices.ContainsFunc(models, func(m int) bool { return pairs[m].Outcome != dataset.Scored }) {
			continue
		}
		if embedded {
			if !b.t.HasEmbedding(q) {
				continue
			}
			var err error
			if vector, err = b.t.AppendEmbedding(vector[:0], q); err != nil {
				return nil, err
			}
			if !finite(vector) {
				continue
			}
		}
		list = append(list, q)
	}
	return list, nil
}
