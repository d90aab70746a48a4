package routers

import (
	"context"
)

// tasks says what the task of a query lets expect, where the task is not known
// but has to be told from the vector: one logistic regression for each task gives
// its chance, and each task has the models' mean scores and tokens.
type tasks struct {
	names  []string
	told   *linear   // [tasks]
	scores []float64 // [tasks, models], -Inf for a model without a score
	input  []float64 // [tasks, models]: mean tokens of scored answers
	output []float64
	models int
}

// newTasks fits the chances and computes the means. A model's mean in a task is
// taken together with some queries that have its mean over all tasks, so that a
// task of few queries says little.
func (f *fitting) newTasks(ctx context.Context) (*tasks, error) {
	models := len(f.data.models)
	// Tasks without a row here have no column.
	number := make([]int, len(f.data.tasks))
	t := &tasks{models: models}
	for q := range f.data.rows {
		number[f.data.task[f.data.rows[q]]]++
	}
	var share []float64
	for i, n := range number {
		if number[i] = -1; n > 0 {
			number[i] = len(t.names)
			t.names = append(t.names, f.data.tasks[i])
			share = append(share, float64(n)/float64(f.data.Len()))
		}
	}
	f.task = func(q int) int { return number[f.data.task[f.data.rows[q]]] }
	t.scores = f.cells(len(t.names), func(p *Pair) float64 { return p.Score })
	t.input = f.cells(len(t.names), func(p *Pair) float64 { return float64(p.InputTokens) })
	t.output = f.cells(len(t.names), func(p *Pair) float64 { return float64(p.OutputTokens) })
	weights, bias, err := f.classify(ctx, taskPenalty, &classes{n: len(t.names), means: share, truth: func(dst []float64, q int) {
		clear(dst)
		dst[f.task(q)] = 1
	}})
	if err != nil {
		return nil, err
	}
	t.told = newLinear(f.by, weights, bias)
	return t, nil
}

// cells are the models' means in each task of what scored pairs have; -Inf for a
// model without a score.
func (f *fitting) cells(tasks int, value func(p *Pair) float64) []float64 {
	models := len(f.data.models)
	sums, counts := make([]float64, tasks*models), make([]float64, tasks*models)
	all, n := make([]float64, models), make([]float64, models)
	for q := range f.data.rows {
		for m, p := range f.data.Pairs(q) {
			if p.known() {
				v, at := value(&p), f.task(q)*models+m
				sums[at] += v
				counts[at]++
				all[m] += v
				n[m]++
			}
		}
	}
	for at := range sums {
		m := at % models
		if n[m] == 0 {
			sums[at] = negInf
			continue
		}
		sums[at] = (sums[at] + taskPrior*all[m]/n[m]) / (counts[at] + taskPrior)
	}
	return rounded(sums)
}

// chances writes the chance of each task to dst; they add up to 1.
func (t *tasks) chances(dst []float64, x []float32) {
	sum := 0.0
	for i := range dst {
		dst[i] = sigmoid(t.told.column(i, x))
		sum += dst[i]
	}
	for i := range dst {
		if sum > 0 {
			dst[i] /= sum
		} else {
			dst[i] = 1 / float64(len(dst))
		}
	}
}

// expect writes what the task, as a unit vector tells it, lets expect.
func (t *tasks) expect(e expected, chances []float64, x []float32) {
	t.chances(chances, x)
	t.mix(e.scores, chances, t.scores)
	t.mix(e.input, chances, t.input)
	t.mix(e.output, chances, t.output)
}

// mix writes what is expected of each model, by the chances of the tasks.
func (t *tasks) mix(dst, chances, cells []float64) {
	clear(dst)
	for i, c := range chances {
		for m, v := range cells[i*t.models:][:t.models] {
			dst[m] += float64(c * v)
		}
	}
	for m, v := range dst {
		if v != v { // 0 times -Inf
			dst[m] = negInf
		}
	}
}
