package datasets

import "testing"

func TestCategory(t *testing.T) {
	for task, want := range map[string]string{
		"gsm8k": "math", "math": "math", "agentverse-mgsm": "math", "mbpp": "code", "human_eval": "code",
		"commonsense_qa": "commonsense", "openbook_qa": "commonsense", "arc_challenge": "commonsense",
		"natural_qa": "world knowledge", "trivia_qa": "world knowledge", "mmlu": "popular", "gpqa": "popular", "mine": "other",
	} {
		if got := Category(task); got != want {
			t.Errorf("%s is in %q, want %q", task, got, want)
		}
	}
}
