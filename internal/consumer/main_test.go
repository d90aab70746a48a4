package main

import (
	"os"
	"strings"
	"testing"
)

func Example() {
	main()
	// Output:
	// {"task_name": "gsm8k", "query": "What is 2+2?", "ground_truth": "#### 4", "metric": "GSM8K", "choices": null, "task_id": null, "model_name": "my-model", "response": "It is 4", "token_num": 0, "input_tokens": 0, "output_tokens": 0, "response_time": 0.0, "api_key_used": "", "performance": 1.0, "embedding_id": 0, "user_id": null, "fig_id": null} <nil>
}

// TestREADME holds that the README's example is the program of this module.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	marked := func(name string) string {
		_, rest, ok := strings.Cut(string(readme), "<!-- "+name+":start -->\n```go\n")
		example, _, closed := strings.Cut(rest, "```\n<!-- "+name+":end -->")
		if !ok || !closed || example == "" {
			t.Fatalf("the README marks no %s", name)
		}
		return example
	}
	example := marked("example")
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if example != string(program) {
		t.Errorf("main.go is\n%s\nand the README's example\n%s", program, example)
	}
	embed, err := os.ReadFile("embed.go")
	if err != nil {
		t.Fatal(err)
	}
	if example := marked("embed"); !strings.HasSuffix(string(embed), "\n\n"+example) {
		t.Errorf("embed.go does not end with the README's\n%s", example)
	}
	if n := strings.Count(example, "\n"); n > 20 {
		t.Errorf("the example has %d lines; that is no longer short", n)
	}
}
