package analysis

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// draft is a data set in the making.
type draft struct {
	candidates  []llmrouterdata.Candidate
	train, test []llmrouterdata.RoutingRecord
	vectors     map[int64][]float32
}

// answer makes a row; the query's text stands for all of the query.
func answer(task, query, model string, performance float64) llmrouterdata.RoutingRecord {
	r := llmrouterdata.NewRoutingRecord(llmrouterdata.StandardQueryData{TaskName: task, Query: query, GroundTruth: "t", Metric: "em"})
	r.ModelName, r.Performance, r.Response = model, performance, "an answer"
	r.InputTokens, r.OutputTokens, r.TokenNum, r.ResponseTime = 100, 50, 150, 0.5
	return r
}

func failure(task, query, model, message string) llmrouterdata.RoutingRecord {
	r := answer(task, query, model, 0)
	r.Response, r.InputTokens, r.OutputTokens, r.TokenNum = "API Error: "+message, 0, 0, 0
	return r
}

func write(t testing.TB, name string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func routing(t testing.TB, name string, rows []llmrouterdata.RoutingRecord) string {
	t.Helper()
	var text bytes.Buffer
	w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](&text)
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return write(t, name, text.Bytes())
}

// save writes the data set and returns its configuration.
func (d *draft) save(t testing.TB) *llmrouterdata.Config {
	t.Helper()
	dir := t.TempDir()
	c := llmrouterdata.DefaultConfig()
	c.DataPath.RoutingDataTrain = routing(t, filepath.Join(dir, "train.jsonl"), d.train)
	c.DataPath.RoutingDataTest = routing(t, filepath.Join(dir, "test.jsonl"), d.test)
	var text bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&text, d.candidates); err != nil {
		t.Fatal(err)
	}
	c.DataPath.LLMData = write(t, filepath.Join(dir, "llm.json"), text.Bytes())
	c.DataPath.QueryEmbeddingData = filepath.Join(dir, "vectors.pt")
	if d.vectors != nil {
		var file bytes.Buffer
		w := torchio.NewWriter(&file, nil)
		for id := range int64(len(d.vectors)) {
			if err := w.PutInt(id, torchio.Of(d.vectors[id], len(d.vectors[id]))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, c.DataPath.QueryEmbeddingData, file.Bytes())
	}
	return c
}

func (d *draft) report(t testing.TB, read *dataset.Options, o *Options) *Report {
	t.Helper()
	return reportOf(t, d.save(t), read, o)
}

// table reads the table of a configuration, whose embeddings can be read until
// the test ends. Bad lines are warnings where there are no options.
func table(t testing.TB, c *llmrouterdata.Config, o *dataset.Options) (*dataset.Table, error) {
	t.Helper()
	if o == nil {
		o = &dataset.Options{SkipBadLines: true}
	}
	data, err := dataset.Open(t.Context(), c, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = data.Close() })
	return data.Table(t.Context())
}

func reportOf(t testing.TB, c *llmrouterdata.Config, read *dataset.Options, o *Options) *Report {
	t.Helper()
	table, err := table(t, c, read)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReport(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// two are candidates whose rows of [answer] cost 0.0002 and 0.002 USD.
func two() []llmrouterdata.Candidate {
	return []llmrouterdata.Candidate{
		{Name: "small", Feature: "f", InputPrice: 1, OutputPrice: 2},
		{Name: "large", Feature: "f", InputPrice: 10, OutputPrice: 20},
		{Name: "large_think", Feature: "f"}, // not called
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
