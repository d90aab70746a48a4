package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// A Body is what a service is asked: the JSON object of a request, of which only
// the model is replaced, and what the candidate asks for itself. Whatever else
// stands in it is sent as it was read. It does not change, and any number of
// goroutines may use it.
type Body struct {
	fields   []field
	messages []Message
	model    string
	stream   bool
	size     int // bytes of what the model gets to read, at most
	most     int // tokens of the answers, at most
}

// field is a field of a body in the order in which it was read.
type field struct {
	name  string
	value json.RawMessage // nil: the messages, in their plainest form
}

// A Message is what a message of a body says, as far as it is text.
type Message struct {
	// Role is who speaks: "system", "user", "assistant", "tool" and others.
	Role string
	// Text is the content; of a list of parts, those that are text, a line each; ""
	// where there is none.
	Text string
}

// A BodyError says why a text is no request.
type BodyError struct {
	// Field is the field at fault; "" where the whole text is.
	Field string
	Err   error
}

// Error implements error.
func (e *BodyError) Error() string {
	if e.Field == "" {
		return "chat: request: " + e.Err.Error()
	}
	return fmt.Sprintf("chat: request: field %q: %v", e.Field, e.Err)
}

// Unwrap returns Err.
func (e *BodyError) Unwrap() error { return e.Err }

// ParseBody reads the JSON of a request for a chat completion, in the form of
// OpenAI's interface. It must have a model, and messages of which each has a
// role; "stream" is true, false or null. Other fields are not looked at. The
// error is a [*BodyError].
func ParseBody(text []byte) (*Body, error) {
	b := &Body{size: len(text)}
	if err := b.readFields(text); err != nil {
		return nil, err
	}
	for name, read := range map[string]func(json.RawMessage) error{"model": b.readModel, "messages": b.readMessages, "stream": b.readStream} {
		if err := read(b.field(name)); err != nil {
			return nil, &BodyError{name, err}
		}
	}
	b.readMost()
	return b, nil
}

// readFields reads a JSON object that nothing follows, and in which no field
// stands twice: which of them counts differs between readers.
func (b *Body) readFields(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return &BodyError{"", errors.New("not a JSON object")}
	}
	seen := map[string]bool{}
	for d.More() {
		var f field
		name, err := d.Token()
		if err == nil {
			f.name, _ = name.(string) // of an object, names are strings
			err = d.Decode(&f.value)
		}
		if err != nil {
			return &BodyError{f.name, fmt.Errorf("not valid JSON: %w", err)}
		}
		if seen[f.name] {
			return &BodyError{f.name, errors.New("stands there twice")}
		}
		seen[f.name] = true
		b.fields = append(b.fields, f)
	}
	if _, err := d.Token(); err != nil {
		return &BodyError{"", fmt.Errorf("not valid JSON: %w", err)}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &BodyError{"", errors.New("something follows the JSON object")}
	}
	return nil
}

// field returns the value of a field, nil where there is none.
func (b *Body) field(name string) json.RawMessage {
	for i := range b.fields {
		if b.fields[i].name == name {
			return b.fields[i].value
		}
	}
	return nil
}

var errMissing = errors.New("missing")

func (b *Body) readModel(value json.RawMessage) error {
	switch {
	case value == nil:
		return errMissing
	case json.Unmarshal(value, &b.model) != nil || b.model == "":
		return errors.New("want the name of a model")
	}
	return nil
}

func (b *Body) readStream(value json.RawMessage) error {
	if value != nil && json.Unmarshal(value, &b.stream) != nil {
		return errors.New("want true or false")
	}
	return nil
}

func (b *Body) readMessages(value json.RawMessage) error {
	var list []struct {
		Role    *string         `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	switch err := json.Unmarshal(value, &list); {
	case value == nil:
		return errMissing
	case err != nil:
		return errors.New("want a list of objects, each with a role")
	case len(list) == 0:
		return errors.New("want a message at least")
	}
	for i, m := range list {
		if m.Role == nil {
			return fmt.Errorf("message %d has no role", i)
		}
		b.messages = append(b.messages, Message{*m.Role, contentText(m.Content)})
	}
	return nil
}

// contentText returns the text of a message's content.
func contentText(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(content, &parts) // parts without a text, or that are none, have none
	var lines []string
	for _, p := range parts {
		if p.Text != "" {
			lines = append(lines, p.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// Model is the model that the request names.
func (b *Body) Model() string { return b.model }

// Stream reports whether the answer is to come as a stream of events.
func (b *Body) Stream() bool { return b.stream }

// Messages are the messages of the request.
func (b *Body) Messages() []Message { return slices.Clone(b.messages) }

// body is the request in the form in which a service gets it: an optional system
// message, the user message and the parameters, none left out.
func (r Request) body(p filledParams) *Body {
	b := &Body{model: r.Target.Model, stream: p.stream, size: len(r.Prompt.System) + len(r.Prompt.User), most: p.maxTokens, messages: make([]Message, 0, 2)}
	if r.Prompt.System != "" {
		b.messages = append(b.messages, Message{"system", r.Prompt.System})
	}
	b.messages = append(b.messages, Message{"user", r.Prompt.User})
	number := func(f float64) json.RawMessage { return strconv.AppendFloat(nil, f, 'f', -1, 64) }
	b.fields = append(make([]field, 0, 7), field{"model", nil}, field{"messages", nil},
		field{"max_tokens", strconv.AppendInt(nil, int64(p.maxTokens), 10)}, field{"temperature", number(p.temperature)}, field{"top_p", number(p.topP)})
	if p.stream {
		b.fields = append(b.fields, field{"stream", json.RawMessage("true")}, field{"stream_options", json.RawMessage(`{"include_usage":true}`)})
	}
	return b
}

// encode is the body for a model with a candidate's own fields: one that is null
// is not sent, others replace what would be sent or come behind it, by name. With
// rename, max_tokens is sent as max_completion_tokens; renamed says that there was
// something to rename.
func (b *Body) encode(model string, own map[string]json.RawMessage, rename bool) (text []byte, renamed bool) {
	_, instead := own["max_completion_tokens"]
	rename = rename && !instead
	text = append(make([]byte, 0, b.size+256), '{')
	add := func(name string, value json.RawMessage) {
		if name == "max_tokens" && rename {
			name, renamed = "max_completion_tokens", true
			if b.field(name) != nil {
				return // that one counts
			}
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(appendJSON(text, name), ':'), value...)
	}
	for _, f := range b.fields {
		value, replaced := own[f.name]
		switch {
		case f.name == "model":
			add(f.name, nil)
			text = appendJSON(text, model)
		case f.name == "max_tokens" && instead, string(value) == "null":
		case replaced:
			add(f.name, value)
		default:
			add(f.name, f.value)
			if f.value == nil {
				text = b.appendMessages(text)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if b.field(name) == nil && string(own[name]) != "null" {
			add(name, own[name])
		}
	}
	return append(text, '}'), renamed
}

// appendMessages appends the messages as a JSON list.
func (b *Body) appendMessages(dst []byte) []byte {
	dst = append(dst, '[')
	for i, m := range b.messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(append(dst, `{"role":`...), m.Role)
		dst = append(appendJSON(append(dst, `,"content":`...), m.Text), '}')
	}
	return append(dst, ']')
}

// appendJSON appends a text as a JSON string. What is no UTF-8 is replaced.
func appendJSON(dst []byte, text string) []byte {
	if quoted, err := pyjson.AppendString(dst, text, false); err == nil {
		return quoted
	}
	quoted, _ := json.Marshal(text) // a string
	return append(dst, quoted...)
}

// promptTokens estimates the tokens of what the model gets to read.
func (b *Body) promptTokens() int {
	n := EstimateTokens(string(b.field("tools")))
	for i := range b.messages {
		n += EstimateTokens(b.messages[i].Text)
	}
	return n
}

// mostPromptTokens bounds them: byte-level and word-piece vocabularies spend at
// least one byte on each token. A picture by its address can take more.
func (b *Body) mostPromptTokens() int { return b.size + framing }

// readMost reads how many tokens the answers may have.
func (b *Body) readMost() {
	count := func(name string, standard int) int {
		n, err := strconv.ParseFloat(string(b.field(name)), 64) // of JSON, it reads numbers alone
		if err != nil || n < 1 || n > maxTokens {
			return standard
		}
		return int(n)
	}
	most := count("max_completion_tokens", count("max_tokens", unboundedTokens))
	b.most = cmp.Or(min(most*count("n", 1), maxTokens), most)
}
