package routers

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/internal/safetensors"
)

// BradleyTerry rates the models of each task from pairs of them (Bradley and
// Terry, 1952): the log-odds that one is better at a query than another are the
// difference of their strengths. A tie is half a win for each. A task's strengths
// are kept near those over all tasks, and these near 0, by penalties. What a model
// is expected to score in a task is the line through the task's mean scores over
// how likely it is to win against another model of the task; routing takes the
// tasks by their chances.
type BradleyTerry struct {
	// Penalty is that of half the square of a strength's distance, from 1e-3 to
	// 1e9; 0 means 10: as much as ten pairs say.
	Penalty float64
	// NoTasks rates the models once, over all queries: every query gets the same
	// model. Default: by task.
	NoTasks bool
}

// Kind is "bradley-terry".
func (BradleyTerry) Kind() string { return "bradley-terry" }

func (b BradleyTerry) penalty() float64 { return cmp.Or(b.Penalty, 10) }

// String is for example "bradley-terry(penalty=10)".
func (b BradleyTerry) String() string {
	return fmt.Sprintf("bradley-terry(penalty=%v%s)", b.penalty(), withoutTasks(b.NoTasks))
}

func (b BradleyTerry) validate() error {
	return oneOf("bradley-terry", "Penalty", b.Penalty, 1e-3, 1e9)
}

func (b BradleyTerry) fit(ctx context.Context, f *fitting) (predictor, error) {
	models, tasks := f.tasks.models, len(f.tasks.names)
	byTask := make([]*wins, tasks)
	all := newWins(models)
	for t := range byTask {
		byTask[t] = newWins(models)
	}
	for q := range f.data.rows {
		byTask[f.task(q)].add(f.data.Pairs(q))
		all.add(f.data.Pairs(q))
	}
	overall, err := all.strengths(ctx, b.penalty(), make([]float64, models))
	if err != nil {
		return nil, err
	}
	r := &ratings{models: models}
	for t := range byTask {
		strengths := overall
		if !b.NoTasks {
			if strengths, err = byTask[t].strengths(ctx, b.penalty(), overall); err != nil {
				return nil, err
			}
		}
		means := f.tasks.scores[t*models:][:models]
		if b.NoTasks {
			means = f.means
		}
		r.strengths = append(r.strengths, strengths...)
		r.scores = append(r.scores, expectedScores(strengths, means, f.counts)...)
	}
	r.strengths, r.scores = rounded(r.strengths), rounded(r.scores)
	return r, nil
}

// wins counts how often each model is better than each other one.
type wins struct {
	models int
	n      []float64 // [better, worse]
}

func newWins(models int) *wins { return &wins{models, make([]float64, models*models)} }

func (w *wins) add(pairs []Pair) {
	for i := range pairs {
		if !pairs[i].known() {
			continue
		}
		for j := range pairs {
			if i == j || !pairs[j].known() {
				continue
			}
			switch a, b := pairs[i].Score, pairs[j].Score; {
			case a > b:
				w.n[i*w.models+j]++
			case a == b:
				w.n[i*w.models+j] += 0.5
			}
		}
	}
}

// strengths are those with the highest penalised likelihood, around given ones, by
// Newton's method with steps that are halved until the likelihood grows.
func (w *wins) strengths(ctx context.Context, penalty float64, around []float64) ([]float64, error) {
	n := w.models
	at := append([]float64(nil), around...)
	value := w.loss(at, penalty, around)
	for range maxNewton {
		slope, curvature := make([]float64, n), &gram{n, make([]float64, n*n)}
		for i := range n {
			slope[i] = penalty * (at[i] - around[i])
			for j := range n {
				both := w.n[i*n+j] + w.n[j*n+i]
				if i == j || both == 0 {
					continue
				}
				p := sigmoid(at[i] - at[j])
				slope[i] += float64(both*p) - w.n[i*n+j]
				curvature.below[i*n+i] += float64(both * p * (1 - p))
				curvature.below[i*n+j] -= float64(both * p * (1 - p))
			}
		}
		f, err := newFactor(ctx, curvature, 1, penalty, 1)
		if err != nil {
			return nil, err
		}
		f.solve(slope)
		largest, next := 0.0, make([]float64, n)
		for scale := 1.0; ; scale /= 2 {
			largest = 0
			for i, s := range slope {
				next[i] = at[i] - float64(scale*s)
				largest = max(largest, math.Abs(scale*s))
			}
			if v := w.loss(next, penalty, around); v <= value || largest < smallNewton {
				value = v
				break
			}
		}
		at = next
		if largest < smallNewton {
			break
		}
	}
	return at, nil
}

// loss is what strengths makes small.
func (w *wins) loss(at []float64, penalty float64, around []float64) float64 {
	sum := 0.0
	for i, a := range at {
		d := a - around[i]
		sum += float64(penalty / 2 * d * d)
		for j, b := range at {
			if n := w.n[i*w.models+j]; n > 0 {
				sum += float64(n * softplus(b-a))
			}
		}
	}
	return sum
}

// softplus is log(1+exp(x)).
func softplus(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// expectedScores are the models' scores on the line of least squares through their
// mean scores over their chances to win against another model that has scores.
// Means are -Inf or NaN for models without a score, whose expected one is -Inf.
func expectedScores(strengths, means []float64, counts []int) []float64 {
	chance := make([]float64, len(strengths))
	var n, mx, my float64
	for m, s := range strengths {
		if counts[m] == 0 {
			continue
		}
		others := 0.0
		for j, o := range strengths {
			if j != m && counts[j] > 0 {
				chance[m] += sigmoid(s - o)
				others++
			}
		}
		chance[m] /= max(1, others)
		n++
		mx += chance[m]
		my += means[m]
	}
	mx, my = mx/n, my/n
	var xx, xy float64
	for m, c := range chance {
		if counts[m] > 0 {
			xx += float64((c - mx) * (c - mx))
			xy += float64((c - mx) * (means[m] - my))
		}
	}
	slope := 0.0
	if xx > 0 {
		slope = max(0, xy/xx)
	}
	scores := make([]float64, len(strengths))
	for m, c := range chance {
		scores[m] = negInf
		if counts[m] > 0 {
			scores[m] = my + float64(slope*(c-mx))
		}
	}
	return scores
}

// ratings is a fitted BradleyTerry. Its scores take the place of the tasks' mean
// scores, so that nothing is left to add.
type ratings struct {
	models    int
	strengths []float64 // [tasks, models]
	scores    []float64 // [tasks, models]
}

func (*ratings) predict(expected, []float32) {}

func (r *ratings) taskScores() []float64 { return r.scores }

func (r *ratings) save(*fileRouter) []safetensors.Float32 {
	return []safetensors.Float32{{Name: "strengths", Shape: []int{len(r.strengths) / r.models, r.models}, Data: narrow(r.strengths)}}
}
