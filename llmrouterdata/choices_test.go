package llmrouterdata

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// choicesLine is a line of a query file with a choices field.
func choicesLine(choices string) string {
	return `{"task_name": "t", "query": "q", "ground_truth": "A", "metric": "em_mc", "choices": ` + choices + `, "task_id": null}`
}

// A list of objects is options, in whichever form it comes, and is written back
// as it was read.
func TestChoicesOfObjects(t *testing.T) {
	for _, tt := range []struct {
		choices, json string
		text, labels  []string
	}{
		{`[{"label": "A", "text": "x"}, {"label": "B", "text": "y"}]`, "", []string{"x", "y"}, []string{"A", "B"}},
		{`[{"text": "x", "label": "iv"}, {"label": "ii", "text": "é"}]`, `[{"text": "x", "label": "iv"}, {"label": "ii", "text": "\u00e9"}]`, []string{"x", "é"}, []string{"iv", "ii"}},
		{`[{"labels": 1, "text": 2.5, "more": [1]}]`, "", []string{"2.5"}, []string{"1"}},
		{`[{"text": "x"}, {"text": "y", "label": null}]`, "", []string{"x", "y"}, []string{"A", "B"}},
		{`"[{\"label\": \"C\", \"text\": \"x\"}]"`, `[{"label": "C", "text": "x"}]`, []string{"x"}, []string{"C"}},
		{`"[{'label': 'C', 'text': \"x's\"}]"`, `[{"label": "C", "text": "x's"}]`, []string{"x's"}, []string{"C"}},
		{`"({'label': 'C', 'text': 'x'}, {'label': 'D', 'text': 'y'})"`, `[{"label": "C", "text": "x"}, {"label": "D", "text": "y"}]`, []string{"x", "y"}, []string{"C", "D"}},
		{`[]`, "", []string{}, []string{}},
		{`["x", null, 5]`, "", []string{"x", "None", "5"}, []string{"A", "B", "C"}},
	} {
		q, ok, err := ParseLine[StandardQueryData]([]byte(choicesLine(tt.choices)), "", 1)
		if err != nil || !ok {
			t.Errorf("%s: %v", tt.choices, err)
			continue
		}
		if diff := cmp.Diff([][]string{tt.text, tt.labels}, [][]string{q.Choices.Text(), q.Choices.Labels()}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.choices, diff)
		}
		want := tt.json
		if want == "" {
			want = tt.choices
		}
		if got := q.Choices.JSON(); got != want {
			t.Errorf("%s is written as %s", tt.choices, got)
		}
		line, err := q.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := ParseLine[StandardQueryData](line, "", 1)
		if err != nil || !again.Choices.Equal(q.Choices) {
			t.Errorf("%s is read back from %s as %v, %v", tt.choices, line, again.Choices, err)
		}
	}
}

func TestChoicesThatAreNone(t *testing.T) {
	for choices, want := range map[string]string{
		`[{"label": "A"}]`:                                             `"text"`,
		`[{"text": "x"}, "y"]`:                                         `"text"`,
		`["y", {"text": "x"}]`:                                         `"text"`,
		`[{"text": ["x"]}]`:                                            `"text"`,
		`[{"text": null, "label": "A"}]`:                               `"text"`,
		`[{"key": "A", "value": "x"}]`:                                 `"text"`,
		`"[{'key': 'A', 'value': 'x'}]"`:                               `"text"`,
		`[{"text": "x", "label": "A"}, {"text": "y"}]`:                 `option 1 has a "label"`,
		`[{"text": "x"}, {"text": "y", "labels": "B"}]`:                `option 2 has a "labels"`,
		`[{"text": "x", "label": ["A"]}, {"text": "y", "label": "B"}]`: `option 1 has a "label"`,
	} {
		_, _, err := ParseLine[StandardQueryData]([]byte(choicesLine(choices)), "f.jsonl", 3)
		line, ok := errors.AsType[*LineError](err)
		if !ok || line.Field != "choices" || line.Line != 3 || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: the error is %v; want %s", choices, err, want)
		}
	}
}
