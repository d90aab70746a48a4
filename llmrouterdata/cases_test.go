package llmrouterdata_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

func TestCasesFiles(t *testing.T) {
	golden.RunFileCases(t, []string{"yaml", "choices"}, map[string]func(*testing.T, golden.FileCase){
		"llmrouterdata.LoadConfig": caseOfConfig,
		"llmrouterdata.ReadFile[StandardQueryData], Choices.Text, Choices.Labels, chat.BuiltinPrompts().For": caseOfChoices,
	})
}

func caseOfConfig(t *testing.T, c golden.FileCase) {
	var want map[string]any
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	config, err := llmrouterdata.LoadConfig(c.Path(0), nil)
	if want["error"] == true {
		if err == nil || !strings.Contains(err.Error(), c.Path(0)) {
			t.Errorf("the error is %v; want one that names the file", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	d, g := config.DataPath, config.DataGeneration
	have := map[string]any{
		"sample_size": g.SampleSize, "train_ratio": g.TrainRatio, "random_seed": g.RandomSeed, "api_endpoint": config.APIEndpoint, "model": config.Embedding.Model,
		"query_data_train": d.QueryDataTrain, "query_data_test": d.QueryDataTest, "query_embedding_data": d.QueryEmbeddingData,
		"routing_data_train": d.RoutingDataTrain, "routing_data_test": d.RoutingDataTest, "llm_data": d.LLMData, "llm_embedding_data": d.LLMEmbeddingData,
	}
	got := map[string]any{}
	for key := range want {
		if _, known := have[key]; !known {
			t.Fatalf("the case expects a value of %q, which is no key of a configuration", key)
		}
		got[key] = have[key]
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	golden.Unmarshal(t, c.ID, text, &got) // numbers in the form of those of the case
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func caseOfChoices(t *testing.T, c golden.FileCase) {
	var want struct {
		Text, Labels []string
		Error        bool
	}
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	if len(want.Text) == 0 && !want.Error {
		t.Fatalf("the case expects %s, which this test does not know", c.Expect)
	}
	n := 0
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](c.Path(0), nil) {
		n++
		if want.Error {
			if line, ok := errors.AsType[*llmrouterdata.LineError](err); !ok || line.Field != "choices" {
				t.Errorf("the error is %v; want one of the field choices", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{want.Text, want.Labels}, [][]string{q.Choices.Text(), q.Choices.Labels()}); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if err := q.Validate(); err != nil {
			t.Error(err)
		}
		prompts := chat.BuiltinPrompts()
		prompt, err := prompts.For(q)
		if err != nil {
			t.Fatal(err)
		}
		for i, label := range want.Labels {
			if !strings.Contains(prompt.User, label+". "+want.Text[i]) && !strings.Contains(prompt.User, "("+label+") "+want.Text[i]) {
				t.Errorf("the prompt does not show option %s:\n%s", label, prompt.User)
			}
		}
	}
	if n == 0 {
		t.Error("the file holds no record")
	}
}
