package codeeval

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/metrics"
)

// recorder is a sandbox that keeps what it was given and answers as told.
type recorder struct {
	verdict Verdict
	err     error
	got     []Program
}

func (*recorder) Name() string { return "recorder" }
func (*recorder) Close() error { return nil }
func (r *recorder) Run(_ context.Context, p Program) (Verdict, error) {
	r.got = append(r.got, p)
	return r.verdict, r.err
}

func TestMetricScores(t *testing.T) {
	humanEval := metrics.Input{Task: "human_eval", TaskID: "HumanEval/1", Query: addPrompt, Truth: addTests, Prediction: "return 3"}
	mbpp := metrics.Input{Task: "mbpp", TaskID: "11", Truth: `["assert f(1)"]`, Prediction: "def f(x): return x"}
	broken := errors.New("broken")
	for _, test := range []struct {
		name    string
		sandbox recorder
		options *MetricOptions
		in      metrics.Input
		want    metrics.Result
		reason  string // part of the reason
		program *Program
		err     error
	}{
		{name: "passes", sandbox: recorder{verdict: Verdict{Outcome: Passed}}, in: mbpp, want: metrics.Scored(1),
			program: &Program{Solution: "def f(x): return x", Tests: []string{"assert f(1)"}}},
		{name: "fails", in: mbpp, want: metrics.Scored(0)},
		{name: "times out", sandbox: recorder{verdict: Verdict{Outcome: TimedOut}}, in: humanEval, want: metrics.Scored(0)},
		{name: "lacks a module", sandbox: recorder{verdict: Verdict{Outcome: NotEvaluated, Detail: "module numpy", Interpreter: "any"}}, in: mbpp, want: metrics.NotEvaluated("module numpy")},
		{name: "HumanEval", sandbox: recorder{verdict: Verdict{Outcome: Passed}}, in: humanEval, want: metrics.Scored(1),
			program: &Program{Solution: addPrompt + "    return 3\n", Tests: []string{addTests, "check(total)"}, EntryPoint: "total", Preamble: addBefore}},
		{name: "HumanEval by its task", in: metrics.Input{Task: "human_eval", TaskID: "7", Query: addPrompt, Truth: addTests}, want: metrics.Scored(0)},
		{name: "HumanEval by its id", in: metrics.Input{Task: "mine", TaskID: "HumanEval/7", Query: addPrompt, Truth: addTests}, want: metrics.Scored(0)},
		{name: "tests as a Python literal", in: metrics.Input{Task: "mbpp", Truth: `['assert f(1)', "assert f('a')"]`}, want: metrics.Scored(0),
			program: &Program{Tests: []string{"assert f(1)", "assert f('a')"}}},
		{name: "tests in the choices", in: metrics.Input{Task: "mbpp", Choices: []string{"assert f(2)"}}, want: metrics.Scored(0),
			program: &Program{Tests: []string{"assert f(2)"}}},
		{name: "strict", options: &MetricOptions{Strict: true}, in: mbpp, want: metrics.Scored(0),
			program: &Program{Solution: "def f(x): return x", Tests: []string{"assert f(1)"}, Strict: true}},
		{name: "the pipeline's extraction, HumanEval", options: &MetricOptions{PipelineExtraction: true}, want: metrics.Scored(0),
			in:      metrics.Input{TaskID: "HumanEval/1", Query: addPrompt, Truth: addTests, Prediction: "[BEGIN]\n    x = 1\n    return x\n[DONE]"},
			program: &Program{Solution: addPrompt + "    x = 1\n        return x", Tests: []string{addTests, "check(total)"}, EntryPoint: "total", Preamble: addBefore}},
		{name: "the pipeline's extraction, MBPP", options: &MetricOptions{PipelineExtraction: true}, want: metrics.Scored(0),
			in:      metrics.Input{TaskID: "not a number", Truth: `["assert f(1)"]`, Prediction: "```python\nx\n```"},
			program: &Program{Solution: "```python\nx\n```", Tests: []string{"assert f(1)"}}},
		{name: "no tests", in: metrics.Input{Task: "mbpp", Truth: "none"}, reason: "no list of tests"},
		{name: "no prompt", in: metrics.Input{TaskID: "HumanEval/1", Truth: addTests}, reason: "defines no function"},
		{name: "no prompt, the pipeline's extraction", options: &MetricOptions{PipelineExtraction: true}, in: metrics.Input{TaskID: "HumanEval/1", Truth: addTests}, reason: "defines no function"},
		{name: "broken", sandbox: recorder{err: broken}, in: mbpp, err: broken},
		{name: "canceled", sandbox: recorder{err: context.Canceled}, in: mbpp, err: context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			sb := &test.sandbox
			got, err := NewMetric(sb, test.options).Score(context.Background(), test.in)
			if !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if test.reason != "" {
				if got.Evaluated || got.Score != 0 || !strings.Contains(got.Reason, test.reason) || len(sb.got) > 0 {
					t.Errorf("%+v after %d runs, want not evaluated for %q", got, len(sb.got), test.reason)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.program != nil {
				if diff := cmp.Diff([]Program{*test.program}, sb.got); diff != "" {
					t.Errorf("program (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestMetricNames(t *testing.T) {
	if got := NewMetric(nil, nil).Name(); got != "code_eval" {
		t.Errorf("name %q", got)
	}
	if got := NewMetric(nil, &MetricOptions{Name: "strict_code"}).Name(); got != "strict_code" {
		t.Errorf("name %q", got)
	}
	got, err := NewMetric(nil, nil).Score(context.Background(), metrics.Input{Truth: `["assert f(1)"]`})
	if err != nil || got.Evaluated || got.Reason == "" {
		t.Errorf("without a sandbox: %+v, %v", got, err)
	}
}

// TestMetricInRegistry: the metric takes the place of the built-in one.
func TestMetricInRegistry(t *testing.T) {
	registry, err := metrics.Builtin().With(NewMetric(&recorder{verdict: Verdict{Outcome: Passed}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	m, err := registry.Lookup("mbpp", "code_eval")
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Score(context.Background(), metrics.Input{Task: "mbpp", Truth: `["assert True"]`})
	if err != nil || got != metrics.Scored(1) {
		t.Errorf("%+v, %v", got, err)
	}
}
