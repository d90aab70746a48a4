package llmrouterdata

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestExtraFields: what a query file has beside the known fields comes back behind
// them, in query files and in routing files.
func TestExtraFields(t *testing.T) {
	const query = `{"task_name": "mathvista", "query": "q", "ground_truth": "g", "metric": "m", "choices": null, "task_id": "7"`
	read := query[:1] + `"question_type": "free é", "none": null, "response": "not kept", ` + query[1:] + `, "level": 3, "nested": {"a": [1.0, NaN, "x"], "b": {"c": true}}, "gone": NaN}`
	const kept = `, "question_type": "free é", "level": 3, "nested": {"a": [1.0, null, "x"], "b": {"c": true}}`
	d := collect(t, Records[StandardQueryData](strings.NewReader(read), nil))[0]
	line, err := d.AppendJSON(nil)
	if err != nil || string(line) != query+kept+"}" {
		t.Errorf("%v\n%s", err, line)
	}
	r := NewRoutingRecord(d)
	r.ModelName = "x"
	row, err := r.AppendJSON(nil)
	if err != nil || !strings.HasPrefix(string(row), query+kept+`, "model_name": "x", "response": "", `) {
		t.Errorf("%v\n%s", err, row)
	}
	back := collect(t, Records[RoutingRecord](strings.NewReader(string(row)), nil))[0]
	again, err := back.AppendJSON(nil)
	if err != nil || string(again) != string(row) || !back.QueryData().Equal(d) || len(back.QueryData().Extra) != 3 {
		t.Errorf("%v\n%s", err, again)
	}

	for name, extra := range map[string]ExtraField{
		"performance": {"performance", json.RawMessage("1")},
		"x":           {"x", json.RawMessage("{")},
		"\xff":        {"\xff", json.RawMessage("1")},
	} {
		d.Extra = []ExtraField{extra}
		_, err := d.AppendJSON(nil)
		if field, ok := errors.AsType[*FieldError](err); !ok || field.Field != name {
			t.Errorf("%q: %v", name, err)
		}
	}
}
