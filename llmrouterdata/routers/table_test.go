package routers

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

func kernelSet() *kernel.Set { return kernel.Default() }

// row is an answer; response "" makes a failed call of it.
type row struct {
	query, model, response string
	performance            float64
	id                     int
}

func writeRouting(t testing.TB, name string, rows []row) {
	t.Helper()
	var text bytes.Buffer
	w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](&text)
	for _, one := range rows {
		r := llmrouterdata.NewRoutingRecord(llmrouterdata.StandardQueryData{TaskName: "task", Query: one.query, GroundTruth: "t", Metric: "em"})
		r.ModelName, r.Response, r.Performance, r.EmbeddingID = one.model, one.response, one.performance, one.id
		r.InputTokens, r.OutputTokens, r.TokenNum = 10, 20, 30
		if one.response == "" {
			r.Response, r.Performance = "API Error: refused", 0
		}
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// openTable writes a data set, with vectors by id unless there are none, and
// opens it until the test ends.
func openTable(t testing.TB, train, test []row, vectors [][]float32) *dataset.Table {
	t.Helper()
	dir := t.TempDir()
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		RoutingDataTrain: filepath.Join(dir, "train.jsonl"), RoutingDataTest: filepath.Join(dir, "test.jsonl"),
		LLMData: filepath.Join(dir, "llm.json"), QueryEmbeddingData: filepath.Join(dir, "vectors.pt"),
	}
	writeRouting(t, c.DataPath.RoutingDataTrain, train)
	writeRouting(t, c.DataPath.RoutingDataTest, test)
	candidates := `{"small": {"input_price": 1, "output_price": 2}, "large": {"input_price": 10, "output_price": 20}, "broken": {"input_price": 1, "output_price": 1}}`
	if err := os.WriteFile(c.DataPath.LLMData, []byte(candidates), 0o600); err != nil {
		t.Fatal(err)
	}
	if vectors != nil {
		var file bytes.Buffer
		w := torchio.NewWriter(&file, nil)
		for id, v := range vectors {
			if err := w.PutInt(int64(id), torchio.Of(v, len(v))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.DataPath.QueryEmbeddingData, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := dataset.Open(t.Context(), c, &dataset.Options{Encoder: "words"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.Close() })
	table, err := data.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func vectorIs(t *testing.T, d *Data, q int, want []float32) {
	t.Helper()
	if x, err := d.Vector(nil, q); err != nil || !slices.Equal(x, want) {
		t.Errorf("the vector of query %d is %v, want %v (%v)", q, x, want, err)
	}
}

func TestFromTable(t *testing.T) {
	train := []row{
		{"one", "small", "a", 1, 0}, {"one", "large", "", 0, 0}, {"one", "broken", "", 0, 0},
		{"two", "small", "a", 0.5, 1}, {"two", "large", "a", 0, 1},
		{"no vector", "small", "a", 1, 9}, {"no vector", "large", "a", 1, 9},
		{"all failed", "small", "", 0, 2}, {"all failed", "large", "", 0, 2},
	}
	test := []row{
		{"one", "small", "a", 1, 0}, {"one", "large", "a", 1, 0}, // leaked
		{"three", "large", "a", 0.25, 3}, {"three", "broken", "a", 1, 3},
	}
	table := openTable(t, train, test, [][]float32{{3, 4}, {0, 2}, {1, 1}, {0, 0}})
	d, err := FromTable(t.Context(), table, dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || d.Dim() != 2 || len(d.Models()) != 2 || d.Models()[1] != (Model{"large", 10, 20}) {
		t.Fatalf("%d queries of %d numbers, models %v", d.Len(), d.Dim(), d.Models())
	}
	if dropped := d.Dropped(); dropped.NoVector != 1 || dropped.NoScore != 1 || dropped.Leaked != 0 || !slices.Equal(dropped.Models, []string{"broken"}) {
		t.Errorf("left out %+v", dropped)
	}
	if p := d.Pairs(0); p[0] != (Pair{1, 10, 20}) || !math.IsNaN(p[1].Score) || p[1].InputTokens != 0 {
		t.Errorf("a right answer and a failed call are %v", p)
	}
	near(t, "cost", d.Cost(1, 1), (10*10+20*20)/1e6, 1e-15)
	vectorIs(t, d, 0, []float32{0.6, 0.8})
	for given, want := range map[string]string{"": "words", "others": "others"} {
		if got := fit(t, d, Ridge{}, &FitOptions{Encoder: given}).Card().Encoder; got != want {
			t.Errorf("a router of %q is for %q, want %q", given, got, want)
		}
	}

	d, err = FromTable(t.Context(), table, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 1 || d.Dropped().Leaked != 1 || len(d.Models()) != 2 || d.Pairs(0)[1].Score != 0.25 {
		t.Errorf("%d test queries, left out %+v", d.Len(), d.Dropped())
	}
	vectorIs(t, d, 0, []float32{0, 0})
}

func TestFromTableRefuses(t *testing.T) {
	train := []row{{"one", "small", "a", 1, 0}, {"two", "small", "a", 0.5, 1}}
	test := []row{{"three", "small", "a", 1, 2}}
	if _, err := FromTable(t.Context(), openTable(t, train, test, nil), dataset.Train); err == nil {
		t.Error("data without vectors")
	}
	if _, err := FromTable(t.Context(), openTable(t, train, nil, [][]float32{{1}}), dataset.Test); !errors.Is(err, ErrNoQueries) {
		t.Errorf("an empty split: %v", err)
	}
	_, err := FromTable(t.Context(), openTable(t, train, test, [][]float32{{3, float32(math.NaN())}, {0, 2}}), dataset.Train)
	if !errors.Is(err, ErrVector) || err.Error() != "routers: train.jsonl:1: number 1 of the vector is NaN: not a vector that can be routed" {
		t.Errorf("NaN: %v", err)
	}
}
