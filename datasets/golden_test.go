package datasets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// chainArgs are the arguments of the chain vectors.
type chainArgs struct {
	N          int
	SampleSize int     `json:"sample_size"`
	TrainRatio float64 `json:"train_ratio"`
	Seed       goldenSeed
	Sizes      map[string]json.RawMessage
	Datasets   []string
}

type goldenSeed struct{ Type, Value string }

// int64 returns the seed reduced to what the product takes: the generator
// ignores the sign and the vectors' seeds fit 64 bits.
func (s goldenSeed) int64(t *testing.T) int64 {
	t.Helper()
	n, ok := new(big.Int).SetString(s.Value, 10)
	if s.Type != "int" || !ok || !n.IsInt64() {
		t.Fatalf("seed %+v of another form", s)
	}
	return n.Int64()
}

// goldenGeneration prepares a run over the stand-in rows. Benchmarks without a
// size are those that failed to load.
func goldenGeneration(t *testing.T, where string, a chainArgs) *generation {
	t.Helper()
	specs := append(Catalog(), pictureSpecs()...)
	ratio := a.TrainRatio
	// The vectors leave unknown names out as the Python pipeline does.
	var wanted []string
	if a.Datasets != nil {
		wanted = []string{}
		for _, name := range a.Datasets {
			if _, known := Find(specs, name); known {
				wanted = append(wanted, name)
			}
		}
	}
	g, err := newGeneration(&GenerateOptions{
		SampleSize: max(a.N, a.SampleSize), TrainRatio: &ratio, Seed: new(a.Seed.int64(t)),
		Specs: specs, Datasets: wanted, SkipFailed: true,
	})
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	used := 0
	for i, spec := range specs {
		key := spec.Task
		if key == "natural_qa" {
			key = "nq"
		}
		raw, ok := a.Sizes[key]
		if ok {
			used++
		}
		if !ok || !g.wanted[i] {
			g.errs[i] = ErrNotFound
			continue
		}
		var sizes []int
		if raw[0] == '[' {
			golden.Unmarshal(t, where, raw, &sizes)
		} else {
			sizes = make([]int, 1)
			golden.Unmarshal(t, where, raw, &sizes[0])
		}
		if len(sizes) != len(spec.Parts) {
			t.Fatalf("%s: %s has %d parts", where, spec.Task, len(sizes))
		}
		g.tables[i] = rowTable(spec, sizes, func(part, row int) any { return standInRow(spec.Task, part, row) })
	}
	if used != len(a.Sizes) {
		t.Fatalf("%s: sizes of an unknown benchmark: %v", where, a.Sizes)
	}
	return g
}

func TestGoldenChains(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"chain_samples":  goldenSamples,
		"chain_split":    goldenSplit,
		"chain_old_base": goldenOldBase,
	})
}

func goldenSamples(t *testing.T, v golden.Vector) {
	var a chainArgs
	golden.Unmarshal(t, v.Where, v.Args, &a)
	var want map[string]json.RawMessage
	golden.Unmarshal(t, v.Where, v.Out, &want)
	g := goldenGeneration(t, v.Where, a)
	g.o.SampleSize = a.N // as it is, 0 too
	samples, err := g.draw(NewRand(g.sampleSeed))
	if err != nil {
		t.Fatal(err)
	}
	compareSamples(t, v.Where, g, samples, want)
}

func compareSamples(t *testing.T, where string, g *generation, samples [][][]int, want map[string]json.RawMessage) {
	t.Helper()
	for i, spec := range g.specs {
		raw, ok := want[spec.Task]
		got := []int{}
		for _, p := range samples[i] {
			got = append(got, p...)
		}
		if !ok {
			if len(got) != 0 {
				t.Errorf("%s: %s: %d samples, want none", where, spec.Task, len(got))
			}
			continue
		}
		compareList(t, where+": "+spec.Task, got, raw)
	}
	for task := range want {
		if _, known := Find(g.specs, task); !known {
			t.Errorf("%s: samples of an unknown task %q", where, task)
		}
	}
}

// compareList compares a list with its expected form, which is a digest for a
// long one.
func compareList(t *testing.T, where string, got []int, raw json.RawMessage) {
	t.Helper()
	if raw[0] == '[' {
		want := []int{}
		golden.Unmarshal(t, where, raw, &want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: samples differ (-want +got):\n%s", where, diff)
		}
		return
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	compareDigest(t, where, len(got), text, got, raw)
}

func compareDigest(t *testing.T, where string, n int, text []byte, got []int, raw json.RawMessage) {
	t.Helper()
	var want struct {
		Len    int
		SHA256 string
		First  []int
	}
	golden.Unmarshal(t, where, raw, &want)
	if n != want.Len || digest(text) != want.SHA256 {
		t.Errorf("%s: %d items starting %v, want %d starting %v", where, n, got[:min(len(got), 10)], want.Len, want.First)
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pythonLetter is the letter that the Python pipeline records for a row of
// gpqa: the place of 0 in the permutation, where the correct option stands at
// the permutation's first number.
func pythonLetter(order []int) string { return letter(slices.Index(order, 0)) }

// gpqaOrder recovers the permutation from a record of the stand-in rows.
func gpqaOrder(t *testing.T, rec record) (row int, order []int) {
	t.Helper()
	if _, err := fmt.Sscanf(rec.Query, "gp %d", &row); err != nil {
		t.Fatal(err)
	}
	g := standInRow("gpqa", 0, row).(gpqaRow)
	for _, option := range []string{g.Correct, g.Wrong1, g.Wrong2, g.Wrong3} {
		order = append(order, slices.Index(rec.Choices.Text(), option))
	}
	return row, order
}

func goldenSplit(t *testing.T, v golden.Vector) {
	var a chainArgs
	golden.Unmarshal(t, v.Where, v.Args, &a)
	var want struct {
		NTrain       int             `json:"n_train"`
		NTest        int             `json:"n_test"`
		TrainFirst   []string        `json:"train_first_queries"`
		TestFirst    []string        `json:"test_first_queries"`
		GPQA         json.RawMessage `json:"gpqa_answers_by_index"`
		TrainBytes   int             `json:"train_bytes"`
		TrainSHA256  string          `json:"train_sha256"`
		TestBytes    int             `json:"test_bytes"`
		TestSHA256   string          `json:"test_sha256"`
		ExpectsError string          `json:"error"`
	}
	golden.Unmarshal(t, v.Where, v.Out, &want)
	if want.ExpectsError != "" {
		t.Fatalf("%s: a vector of an error: %s", v.Where, want.ExpectsError)
	}
	g := goldenGeneration(t, v.Where, a)
	g.sampleSeed = defaultSeed // the Python pipeline samples with 42 always
	res, err := g.run(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	if len(res.Train) != want.NTrain || len(res.Test) != want.NTest {
		t.Errorf("%s: %d and %d records, want %d and %d", v.Where, len(res.Train), len(res.Test), want.NTrain, want.NTest)
	}
	for _, side := range []struct {
		name    string
		records []record
		first   []string
		size    int
		sha     string
	}{
		{"train", res.Train, want.TrainFirst, want.TrainBytes, want.TrainSHA256},
		{"test", res.Test, want.TestFirst, want.TestBytes, want.TestSHA256},
	} {
		first := []string{}
		for _, rec := range side.records[:min(len(side.records), len(side.first))] {
			first = append(first, rec.Query)
		}
		if diff := cmp.Diff(side.first, first); diff != "" {
			t.Errorf("%s: first of %s (-want +got):\n%s", v.Where, side.name, diff)
		}
		var text []byte
		for _, rec := range side.records {
			text = append(text, pythonLine(t, rec)...)
		}
		if len(text) != side.size || digest(text) != side.sha {
			t.Errorf("%s: %s file of %d bytes %s, want %d bytes %s", v.Where, side.name, len(text), digest(text), side.size, side.sha)
		}
	}
	compareLetters(t, v.Where, slices.Concat(res.Train, res.Test), want.GPQA)
	checkCorrectLetters(t, slices.Concat(res.Train, res.Test))
}

// compareLetters compares the Python pipeline's letters in the order of the
// rows.
func compareLetters(t *testing.T, where string, records []record, raw json.RawMessage) {
	t.Helper()
	letters := map[int]string{}
	for _, rec := range records {
		if rec.TaskName == "gpqa" {
			row, order := gpqaOrder(t, rec)
			letters[row] = pythonLetter(order)
		}
	}
	rows := make([]int, 0, len(letters))
	for row := range letters {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	text := ""
	for _, row := range rows {
		text += letters[row]
	}
	if len(raw) == 0 {
		raw = json.RawMessage(`""`)
	}
	if raw[0] == '"' {
		var want string
		golden.Unmarshal(t, where, raw, &want)
		if text != want {
			t.Errorf("%s: letters %s, want %s", where, text, want)
		}
		return
	}
	compareDigest(t, where+": letters", len(text), []byte(text), nil, raw)
}

// checkCorrectLetters compares our letters with the options themselves.
func checkCorrectLetters(t *testing.T, records []record) {
	t.Helper()
	for _, rec := range records {
		if rec.TaskName != "gpqa" {
			continue
		}
		row, _ := gpqaOrder(t, rec)
		at := int(rec.GroundTruth[0] - 'A')
		if got, want := rec.Choices.Text()[at], standInRow("gpqa", 0, row).(gpqaRow).Correct; got != want {
			t.Errorf("gpqa row %d: option %s is %q, not %q", row, rec.GroundTruth, got, want)
		}
	}
}

// pythonLine is the line that the Python pipeline writes for a record: with its
// letter for gpqa, and for mbpp with the tests as an array and the number as a
// number.
func pythonLine(t *testing.T, rec record) []byte {
	t.Helper()
	o := new(pyjson.Object)
	o.Set("task_name", rec.TaskName)
	o.Set("query", rec.Query)
	var truth, id, choices any = rec.GroundTruth, nil, nil
	if rec.TaskID != nil {
		id = *rec.TaskID
	}
	switch rec.TaskName {
	case "gpqa":
		_, order := gpqaOrder(t, rec)
		truth = pythonLetter(order)
	case "mbpp":
		tests, err := pyjson.Parse([]byte(rec.GroundTruth))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseInt(*rec.TaskID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		truth, id = tests, pyjson.NewInt(n)
	}
	if rec.Choices != nil {
		inner, err := pyjson.Append(nil, choicesObject(rec), pyjson.Style{ASCII: true})
		if err != nil {
			t.Fatal(err)
		}
		choices = string(inner)
	}
	o.Set("ground_truth", truth)
	o.Set("metric", rec.Metric)
	o.Set("choices", choices)
	o.Set("task_id", id)
	if rec.TaskName == "mathvista" {
		kind := "free_form"
		if rec.Choices != nil {
			kind = "multi_choice"
		}
		o.Set("question_type", kind)
	}
	line, err := pyjson.Append(nil, o, pyjson.Style{})
	if err != nil {
		t.Fatal(err)
	}
	return append(line, '\n')
}

// choicesObject is the form of a task's choices in the Python pipeline.
func choicesObject(rec record) *pyjson.Object {
	o := new(pyjson.Object)
	switch rec.TaskName {
	case "commonsense_qa":
		o.Set("label", rec.Choices.Labels())
		o.Set("text", rec.Choices.Text())
	case "openbook_qa", "arc_challenge":
		o.Set("text", rec.Choices.Text())
		o.Set("label", rec.Choices.Labels())
	default:
		labels := make([]string, len(rec.Choices.Text()))
		for i := range labels {
			labels[i] = letter(i)
		}
		o.Set("text", rec.Choices.Text())
		o.Set("labels", labels)
	}
	return o
}

func goldenOldBase(t *testing.T, v golden.Vector) {
	var a chainArgs
	golden.Unmarshal(t, v.Where, v.Args, &a)
	var want struct {
		Samples  map[string]json.RawMessage
		Mappings json.RawMessage `json:"gpqa_mappings"`
		Answers  json.RawMessage `json:"gpqa_answers"`
	}
	golden.Unmarshal(t, v.Where, v.Out, &want)
	g := goldenGeneration(t, v.Where, a)
	g.o.SampleSize = a.N
	rng := NewRand(g.sampleSeed)
	samples, err := g.draw(rng)
	if err != nil {
		t.Fatal(err)
	}
	compareSamples(t, v.Where, g, samples, want.Samples)
	at := slices.IndexFunc(g.specs, func(s Spec) bool { return s.Task == "gpqa" })
	if g.tables[at] == nil {
		t.Fatalf("%s: no gpqa", v.Where)
	}
	recs, err := g.tables[at].Records(t.Context(), samples[at][0], rng)
	if err != nil {
		t.Fatal(err)
	}
	mappings, answers := []string{}, ""
	for _, rec := range recs {
		_, order := gpqaOrder(t, rec)
		text := ""
		for _, n := range order {
			text += strconv.Itoa(n)
		}
		mappings = append(mappings, text)
		answers += pythonLetter(order)
	}
	checkCorrectLetters(t, recs)
	compareText(t, v.Where+": mappings", mappings, want.Mappings)
	if want.Answers[0] == '"' {
		var letters string
		golden.Unmarshal(t, v.Where, want.Answers, &letters)
		// The vectors keep the first 200 letters.
		if answers[:min(len(answers), 200)] != letters {
			t.Errorf("%s: letters %s, want %s", v.Where, answers, letters)
		}
	} else {
		compareDigest(t, v.Where+": letters", len(answers), []byte(answers), nil, want.Answers)
	}
}

func compareText(t *testing.T, where string, got []string, raw json.RawMessage) {
	t.Helper()
	if raw[0] == '[' {
		var want []string
		golden.Unmarshal(t, where, raw, &want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
		return
	}
	var want struct {
		Len    int
		SHA256 string
		First  []string
	}
	golden.Unmarshal(t, where, raw, &want)
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != want.Len || digest(text) != want.SHA256 {
		t.Errorf("%s: %d items %v, want %d %v", where, len(got), got[:min(len(got), 10)], want.Len, want.First)
	}
}
