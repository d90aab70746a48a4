package routers

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asked are three queries, of which the last two have one text.
func asked(t testing.TB) *Data {
	return newData(t, func() ([]Model, []Query) {
		query := func(text string, scores ...float64) Query {
			q := Query{Task: "t", Text: text, Vector: []float32{1}}
			for _, s := range scores {
				q.Pairs = append(q.Pairs, Pair{Score: s})
			}
			return q
		}
		return []Model{{Name: "dear", InputPrice: 2}, {Name: "cheap", InputPrice: 1}, {Name: "also cheap", InputPrice: 1}},
			[]Query{query("one", 1, 0, 0.5), query("two", 0, 0, 0), query("two", 0.25, 0.5, 0.5)}
	})
}

func TestReadChoices(t *testing.T) {
	d := asked(t)
	for name, tt := range map[string]struct {
		file, text string
		want       []int
		says       string
	}{
		"choices": {"x.jsonl", `{"query": "two", "model_name": "cheap", "response": "x"}` + "\n\n" + `{"query": "one", "model_name": "dear"}`, []int{0, 1, 1}, ""},
		"scores":  {"x.jsonl", `{"query": "one", "scores": {"dear": 0.2, "cheap": 0.5}}` + "\n" + `{"query": "two", "scores": {"cheap": -1, "also cheap": -1, "dear": -1}}`, []int{1, 2, 2}, ""},
		"a part":  {"x.jsonl", `{"query": "one", "model_name": "dear"}` + "\n" + `{"query": "three", "model_name": "unheard of"}`, []int{0, -1, -1}, ""},
		"again":   {"x.jsonl", strings.Repeat(`{"query": "two", "model_name": "cheap"}`+"\n", 2), []int{-1, 1, 1}, ""},
		"CSV":     {"x.csv", "\ufeffmodel_name,query\ndear,one\ncheap,two\n", []int{0, 1, 1}, ""},
		"columns": {"x.csv", "query,dear,cheap,note\none,0.5,0.25,\ntwo,,0.1,x\n", []int{0, 1, 1}, ""},

		"unknown model":     {"x.jsonl", "\n" + `{"query": "one", "model_name": "x"}`, nil, `line 2: model "x"`},
		"unknown in scores": {"x.jsonl", `{"query": "one", "scores": {"x": 1}}`, nil, `line 1: model "x"`},
		"two choices":       {"x.jsonl", `{"query": "one", "model_name": "dear"}` + "\n" + `{"query": "one", "model_name": "cheap"}`, nil, `line 2: the query has two choices, "dear" and "cheap"`},
		"no query":          {"x.jsonl", `{"model_name": "dear"}`, nil, `line 1: no "query"`},
		"nothing chosen":    {"x.jsonl", `{"query": "one"}`, nil, `no "model_name" and no "scores"`},
		"no JSON":           {"x.jsonl", `query`, nil, `line 1: `},
		"an array":          {"x.jsonl", `[{"query": "one", "model_name": "dear"}]`, nil, "a JSON array, not JSON Lines"},
		"a list for scores": {"x.jsonl", `{"query": "one", "scores": [1]}`, nil, `want an object with "query"`},
		"other queries":     {"x.jsonl", `{"query": "three", "model_name": "dear"}`, nil, "no queries"},
		"empty":             {"x.csv", "", nil, "the header"},
		"other columns":     {"x.csv", "query,model\none,dear\n", nil, "the header"},
		"no number":         {"x.csv", "query,dear\none,NaN\n", nil, `line 2: model "dear": the score "NaN" is no number`},
		"no score":          {"x.csv", "query,dear\none,\n", nil, "line 2: no score"},
		"short row":         {"x.csv", "query,dear\none\n", nil, "line 2: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadChoicesFile(file, d)
			switch {
			case tt.says == "" && (err != nil || !slices.Equal(got, tt.want)):
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			case tt.says != "" && (err == nil || got != nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), file)):
				t.Errorf("%v, %v, want %q", got, err, tt.says)
			}
		})
	}
	if _, err := ReadChoicesFile(filepath.Join(t.TempDir(), "none"), d); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestChoicesOfARouterAreJudgedAsTheRouter holds that the way round by a file gives
// the same judgement.
func TestChoicesOfARouterAreJudgedAsTheRouter(t *testing.T) {
	models, queries := sample(120, 6, 3, 0, 70)
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	r := fit(t, d, Ridge{}, nil)
	want, err := Evaluate(t.Context(), r, d, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for q := range queries {
		c, err := r.Route(queries[q].Vector)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(`{"query": "` + queries[q].Text + `", "model_name": "` + c.Name + "\"}\n")
	}
	choices, err := ReadChoices(strings.NewReader(text.String()), d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Judge(t.Context(), r.String(), choices, d, d, nil)
	if err != nil || got.Router != want.Router || got.Gain != want.Gain {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
}

func TestFirstRowLabels(t *testing.T) {
	d := asked(t)
	labelled := d.WithFirstRowLabels()
	for q, want := range [][]float64{{1, 0, 0}, {1, 0, 0}, {0, 1, 0}} {
		for m, p := range labelled.Pairs(q) {
			if p.Score != want[m] {
				t.Errorf("query %d has %v, want %v", q, labelled.Pairs(q), want)
			}
		}
	}
	if d.Pairs(2)[0].Score != 0.25 {
		t.Error("the data were changed")
	}
	d.Subset([]int{0}).Pairs(0)[1].Score = math.NaN()
	if p := d.WithFirstRowLabels().Pairs(0)[1]; p.known() {
		t.Errorf("a pair without a score has the label %v", p.Score)
	}
}

// FuzzReadChoices holds that no file panics, and that choices are of the data.
func FuzzReadChoices(f *testing.F) {
	d := asked(f)
	f.Add(`{"query": "two", "model_name": "cheap"}`, false)
	f.Add(`{"query": "one", "scores": {"dear": 0.2, "cheap": 0.5}}`, false)
	f.Add("query,dear,cheap\none,0.5,0.25\n", true)
	f.Add("model_name,query\ndear,one\n", true)
	f.Fuzz(func(t *testing.T, text string, asCSV bool) {
		read := ReadChoices
		if asCSV {
			read = ReadChoicesCSV
		}
		choices, err := read(strings.NewReader(text), d)
		if err == nil && (len(choices) != 3 || slices.Max(choices) < 0 || slices.Max(choices) > 2 || slices.Min(choices) < -1) {
			t.Errorf("%v", choices)
		}
	})
}
