package chat_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// TestOracleEstimateTokens compares the estimates with the counts of the
// published RoBERTa tokenizer (the vocabulary of GPT-2) over the published
// queries.
func TestOracleEstimateTokens(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden.OracleDir(t), "tok", "real_queries.json"))
	if err != nil {
		t.Skip(err)
	}
	var counts struct{ Queries [][2]any }
	if err := json.Unmarshal(data, &counts); err != nil {
		t.Fatal(err)
	}
	var off []float64
	estimated, truth, n := 0, 0, 0
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n == len(counts.Queries) {
			t.Fatal("more queries than counts")
		}
		count, ok := counts.Queries[n][0].(float64)
		if !ok || count < 3 {
			t.Fatalf("count %v", counts.Queries[n][0])
		}
		n++
		count -= 2 // <s> and </s>
		estimate := chat.EstimateTokens(q.Query)
		off = append(off, math.Abs(float64(estimate)-count)/count)
		estimated += estimate
		truth += int(count)
	}
	slices.Sort(off)
	median, p90, sum := off[len(off)/2], off[len(off)*9/10], float64(estimated)/float64(truth)
	t.Logf("%d queries: median error %.1f %%, 90th percentile %.1f %%, sum %.3f of the true one", n, 100*median, 100*p90, sum)
	if median > 0.08 || p90 > 0.2 || math.Abs(sum-1) > 0.05 {
		t.Errorf("estimates are worse than documented: median %.3f, 90th percentile %.3f, sum %.3f", median, p90, sum)
	}
}
