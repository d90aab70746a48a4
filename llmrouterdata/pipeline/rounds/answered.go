package rounds

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// answered is what the candidates of the round that has ended made of its training
// queries, nil where none has a score. Its vectors are in memory or in a file that
// stays open until the next round.
func (r *runner) answered(ctx context.Context, round *Round, report *pipeline.Report) (*routers.Data, error) {
	data, err := dataset.Open(ctx, underWay(r.config), &dataset.Options{NotEvaluatedRows: report.NotEvaluatedRows, ScoreErrorRows: report.ScoreErrorRows})
	if err != nil {
		return nil, err
	}
	r.opened = data
	table, err := data.Table(ctx)
	if err != nil {
		return nil, err
	}
	if table.Len() != len(round.Queries) {
		return nil, fmt.Errorf("rounds: the rows of the round are of %d queries, not %d", table.Len(), len(round.Queries))
	}
	var training []int // rows of the table
	for i, q := range round.Queries {
		if q < r.state.Train {
			training = append(training, i)
		}
	}
	candidates := scored(table, training)
	if len(candidates) == 0 {
		return nil, nil
	}
	return routers.FromQueries(ctx, table, training, candidates)
}

// close closes the data set of the round that has ended, before the next one takes
// its place.
func (r *runner) close() error {
	if r.opened == nil {
		return nil
	}
	err := r.opened.Close()
	r.opened = nil
	return err
}

// scored are the candidates of a table that have a score of some query.
func scored(t *dataset.Table, queries []int) []int {
	var list []int
	for m := range t.Candidates() {
		for _, q := range queries {
			if t.Pairs(q)[m].Outcome == dataset.Scored {
				list = append(list, m)
				break
			}
		}
	}
	return list
}
