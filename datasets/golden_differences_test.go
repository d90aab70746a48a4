package datasets

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// TestGoldenDifferences holds the files that the product writes against those
// of the Python pipeline, line by line. They differ in three things only: the
// letter of gpqa is that of the correct option, the ground truth of mbpp is the
// text of the array and its number a string, and a seed other than 42 seeds the
// sampling too.
func TestGoldenDifferences(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){"chain_split": goldenDifferences})
}

func goldenDifferences(t *testing.T, v golden.Vector) {
	var a chainArgs
	golden.Unmarshal(t, v.Where, v.Args, &a)
	product := goldenGeneration(t, v.Where, a)
	res, err := product.run(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	// The sampling and the split take the one seed that is configured.
	samples, err := goldenGeneration(t, v.Where, a).draw(NewRand(a.Seed.int64(t)))
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, d := range res.Datasets {
		at := slices.IndexFunc(product.specs, func(s Spec) bool { return s.Task == d.Spec.Task })
		if diff := cmp.Diff(samples[at], d.Samples); diff != "" && d.Err == nil {
			t.Errorf("%s: %s: samples (-want +got):\n%s", v.Where, d.Spec.Task, diff)
		}
		counted += len(slices.Concat(d.Samples...))
	}
	if records := len(res.Train) + len(res.Test); records != counted {
		t.Errorf("%s: %d records of %d samples", v.Where, records, counted)
	}
	for _, rec := range slices.Concat(res.Train, res.Test) {
		if rec.TaskName == "mathvista" {
			continue // its records have a field more
		}
		var line bytes.Buffer
		w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](&line)
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		want := pythonLine(t, rec)
		if got := undoDifferences(t, rec, line.Bytes()); !bytes.Equal(got, want) {
			t.Fatalf("%s: lines differ in more than is meant:\nours   %s\nundone %s\npython %s", v.Where, line.Bytes(), got, want)
		}
		if same := bytes.Equal(line.Bytes(), want); !same && rec.TaskName != "gpqa" && rec.TaskName != "mbpp" {
			t.Errorf("%s: %s: lines differ:\nours   %s\npython %s", v.Where, rec.TaskName, line.Bytes(), want)
		}
	}
}

// undoDifferences puts the Python pipeline's values into a line of ours and
// leaves everything else as it is.
func undoDifferences(t *testing.T, rec record, line []byte) []byte {
	t.Helper()
	v, err := pyjson.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	o := v.(*pyjson.Object)
	truth, _ := o.Get("ground_truth")
	switch rec.TaskName {
	case "gpqa":
		_, order := gpqaOrder(t, rec)
		if truth != letter(order[0]) {
			t.Errorf("gpqa: letter %v, the correct option is %s", truth, letter(order[0]))
		}
		o.Set("ground_truth", pythonLetter(order))
	case "mbpp":
		tests, err := pyjson.Parse([]byte(truth.(string)))
		if err != nil {
			t.Fatal(err)
		}
		o.Set("ground_truth", tests)
		id, _ := o.Get("task_id")
		o.Set("task_id", pyjson.Int(id.(string)))
	}
	out, err := pyjson.Append(nil, o, pyjson.Style{})
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}
