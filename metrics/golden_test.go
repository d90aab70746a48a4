package metrics

import (
	"context"
	"errors"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// args are a vector's arguments, read as Python's json does, so that lone
// surrogates survive.
type args struct {
	t     *testing.T
	where string
	*pyjson.Object
}

func argsOf(t *testing.T, v golden.Vector) args {
	t.Helper()
	o, ok := parse(t, v.Where, v.Args).(*pyjson.Object)
	if !ok {
		t.Fatalf("%s: arguments are no object", v.Where)
	}
	return args{t, v.Where, o}
}

func parse(t *testing.T, where string, raw []byte) any {
	t.Helper()
	v, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return v
}

// text returns a string argument, which must be one.
func (a args) text(name string) string {
	a.t.Helper()
	v, _ := a.Get(name)
	s, ok := v.(string)
	if !ok {
		a.t.Fatalf("%s: argument %s is a %T", a.where, name, v)
	}
	return s
}

// optional returns a string argument that may be null or absent.
func (a args) optional(name string) (string, bool) {
	v, _ := a.Get(name)
	s, ok := v.(string)
	return s, ok
}

// outcome is what a vector says a function gave.
type outcome struct {
	value any    // float64 for numbers and booleans, string, nil, []any
	err   string // the name of the Python exception
}

func outcomeOf(t *testing.T, v golden.Vector) outcome {
	t.Helper()
	switch x := parse(t, v.Where, v.Out).(type) {
	case *pyjson.Object:
		name, ok := x.Get("error")
		if !ok {
			t.Fatalf("%s: outcome of another form", v.Where)
		}
		return outcome{err: name.(string)}
	case bool:
		return outcome{value: score(x)}
	case []any:
		for i := range x {
			x[i] = number64(t, v.Where, x[i])
		}
		return outcome{value: x}
	case string, nil:
		return outcome{value: x}
	default:
		return outcome{value: number64(t, v.Where, x)}
	}
}

func number64(t *testing.T, where string, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case float64:
		return v
	case pyjson.Int:
		switch v {
		case "0":
			return 0
		case "1":
			return 1
		}
	}
	t.Fatalf("%s: %v (%T) is no score", where, v, v)
	return 0
}

// textOf runs a function of {s} that gives a text.
func textOf(f func(s string) (string, error)) func(*testing.T, golden.Vector) {
	return func(t *testing.T, v golden.Vector) {
		s, want := argsOf(t, v).text("s"), outcomeOf(t, v)
		got, err := f(s)
		if err != nil {
			if name := pythonError(err); name != want.err {
				t.Errorf("%s: of %q: got %v (%s), want %v", v.Where, s, err, name, want)
			}
			return
		}
		if want.err != "" || got != want.value {
			t.Errorf("%s: of %q: got %q, want %q", v.Where, s, got, want)
		}
	}
}

// always makes a function that cannot fail fit textOf.
func always(f func(string) string) func(string) (string, error) {
	return func(s string) (string, error) { return f(s), nil }
}

// pythonError names the exception that Python raises where we return err.
func pythonError(err error) string {
	switch {
	case errors.Is(err, errNoArgument):
		return "IndexError"
	case errors.Is(err, errNotInteger):
		return "ValueError"
	default:
		return "?"
	}
}

// scoreOf runs a function of {prediction, ground_truth} that gives a score.
func scoreOf(f func(prediction, truth string) float64) func(*testing.T, golden.Vector) {
	return func(t *testing.T, v golden.Vector) {
		a, want := argsOf(t, v), outcomeOf(t, v)
		p, g := a.text("prediction"), a.text("ground_truth")
		if got := f(p, g); want.err != "" || any(got) != want.value {
			t.Errorf("%s: of %q and %q: got %v, want %v", v.Where, p, g, got, want)
		}
	}
}

func TestGoldenFunctions(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"normalize_answer":     textOf(always(NormalizeAnswer)),
		"normalize_answer_mc":  textOf(always(LastParenthesizedLetter)),
		"exact_match_score":    scoreOf(ExactMatch),
		"exact_match_score_mc": scoreOf(MultipleChoice),
		"cem_score":            scoreOf(CEM),
		"cemf1_score":          scoreOf(CEMF1),
		"f1_score": func(t *testing.T, v golden.Vector) {
			a, want := argsOf(t, v), outcomeOf(t, v)
			f1, precision, recall := F1(a.text("prediction"), a.text("ground_truth"))
			w, ok := want.value.([]any)
			if !ok || len(w) != 3 || w[0] != f1 || w[1] != precision || w[2] != recall {
				t.Errorf("%s: got %v %v %v, want %v", v.Where, f1, precision, recall, want)
			}
		},
		"last_boxed_only_string": func(t *testing.T, v golden.Vector) {
			s, want := argsOf(t, v).text("s"), outcomeOf(t, v)
			got, ok := LastBoxed(s)
			if ok && got != want.value || !ok && (want.value != nil || want.err != "") {
				t.Errorf("%s: of %q: got %q, %v, want %v", v.Where, s, got, ok, want)
			}
		},
		"remove_boxed":       textOf(always(RemoveBoxed)),
		"strip_string":       textOf(NormalizeLaTeX),
		"remove_right_units": textOf(always(removeRightUnits)),
		"fix_fracs":          textOf(func(s string) (string, error) { return fixFracs(s, false) }),
		"fix_sqrt":           textOf(func(s string) (string, error) { return fixSqrt(s, false) }),
		"fix_a_slash_b":      textOf(func(s string) (string, error) { return fixASlashB(s, false) }),
		"is_equiv": func(t *testing.T, v golden.Vector) {
			a, want := argsOf(t, v), outcomeOf(t, v)
			x, xGiven := a.optional("a")
			y, yGiven := a.optional("b")
			if !xGiven || !yGiven {
				// Answers are texts with us; no answer equals only none.
				if want.value != score(xGiven == yGiven) {
					t.Errorf("%s: null gives %v", v.Where, want)
				}
				return
			}
			if got := score(EquivalentLaTeX(x, y)); any(got) != want.value {
				t.Errorf("%s: of %q and %q: got %v, want %v", v.Where, x, y, got, want)
			}
		},
		"calculate_task_performance": func(t *testing.T, v golden.Vector) {
			a, want := argsOf(t, v), outcomeOf(t, v)
			task, _ := a.optional("task_name")
			metric, given := a.optional("metric")
			if !given {
				metric = InferMetric(task)
			}
			truth, _ := a.optional("ground_truth") // null is as good as empty
			var got any
			if s, ok := TaskPerformance(metric, a.text("prediction"), truth); ok {
				got = s
			}
			if want.err != "" || got != want.value {
				t.Errorf("%s: got %v, want %v", v.Where, got, want)
			}
		},
	})
}

// TestGoldenDispatch runs the vectors of the pipeline's scoring of one record
// through the registry.
func TestGoldenDispatch(t *testing.T) {
	registry := Builtin()
	golden.Run(t, map[string]func(*testing.T, golden.Vector){"eval_perf": func(t *testing.T, v golden.Vector) {
		a, want := argsOf(t, v), outcomeOf(t, v)
		metric, _ := a.optional("metric")
		task, _ := a.optional("task_name")
		prediction, isText := a.optional("prediction")
		if !isText {
			// A reply of null is an empty one by the time it is scored. Only MATH
			// takes it as it is, and agrees.
			if want.err == "" && want.value != MATH("", a.text("ground_truth")) {
				t.Errorf("%s: null scores %v", v.Where, want)
			}
			return
		}
		truth, isText := a.optional("ground_truth")
		if !isText {
			// Our Input holds text only.
			if want.err == "" {
				t.Errorf("%s: a truth that is no text scores %v", v.Where, want)
			}
			return
		}
		result, err := registry.Score(context.Background(), metric, Input{Task: task, Prediction: prediction, Truth: truth})
		if unknown := (*UnknownMetricError)(nil); errors.As(err, &unknown) {
			// The pipeline scores a metric that it does not know 0.
			if want.value != 0.0 {
				t.Errorf("%s: metric %q is unknown, but scores %v", v.Where, metric, want)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", v.Where, err)
			return
		}
		m, _ := registry.Lookup(task, metric)
		switch name := m.Name(); {
		case name == "commongen_coverage":
			// Nor does it know this one, which its published data names. Ours has
			// its own tests.
			if want.value != 0.0 {
				t.Errorf("%s: commongen_coverage scores %v", v.Where, want)
			}
		case !result.Evaluated:
			// Without a task id it fails; with one it runs a program of a data set
			// that is not in the vector.
			if id, _ := a.Get("task_id"); id != nil {
				return
			}
			if want.err == "" {
				t.Errorf("%s: not evaluated (%s), want %v", v.Where, result.Reason, want)
			}
		case want.err != "" || any(result.Score) != want.value:
			t.Errorf("%s: %s of %q and %q: got %v, want %v", v.Where, name, prediction, truth, result.Score, want)
		}
	}})
}
