package dataset

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// perSplit is a set whose splits have embeddings of their own: ids begin anew in the
// test split, stacked in one file, a dict in the other.
func perSplit(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	c := goodSet(t)
	for line, id := range []string{"0", "0", "1", "1"} {
		replaceIn(t, c.DataPath.RoutingDataTest, line, `"embedding_id": `+[]string{"5", "5", "6", "6"}[line], `"embedding_id": `+id)
	}
	dir := filepath.Dir(c.DataPath.LLMData)
	train, test := filepath.Join(dir, "train.pt"), filepath.Join(dir, "test.pt")
	writeByID(t, train, []int{0, 1, 2, 3, 4}, four)
	writeTensors(t, test, func(w *torchio.Writer) error {
		return w.PutTensor(torchio.Of([]float32{100, 1, 2, 3, 200, 1, 2, 3}, 2, 4))
	})
	c.DataPath.QueryEmbeddingData, c.DataPath.QueryEmbeddingDataTrain, c.DataPath.QueryEmbeddingDataTest = "", train, test
	return c
}

func TestEmbeddingsOfEachSplit(t *testing.T) {
	c := perSplit(t)
	if err := Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Dim() != 4 || d.Embeddings() != 7 {
		t.Errorf("%d vectors of %d", d.Embeddings(), d.Dim())
	}
	for split, want := range map[Split][]float32{Train: {0, 0, 1, 1, 2, 2, 3, 3, 4, 4}, Test: {100, 100, 200, 200}} {
		var got []float32
		for row, err := range d.Rows(t.Context(), split) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, row.Embedding[0])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", split, diff)
		}
	}
	table, err := d.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	vector, err := table.AppendEmbedding(nil, 6)
	if err != nil || vector[0] != 200 || !table.HasEmbedding(5) || len(table.Warnings()) != 0 {
		t.Errorf("%v, %v, %v", vector, err, table.Warnings())
	}
	if v, err := d.Embedding(Test, 0); err != nil || v[0] != 100 {
		t.Errorf("%v, %v", v, err)
	}
}

// TestBadEmbeddingsOfEachSplit: what cannot be meant, and a split without any.
func TestBadEmbeddingsOfEachSplit(t *testing.T) {
	t.Run("too many names", func(t *testing.T) {
		c := perSplit(t)
		c.DataPath.QueryEmbeddingData = c.DataPath.QueryEmbeddingDataTrain
		_, err := Open(t.Context(), c, nil)
		wantError(t, err, "which of them is meant")
	})
	t.Run("other widths", func(t *testing.T) {
		c := perSplit(t)
		writeByID(t, c.DataPath.QueryEmbeddingDataTest, []int{0, 1}, func(int) int { return 3 })
		_, err := Open(t.Context(), c, nil)
		wantError(t, err, "have 4 numbers", "test.pt 3")
		wantError(t, Check(t.Context(), c, nil), "have 4 numbers")
	})
	t.Run("one is missing", func(t *testing.T) {
		c := perSplit(t)
		c.DataPath.QueryEmbeddingDataTest = ""
		wantError(t, Check(t.Context(), c, nil), "query_embedding_data_test")
		d, err := Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for row, err := range d.Rows(t.Context(), Test) {
			if err != nil || row.Embedding != nil {
				t.Errorf("%v, %v", row.Embedding, err)
			}
		}
	})
}

// TestSharedEmbeddingIDs reads a set of two files of embeddings, of which one is
// named for both splits.
func TestSharedEmbeddingIDs(t *testing.T) {
	dir := filepath.Join(golden.CasesDir(t), "sets", "v3_layout")
	load := func() *llmrouterdata.Config {
		c, err := llmrouterdata.LoadConfig(filepath.Join(dir, "config.yaml"), &llmrouterdata.ConfigOptions{Root: dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	read := func(c *llmrouterdata.Config, o *Options) (*Table, *Dataset, error) {
		d, err := Open(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		table, err := d.Table(t.Context())
		return table, d, err
	}
	_, d, err := read(load(), nil)
	if !errors.Is(err, ErrSharedID) || !strings.Contains(err.Error(), "routing_data_test.jsonl:1") {
		t.Errorf("%v", err)
	}
	bad := 0
	for _, split := range []Split{Train, Test} {
		for _, err := range d.Rows(t.Context(), split) {
			if err != nil && (split == Train || !errors.Is(err, ErrSharedID)) {
				t.Fatal(err)
			}
			if err != nil {
				bad++
			}
		}
	}
	table, _, err := read(load(), &Options{SkipBadLines: true})
	if err != nil || bad == 0 || table.Warnings()[WarnSharedID].Count == 0 {
		t.Fatalf("%d rows, %v, %v", bad, err, table.Warnings())
	}
	for q := range table.Len() {
		if has := table.HasEmbedding(q); has != (table.Query(q).Split == Train) {
			t.Errorf("query %d: %v", q, has)
		}
	}
	c := load()
	c.DataPath.QueryEmbeddingDataTrain, c.DataPath.QueryEmbeddingDataTest = c.DataPath.QueryEmbeddingData, filepath.Join(dir, "query_embeddings_test.pt")
	c.DataPath.QueryEmbeddingData = ""
	table, _, err = read(c, nil)
	if err != nil || len(table.Warnings()) != 0 {
		t.Errorf("%v, %v", err, table.Warnings())
	}
	for q := range table.Len() {
		if !table.HasEmbedding(q) {
			t.Errorf("query %d has no embedding", q)
		}
	}
}

func TestStaleVectors(t *testing.T) {
	listed := []llmrouterdata.Candidate{{Name: "a", Feature: "now"}, {Name: "b", Feature: "b"}, {Name: "c", Feature: "c"}}
	embedded := []llmrouterdata.Candidate{
		{Name: "a", Feature: "then", Embedding: []float32{1, 2}},
		{Name: "b", Feature: "b", Embedding: []float32{1, 2}, EmbeddingEncoder: "x", EmbeddingFeature: listed[1].FeatureHash()},
		{Name: "c", Feature: "c", Embedding: []float32{1, 2, 3}, EmbeddingFeature: listed[1].FeatureHash()},
		{Name: "gone", Embedding: []float32{1, 2}, EmbeddingFeature: "0"},
	}
	for _, tt := range []struct {
		dim     int
		encoder string
		want    []string
	}{
		{0, "", []string{`candidate "a": its feature has changed since it was embedded`, `candidate "c": its feature has changed since it was embedded`}},
		{2, "y", []string{
			`candidate "a": its feature has changed since it was embedded`,
			`candidate "b": its vector is of another encoder (x) than those of the queries (y)`,
			`candidate "c": its vector has 3 numbers, those of the queries have 2`, `candidate "c": its feature has changed since it was embedded`,
		}},
	} {
		if diff := cmp.Diff(tt.want, StaleVectors(listed, embedded, tt.dim, tt.encoder)); diff != "" {
			t.Error(diff)
		}
	}
	c := goodSet(t)
	writeFile(t, c.DataPath.LLMEmbeddingData, `{"a": {"embedding": [1, 2], "feature": "x"}, "b": {"embedding": [3, 4, 5, 6], "embedding_encoder": "x"}}`)
	var said []string
	if err := Check(t.Context(), c, &CheckOptions{Encoder: "y", Warn: func(m string) { said = append(said, m) }}); err != nil {
		t.Fatal(err)
	}
	if len(said) != 3 || !strings.Contains(said[0], "has 2 numbers") || !strings.Contains(said[2], "another encoder") {
		t.Errorf("%q", said)
	}
}

// TestSharedIDOfNeighbours holds that a query does not get the vector of the one
// before it, whose id it has.
func TestSharedIDOfNeighbours(t *testing.T) {
	c := goodSet(t)
	for _, line := range []int{2, 3} {
		replaceIn(t, c.DataPath.RoutingDataTrain, line, `"embedding_id": 1`, `"embedding_id": 0`)
	}
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var bad []int
	for row, err := range d.Rows(t.Context(), Train) {
		line, ok := errors.AsType[*llmrouterdata.LineError](err)
		switch {
		case ok && errors.Is(err, ErrSharedID):
			bad = append(bad, line.Line)
		case err != nil:
			t.Fatal(err)
		case row.Embedding[0] != float32(row.EmbeddingID):
			t.Errorf("row %d has the vector %v", row.Line, row.Embedding)
		}
	}
	if diff := cmp.Diff([]int{3, 4}, bad); diff != "" {
		t.Error(diff)
	}
}
