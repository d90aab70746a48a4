package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fixtures = "../examples/quickstart/fixtures"

func generateFixtures(t *testing.T, o GenerateOptions) *Result {
	t.Helper()
	res, err := Generate(t.Context(), FromDir(fixtures), &o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func queries(records []record) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = r.TaskName + "\x00" + r.Query
	}
	return out
}

func counts(records []record) map[string]int {
	out := map[string]int{}
	for _, r := range records {
		out[r.TaskName]++
	}
	return out
}

func TestGenerateDefaults(t *testing.T) {
	res := generateFixtures(t, GenerateOptions{})
	total := 0
	for _, d := range res.Datasets {
		rows := 0
		for p, n := range d.Rows {
			rows += n
			if len(d.Samples[p]) != n {
				t.Errorf("%s: %d of %d rows taken, though the sample is larger", d.Spec.Task, len(d.Samples[p]), n)
			}
		}
		total += rows
		if len(d.Warnings) == 0 || !strings.Contains(d.Warnings[0], "expected") {
			t.Errorf("%s: no word about the %d rows", d.Spec.Task, rows)
		}
	}
	if got := len(res.Train) + len(res.Test); got != total || len(res.Train) != int(float64(total)*0.8) {
		t.Errorf("%d and %d records of %d rows", len(res.Train), len(res.Test), total)
	}
	if diff := cmp.Diff(tasks(Catalog()), taskNames(res)); diff != "" {
		t.Errorf("order of the benchmarks (-want +got):\n%s", diff)
	}
	again := generateFixtures(t, GenerateOptions{SampleSize: 500, TrainRatio: new(0.8), Seed: new(int64(42))})
	if !slices.Equal(queries(res.Train), queries(again.Train)) || !slices.Equal(queries(res.Test), queries(again.Test)) {
		t.Error("the defaults are not those documented, or two runs differ")
	}
}

func taskNames(res *Result) []string {
	out := []string{}
	for _, d := range res.Datasets {
		out = append(out, d.Spec.Task)
	}
	return out
}

func TestGenerateSampleSizes(t *testing.T) {
	res := generateFixtures(t, GenerateOptions{SampleSize: 5})
	for _, d := range res.Datasets {
		want := 5
		if d.Spec.Task == "math" {
			want = 1 // 5/7+1 of each part
		}
		for _, p := range d.Samples {
			if len(p) != want {
				t.Errorf("%s: %d samples", d.Spec.Task, len(p))
			}
		}
	}
	if n := len(res.Train) + len(res.Test); n != 57 {
		t.Errorf("%d records", n)
	}
}

func TestGenerateSeeds(t *testing.T) {
	a := generateFixtures(t, GenerateOptions{SampleSize: 5, Seed: new(int64(0))})
	b := generateFixtures(t, GenerateOptions{SampleSize: 5, Seed: new(int64(1))})
	if cmp.Equal(samplesOf(a), samplesOf(b)) {
		t.Error("two seeds give the same samples")
	}
	c := generateFixtures(t, GenerateOptions{SampleSize: 5})
	d := generateFixtures(t, GenerateOptions{SampleSize: 5, Seed: new(int64(0))})
	if cmp.Equal(samplesOf(c), samplesOf(d)) {
		t.Error("seed 0 counts as not set")
	}
}

func samplesOf(r *Result) map[string][][]int {
	out := map[string][][]int{}
	for _, d := range r.Datasets {
		out[d.Spec.Task] = d.Samples
	}
	return out
}

func TestGenerateTrainRatios(t *testing.T) {
	for ratio, want := range map[float64]int{0: 0, 1: 57, 0.5: 28, 0.29: 16} {
		res := generateFixtures(t, GenerateOptions{SampleSize: 5, TrainRatio: &ratio})
		if len(res.Train) != want || len(res.Test) != 57-want {
			t.Errorf("ratio %v: %d and %d", ratio, len(res.Train), len(res.Test))
		}
	}
}

// A subset changes the later samples, as in the Python pipeline, unless it is
// asked not to.
func TestGenerateSubsets(t *testing.T) {
	specs := Catalog()
	src := FromDir(fixtures)
	for i := range specs { // the sizes that the files have
		table, err := Open(t.Context(), src, specs[i])
		if err != nil {
			t.Fatal(err)
		}
		for p, n := range table.PartLens() {
			specs[i].Parts[p].Rows = n
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}
	all := samplesOf(generateFixtures(t, GenerateOptions{SampleSize: 5, Specs: specs}))
	subset := []string{"gsm8k", "natural_qa", "arc_challenge"}
	changed := samplesOf(generateFixtures(t, GenerateOptions{SampleSize: 5, Specs: specs, Datasets: subset}))
	kept := generateFixtures(t, GenerateOptions{SampleSize: 5, Specs: specs, Datasets: subset, KeepSamples: true})
	if !cmp.Equal(changed["natural_qa"], all["natural_qa"]) || cmp.Equal(changed["gsm8k"], all["gsm8k"]) {
		t.Error("the benchmarks left out still draw, or the first one does not")
	}
	for _, task := range subset {
		if diff := cmp.Diff(all[task], samplesOf(kept)[task]); diff != "" {
			t.Errorf("%s: KeepSamples changes the samples (-want +got):\n%s", task, diff)
		}
	}
	if diff := cmp.Diff([]string{"natural_qa", "gsm8k", "arc_challenge"}, taskNames(kept)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The same goes for gpqa's order of options, which is drawn last.
	full := generateFixtures(t, GenerateOptions{SampleSize: 5, Specs: specs})
	alone := generateFixtures(t, GenerateOptions{SampleSize: 5, Specs: specs, Datasets: []string{"gpqa"}, KeepSamples: true})
	letters := func(r *Result) map[string]string {
		out := map[string]string{}
		for _, rec := range slices.Concat(r.Train, r.Test) {
			if rec.TaskName == "gpqa" {
				out[rec.Query] = rec.GroundTruth + strings.Join(rec.Choices.Text(), "|")
			}
		}
		return out
	}
	if diff := cmp.Diff(letters(full), letters(alone)); diff != "" {
		t.Errorf("gpqa alone (-want +got):\n%s", diff)
	}
	if res := generateFixtures(t, GenerateOptions{Datasets: []string{}}); len(res.Train)+len(res.Test) != 0 {
		t.Error("no dataset gives records")
	}
}

// Splitting by task keeps the proportion of each, and a task's side does not
// depend on the others.
func TestGenerateStratified(t *testing.T) {
	res := generateFixtures(t, GenerateOptions{Stratified: true, TrainRatio: new(0.75)})
	train, test := counts(res.Train), counts(res.Test)
	for _, d := range res.Datasets {
		task := d.Spec.Task
		if n := train[task] + test[task]; train[task] != n*3/4 {
			t.Errorf("%s: %d for training of %d", task, train[task], n)
		}
	}
	alone := generateFixtures(t, GenerateOptions{Stratified: true, TrainRatio: new(0.75), Datasets: []string{"gsm8k"}})
	inTrain := map[string]bool{}
	for _, q := range queries(res.Train) {
		inTrain[q] = true
	}
	for _, q := range queries(alone.Train) {
		if !inTrain[q] {
			t.Errorf("%q changes sides when it is split alone", q)
		}
	}
	if first := slices.Compact(taskSequence(res.Train)); len(first) < 30 {
		t.Errorf("the records are grouped by task: %v", first)
	}
}

func taskSequence(records []record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.TaskName)
	}
	return out
}

// repeated makes benchmarks whose queries repeat.
func repeated(t *testing.T, o GenerateOptions) *Result {
	t.Helper()
	decode := Decode(func(row pictureRow, _ *Rand) (record, error) {
		return record{Query: row.Query, GroundTruth: row.Answer}, nil
	})
	part := []Part{{Files: []Location{{Pattern: "x.parquet"}}}}
	o.Specs = []Spec{{Task: "a", Metric: "em", Decode: decode, Parts: part}, {Task: "b", Metric: "em", Decode: decode, Parts: part}}
	g, err := newGeneration(&o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.specs {
		g.tables[i] = rowTable(g.specs[i], []int{60}, func(_, row int) any {
			return pictureRow{Query: fmt.Sprint("q", row/2%20), Answer: fmt.Sprint(row)}
		})
	}
	res, err := g.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestGenerateGroupSplit(t *testing.T) {
	leaks := func(r *Result) int {
		train := map[string]bool{}
		for _, rec := range r.Train {
			train[rec.Query] = true
		}
		n := 0
		for _, rec := range r.Test {
			if train[rec.Query] {
				n++
			}
		}
		return n
	}
	for _, stratified := range []bool{false, true} {
		open := repeated(t, GenerateOptions{Stratified: stratified})
		tight := repeated(t, GenerateOptions{Stratified: stratified, GroupSplit: true})
		if leaks(open) == 0 {
			t.Error("the rows of the test do not leak")
		}
		if n := leaks(tight); n != 0 {
			t.Errorf("%d queries on both sides", n)
		}
		if len(tight.Train)+len(tight.Test) != 120 || len(tight.Test) < 12 || len(tight.Test) > 24 {
			t.Errorf("%d and %d records", len(tight.Train), len(tight.Test))
		}
	}
	// Without equal queries it changes nothing.
	a := generateFixtures(t, GenerateOptions{SampleSize: 10})
	b := generateFixtures(t, GenerateOptions{SampleSize: 10, GroupSplit: true})
	if !slices.Equal(queries(a.Train), queries(b.Train)) || !slices.Equal(queries(a.Test), queries(b.Test)) {
		t.Error("GroupSplit changes a split without leaks")
	}
}

// without is a folder that lacks some benchmarks.
type without struct {
	Source
	tasks []string
}

func (w without) Open(ctx context.Context, spec Spec, part Part) ([]File, int, error) {
	if slices.Contains(w.tasks, spec.Task) {
		return nil, 0, fmt.Errorf("%w: hidden", ErrNotFound)
	}
	return w.Source.Open(ctx, spec, part)
}

func TestGenerateFailures(t *testing.T) {
	src := without{FromDir(fixtures), []string{"gpqa", "math"}}
	_, err := Generate(t.Context(), src, &GenerateOptions{})
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	var mu sync.Mutex
	var steps []Progress
	var log strings.Builder
	res, err := Generate(t.Context(), src, &GenerateOptions{SkipFailed: true, SampleSize: 5,
		Logger:   slog.New(slog.NewTextHandler(&log, nil)),
		Progress: func(p Progress) { mu.Lock(); steps = append(steps, p); mu.Unlock() }})
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	for _, d := range res.Datasets {
		if d.Err != nil {
			failed[d.Spec.Task] = errors.Is(d.Err, ErrNotFound)
		}
	}
	if !maps.Equal(failed, map[string]bool{"gpqa": true, "math": true}) {
		t.Errorf("failed: %v", failed)
	}
	if counts(res.Train)["gpqa"]+counts(res.Test)["gpqa"] != 0 || len(res.Train)+len(res.Test) != 45 {
		t.Errorf("%v", counts(res.Train))
	}
	last := steps[len(steps)-1]
	if len(steps) != 11+9 || last.Stage != "read" || last.Done != 9 || last.Total != 9 || steps[0].Stage != "open" || steps[10].Done != 11 {
		t.Errorf("progress: %+v", steps)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 9 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, skip := range []bool{false, true} {
		if _, err := Generate(ctx, FromDir(fixtures), &GenerateOptions{SkipFailed: skip}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestGenerateOptionErrors(t *testing.T) {
	good := Catalog()[0]
	for text, o := range map[string]GenerateOptions{
		"SampleSize is -1; it is at least 1":         {SampleSize: -1},
		"TrainRatio is 1.5; it is from 0 to":         {TrainRatio: new(1.5)},
		"TrainRatio is -0.1; it is from 0 to":        {TrainRatio: new(-0.1)},
		"TrainRatio is NaN; it is from 0 to":         {TrainRatio: new(math.NaN())},
		`Datasets has the unknown task "gsm8"; `:     {Datasets: []string{"gsm8"}},
		`Specs has task "natural_qa" more than once`: {Specs: []Spec{good, good}},
		`spec "x": field Metric: empty`:              {Specs: []Spec{{Task: "x"}}},
		`spec "x": field Parts: empty`:               {Specs: []Spec{{Task: "x"}}},
		`spec "x": field Decode: not set`:            {Specs: []Spec{{Task: "x"}}},
		`spec "": field Task: empty`:                 {Specs: []Spec{{}}},
		`field Parts[0].Files: empty`:                {Specs: []Spec{{Task: "x", Parts: []Part{{}}}}},
		`field Parts[0].Files[0].Pattern:`:           {Specs: []Spec{{Task: "x", Parts: []Part{{Files: []Location{{Pattern: "x.arrow"}}}}}}},
		`field Parts[0].Rows: negative`:              {Specs: []Spec{{Task: "x", Parts: []Part{{Rows: -1}}}}},
		`field DrawOrder: negative`:                  {Specs: []Spec{{Task: "x", DrawOrder: -1}}},
		`is not a struct`:                            {Specs: []Spec{{Task: "x", Decode: Decode(func(string, *Rand) (record, error) { return record{}, nil })}}},
	} {
		_, err := Generate(t.Context(), FromDir(os.DevNull), &o)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The tables are safe for concurrent use.
func TestTableConcurrently(t *testing.T) {
	spec, _ := Find(Catalog(), "mmlu")
	table, err := Open(t.Context(), FromDir(fixtures), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	want, err := table.Records(t.Context(), []int{5, 0, 5, 19}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got, err := table.Records(t.Context(), []int{5, 0, 5, 19}, nil)
				if err != nil || !slices.Equal(queries(want), queries(got)) {
					t.Errorf("%v", err)
					return
				}
				n := 0
				for _, err := range table.All(t.Context(), nil) {
					if err != nil {
						t.Error(err)
					}
					if n++; n == 15 {
						break
					}
				}
			}
		})
	}
	wg.Wait()
}
