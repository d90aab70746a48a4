package llmrouterdata

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
)

// vectorValue reads a part of a vector; encoding/json would replace lone
// surrogates.
func vectorValue(t *testing.T, v golden.Vector, raw []byte) any {
	t.Helper()
	value, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return value
}

func vectorField(t *testing.T, v golden.Vector, raw []byte, key string) (any, bool) {
	t.Helper()
	o, ok := vectorValue(t, v, raw).(*pyjson.Object)
	if !ok {
		return nil, false
	}
	return o.Get(key)
}

func dump(t *testing.T, v any) string {
	t.Helper()
	text, err := pyjson.Append(nil, v, pyjson.Style{ASCII: true})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// untag turns the vectors' notation of Python values into JSON values; ok is
// false for a value that has no JSON form.
func untag(v any) (_ any, ok bool) {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			if list[i], ok = untag(item); !ok {
				return nil, false
			}
		}
		return list, true
	case *pyjson.Object:
		key, value := v.At(0)
		switch key {
		case "$int":
			return pyjson.Int(value.(string)), !strings.HasPrefix(strings.TrimPrefix(value.(string), "-"), "0x")
		case "$float":
			f, err := pyjson.Parse([]byte(map[string]string{"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[value.(string)]))
			if err != nil {
				f, err = pyjson.Parse([]byte(value.(string)))
			}
			return f, err == nil
		case "$tuple":
			return untag(value)
		case "$codepoints":
			var b strings.Builder
			for _, item := range value.([]any) {
				n, _ := item.(pyjson.Int).Int64()
				if 0xd800 <= n && n < 0xe000 {
					b.Write([]byte{0xe0 | byte(n>>12), 0x80 | byte(n>>6)&0x3f, 0x80 | byte(n)&0x3f})
					continue
				}
				b.WriteRune(rune(n))
			}
			return b.String(), true
		case "$dict":
			o := &pyjson.Object{}
			for _, pair := range value.([]any) {
				k, ok1 := untag(pair.([]any)[0])
				x, ok2 := untag(pair.([]any)[1])
				key, ok3 := k.(string)
				if !ok1 || !ok2 || !ok3 {
					return nil, false
				}
				o.Set(key, x)
			}
			return o, true
		}
		return nil, false
	default:
		return v, true
	}
}

func TestGoldenRecords(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"parse_choices":         testParseChoices,
		"load_query_data_jsonl": testLoad,
		"save_query_data_jsonl": testSave,
	})
}

// testParseChoices: lists and dicts are read alike; what the Python function
// gives for anything else, None or a scalar, is an error or nil here. JSON
// goes first here, so where a text is both, JSON's reading stands.
func testParseChoices(t *testing.T, v golden.Vector) {
	value, _ := vectorField(t, v, v.Args, "text")
	text := value.(string)
	ok, _ := vectorField(t, v, v.Out, "ok")
	want, hasJSON := untag(ok)
	if both, err := pyjson.Parse([]byte(text)); err == nil {
		want, hasJSON = both, true
	}
	got, err := ParseChoices(text)
	switch want.(type) {
	case []any, *pyjson.Object:
		if !hasJSON {
			break
		}
		if err != nil || got.JSON() != dump(t, want) {
			t.Errorf("%s: %q: got %s, %v, want %s", v.Where, text, got.JSON(), err, dump(t, want))
		}
		return
	}
	if got != nil {
		t.Errorf("%s: %q: got %s, want none", v.Where, text, got.JSON())
	}
}

// lineError is the error of a line, nil for none; whole says that the text is
// refused as a whole. Any other error fails the test.
func lineError(t *testing.T, v golden.Vector, err error) (line *LineError, whole bool) {
	line, _ = errors.AsType[*LineError](err)
	whole = errors.Is(err, textfile.ErrArray) || errors.Is(err, textfile.ErrSpread)
	if err != nil && line == nil && !whole {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return line, whole
}

// testLoad: lines, white space and JSON are read as the Python loader reads
// them. Wider here: a byte-order mark, and choices as Python literals.
// Narrower: a record needs its four required fields, and choices that are
// neither are an error where the Python loader drops them.
func testLoad(t *testing.T, v golden.Vector) {
	value, _ := vectorField(t, v, v.Args, "text")
	text := value.(string)
	type result struct {
		record StandardQueryData
		failed *LineError
	}
	var got []result
	failures := 0
	for record, err := range Records[StandardQueryData](strings.NewReader(text), nil) {
		line, whole := lineError(t, v, err)
		if whole {
			return
		}
		if err != nil {
			failures++
		}
		got = append(got, result{record, line})
	}
	out, accepted := vectorField(t, v, v.Out, "ok")
	if !accepted {
		if failures == 0 && !strings.HasPrefix(text, "\ufeff") {
			t.Errorf("%s: %q was accepted", v.Where, text)
		}
		return
	}
	rows := out.([]any)
	if len(rows) != len(got) {
		t.Errorf("%s: %d results of %d rows", v.Where, len(got), len(rows))
		return
	}
	for i, row := range rows {
		failed, record := got[i].failed, got[i].record
		row, ok := untag(row)
		o, isObject := row.(*pyjson.Object)
		if !ok || !isObject || !loadable(o) {
			if failed == nil {
				t.Errorf("%s: a row that is no record was accepted: %s", v.Where, text)
			}
			continue
		}
		choices, _ := o.Get("choices")
		if failed != nil {
			if choices != nil || failed.Field != "choices" {
				t.Errorf("%s: %q: %v", v.Where, text, failed)
			}
			continue
		}
		for key, have := range map[string]string{
			"task_name": record.TaskName, "query": record.Query, "ground_truth": record.GroundTruth, "metric": record.Metric,
		} {
			if want, _ := o.Get(key); want != have {
				t.Errorf("%s: %s is %q, want %q", v.Where, key, have, want)
			}
		}
		if choices != nil && record.Choices.JSON() != dump(t, choices) {
			t.Errorf("%s: choices are %s, want %s", v.Where, record.Choices.JSON(), dump(t, choices))
		}
	}
}

// loadable reports whether a row of the Python loader is a record here.
func loadable(o *pyjson.Object) bool {
	for _, key := range []string{"task_name", "query", "ground_truth", "metric"} {
		if s, _ := o.Get(key); s == nil {
			return false
		}
	}
	switch c, _ := o.Get("choices"); c.(type) {
	case nil, []any, *pyjson.Object:
		return true
	}
	return false
}

// testSave: every row is written as the Python writer does by composing the
// same steps, and by Writer where the row is one that our types hold.
func testSave(t *testing.T, v golden.Vector) {
	value, _ := vectorField(t, v, v.Args, "src")
	src, err := pyjson.Parse([]byte(value.(string)))
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	out := vectorValue(t, v, v.Out)
	want, isText := out.(string)
	var composed, written bytes.Buffer
	w := NewWriter[StandardQueryData](&written)
	var composeErr, writeErr error
	all := true
	for _, row := range src.([]any) {
		o := row.(*pyjson.Object)
		line := &pyjson.Object{}
		for _, key := range recordKeys {
			value, ok := o.Get(key)
			if !ok {
				composeErr = errors.Join(composeErr, &FieldError{key, ErrMissing})
			}
			if key == "choices" && value != nil {
				value = dump(t, value)
			}
			line.Set(key, value)
		}
		if kind, _ := o.Get("question_type"); !absent(kind) {
			line.Set("question_type", kind)
		}
		text, err := pyjson.Append(nil, line, pyjson.Style{})
		composeErr = errors.Join(composeErr, err)
		composed.Write(append(text, '\n'))
		record, ok := representable(o)
		if all = all && ok; ok {
			writeErr = errors.Join(writeErr, w.Write(record))
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if !isText {
		if composeErr == nil {
			t.Errorf("%s: was written, want %s", v.Where, dump(t, out))
		}
		if all && writeErr == nil {
			t.Errorf("%s: the Writer took it, want an error", v.Where)
		}
		return
	}
	if composeErr != nil || composed.String() != want {
		t.Errorf("%s: got %q, %v, want %q", v.Where, composed.String(), composeErr, want)
	}
	if all && (writeErr != nil || written.String() != want) {
		t.Errorf("%s: the Writer wrote %q, %v, want %q", v.Where, written.String(), writeErr, want)
	}
}

var recordKeys = []string{"task_name", "query", "ground_truth", "metric", "choices", "task_id"}

// representable returns the record that a row is, where the row has exactly a
// record's fields, types and order, and question_type behind them or not.
func representable(o *pyjson.Object) (StandardQueryData, bool) {
	if o.Len() > len(recordKeys)+1 {
		return StandardQueryData{}, false
	}
	var text [6]string
	var choices *Choices
	for i, key := range recordKeys {
		if i >= o.Len() {
			return StandardQueryData{}, false
		}
		k, value := o.At(i)
		if k != key {
			return StandardQueryData{}, false
		}
		s, isString := value.(string)
		text[i] = s
		switch {
		case key == "choices":
			if value == nil {
				continue
			}
			c, err := choicesOf(value)
			if err != nil {
				return StandardQueryData{}, false
			}
			choices = c
		case !isString && (key != "task_id" || value != nil):
			return StandardQueryData{}, false
		}
	}
	d := StandardQueryData{TaskName: text[0], Query: text[1], GroundTruth: text[2], Metric: text[3], Choices: choices}
	if id, _ := o.Get("task_id"); id != nil {
		d.TaskID = &text[5]
	}
	if o.Len() == len(recordKeys) {
		return d, true
	}
	kind, known := o.Get("question_type")
	if !known {
		return d, false
	}
	if !absent(kind) {
		json, err := pyjson.Append(nil, kind, pyjson.Style{})
		d.Extra = []ExtraField{{"question_type", json}}
		return d, err == nil
	}
	return d, true
}
