package shards_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

// service answers every call, and counts.
type service struct {
	mu      sync.Mutex
	calls   int
	refuses error
}

func (s *service) Complete(_ context.Context, r chat.Request) (chat.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.refuses != nil {
		return chat.Response{}, s.refuses
	}
	return chat.Response{Text: "It is 4.", PromptTokens: 9, CompletionTokens: 4, TotalTokens: 13, Attempts: 1, CostUSD: r.Target.Cost(9, 4)}, nil
}

// lengths embeds a text as its length.
type lengths struct{}

func (lengths) Dim() int { return 1 }

func (lengths) Encode(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{float32(len(text))}
	}
	return vectors, nil
}

// queries are n lines of a query file.
func queries(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"task_name": "gsm8k", "query": "How much is %d + 2?", "ground_truth": "#### %d", "metric": "GSM8K", "choices": null, "task_id": null}`+"\n", i, i+2)
	}
	return text.String()
}

// inputs writes query and candidate files below a folder, and returns their
// configuration.
func inputs(dir string, train, test int) (*llmrouterdata.Config, error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	c := llmrouterdata.DefaultConfig()
	c.APIEndpoint = "http://localhost:1/v1"
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: path("train.jsonl"), QueryDataTest: path("test.jsonl"), LLMData: path("llm.json"),
		QueryEmbeddingData: path("embeddings.pt"), RoutingDataTrain: path("routing_train.jsonl"), RoutingDataTest: path("routing_test.jsonl"),
	}
	return c, errors.Join(
		os.WriteFile(c.DataPath.QueryDataTrain, []byte(queries(train)), 0o666),
		os.WriteFile(c.DataPath.QueryDataTest, []byte(queries(test)), 0o666),
		os.WriteFile(c.DataPath.LLMData, []byte(`{"small": {"model": "small-1", "input_price": 0.2, "output_price": 0.4}, "large": {"model": "large-1"}}`), 0o666),
	)
}

// Queries are cut into shards, the shards run, and what they made is merged.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c, err := inputs(dir, 5, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, work := context.Background(), filepath.Join(dir, "work")
	if _, err := shards.Split(ctx, c, work, &shards.SplitOptions{Size: 3}); err != nil {
		fmt.Println(err)
		return
	}
	// From here on any number of processes may do the same.
	folder, err := shards.Open(work)
	if err != nil {
		fmt.Println(err)
		return
	}
	summary, err := folder.Run(ctx, c, &shards.RunOptions{Pipeline: pipeline.Options{Client: &service{}, Encoder: lengths{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Done, "shards,", summary.Called, "calls")
	report, err := folder.Merge(ctx, c, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Rows, "rows,", report.Embeddings, "vectors")
	// Output:
	// 3 shards, 14 calls
	// 14 rows, 5 vectors
}

// Several runs side by side, each with several shards at once, make every call
// once, however they meet.
func TestRunHammer(t *testing.T) {
	const runs, train, test = 4, 60, 20
	c, err := inputs(t.TempDir(), train, test)
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	if _, err := shards.Split(t.Context(), c, work, &shards.SplitOptions{Size: 4}); err != nil {
		t.Fatal(err)
	}
	s := &service{}
	var running sync.WaitGroup
	for range runs {
		running.Go(func() {
			folder, err := shards.Open(work)
			if err == nil {
				_, err = folder.Run(t.Context(), c, &shards.RunOptions{AtOnce: 3, Pipeline: pipeline.Options{Client: s, Encoder: lengths{}, Workers: 5}})
			}
			if _, held := errors.AsType[*shards.HeldError](err); err != nil && !held {
				t.Error(err)
			}
		})
	}
	running.Wait()
	folder, err := shards.Open(work)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := folder.Merge(t.Context(), c, nil); err != nil || report.Rows != 2*(train+test) || report.Embeddings != train {
		t.Errorf("%+v, %v", report, err)
	}
	if s.calls != 2*(train+test) {
		t.Errorf("%d calls for %d pairs", s.calls, 2*(train+test))
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
}

// Where the budget is spent no further shard is begun, and the error says so.
func TestRunEndsEarly(t *testing.T) {
	c, err := inputs(t.TempDir(), 12, 0)
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), "work")
	if _, err := shards.Split(t.Context(), c, work, &shards.SplitOptions{Size: 3}); err != nil {
		t.Fatal(err)
	}
	folder, err := shards.Open(work)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{refuses: chat.ErrBudget}
	ended := 0
	summary, err := folder.Run(t.Context(), c, &shards.RunOptions{AtOnce: 1, Pipeline: pipeline.Options{Client: s, Encoder: lengths{}, Workers: 1},
		Ended: func(shards.Shard, *pipeline.Report, error) { ended++ }})
	if !errors.Is(err, chat.ErrBudget) || ended != 1 || summary.Missing != 6 || summary.Done != 0 {
		t.Errorf("%v after %d shards: %+v", err, ended, summary)
	}
	status, err := folder.Status(c)
	if err != nil || status.Waiting != 4 || !strings.Contains(status.States[0].Error, "budget spent") {
		t.Errorf("%+v, %v", status, err)
	}
}
