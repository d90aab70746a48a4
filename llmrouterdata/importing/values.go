package importing

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// at returns the value at a path of keys, nil where there is none.
func at(v any, path ...string) any {
	for _, key := range path {
		o, ok := v.(*pyjson.Object)
		if !ok {
			return nil
		}
		v, _ = o.Get(key)
	}
	return v
}

// item returns item i of a list, nil where there is none.
func item(v any, i int) any {
	if list, ok := v.([]any); ok && i < len(list) {
		return list[i]
	}
	return nil
}

// textAt returns a string, or the text of a number or a boolean; "" where there
// is none.
func textAt(v any, path ...string) string {
	switch v := at(v, path...).(type) {
	case nil, []any, *pyjson.Object:
		return ""
	case string:
		return v
	default:
		return pyliteral.Str(v)
	}
}

// textPointer is textAt with nil for what is not there.
func textPointer(v any, path ...string) *string {
	if text := textAt(v, path...); text != "" {
		return &text
	}
	return nil
}

// numberAt returns a finite number, nil where there is none.
func numberAt(v any, path ...string) *float64 {
	var n float64
	switch v := at(v, path...).(type) {
	case float64:
		n = v
	case pyjson.Int:
		n = v.Float64()
	default:
		return nil
	}
	if n-n != 0 {
		return nil
	}
	return &n
}

// countAt returns a whole number from 0, nil where there is none.
func countAt(v any, path ...string) *int { return count(numberAt(v, path...)) }

func count(n *float64) *int {
	if n == nil || *n != math.Trunc(*n) || *n < 0 || *n > math.MaxInt32 {
		return nil
	}
	return new(int(*n))
}

// amountAt returns a time or a cost, nil where there is none.
func amountAt(v any, path ...string) *float64 { return amount(numberAt(v, path...)) }

func amount(n *float64) *float64 {
	if n == nil || !(*n >= 0 && *n < maxAmount) {
		return nil
	}
	return n
}

// jsonText is a value as it stands in JSON.
func jsonText(v any) string {
	text, err := pyjson.Append(nil, v, pyjson.Style{ASCII: true})
	if err != nil {
		return ""
	}
	return string(text)
}

// choicesOf reads options; nil where a value is not of their form.
func choicesOf(v any) *llmrouterdata.Choices {
	switch v := v.(type) {
	case string, nil:
		return nil
	case []any:
		if len(v) == 0 {
			return nil
		}
	}
	c, err := llmrouterdata.ParseChoices(jsonText(v))
	if err != nil || len(c.Text()) == 0 || len(c.Text()) != len(c.Labels()) {
		return nil
	}
	return c
}

// userText returns the text of the last message of a user: of a list of messages,
// of the JSON of one, or of a text that is the message itself.
func userText(v any) string {
	if text, ok := v.(string); ok {
		if !strings.HasPrefix(text, "[{") {
			return text
		}
		messages, err := pyjson.Parse([]byte(text))
		if err != nil {
			return text
		}
		v = messages
	}
	list, _ := v.([]any)
	for i := len(list) - 1; i >= 0; i-- {
		if textAt(list[i], "role") == "user" {
			return contentText(at(list[i], "content"))
		}
	}
	return ""
}

// contentText is the text of a message: a string, or the texts of its parts.
func contentText(v any) string {
	parts, ok := v.([]any)
	if !ok {
		return textAt(v)
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(textAt(part, "text"))
	}
	return b.String()
}

// readWhole reads a JSON document.
func readWhole(r io.Reader) (any, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("more than %d bytes", maxDocument)
	}
	if err != nil {
		return nil, err
	}
	return pyjson.Parse(bytes.TrimPrefix(text, []byte("\ufeff")))
}

// readDocument reads a file that is a JSON document.
func readDocument(name string) (any, error) {
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := readWhole(f)
	if err != nil {
		return nil, fmt.Errorf("importing: %s: %w", name, err)
	}
	return v, nil
}

// object is an object of a file of JSON Lines.
type object struct {
	*pyjson.Object
	where string
}

// readObjects yields the objects of a file of JSON Lines. A line that is none is
// a *SkippedError, after which the stream goes on.
func readObjects(ctx context.Context, name string) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		f, err := llmrouterdata.OpenFile(name)
		if err != nil {
			yield(object{}, err)
			return
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, maxLine)
		number := 0
		for lines.Scan() {
			number++
			if err := ctx.Err(); err != nil {
				yield(object{}, err)
				return
			}
			line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
			if len(line) == 0 {
				continue
			}
			o := object{where: fmt.Sprintf("%s:%d", name, number)}
			v, err := pyjson.Parse(line)
			var ok bool
			if o.Object, ok = v.(*pyjson.Object); err == nil && !ok {
				err = fmt.Errorf("want an object")
			}
			if err != nil {
				err = &SkippedError{Where: o.where, Reason: ReasonMalformed, Err: err}
			}
			if !yield(o, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(object{}, fmt.Errorf("importing: %s: after line %d: %w", name, number, err))
		}
	}
}

// stop reports whether an error ends a stream.
func stop(err error) bool {
	_, skip := err.(*SkippedError)
	return err != nil && !skip
}

// fileByFile makes a stream of all files of one of each.
func fileByFile(files []string, read func(name string) iter.Seq2[Result, error]) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for _, name := range files {
			for r, err := range read(name) {
				if !yield(r, err) || stop(err) {
					return
				}
			}
		}
	}
}

// objectByObject makes a stream of a file of JSON Lines. result yields what an
// object holds, and reports whether to go on.
func objectByObject(ctx context.Context, name string, result func(o object, yield func(Result, error) bool) bool) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for o, err := range readObjects(ctx, name) {
			if err != nil {
				if !yield(Result{}, err) || stop(err) {
					return
				}
				continue
			}
			if !result(o, yield) {
				return
			}
		}
	}
}
