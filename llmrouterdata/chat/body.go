package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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
	choices  int // answers that are asked for
	most     int // tokens of the answers, at most
}

// field is a field of a body in the order in which it was read.
type field struct {
	name  string
	value json.RawMessage // nil: the messages, in their plainest form
	raw   []byte          // name as it was read; nil: it is ours
}

// A Message is what a message of a body says, as far as it is text.
type Message struct {
	// Role is who speaks: "system", "user", "assistant", "tool" and others.
	Role string
	// Text is the content; of a list of parts, those that are text, a line each; ""
	// where there is none.
	Text string
	// Other says that there is more to it than text: parts of another kind, such as
	// pictures, or calls of tools.
	Other bool
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
// role; "stream" is true, false or null. Other fields are not looked at. In the
// request, a message and a part no field may stand twice, in whatever case: which
// of them counts differs between readers. The text must not change while the body is
// in use. The error is a [*BodyError].
func ParseBody(text []byte) (*Body, error) {
	text = bytes.TrimLeft(text, jsonSpace)
	if len(text) == 0 || text[0] != '{' {
		return nil, &BodyError{"", errors.New("not a JSON object")}
	}
	if !json.Valid(text) {
		return nil, &BodyError{"", fmt.Errorf("not valid JSON: %w", json.Unmarshal(text, &struct{}{}))}
	}
	fields, twice := fieldsOf(text)
	if twice != "" {
		return nil, &BodyError{unquoted([]byte(twice)), errTwice}
	}
	b := &Body{size: len(text), fields: fields}
	for name, read := range map[string]func(json.RawMessage) error{"model": b.readModel, "messages": b.readMessages, "stream": b.readStream} {
		if err := read(b.field(name)); err != nil {
			return nil, &BodyError{name, err}
		}
	}
	b.readMost()
	return b, nil
}

// fieldsOf returns the fields of an object of valid JSON; twice is one that stands
// there twice, as it was read, "" for none.
func fieldsOf(object json.RawMessage) (fields []field, twice string) {
	seen := map[string]bool{}
	for raw, value := range elements(object) {
		name := unquoted(raw)
		folded := strings.ToLower(strings.ToUpper(name)) // as the readers do that know no case
		if seen[folded] {
			return nil, string(raw)
		}
		seen[folded] = true
		fields = append(fields, field{name, value, raw})
	}
	return fields, ""
}

// valueOf returns the value of a field, nil where there is none.
func valueOf(fields []field, name string) json.RawMessage {
	for i := range fields {
		if fields[i].name == name {
			return fields[i].value
		}
	}
	return nil
}

func (b *Body) field(name string) json.RawMessage { return valueOf(b.fields, name) }

var (
	errMissing = errors.New("missing")
	errTwice   = errors.New("stands there twice")
)

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
	switch {
	case value == nil:
		return errMissing
	case value[0] != '[':
		return errors.New("want a list of objects, each with a role")
	}
	for _, text := range elements(value) {
		m, err := readMessage(text)
		if err != nil {
			return fmt.Errorf("message %d: %w", len(b.messages), err)
		}
		b.messages = append(b.messages, m)
	}
	if len(b.messages) == 0 {
		return errors.New("want a message at least")
	}
	return nil
}

func readMessage(text json.RawMessage) (Message, error) {
	if text[0] != '{' {
		return Message{}, errors.New("want an object")
	}
	fields, twice := fieldsOf(text)
	if twice != "" {
		return Message{}, fmt.Errorf("%s %w", twice, errTwice)
	}
	role := valueOf(fields, "role")
	if len(role) == 0 || role[0] != '"' {
		return Message{}, errors.New("it has no role")
	}
	m := Message{Role: unquoted(role), Other: !blank(valueOf(fields, "tool_calls"))}
	return m, m.readContent(valueOf(fields, "content"))
}

// readContent takes in the content of a message, nil for none.
func (m *Message) readContent(content json.RawMessage) error {
	if len(content) == 0 || content[0] != '[' {
		m.Other = m.Other || !blank(content) && content[0] != '"'
		m.Text = unquoted(content)
		return nil
	}
	var lines []string
	for _, text := range elements(content) {
		if text[0] == '{' {
			fields, twice := fieldsOf(text)
			if twice != "" {
				return fmt.Errorf("%s %w", twice, errTwice)
			}
			text = valueOf(fields, "text")
		}
		if line := unquoted(text); line != "" {
			lines = append(lines, line)
		}
		m.Other = m.Other || len(text) == 0 || text[0] != '"'
	}
	m.Text = strings.Join(lines, "\n")
	return nil
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
	b := &Body{model: r.Target.Model, stream: p.stream, size: len(r.Prompt.System) + len(r.Prompt.User), choices: 1, most: p.maxTokens, messages: make([]Message, 0, 2)}
	if r.Prompt.System != "" {
		b.messages = append(b.messages, Message{Role: "system", Text: r.Prompt.System})
	}
	b.messages = append(b.messages, Message{Role: "user", Text: r.Prompt.User})
	number := func(f float64) json.RawMessage { return strconv.AppendFloat(nil, f, 'f', -1, 64) }
	b.fields = make([]field, 0, 7)
	add := func(name string, value json.RawMessage) { b.fields = append(b.fields, field{name: name, value: value}) }
	add("model", nil)
	add("messages", nil)
	add("max_tokens", strconv.AppendInt(nil, int64(p.maxTokens), 10))
	add("temperature", number(p.temperature))
	add("top_p", number(p.topP))
	if p.stream {
		add("stream", json.RawMessage("true"))
		add("stream_options", json.RawMessage(`{"include_usage":true}`))
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
	add := func(f field) {
		if f.name == "max_tokens" && rename {
			f.name, f.raw, renamed = "max_completion_tokens", nil, true
			if b.field(f.name) != nil {
				return // that one counts
			}
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		if f.raw != nil {
			text = append(text, f.raw...)
		} else {
			text = appendJSON(text, f.name)
		}
		text = append(append(text, ':'), f.value...)
	}
	for _, f := range b.fields {
		value, replaced := own[f.name]
		switch {
		case f.name == "model":
			add(field{name: f.name, raw: f.raw})
			text = appendJSON(text, model)
		case f.name == "max_tokens" && instead, string(value) == "null":
		case replaced:
			f.value = value
			add(f)
		default:
			add(f)
			if f.value == nil {
				text = b.appendMessages(text)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if b.field(name) == nil && string(own[name]) != "null" {
			add(field{name: name, value: own[name]})
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

// readMost reads how many answers are asked for, and how many tokens they may have.
func (b *Body) readMost() {
	count := func(name string, standard int) int {
		n, err := strconv.ParseFloat(string(b.field(name)), 64) // of JSON, it reads numbers alone
		if err != nil || n < 1 || n > maxTokens {
			return standard
		}
		return int(n)
	}
	b.choices = count("n", 1)
	most := count("max_completion_tokens", count("max_tokens", unboundedTokens))
	b.most = cmp.Or(min(most*b.choices, maxTokens), most)
}
