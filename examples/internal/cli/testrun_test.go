package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func TestTestRunName(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "a.jsonl": "a_testrun.jsonl", "d.x/a.jsonl.gz": "d.x/a_testrun.jsonl.gz", "v1.2.jsonl.zst": "v1.2_testrun.jsonl.zst",
		"a.pt": "a_testrun.pt", "a": "a_testrun", "d/a": "d/a_testrun",
	} {
		if got := TestRunName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Step 3 reads the queries of a test run of step 2a where both files are there.
func TestTestRunOutputs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	whole := llmrouterdata.DataPath{
		QueryDataTrain: at("q_train.jsonl"), QueryDataTest: at("q_test.jsonl"), QueryEmbeddingData: at("e.pt"),
		RoutingDataTrain: at("r_train.jsonl"), RoutingDataTest: at("r_test.jsonl"), LLMData: at("llm.json"), LLMEmbeddingData: at("llme.json"),
	}
	want := whole
	want.QueryEmbeddingData, want.RoutingDataTrain, want.RoutingDataTest = at("e_testrun.pt"), at("r_train_testrun.jsonl"), at("r_test_testrun.jsonl")
	for _, there := range []string{"q_train.jsonl", "q_test.jsonl", "q_train_testrun.jsonl", "q_test_testrun.jsonl"} {
		if err := os.WriteFile(at(there), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if there == "q_test_testrun.jsonl" {
			want.QueryDataTrain, want.QueryDataTest = at("q_train_testrun.jsonl"), at("q_test_testrun.jsonl")
		}
		got := whole
		if err := TestRunOutputs(&got); err != nil || got != want {
			t.Errorf("with %s: %+v, %v; want %+v", there, got, err, want)
		}
	}
}
