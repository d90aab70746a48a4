package llmrouterdata

import (
	"math"
	"strings"
	"testing"
)

func TestValidateReportsEveryViolation(t *testing.T) {
	d := StandardQueryData{Query: " \u00a0", GroundTruth: "\xff", Metric: "code_eval",
		Choices: ChoicesFromFields(ChoiceField{"text", []string{"a", "b"}}, ChoiceField{"labels", []string{"A"}})}
	err := d.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"task_name", "query", "ground_truth", "choices", "task_id"} {
		if !strings.Contains(err.Error(), `"`+field+`"`) {
			t.Errorf("%q is not reported in %v", field, err)
		}
	}
	r := RoutingRecord{TaskName: "t", Query: "q", GroundTruth: "g", Metric: "em", Response: "\xff", TokenNum: -1, InputTokens: -1, OutputTokens: -1,
		ResponseTime: math.NaN(), Performance: 1.5, EmbeddingID: NoEmbedding, UserID: new("\xff")}
	err = r.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"model_name", "response", "token_num", "input_tokens", "output_tokens", "response_time", "performance", "embedding_id", "user_id"} {
		if !strings.Contains(err.Error(), `"`+field+`"`) {
			t.Errorf("%q is not reported in %v", field, err)
		}
	}
	for labels, want := range map[string]string{"A|A": "options 1 and 2", "A| ": "option 2 is empty", "|B": "option 1 is empty", "A|B": ""} {
		choices := ChoicesFromFields(ChoiceField{"text", []string{"a", "b"}}, ChoiceField{"labels", strings.Split(labels, "|")})
		d := StandardQueryData{TaskName: "t", Query: "q", GroundTruth: "A", Metric: "em_mc", Choices: choices}
		if err := d.Validate(); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("labels %q: %v", labels, err)
		}
	}
	good := RoutingRecord{TaskName: "t", Query: "q", GroundTruth: "g", Metric: "em", ModelName: "m"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestChoicesKeepTheirShape(t *testing.T) {
	for _, test := range []struct{ in, json, text, labels string }{
		{`["x", 2, null, true, 1.0]`, `["x", 2, null, true, 1.0]`, "x|2|None|True|1.0", "A|B|C|D|E"},
		{`{'label': ['1', '2'], 'text': ['é', 'b'], 'more': 5}`, `{"label": ["1", "2"], "text": ["\u00e9", "b"], "more": 5}`, "é|b", "1|2"},
		{`{"text": ["a"], "labels": ["Z"]}`, `{"text": ["a"], "labels": ["Z"]}`, "a", "Z"},
		{`{"text": ["a", "b"]}`, `{"text": ["a", "b"]}`, "a|b", "A|B"},
		{`{"a": 1}`, `{"a": 1}`, "", ""},
		{`[]`, `[]`, "", ""},
	} {
		c, err := ParseChoices(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := c.JSON(); got != test.json {
			t.Errorf("%s: JSON %s, want %s", test.in, got, test.json)
		}
		if got := strings.Join(c.Text(), "|"); got != test.text {
			t.Errorf("%s: texts %s, want %s", test.in, got, test.text)
		}
		if got := strings.Join(c.Labels(), "|"); got != test.labels {
			t.Errorf("%s: labels %s, want %s", test.in, got, test.labels)
		}
	}
	if labels := NewChoices(make([]string, 28)).Labels(); labels[25] != "Z" || labels[26] != "[" {
		t.Errorf("labels past Z: %q", labels[25:])
	}
	var none *Choices
	if none.Text() != nil || none.Labels() != nil || none.JSON() != "null" || !none.Equal(nil) || none.Equal(NewChoices(nil)) {
		t.Error("nil choices are not empty")
	}
}
