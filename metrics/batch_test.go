package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// batchItems makes n records of all kinds.
func batchItems(n int) []Item {
	metrics := []string{"em", "cem", "f1_score", "em_mc", "GSM8K", "MATH", "commongen_coverage", "code_eval", "unknown", "math_strict", "panic"}
	items := make([]Item, n)
	for i := range items {
		in := Input{Prediction: fmt.Sprintf(`The answer is (%c), or \boxed{%d}, or %d`, 'A'+i%5, i%7, i%9), Truth: fmt.Sprint(i % 9)}
		if i%5 == 0 {
			in.Task = "squad"
		}
		items[i] = Item{Metric: metrics[i%len(metrics)], Input: in}
	}
	return items
}

func batchRegistry(t *testing.T) Registry {
	t.Helper()
	r, err := Builtin().With(NewMetric("panic", func(context.Context, Input) (Result, error) { panic("always") }))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var compareErrors = cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })

func TestEvaluate(t *testing.T) {
	items := []Item{
		{"em", Input{Prediction: "dog", Truth: "The dog"}},
		{"f1_score", Input{Task: "squad", Prediction: "a dog", Truth: "dog"}},
		{"code_eval", Input{}},
		{"gsm8k", Input{}},
		{"GSM8K", Input{Prediction: "5", Truth: "4"}},
	}
	got, err := Evaluate(t.Context(), items, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Outcome{
		{Metric: "em", Result: Scored(1)},
		{Metric: "cem", Result: Scored(1)},
		{Metric: "code_eval", Result: NotEvaluated("no sandbox configured")},
		{Err: errors.New(`metrics: unknown metric "gsm8k"; did you mean "GSM8K"?`)},
		{Metric: "GSM8K", Result: Scored(0)},
	}
	if diff := cmp.Diff(want, got, compareErrors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	summary := Summarize(got)
	if diff := cmp.Diff(Summary{Scored: 3, NotEvaluated: 1, Failed: 1, Mean: 2.0 / 3}, summary); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := Summarize(nil); none != (Summary{}) {
		t.Errorf("of nothing: %+v", none)
	}
	if got, err := Evaluate(t.Context(), nil, nil); err != nil || len(got) != 0 {
		t.Errorf("of no items: %v, %v", got, err)
	}
	if _, err := Evaluate(t.Context(), items, &BatchOptions{Workers: -1}); err == nil {
		t.Error("Workers -1 was taken")
	}
}

// TestEvaluateAlike hammers one registry from many goroutines; the outcomes do
// not depend on how many there are.
func TestEvaluateAlike(t *testing.T) {
	items := batchItems(2000)
	registry := batchRegistry(t)
	var want []Outcome
	for _, workers := range []int{1, 2, 3, 16, 5000} {
		var calls []int
		got, err := Evaluate(t.Context(), items, &BatchOptions{
			Registry: registry,
			Workers:  workers,
			Progress: func(done, total int) {
				if total != len(items) {
					t.Errorf("total is %d", total)
				}
				calls = append(calls, done)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got, compareErrors); diff != "" {
			t.Fatalf("%d workers (-want +got):\n%s", workers, diff)
		}
		if len(calls) != len(items) {
			t.Fatalf("%d workers: progress was reported %d times", workers, len(calls))
		}
		for i, done := range calls {
			if done != i+1 {
				t.Fatalf("%d workers: report %d says %d", workers, i, done)
			}
		}
	}
}

// TestEvaluateBounded keeps all workers busy at once and sees how many there
// are.
func TestEvaluateBounded(t *testing.T) {
	const workers = 4
	var running, most atomic.Int64
	full := make(chan struct{})
	registry, err := Builtin().With(NewMetric("count", func(context.Context, Input) (Result, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		if now == workers {
			close(full) // by the first four, and then never again
		}
		<-full
		return Scored(1), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	items := make([]Item, workers)
	for i := range items {
		items[i].Metric = "count"
	}
	if _, err := Evaluate(t.Context(), items, &BatchOptions{Registry: registry, Workers: workers}); err != nil {
		t.Fatal(err)
	}
	if n := most.Load(); n != workers {
		t.Errorf("%d at a time, want %d", n, workers)
	}
}

func TestEvaluateCancelled(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	registry, err := Builtin().With(NewMetric("third", func(ctx context.Context, in Input) (Result, error) {
		if in.Query == "2" {
			cancel(why)
		}
		return Scored(1), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	items := make([]Item, 10)
	for i := range items {
		items[i] = Item{"third", Input{Query: fmt.Sprint(i)}}
	}
	got, err := Evaluate(ctx, items, &BatchOptions{Registry: registry, Workers: 1})
	if !errors.Is(err, why) || err.Error() != "metrics: 7 of 10 records not scored: enough" {
		t.Errorf("error %v", err)
	}
	want := make([]Outcome, 10)
	for i := range want {
		if i < 3 {
			want[i] = Outcome{Metric: "third", Result: Scored(1)}
		} else {
			want[i] = Outcome{Err: why}
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
