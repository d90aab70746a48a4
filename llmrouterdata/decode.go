package llmrouterdata

import (
	"errors"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// ErrMissing is the error for a required field that a record lacks.
var ErrMissing = errors.New("missing")

// FieldError is a field that is missing, of the wrong type or out of range.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return fmt.Sprintf("field %q: %v", e.Field, e.Err) }

// Unwrap returns the reason.
func (e *FieldError) Unwrap() error { return e.Err }

// fields reads the fields of one object and keeps the first error.
type fields struct {
	o   *pyjson.Object
	err *FieldError
}

func (f *fields) fail(name string, err error) {
	if f.err == nil {
		f.err = &FieldError{name, err}
	}
}

func (f *fields) failType(name, want string, v any) {
	f.fail(name, fmt.Errorf("want %s, have %s", want, describe(v)))
}

// absent reports whether v stands for no value: null, or the NaN that pandas
// puts in its place.
func absent(v any) bool {
	if f, ok := v.(float64); ok {
		return f != f
	}
	return v == nil
}

// describe names a value's JSON type for messages.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case pyjson.Int:
		return "an integer"
	case float64:
		if absent(v) {
			return "NaN"
		}
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}

// required returns a field's value, which must be there and not null.
func (f *fields) required(name string) (any, bool) {
	v, ok := f.o.Get(name)
	switch {
	case !ok:
		f.fail(name, ErrMissing)
	case absent(v):
		f.fail(name, fmt.Errorf("%w: it is %s", ErrMissing, describe(v)))
		ok = false
	}
	return v, ok
}

func (f *fields) text(name string) string {
	v, ok := f.required(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.failType(name, "a string", v)
	}
	return s
}

// truth reads a ground truth: a string, or what older files hold: an array,
// which becomes its JSON text, or a scalar, which becomes its text.
func (f *fields) truth(name string) string {
	v, ok := f.required(name)
	if !ok {
		return ""
	}
	switch v := v.(type) {
	case []any, *pyjson.Object:
		text, err := pyjson.Append(nil, v, pyjson.Style{ASCII: true})
		if err != nil {
			f.fail(name, err)
		}
		return string(text)
	default:
		return pyliteral.Str(v)
	}
}

func (f *fields) choices(name string) *Choices {
	v, _ := f.o.Get(name)
	if absent(v) {
		return nil
	}
	c, err := decodeChoices(v)
	if err != nil {
		f.fail(name, err)
	}
	return c
}

// id reads an optional identifier: a string, or a number that becomes its
// text (601.0, which pandas makes of 601, is 601).
func (f *fields) id(name string) *string {
	v, _ := f.o.Get(name)
	if absent(v) {
		return nil
	}
	switch v := v.(type) {
	case string:
		return &v
	case pyjson.Int:
		return new(string(v))
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return new(string(pyjson.NewInt(int64(v))))
		}
		return new(pyliteral.Str(v))
	}
	f.failType(name, "a string or a number", v)
	return nil
}

// optionalText reads a string that may be missing or null, then "".
func (f *fields) optionalText(name string) string {
	v, _ := f.o.Get(name)
	if absent(v) {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.failType(name, "a string", v)
	}
	return s
}

// number reads a required number; NaN and null give NaN.
func (f *fields) number(name string) float64 {
	v, ok := f.o.Get(name)
	if !ok {
		f.fail(name, ErrMissing)
		return 0
	}
	switch v := v.(type) {
	case nil:
		return math.NaN()
	case pyjson.Int:
		return v.Float64()
	case float64:
		return v
	}
	f.failType(name, "a number", v)
	return 0
}

// integer reads a required integer, which pandas may have turned into a float;
// null and NaN give none.
func (f *fields) integer(name string, none int) int {
	v, ok := f.o.Get(name)
	if !ok {
		f.fail(name, ErrMissing)
		return 0
	}
	if absent(v) {
		return none
	}
	switch v := v.(type) {
	case pyjson.Int:
		if n, ok := v.Int64(); ok && int64(int(n)) == n {
			return int(n)
		}
		f.fail(name, fmt.Errorf("integer %.30s is out of range", string(v)))
		return 0
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
		f.fail(name, fmt.Errorf("want an integer, have %v", v))
		return 0
	}
	f.failType(name, "an integer", v)
	return 0
}

func (f *fields) query() StandardQueryData {
	return StandardQueryData{
		TaskName:    f.text("task_name"),
		Query:       f.asked("query"),
		GroundTruth: f.truth("ground_truth"),
		Metric:      f.text("metric"),
		Choices:     f.choices("choices"),
		TaskID:      f.id("task_id"),
		Extra:       f.extra(),
	}
}

func (f *fields) routing() RoutingRecord {
	r := NewRoutingRecord(f.query())
	r.ModelName = f.text("model_name")
	r.Response = f.optionalText("response")
	r.TokenNum = f.integer("token_num", 0)
	r.InputTokens = f.integer("input_tokens", 0)
	r.OutputTokens = f.integer("output_tokens", 0)
	r.ResponseTime = f.number("response_time")
	r.APIKeyUsed = f.optionalText("api_key_used")
	r.Performance = f.number("performance")
	r.EmbeddingID = f.integer("embedding_id", NoEmbedding)
	r.UserID = f.id("user_id")
	r.FigID = f.id("fig_id")
	return r
}
