package llmrouterdata

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestChatQueries reads queries that are lists of chat messages.
func TestChatQueries(t *testing.T) {
	for query, want := range map[string]string{
		`[{"role": "user", "content": "What is 2+2?"}]`: "What is 2+2?",
		`[{"role": "user", "content": "one"}, {"role": "assistant", "content": "hm"}, {"content": [{"type": "text", "text": "tw"}, {"type": "text", "text": "o"}], "role": "user"}]`: "user: one\nassistant: hm\nuser: two",
		`[{"role": "system", "content": "Be brief."}]`: "system: Be brief.",
	} {
		line := fmt.Sprintf(`{"task_name": "t", "query": %s, "ground_truth": "g", "metric": "em"}`, query)
		record, ok, err := ParseLine[StandardQueryData]([]byte(line), "f", 1)
		if err != nil || !ok || record.Query != want {
			t.Errorf("%s: %q, %v", query, record.Query, err)
		}
	}
	for query, want := range map[string]string{
		`[]`:     "without any chat message",
		`["hi"]`: "chat message 1: want an object, have a string",
		`[{"role": "user", "content": "x"}, {"content": "x"}]`:                     `chat message 2: no "role"`,
		`[{"role": "user", "content": null}]`:                                      "have null",
		`[{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]`: "part 1 is no text",
		`[{"role": "user", "content": ["x"]}]`:                                     "part 1: want an object",
		`{"role": "user"}`:                                                         "want a string, have an object",
	} {
		line := fmt.Sprintf(`{"task_name": "t", "query": %s, "ground_truth": "g", "metric": "em"}`, query)
		if _, _, err := ParseLine[StandardQueryData]([]byte(line), "f", 1); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `field "query"`) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestChatQueriesCases reads a published form of routing rows.
func TestChatQueriesCases(t *testing.T) {
	name := filepath.Join(golden.CasesDir(t), "sets", "chat_queries", "routing_data_train.jsonl")
	rows := 0
	for row, err := range ReadFile[RoutingRecord](name, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if want := "user: personalized train question "; !strings.HasPrefix(row.Query, want) || !strings.HasSuffix(row.Query, "\nassistant: hm\nuser: and?") {
			t.Errorf("%q", row.Query)
		}
		rows++
	}
	if rows < 6 {
		t.Errorf("%d rows", rows)
	}
}
