package metrics

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookup(t *testing.T) {
	registry, err := Builtin().With(Pure("mine", CEM), Pure("code_eval", ExactMatch))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ task, metric, want string }{
		{"gsm8k", "GSM8K", "GSM8K"},
		{"", "em", "em"},
		{"commongen", "commongen_coverage", "commongen_coverage"},
		{"natural_qa", "f1_score", "cem"},
		{"natural_qa", "", "cem"},
		{"trivia_qa", "no such metric", "cem"},
		{"squad", "code_eval", "cem"}, // replaced, but still the pipeline's name
		{"boolq", "cemf1", "cem"},
		{"boolq", "mine", "mine"},
		{"squad", "math_strict", "math_strict"},
		{"quac", "f1_score", "f1_score"},
		{"quac", "unknown", "f1_score"},
		{"quac", "", "f1_score"},
		{"quac", "em_mc", "em_mc"},
		{"quac", "mine", "mine"},
		{"quac", "code_eval", "f1_score"},
		{"mmlu", "code_eval", "code_eval"},
	}
	for _, tt := range tests {
		m, err := registry.Lookup(tt.task, tt.metric)
		if err != nil {
			t.Errorf("Lookup(%q, %q): %v", tt.task, tt.metric, err)
			continue
		}
		if m.Name() != tt.want {
			t.Errorf("Lookup(%q, %q) = %q, want %q", tt.task, tt.metric, m.Name(), tt.want)
		}
	}
}

func TestUnknownMetric(t *testing.T) {
	tests := []struct {
		task, metric string
		suggestions  []string
		message      string
	}{
		{"gsm8k", "gsm8k", []string{"GSM8K"}, `metrics: task "gsm8k": unknown metric "gsm8k"; did you mean "GSM8K"?`},
		{"", "f1-score", []string{"f1_score"}, `metrics: unknown metric "f1-score"; did you mean "f1_score"?`},
		{"", "f1", []string{"f1_score"}, `metrics: unknown metric "f1"; did you mean "f1_score"?`},
		{"", "em_mcc", []string{"em_mc"}, `metrics: unknown metric "em_mcc"; did you mean "em_mc"?`},
		{"", "commongen", []string{"commongen_coverage"}, `metrics: unknown metric "commongen"; did you mean "commongen_coverage"?`},
		{"", "bert_score", nil, `metrics: metric "bert_score" is not built in, as it needs a neural model: add your own by Registry.With`},
		{"quac", "bert_score", nil, `metrics: task "quac": metric "bert_score" is not built in, as it needs a neural model: add your own by Registry.With`},
		{"mmlu", "", nil, `metrics: task "mmlu": no metric named (known: GSM8K, MATH, cem, cemf1, code_eval, commongen_coverage, em, em_mc, em_mc_strict, f1_score, gsm8k_strict, math_strict, trivia_qa_strict)`},
		{"", strings.Repeat("x", 1<<20), nil, ""},
	}
	for _, tt := range tests {
		m, err := Builtin().Lookup(tt.task, tt.metric)
		unknown, ok := errors.AsType[*UnknownMetricError](err)
		if !ok {
			t.Errorf("Lookup(%q, %.20q) = %v, %v", tt.task, tt.metric, m, err)
			continue
		}
		if tt.message != "" && err.Error() != tt.message {
			t.Errorf("message:\n%s\nwant:\n%s", err, tt.message)
		}
		if len(err.Error()) > 400 {
			t.Errorf("a message of %d bytes", len(err.Error()))
		}
		want := &UnknownMetricError{Task: tt.task, Metric: tt.metric, Suggestions: tt.suggestions, Known: Builtin().Names()}
		if diff := cmp.Diff(want, unknown); diff != "" {
			t.Errorf("Lookup(%q, %.20q) (-want +got):\n%s", tt.task, tt.metric, diff)
		}
	}
	if _, err := (Registry{}).Lookup("squad", "em"); err == nil || err.Error() != `metrics: task "squad": unknown metric "em"` {
		t.Errorf("of the zero Registry: %v", err)
	}
}

func TestWith(t *testing.T) {
	one := Pure("one", func(string, string) float64 { return 1 })
	for name, give := range map[string][]Metric{
		"metrics: nil metric":             {nil},
		"metrics: metric without a name":  {Pure("", CEM)},
		`metrics: duplicate metric "one"`: {one, one},
	} {
		if _, err := Builtin().With(give...); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	base := Builtin()
	changed, err := base.With(one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := base.Lookup("", "one"); err == nil {
		t.Error("With changed its receiver")
	}
	if _, err := changed.Lookup("", "one"); err != nil {
		t.Error(err)
	}
	alone, err := (Registry{}).With(one)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one"}, alone.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestWithTask(t *testing.T) {
	base := Builtin()
	if _, err := base.WithTask("squad", "f1_scor"); err == nil {
		t.Error("an unknown metric was taken")
	}
	f1, err := base.WithTask("squad", "f1_score")
	if err != nil {
		t.Fatal(err)
	}
	none, err := base.WithTask("squad", "")
	if err != nil {
		t.Fatal(err)
	}
	zero, err := (Registry{}).WithTask("squad", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		registry Registry
		want     string
	}{{base, "cem"}, {f1, "f1_score"}, {none, "em"}} {
		if m, err := tt.registry.Lookup("squad", "em"); err != nil || m.Name() != tt.want {
			t.Errorf("got %v, %v, want %s", m, err, tt.want)
		}
	}
	if _, err := zero.Lookup("squad", "em"); err == nil {
		t.Error("the zero Registry knows em")
	}
}

func TestRegistryScore(t *testing.T) {
	boom := errors.New("boom")
	registry, err := Builtin().With(
		Pure("nan", func(string, string) float64 { return math.NaN() }),
		Pure("two", func(string, string) float64 { return 2 }),
		NewMetric("panic", func(context.Context, Input) (Result, error) { panic("no tests") }),
		NewMetric("fail", func(context.Context, Input) (Result, error) { return Scored(1), boom }),
		NewMetric("unsure", func(context.Context, Input) (Result, error) { return Result{Score: 1, Reason: "why"}, nil }),
		NewMetric("choices", func(_ context.Context, in Input) (Result, error) { return Scored(float64(len(in.Choices)) / 8), nil }),
	)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		metric string
		in     Input
		want   Result
		err    string
	}{
		{"em", Input{Prediction: "The dog", Truth: "dog"}, Scored(1), ""},
		{"f1_score", Input{Prediction: "b c", Truth: "c d"}, Scored(0.5), ""},
		{"code_eval", Input{}, NotEvaluated("no sandbox configured"), ""},
		{"choices", Input{Choices: []string{"x", "y"}}, Scored(0.25), ""},
		{"unsure", Input{}, NotEvaluated("why"), ""},
		{"em_mc_strict", Input{Truth: "none"}, NotEvaluated("the ground truth is no option's label"), ""},
		{"em_mc_strict", Input{Truth: "D", Prediction: "(D), see (E)", Choices: make([]string, 4)}, Scored(1), ""},
		{"gsm8k_strict", Input{Truth: "none"}, NotEvaluated("the ground truth holds no number"), ""},
		{"gsm8k_strict", Input{Truth: "#### 5", Prediction: "5.0"}, Scored(1), ""},
		{"math_strict", Input{Truth: `\boxed{ }`}, NotEvaluated("the ground truth holds no answer"), ""},
		{"math_strict", Input{Truth: "0.5", Prediction: `\boxed{\frac12}`}, Scored(1), ""},
		{"nan", Input{}, Result{}, `metrics: metric "nan": score NaN is not within 0 to 1`},
		{"two", Input{}, Result{}, `metrics: metric "two": score 2 is not within 0 to 1`},
		{"panic", Input{}, Result{}, `metrics: metric "panic" panicked: no tests`},
		{"fail", Input{}, Result{}, `metrics: metric "fail": boom`},
		{"none", Input{}, Result{}, ""},
	}
	for _, tt := range tests {
		got, err := registry.Score(t.Context(), tt.metric, tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.metric, diff)
		}
		switch {
		case tt.metric == "none":
			if _, ok := errors.AsType[*UnknownMetricError](err); !ok {
				t.Errorf("%s: %v", tt.metric, err)
			}
		case err == nil && tt.err != "", err != nil && err.Error() != tt.err:
			t.Errorf("%s: got %v, want %s", tt.metric, err, tt.err)
		}
	}
	if _, err := registry.Score(t.Context(), "fail", Input{}); !errors.Is(err, boom) {
		t.Errorf("%v does not wrap the metric's error", err)
	}
}
