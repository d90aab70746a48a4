package chat_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/metrics"
)

func labelled(label, text []string) *llmrouterdata.Choices {
	return llmrouterdata.ChoicesFromFields(llmrouterdata.ChoiceField{Key: "label", Values: label}, llmrouterdata.ChoiceField{Key: "text", Values: text})
}

// TestBuiltinPrompts pins the layout of every task's user message, and which
// tasks come with a system message of which purpose.
func TestBuiltinPrompts(t *testing.T) {
	prompts := chat.BuiltinPrompts()
	tests := llmrouterdata.NewChoices([]string{"assert f(1) == 2", "assert f(2) == 3"})
	five := llmrouterdata.NewChoices([]string{"one", "two", "three", "four", "five"})
	for task, c := range map[string]struct {
		choices *llmrouterdata.Choices
		user    string
		system  string // must occur in the system message; "": no system message
	}{
		"natural_qa":           {nil, "Q?", ""},
		"trivia_qa":            {nil, "Q?", ""},
		"agentverse-mgsm":      {nil, "Q?", ""},
		"mmlu":                 {five, "## Question:\nQ?\n\n## Options:\nA. one\nB. two\nC. three\nD. four\nE. five\n", "(B)"},
		"gpqa":                 {five, "## Question:\nQ?\n\n## Options:\nA. one\nB. two\nC. three\nD. four\nE. five\n", "(B)"},
		"commonsense_qa":       {labelled([]string{"A", "B"}, []string{"x", "y"}), "Question: Q?\n\n(A) x\n(B) y", "(B)"},
		"openbook_qa":          {labelled([]string{"A", "B"}, []string{"x", "y"}), "Question: Q?\n\n(A) x\n(B) y", "(B)"},
		"arc_challenge":        {labelled([]string{"1", "2"}, []string{"x", "y"}), "Question: Q?\n\n(1) x\n(2) y", "(B)"},
		"agentverse-logicgrid": {five, "Question: Q?\n\n(A) one\n(B) two\n(C) three\n(D) four\n(E) five", "(B)"},
		"gsm8k":                {nil, "Question: Q?", "last line"},
		"math":                 {nil, "Question: Q?", `\boxed{}`},
		"geometry3k":           {nil, "Question: Q?", `\boxed{}`},
		"mathvista":            {five, "Q?\n\n## Options:\nA. one\nB. two\nC. three\nD. four\nE. five", `\boxed{}`},
		"mbpp":                 {tests, "Task: Q?\n\nYour program has to pass these tests:\n\nassert f(1) == 2\nassert f(2) == 3", "[BEGIN]"},
		"human_eval":           {nil, "Complete the following Python function.\n\nQ?", "[DONE]"},
		"commongen":            {nil, "Concepts: Q?", "paragraph"},
	} {
		got, err := prompts.For(llmrouterdata.StandardQueryData{TaskName: task, Query: "Q?", Choices: c.choices})
		if err != nil {
			t.Errorf("%s: %v", task, err)
			continue
		}
		if diff := cmp.Diff(c.user, got.User); diff != "" {
			t.Errorf("%s (-want +got):\n%s", task, diff)
		}
		if (c.system == "") != (got.System == "") || !strings.Contains(got.System, c.system) {
			t.Errorf("%s: system message %q", task, got.System)
		}
	}
	if n := len(prompts.Tasks()); n != 16 {
		t.Errorf("%d tasks: a new one needs a line above", n)
	}
	open, err := prompts.For(llmrouterdata.StandardQueryData{TaskName: "mathvista", Query: "Q?"})
	if err != nil || open.User != "Q?" {
		t.Errorf("mathvista without options: %q, %v", open.User, err)
	}
}

// TestPromptsFitTheMetrics: the reply that a system message asks for scores 1
// under the task's metric.
func TestPromptsFitTheMetrics(t *testing.T) {
	registry := metrics.Builtin()
	for _, c := range []struct{ task, metric, truth, reply string }{
		{"mmlu", "em_mc", "E", "It is none of (A) to (D), so the answer is (E)"},
		{"gsm8k", "GSM8K", "3 * 4 = <<3*4=12>>12\n#### 1,200", "300 * 4 = 1200\n1200"},
		{"math", "MATH", `so $\boxed{\frac{1}{2}}$`, `Half of it: \boxed{\frac{1}{2}}`},
		{"commongen", "commongen_coverage", "dog, run, field", "A dog runs over the field ."},
	} {
		got, err := registry.Score(t.Context(), c.metric, metrics.Input{Task: c.task, Prediction: c.reply, Truth: c.truth})
		if err != nil || got.Score != 1 {
			t.Errorf("%s: %+v, %v", c.task, got, err)
		}
	}
}

func TestPromptErrors(t *testing.T) {
	prompts := chat.BuiltinPrompts()
	for _, q := range []llmrouterdata.StandardQueryData{
		{TaskName: "mmlu", Query: "Q?"},
		{TaskName: "commonsense_qa", Query: "Q?", Choices: labelled(nil, nil)},
		{TaskName: "commonsense_qa", Query: "Q?", Choices: labelled([]string{"A"}, []string{"x", "y"})},
		{TaskName: "mbpp", Query: "Q?"},
		{TaskName: "natural_qa", Query: " \n"},
	} {
		if _, err := prompts.For(q); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", q.TaskName)) {
			t.Errorf("%+v: got %v", q, err)
		}
	}
	for name, want := range map[string][]string{
		"gms8k": {"gsm8k"}, "GSM8K": {"gsm8k"}, "openbookqa": {"openbook_qa"}, "logicgrid": nil,
		"humaneval": {"human_eval"}, "trivia": {"trivia_qa"}, "": nil, "something-else-entirely": nil,
	} {
		_, err := prompts.For(llmrouterdata.StandardQueryData{TaskName: name, Query: "Q?"})
		unknown, ok := errors.AsType[*chat.UnknownTaskError](err)
		if !ok || !slices.Equal(unknown.Near[:min(1, len(unknown.Near))], want) || !slices.Equal(unknown.Known, prompts.Tasks()) {
			t.Errorf("%q: got %v", name, err)
			continue
		}
		for _, task := range prompts.Tasks() {
			if !strings.Contains(err.Error(), task) {
				t.Errorf("%q: %v does not name %s", name, err, task)
			}
		}
	}
}

// TestPromptsWith: a registry is a value.
func TestPromptsWith(t *testing.T) {
	base := chat.BuiltinPrompts()
	mine := func(q llmrouterdata.StandardQueryData) (chat.Prompt, error) {
		return chat.Prompt{User: "mine: " + q.Query}, nil
	}
	custom := base.With("gsm8k", mine).With("my_task", mine).With("math", nil)
	for _, task := range []string{"gsm8k", "my_task"} {
		got, err := custom.For(llmrouterdata.StandardQueryData{TaskName: task, Query: "Q?"})
		if err != nil || got.User != "mine: Q?" {
			t.Errorf("%s: %+v, %v", task, got, err)
		}
	}
	if _, err := custom.For(llmrouterdata.StandardQueryData{TaskName: "math", Query: "Q?"}); err == nil {
		t.Error("a removed task has a prompt")
	}
	got, err := base.For(llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: "Q?"})
	if err != nil || got.User != "Question: Q?" {
		t.Errorf("the original changed: %+v, %v", got, err)
	}
	var zero chat.Prompts
	if _, err := zero.For(llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: "Q?"}); err == nil {
		t.Error("the zero registry knows a task")
	}
	failing := zero.With("t", func(llmrouterdata.StandardQueryData) (chat.Prompt, error) { return chat.Prompt{}, errors.New("no") })
	if _, err := failing.For(llmrouterdata.StandardQueryData{TaskName: "t", Query: "Q?"}); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("got %v", err)
	}
}

// TestOraclePrompts makes the prompt of every published query: each must be
// made, and show the query and every option.
func TestOraclePrompts(t *testing.T) {
	prompts := chat.BuiltinPrompts()
	files, err := filepath.Glob(filepath.Join(golden.DataDir(t), "query_data", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no published queries")
	}
	for _, name := range files {
		n := 0
		for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			p, err := prompts.For(q)
			if err != nil {
				t.Errorf("%s:%d: %v", filepath.Base(name), n, err)
				continue
			}
			for _, part := range append([]string{q.Query}, q.Choices.Text()...) {
				if !strings.Contains(p.User, part) {
					t.Errorf("%s:%d: %q is not shown", filepath.Base(name), n, part)
				}
			}
		}
		t.Logf("%s: %d prompts", filepath.Base(name), n)
	}
}

// FuzzPrompts: whatever the record, a prompt is made or an error given.
func FuzzPrompts(f *testing.F) {
	f.Add("mmlu", "Q?", `{"text":["a","b"],"labels":["A"]}`)
	f.Add("mbpp", "Q?", `['assert 1']`)
	f.Add("gms8k", "", "null")
	f.Fuzz(func(t *testing.T, task, query, choices string) {
		c, err := llmrouterdata.ParseChoices(choices)
		if err != nil {
			return
		}
		p, err := chat.BuiltinPrompts().For(llmrouterdata.StandardQueryData{TaskName: task, Query: query, Choices: c})
		if err == nil && !strings.Contains(p.User, query) {
			t.Errorf("%q does not show %q", p.User, query)
		}
	})
}
