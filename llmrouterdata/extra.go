package llmrouterdata

import (
	"encoding/json"
	"errors"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// ExtraField is a field that has no meaning here and is kept.
type ExtraField struct {
	Name string
	// JSON is its value.
	JSON json.RawMessage
}

// recordFields are the names of the fields of queries and of routing rows.
var recordFields = map[string]bool{
	"task_name": true, "query": true, "ground_truth": true, "metric": true, "choices": true, "task_id": true,
	"model_name": true, "response": true, "token_num": true, "input_tokens": true, "output_tokens": true, "response_time": true,
	"api_key_used": true, "performance": true, "embedding_id": true, "user_id": true, "fig_id": true,
}

// extra reads the fields of a record that have no meaning here, in their order. One
// that is null, or NaN, as pandas writes for what is not there, is none.
func (f *fields) extra() (list []ExtraField) {
	for i := range f.o.Len() {
		name, v := f.o.At(i)
		if recordFields[name] || absent(v) {
			continue
		}
		text, err := pyjson.Append(nil, finite(v), pyjson.Style{})
		if err != nil {
			f.fail(name, err)
			continue
		}
		list = append(list, ExtraField{name, text})
	}
	return list
}

// finite puts null in the place of numbers that are not finite.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if v-v != 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case *pyjson.Object:
		for i := range v.Len() {
			name, inner := v.At(i)
			v.Set(name, finite(inner))
		}
	}
	return v
}

// extra appends fields that have no meaning here.
func (o *object) extra(list []ExtraField) {
	for _, e := range list {
		if recordFields[e.Name] {
			o.fail(e.Name, errors.New("it is a field of records, and cannot be an extra one"))
			continue
		}
		v, err := pyjson.Parse(e.JSON)
		if err != nil {
			o.fail(e.Name, err)
			continue
		}
		fields := &pyjson.Object{}
		fields.Set(e.Name, finite(v))
		text, err := pyjson.Append(nil, fields, pyjson.Style{})
		if err != nil {
			o.fail(e.Name, err)
			continue
		}
		o.dst = append(append(o.dst, ", "...), text[1:len(text)-1]...) // behind other members
	}
}
