package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// maxKinds is how many kinds of failures a table tells apart, maxExamples how
// many examples a warning gives.
const maxKinds, maxExamples = 40, 8

var approx = cmpopts.EquateApprox(1e-9, 1e-15)

// TestReport recomputes a small data set by hand.
func TestReport(t *testing.T) {
	dear := answer("a", "q3", "large", 1)
	dear.InputTokens, dear.OutputTokens = 200, 100 // 0.004 USD
	d := draft{candidates: two(), train: []llmrouterdata.RoutingRecord{
		answer("a", "q1", "small", 1), answer("a", "q1", "large", 1),
		answer("a", "q2", "small", 0), answer("a", "q2", "large", 0.5),
		answer("a", "q3", "small", 0), dear,
	}, test: []llmrouterdata.RoutingRecord{
		answer("b", "q4", "small", 1), failure("b", "q4", "large", "timed out"),
		answer("b", "q5", "small", 0), answer("b", "q5", "large", 0),
	}}
	r := d.report(t, nil, nil)
	r.Histograms = Histograms{}
	for i := range r.Models {
		r.Models[i].Seconds, r.Models[i].InputTokens, r.Models[i].OutputTokens = nil, nil, nil
	}
	small := Model{
		Group: Group{Name: "small", Queries: 5, Rows: 5, Rated: 5, Performance: 0.4}, InputPrice: 1, OutputPrice: 2, Listed: true,
		Answered: 5, AnsweredPerformance: 0.4, CostPerQuery: 0.0002, TotalCost: 0.001, Pareto: true, UniqueBest: 1, SharedBest: 1, Labels: 3, LabelsByTie: 2,
	}
	large := Model{
		Group: Group{Name: "large", Queries: 5, Rows: 5, Rated: 5, Performance: 0.5, Failed: 1}, InputPrice: 10, OutputPrice: 20, Listed: true,
		Answered: 4, AnsweredPerformance: 0.625, CostPerQuery: 0.01 / 4, TotalCost: 0.01, Pareto: true, UniqueBest: 2, SharedBest: 1, Labels: 2,
	}
	// The oracle: q1 small 1, q2 large 0.5, q3 large 1, q4 small 1, q5 small 0.
	oracle := Point{"oracle", (0.0002 + 0.002 + 0.004 + 0.0002 + 0.0002) / 5, 3.5 / 5}
	// Each query alone: start at small everywhere (cost 0.0002, 2/5); the best
	// step is q3's (1 for 0.0038), then q2's (0.5 for 0.0018).
	frontier := []Point{{"", 0.0002, 0.4}, {"", 0.0002 + 0.0018/5, 0.5}, {"", oracle.Cost, 0.7}}
	if 0.5/0.0018 < 1/0.0038 {
		frontier[1] = Point{"", 0.0002 + 0.0038/5, 0.6}
	}
	// The failed call is a 0 in the mean of large, and nowhere else.
	hull := []Point{{"small", 0.0002, 0.4}, {"large", 0.0025, 0.625}}
	areaOf := func(points []Point, low, high float64) float64 { // by sums
		n, total := 200000, 0.0
		for i := range n {
			c := low + (high-low)*(float64(i)+0.5)/float64(n)
			v := points[len(points)-1].Performance
			for k := range points[1:] {
				if a, b := points[k], points[k+1]; c >= a.Cost && c < b.Cost {
					v = a.Performance + (b.Performance-a.Performance)*(c-a.Cost)/(b.Cost-a.Cost)
				}
			}
			total += v
		}
		return total / float64(n)
	}
	want := &Report{
		Format: 2, Queries: 5, Rows: 10,
		Splits: []Split{{"train", 3, 6, 6, 3.5 / 6}, {"test", 2, 4, 4, 0.25}},
		All:    Group{Queries: 5, Rows: 10, Rated: 10, Performance: 0.45, Failed: 1},
		Tasks:  []Group{{Name: "a", Queries: 3, Rows: 6, Rated: 6, Performance: 3.5 / 6}, {Name: "b", Queries: 2, Rows: 4, Rated: 4, Performance: 0.25, Failed: 1}},
		Models: []Model{small, large},
		Cells: []Cell{
			{"a", "small", Group{Queries: 3, Rows: 3, Rated: 3, Performance: 1.0 / 3}},
			{"a", "large", Group{Queries: 3, Rows: 3, Rated: 3, Performance: 2.5 / 3}},
			{"b", "small", Group{Queries: 2, Rows: 2, Rated: 2, Performance: 0.5}},
			{"b", "large", Group{Queries: 2, Rows: 2, Rated: 2, Performance: 0, Failed: 1}},
		},
		CostKnown: true, TokensKnown: true, LatencyKnown: true,
		Routers: Routers{
			Queries: 5, Complete: 4,
			BestSingle: Point{"large", 0.0025, 0.5}, Oracle: oracle, Random: Point{"random choice", (0.0011 + 0.0011 + 0.0021 + 0.0002 + 0.0011) / 5, (1 + 0.25 + 0.5 + 1 + 0) / 5},
			Hull: hull, OracleFrontier: frontier, CostLow: 0.0002, CostHigh: 0.0025,
			AIQ: (0.4 + 0.625) / 2, OracleAIQ: areaOf(frontier, 0.0002, 0.0025),
		},
		Labelled:  5,
		NoPromise: "it takes two candidates that have a score at half of the queries, and 20 queries with different texts and a score of each; there are 2 and 4",
		Outcomes:  []Outcome{{Kind: "timed out", Failed: true, Count: 1, Models: []int{0, 1}}},
		Solved: Solved{Threshold: 0.5, All: SolvedGroup{"", 5, 1, 3, 1, 2}, Tasks: []SolvedGroup{
			{"a", 3, 0, 2, 1, 1}, {"b", 2, 1, 1, 0, 1},
		}},
		Warnings: []Warning{{Kind: WarnFailed, Count: 1, Examples: []string{"candidate large: 1 of 5 rows (20.0 %)"}}},
	}
	if diff := cmp.Diff(want, r, approx); diff != "" {
		t.Error(diff)
	}
}

// TestNotEvaluatedCountsNowhere holds that rows without a score change no
// mean, whatever tells of them.
func TestNotEvaluatedCountsNowhere(t *testing.T) {
	rows := []llmrouterdata.RoutingRecord{
		answer("a", "q1", "small", 1), answer("a", "q1", "large", 0.5),
		answer("a", "q2", "small", 0.5), answer("a", "q2", "large", 1),
	}
	code := []llmrouterdata.RoutingRecord{
		answer("code", "c1", "small", 0), answer("code", "c1", "large", 1),
		answer("code", "c2", "small", 0), failure("code", "c2", "large", "x"),
	}
	d := draft{candidates: two(), train: append(rows, code...)}
	r := d.report(t, &dataset.Options{NotEvaluated: []dataset.NotEvaluatedCount{
		{Task: "code", Model: "small", NotEvaluated: 1, ScoreErrors: 1},
		{Task: "code", Model: "large"},
	}}, nil)
	small, large := r.Models[0], r.Models[1]
	if small.Rated != 2 || small.NotEvaluated != 2 || small.Performance != 0.75 || math.Abs(small.CostPerQuery-0.0002) > 1e-15 {
		t.Errorf("small: %+v", small)
	}
	if large.Rated != 4 || large.Performance != 2.5/4 {
		t.Errorf("large: %+v", large)
	}
	// Only large is rated at c1, and it alone is best there.
	if r.Routers.Random.Performance != (0.75+0.75+1)/3 || large.UniqueBest != 2 || small.UniqueBest != 1 {
		t.Errorf("random choice %v, unique best %d and %d", r.Routers.Random, small.UniqueBest, large.UniqueBest)
	}
	want := []Outcome{{"x", true, 1, []int{0, 1}}, {dataset.KindNotEvaluated, false, 1, []int{1, 0}}, {dataset.KindScoreError, false, 1, []int{1, 0}}}
	if diff := cmp.Diff(want, r.Outcomes); diff != "" || len(reading(r)) != 0 {
		t.Errorf("%s%v", diff, reading(r))
	}

	t.Run("some of a cell", func(t *testing.T) {
		r := d.report(t, &dataset.Options{NotEvaluated: []dataset.NotEvaluatedCount{{Task: "code", Model: "small", NotEvaluated: 1}}}, nil)
		cell := r.Cells[2]
		if cell.Rated != 1 || cell.NotEvaluated != 1 || cell.Performance != 0 || r.Models[0].Performance != 0.5 || r.All.Rated != 7 {
			t.Errorf("%+v, %+v", cell, r.Models[0])
		}
		if len(reading(r)) != 1 || reading(r)[0].Kind != WarnNotEvaluated || r.Outcomes[1].Count != 1 {
			t.Errorf("%v", reading(r))
		}
	})
	t.Run("lines", func(t *testing.T) {
		r := d.report(t, &dataset.Options{
			NotEvaluatedRows: dataset.Lines{Train: []int{5}}, ScoreErrorRows: dataset.Lines{Train: []int{7}},
			NotEvaluated: []dataset.NotEvaluatedCount{{Task: "code", Model: "small", NotEvaluated: 1}}, // less exact
		}, nil)
		if diff := cmp.Diff(want, r.Outcomes); diff != "" || len(reading(r)) != 0 || r.Models[0].Rated != 2 {
			t.Errorf("%s%v", diff, reading(r))
		}
		r = d.report(t, &dataset.Options{NotEvaluatedRows: dataset.Lines{Train: []int{5}}}, nil)
		if cell := r.Cells[2]; len(reading(r)) != 0 || cell.Rated != 1 || cell.NotEvaluated != 1 || r.Solved.All.None != 1 {
			t.Errorf("one of two: %+v, %v", cell, reading(r))
		}
	})
	t.Run("lines of other files", func(t *testing.T) {
		// A right answer, a failed call, two lines that are not there, and one.
		r := d.report(t, &dataset.Options{NotEvaluatedRows: dataset.Lines{Train: []int{1, 7, 8, 9, -1}, Test: []int{1}}}, nil)
		if len(reading(r)) != 1 || reading(r)[0].Kind != WarnNotEvaluated || reading(r)[0].Count != 4 || r.All.NotEvaluated != 1 || r.All.Failed != 1 {
			t.Errorf("%v, %+v", r.Warnings, r.All)
		}
	})
	t.Run("counts of other files", func(t *testing.T) {
		r := d.report(t, &dataset.Options{NotEvaluated: []dataset.NotEvaluatedCount{
			{Task: "code", Model: "small", NotEvaluated: 3}, {Task: "music", Model: "small", NotEvaluated: 3},
		}}, nil)
		if len(reading(r)) != 1 || reading(r)[0].Count != 2 || r.Models[0].Rated != 4 {
			t.Errorf("%v", reading(r))
		}
	})
	t.Run("NaN in the file", func(t *testing.T) {
		c := d.save(t)
		row := answer("gsm8k", "q", "small", 1)
		line, err := row.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join([]string{string(line), strings.Replace(string(line), "1.0", "NaN", 1)}, "\n")
		write(t, c.DataPath.RoutingDataTrain, []byte(text))
		r := reportOf(t, c, nil, nil)
		if r.All.Rated != 1 || r.All.NotEvaluated != 1 || r.All.Performance != 1 || r.Outcomes[0].Kind != dataset.KindNoScore {
			t.Errorf("%+v", r.All)
		}
	})
}

// reading returns the warnings that are not about shares of rows.
func reading(r *Report) []Warning {
	return slices.DeleteFunc(slices.Clone(r.Warnings), func(w Warning) bool { return w.Kind == WarnFailed || w.Kind == WarnUnscored })
}

func warningsOf(r *Report) map[string]int {
	counts := map[string]int{}
	for _, w := range r.Warnings {
		counts[w.Kind] = w.Count
	}
	return counts
}

func TestWarnings(t *testing.T) {
	graded := failure("a", "q4", "large", "boom")
	graded.Performance = 0.25
	negative := answer("a", "q5", "large", 1)
	negative.ResponseTime = -1
	d := draft{candidates: append(two(),
		llmrouterdata.Candidate{Name: "free", Feature: "f"}, llmrouterdata.Candidate{Name: "idle", Feature: "f"},
	), vectors: map[int64][]float32{0: {1, 2}, 1: {3, 4}, 2: {float32(math.NaN()), 1}}}
	for i := range 12 {
		q := string(rune('a' + i))
		d.train = append(d.train, answer("flat", q, "small", 1), answer("flat", q, "large", 0), answer("flat", q, "free", float64(i%2)))
	}
	d.train = append(d.train,
		answer("a", "q1", "small", 1), answer("a", "q1", "large", 0), answer("a", "q1", "free", 0),
		answer("a", "q1", "small", 1), answer("a", "q1", "large", 0), answer("a", "q1", "free", 0), // again
		answer("a", "q2", "large", 1), answer("a", "q2", "small", 0), answer("a", "q2", "free", 0), // out of order
		answer("a", "q3", "small", 1), answer("a", "q3", "large", 0), // not free
		answer("a", "q4", "small", 0), graded, answer("a", "q4", "free", 0),
		answer("a", "q5", "small", 0), negative, answer("a", "q5", "free", 0), answer("a", "q5", "stranger", 1),
	)
	d.test = append(d.test, answer("other task", "q1", "small", 1), answer("other task", "q1", "large", 0), answer("other task", "q1", "free", 0))
	ids := map[llmrouterdata.QueryKey]int{} // three have vectors; the test query has the id of the first
	for i := range d.train {
		key := d.train[i].Key()
		if _, known := ids[key]; !known {
			ids[key] = len(ids)
		}
		d.train[i].EmbeddingID = ids[key]
	}
	c := d.save(t)
	// A row of an older query between the rows of another; a line that is none.
	extra := answer("a", "q3", "free", 0)
	text, err := extra.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := c.DataPath.RoutingDataTest
	write(t, file, append(read(t, file), "{broken\n"...))
	file = c.DataPath.RoutingDataTrain
	write(t, file, append(read(t, file), append(text, '\n')...))
	r := reportOf(t, c, nil, nil)
	want := map[string]int{
		WarnUnreadable: 1, WarnSilent: 1, WarnUnlisted: 1, WarnLeak: 1, WarnDuplicate: 1, WarnOrder: 2, WarnConstant: 2,
		WarnInvalid: 1, WarnGraded: 1, WarnPrice: 1, WarnEmbedding: 17, WarnSharedID: 1, WarnFailed: 1,
		WarnMissing: 18, // stranger has one row, at q5
	}
	if diff := cmp.Diff(want, warningsOf(r)); diff != "" {
		t.Errorf("%s%+v", diff, r.Warnings)
	}
	for _, w := range r.Warnings {
		if len(w.Examples) == 0 || len(w.Examples) > maxExamples || len(w.Examples) < min(w.Count, maxExamples) {
			t.Errorf("%s: %d examples of %d", w.Kind, len(w.Examples), w.Count)
		}
		if w.Kind == WarnLeak && w.Examples[0] != "test.jsonl:1 (task other task) as train.jsonl:37" {
			t.Errorf("a leak: %q", w.Examples)
		}
	}
}

// TestOrderOfRowsDoesNotMatter holds that rows in the order in which calls
// finish, as the Python pipeline writes them, give the same numbers.
func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	d := draft{candidates: two()}
	for i := range 30 {
		q := string(rune('a' + i))
		d.train = append(d.train, answer("t", q, "small", float64(i%3)/2), answer("t", q, "large", float64(i%2)))
	}
	want := d.report(t, nil, nil)
	for i := range d.train {
		j := (i*i + 7) % len(d.train)
		d.train[i], d.train[j] = d.train[j], d.train[i]
	}
	got := d.report(t, nil, nil)
	if len(got.Warnings) != 1 || got.Warnings[0].Kind != WarnOrder {
		t.Errorf("%v", got.Warnings)
	}
	got.Warnings = want.Warnings
	for i := range want.Models { // these are about the order of the rows
		want.Models[i].Labels, want.Models[i].LabelsByTie = got.Models[i].Labels, got.Models[i].LabelsByTie
	}
	if diff := cmp.Diff(want, got, approx); diff != "" {
		t.Error(diff)
	}
}

// TestOracleFrontier compares the frontier with every router there is.
func TestOracleFrontier(t *testing.T) {
	d := draft{candidates: two()}
	d.candidates = append(d.candidates[:2], llmrouterdata.Candidate{Name: "middle", Feature: "f", InputPrice: 4, OutputPrice: 3})
	for i := range 6 {
		q := string(rune('a' + i))
		for m, name := range []string{"small", "large", "middle"} {
			row := answer("t", q, name, float64((i*7+m*5)%11)/10)
			row.InputTokens = 10 + (i*13+m*29)%97
			d.train = append(d.train, row)
		}
	}
	r := d.report(t, nil, nil)
	for choice := range 729 {
		var cost, score float64
		for i, rest := 0, choice; i < 6; i, rest = i+1, rest/3 {
			row, c := d.train[i*3+rest%3], d.candidates[rest%3]
			cost += (float64(row.InputTokens)*c.InputPrice + float64(row.OutputTokens)*c.OutputPrice) / 1e6 / 6
			score += row.Performance / 6
		}
		if best := interpolate(r.Routers.OracleFrontier, cost); cost >= r.Routers.OracleFrontier[0].Cost && score > best+1e-12 {
			t.Fatalf("a router of %v at %v is above the frontier, %v", score, cost, best)
		}
	}
	last := r.Routers.OracleFrontier[len(r.Routers.OracleFrontier)-1]
	if math.Abs(last.Cost-r.Routers.Oracle.Cost) > 1e-15 || math.Abs(last.Performance-r.Routers.Oracle.Performance) > 1e-12 {
		t.Errorf("the frontier ends at %v, the oracle is %v", last, r.Routers.Oracle)
	}
}

func interpolate(curve []Point, c float64) float64 {
	v := curve[len(curve)-1].Performance
	for k := range curve[1:] {
		if a, b := curve[k], curve[k+1]; c >= a.Cost && c < b.Cost {
			v = a.Performance + (b.Performance-a.Performance)*(c-a.Cost)/(b.Cost-a.Cost)
		}
	}
	return v
}

func TestDistributions(t *testing.T) {
	d := draft{candidates: two()}
	for i := range 100 {
		q := string(rune('A' + i))
		a, b := answer("t", q, "small", 1), failure("t", q, "large", "x")
		a.ResponseTime, a.OutputTokens = float64(i+1)/100, i
		d.train = append(d.train, a, b)
	}
	r := d.report(t, nil, nil)
	s := r.Models[0].Seconds
	if diff := cmp.Diff(&Distribution{Count: 100, Min: 0.01, P10: 0.1, P25: 0.25, P50: 0.5, P75: 0.75, P90: 0.9, P99: 0.99, Max: 1}, s, cmpopts.IgnoreFields(Distribution{}, "Bins")); diff != "" {
		t.Error(diff)
	}
	edges := r.Histograms.Seconds
	if edges[0] != 0.01 || edges[len(edges)-1] <= 1 || len(s.Bins) != len(edges)-1 {
		t.Errorf("edges %v", edges)
	}
	total := 0
	for i, n := range s.Bins {
		total += n
		have := 0
		for k := range 100 {
			if v := float64(k+1) / 100; v >= edges[i] && v < edges[i+1] {
				have++
			}
		}
		if have != n {
			t.Errorf("bin %d from %v: %d, want %d", i, edges[i], n, have)
		}
	}
	if total != 100 || r.Models[1].Seconds != nil {
		t.Errorf("%d in bins; of failed calls %v", total, r.Models[1].Seconds)
	}
	if out := r.Models[0].OutputTokens; out.Min != 0 || out.Bins[0] != 2 { // 0 and 1
		t.Errorf("%+v", out)
	}
}

func TestLogEdges(t *testing.T) {
	for _, x := range [][2]float64{{1, 1}, {0.001, 1000}, {1e-30, 1e30}, {5, 7}, {math.Inf(1), math.Inf(-1)}, {1e-300, 1e9}, {999, 1000}} {
		edges := logEdges(x[0], x[1])
		if !slices.IsSorted(edges) || len(edges) < 2 || x[0] <= x[1] && (edges[0] > x[0] || edges[len(edges)-1] <= x[1]) {
			t.Errorf("%v: %v", x, edges)
		}
	}
}

func TestEmpty(t *testing.T) {
	d := draft{candidates: two()}
	r := d.report(t, nil, nil)
	if r.Queries != 0 || r.Routers.BestSingle.Name != "" || r.Map != nil {
		t.Errorf("%+v", r)
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), `":null`) {
		t.Errorf("%s, %v", text, err)
	}
	// Nothing but failures.
	d.train = append(d.train, failure("a", "q", "small", ""), failure("a", "q", "large", "\n"))
	r = d.report(t, nil, nil)
	if r.Routers.Oracle.Performance != 0 || r.All.Rated != 2 || r.Outcomes[0].Kind != "no message" {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	d := draft{candidates: two()}
	c := d.save(t)
	if _, err := table(t, c, &dataset.Options{Workers: -1}); err == nil {
		t.Error("negative workers")
	}
	if _, err := table(t, llmrouterdata.DefaultConfig(), nil); err == nil {
		t.Error("no files")
	}
	table, err := table(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Solved: new(0.0)}, {Solved: new(1.1)}, {Solved: new(math.NaN())}, {MapPoints: 1}, {Workers: -1}} {
		if _, err := NewReport(t.Context(), table, &o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestEqualQueries: a file may hold one query very often.
func TestEqualQueries(t *testing.T) {
	const n = 100_000
	d := draft{candidates: two()}
	d.train = append(d.train, answer("a", "q", "large", 1))
	for range n {
		d.train = append(d.train, answer("a", "q", "small", 1))
	}
	d.train = append(d.train, answer("a", "q", "large", 1), answer("a", "q", "large", 0))
	table, err := table(t, d.save(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != n {
		t.Errorf("%d queries, want %d", table.Len(), n)
	}
	for q, want := range map[int]dataset.Outcome{0: dataset.Scored, 1: dataset.Scored, 2: dataset.Missing, n - 1: dataset.Scored} {
		if got := table.Pairs(q)[1].Outcome; got != want {
			t.Errorf("query %d: outcome %d, want %d", q, got, want)
		}
	}
	rows := 0
	for q := range table.Len() {
		for m := range table.Pairs(q) {
			switch p := &table.Pairs(q)[m]; p.Outcome {
			case dataset.Missing:
			case dataset.Scored:
				rows++
			default:
				t.Errorf("query %d: %+v, %s", q, p, table.Kind(p))
			}
		}
	}
	if rows != n+3 {
		t.Errorf("%d rows", rows)
	}
}

// TestOddNumbers: numbers that no figure or sum can hold.
func TestOddNumbers(t *testing.T) {
	d := draft{candidates: two(), train: []llmrouterdata.RoutingRecord{answer("a", "q", "small", 1), answer("a", "q", "large", 1)}}
	d.train[0].ResponseTime = math.SmallestNonzeroFloat64
	if r := d.report(t, nil, nil); r.Histograms.Seconds[0] <= 0 || r.Models[0].Seconds.Min != 0 {
		t.Errorf("%v, %+v", r.Histograms.Seconds, r.Models[0].Seconds)
	}
	d.candidates[1].OutputPrice = 1e300
	_, err := table(t, d.save(t), nil)
	if at, ok := errors.AsType[*llmrouterdata.CandidateError](err); !ok || at.Candidate != "large" || at.Field != "output_price" {
		t.Errorf("got %v", err)
	}
}

func TestManyKinds(t *testing.T) {
	d := draft{candidates: two()}
	for i := range 60 {
		d.train = append(d.train, failure("t", string(rune('A'+i)), "small", strings.Repeat("long ", i+1)), answer("t", string(rune('A'+i)), "large", 1))
	}
	r := d.report(t, nil, nil)
	total := 0
	for _, o := range r.Outcomes {
		total += o.Count
		if len([]rune(o.Kind)) > 100 {
			t.Errorf("kind %q", o.Kind)
		}
	}
	if total != 60 || len(r.Outcomes) > maxKinds+1 {
		t.Errorf("%d failures of %d kinds", total, len(r.Outcomes))
	}
}

// TestErrorRows reads rows as the Python pipeline writes them of calls that it
// could not make.
func TestErrorRows(t *testing.T) {
	dir := filepath.Join(golden.CasesDir(t), "sets", "error_rows")
	c, err := llmrouterdata.LoadConfig(filepath.Join(dir, "config.yaml"), &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := reportOf(t, c, nil, nil)
	good, failed := r.Models[0], r.Models[1]
	if failed.Failed != 2 || failed.Pareto || failed.Answered != 0 || !good.Pareto {
		t.Errorf("%+v, %+v", good, failed)
	}
	for _, p := range append(slices.Clone(r.Routers.Hull), r.Routers.BestSingle) {
		if p.Name == failed.Name {
			t.Errorf("a candidate with failed calls only is at %+v", p)
		}
	}
	if r.Routers.Queries != 2 || r.Routers.Complete != 2 || r.Routers.Random.Performance != 1 || r.Routers.CostLow != good.CostPerQuery {
		t.Errorf("%+v", r.Routers)
	}
	if len(r.Outcomes) != 1 || r.Outcomes[0].Kind != "'service'" || warningsOf(r)[WarnFailed] != 1 {
		t.Errorf("%+v, %+v", r.Outcomes, r.Warnings)
	}
}

// TestTroubles: what is too much of a candidate's rows, in all or at one task.
func TestTroubles(t *testing.T) {
	d := draft{candidates: two()}
	for i := range 400 {
		q := fmt.Sprint("q", i)
		large := answer("common", q, "large", 1)
		if i < 20 {
			large = failure("common", q, "large", "x") // 5 % of them, and of all
		}
		small := answer("common", q, "small", 1)
		if i < 30 {
			small = answer("rare", q, "small", 0)
			large.TaskName = "rare"
			if i < 3 {
				small.Response = " \n"
			} else if i < 9 {
				small.Response = []string{"<think>Let me see", "<think>\nSure.</think>\n\n", "It is (B)?</think>"}[i%3]
			}
		}
		d.train = append(d.train, small, large)
	}
	r := d.report(t, nil, &Options{Truncated: []TruncatedCount{
		{Task: "common", Model: "large", Count: 21}, {Task: "rare", Model: "small", Count: 1}, {Task: "none", Model: "small", Count: 99},
	}})
	want := map[string][]string{
		WarnFailed:    {"candidate large, task rare: 20 of 30 rows (66.7 %)"}, // 5.0 % of all
		WarnEmpty:     {"candidate small, task rare: 3 of 30 rows (10.0 %)"},
		WarnThought:   {"candidate small, task rare: 6 of 30 rows (20.0 %)"},
		WarnTruncated: {"candidate large: 21 of 400 rows (5.2 %)"},
	}
	got := map[string][]string{}
	for _, w := range r.Warnings {
		if _, ok := want[w.Kind]; ok {
			got[w.Kind] = w.Examples
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || warningsOf(r)[WarnUnscored] != 0 {
		t.Error(diff)
	}
	if m := r.Models[0]; m.Empty != 3 || m.ThoughtOnly != 6 || r.All.ThoughtOnly != 6 || m.Truncated != 1 || r.All.Truncated != 22 || r.Cells[1].Failed+r.Cells[3].Failed != 20 {
		t.Errorf("%+v, %+v", m.Group, r.All)
	}
}

// TestLabels: what the order of the candidates teaches.
func TestLabels(t *testing.T) {
	d := draft{candidates: two()}
	for i := range 20 {
		q := fmt.Sprint("q", i)
		small, large := answer("t", q, "small", 1), answer("t", q, "large", 1)
		if i < 9 {
			small.Performance = 0
		}
		d.train = append(d.train, small, large)
	}
	r := d.report(t, nil, nil)
	small, large := r.Models[0], r.Models[1]
	if r.Labelled != 20 || small.Labels != 11 || small.LabelsByTie != 11 || large.Labels != 9 || large.LabelsByTie != 0 {
		t.Errorf("%+v\n%+v", small, large)
	}
	want := "small is the first of the best rows at 11 of 20 queries (55.0 %), at 11 of them (55.0 %) beside others as good"
	if len(r.Warnings) == 0 || r.Warnings[0].Kind != WarnTies || r.Warnings[0].Examples[0] != want {
		t.Errorf("%+v", r.Warnings)
	}
	for i := 0; i < len(d.train); i += 2 { // the other way round
		d.train[i], d.train[i+1] = d.train[i+1], d.train[i]
	}
	r = d.report(t, nil, nil)
	if large := r.Models[1]; large.Labels != 20 || large.LabelsByTie != 11 || warningsOf(r)[WarnTies] != 0 {
		t.Errorf("%+v, %+v", large, r.Warnings)
	}
}
