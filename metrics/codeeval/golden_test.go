package codeeval

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

func TestGoldenExtractCode(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"extract_code": func(t *testing.T, v golden.Vector) {
			args, out := object(t, v, v.Args), object(t, v, v.Out)
			prediction, _ := args.Get("prediction")
			id, _ := args.Get("task_id")
			text, isText := prediction.(string)
			if _, fails := out.Get("error"); !isText && fails {
				return // what is not text never gets this far here
			}
			code, gotID, err := ExtractCode(text, idText(id))
			if want, fails := out.Get("error"); fails {
				if err == nil {
					t.Errorf("%s: id %v: got %q, want %v", v.Where, id, code, want)
				}
				return
			}
			want, _ := out.Get("code")
			wantID, _ := out.Get("task_id")
			if err != nil || code != want || gotID != idText(wantID) {
				t.Errorf("%s: got %q, %q, %v, want %q, %v", v.Where, code, gotID, err, want, wantID)
			}
		},
	})
}

func object(t *testing.T, v golden.Vector, raw json.RawMessage) *pyjson.Object {
	t.Helper()
	value, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return value.(*pyjson.Object)
}

// idText turns an id of any JSON type into the text that records hold. Python
// reads numbers by int() of the number itself, so a fraction is cut off, while
// it refuses the text of one.
func idText(id any) string {
	switch id := id.(type) {
	case float64:
		if math.IsNaN(id) || math.IsInf(id, 0) {
			return "" // no integer
		}
		if n, accuracy := big.NewFloat(math.Trunc(id)).Int(nil); accuracy == big.Exact {
			return n.String()
		}
		return ""
	case bool:
		if id {
			return "1"
		}
		return "0"
	default:
		return pyliteral.Str(id)
	}
}
