package chat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/service"
	"github.com/llmrouter-go/llmrouter/internal/thought"
)

// answer is a completion that was read.
type answer struct {
	text, finish, model string
	usage               usage
	counted             bool // usage has a count of the service's
	written             bool // something came that the model wrote
	thought             int  // bytes
	took                time.Duration
}

// bad is an answer that cannot be used; what is known of it beyond kind and
// detail is filled in later, and the detail is still to be scrubbed.
func bad(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// wireCompletion is the part of a completion, or of a piece of one in a stream,
// that is used. Values of type any, jsonText or json.RawMessage are those that
// services are known to send in more than one form; others of another form count
// as absent.
type wireCompletion struct {
	Choices []wireChoice `json:"choices"`
	Model   any          `json:"model"`
	Usage   *wireUsage   `json:"usage"`
	Groq    *wireGroq    `json:"x_groq"`
	Error   any          `json:"error"`
	Errors  any          `json:"errors"`
	Status  any          `json:"base_resp"`

	// Some gateways wrap what they pass on.
	Data   json.RawMessage `json:"data"`
	Result json.RawMessage `json:"result"`
}

type wireGroq struct {
	Usage *wireUsage `json:"usage"`
}

type wireChoice struct {
	Message      *wireMessage `json:"message"`
	Delta        *wireMessage `json:"delta"`
	Text         jsonText     `json:"text"`
	FinishReason any          `json:"finish_reason"`
	NativeReason any          `json:"native_finish_reason"`
	Index        any          `json:"index"`
	Usage        *wireUsage   `json:"usage"`
	Error        any          `json:"error"`
}

type wireMessage struct {
	Content      jsonText `json:"content"`
	Reasoning    any      `json:"reasoning"`
	ReasoningTo  any      `json:"reasoning_content"`
	Thinking     any      `json:"thinking"`
	Refusal      any      `json:"refusal"`
	ToolCalls    jsonText `json:"tool_calls"`
	FunctionCall any      `json:"function_call"`
	Error        any      `json:"error"`
}

// jsonText is a json.RawMessage of which a part is a string without a copy.
type jsonText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *jsonText) UnmarshalJSON(text []byte) error {
	*t = jsonText(text)
	return nil
}

// asText returns a JSON string, "" for any other value.
func asText(v any) string {
	s, _ := v.(string)
	return s
}

// present reports whether a JSON value says something: it is not null, false, 0 or
// empty, and has a part that says something.
func present(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, present)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), present)
	}
	return v != nil && v != false && v != "" && v != 0.0
}

// asReason returns a finish reason, which may be an object of that type; "" where
// there is none.
func asReason(v any) string {
	if object, ok := v.(map[string]any); ok {
		v = object["type"]
	}
	reason := asText(v)
	if strings.EqualFold(reason, "null") || strings.EqualFold(reason, "none") {
		return ""
	}
	return reason
}

// readAnswer reads an answer with a status below 300, whatever its content type
// says: what can be read is read, so that it is not paid for twice. The error is
// an *Error of bad, or the error of reading the body; the answer then holds what
// is known of it. An answer that is passed on is what was asked for, a stream or
// not; the error may then be pass's.
func readAnswer(res *http.Response, asked *Body, maxBytes int64, pass *passing) (answer, error) {
	media := res.Header.Get("Content-Type")
	if media != "application/json" { // as a rule
		media, _, _ = mime.ParseMediaType(media)
	}
	body := &cappedReader{ReadCloser: res.Body, left: maxBytes}
	r := reading{asked: asked, header: res.Header, pass: pass}
	var err error
	if asked.stream || media == "text/event-stream" {
		err = r.readPieces(bufio.NewReader(body), media)
	} else {
		text, broken := readAll(body, res.ContentLength)
		err = r.readWhole(text, media, broken)
		if pass != nil {
			pass.held = [][]byte{text}
		}
	}
	if body.over {
		err = bad(KindTooLarge, "longer than %d bytes", maxBytes)
	}
	if pass != nil {
		err = r.passRest(err)
	}
	return r.answer(), err
}

// readAll is io.ReadAll with room for the expected size.
func readAll(r io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	if size > 0 && size < maxGrow {
		b.Grow(int(size) + bytes.MinRead)
	}
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// cappedReader fails after its limit, which an io.LimitReader would hide.
type cappedReader struct {
	io.ReadCloser
	left int64
	over bool
}

var errOver = errors.New("answer over the limit")

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.over {
		return 0, errOver
	}
	if int64(len(p)) > c.left {
		p = p[:c.left+1] // one more tells that there is more
	}
	n, err := c.ReadCloser.Read(p)
	if int64(n) > c.left {
		c.over = true
		return int(c.left), errOver
	}
	c.left -= int64(n)
	return n, err
}

// A reading is an answer that is being read, piece by piece where it is a stream.
type reading struct {
	asked  *Body
	header http.Header
	pass   *passing // nil: nothing is passed on

	text          content
	thought       strings.Builder
	refusal       strings.Builder
	counts        counts
	finish, model string
	native        string // the finish reason of the service behind a gateway
	seen          bool   // a choice
	given         bool   // a content that is not null
	tools         bool
	streamed      bool            // it came as a stream
	told          bool            // it holds something that the model wrote, of an answer that is passed on
	aside         strings.Builder // what it holds beside the text of the first choice, of such an answer
	ended         []int           // the choices beside the first that have told their finish reason
	failure       *Error          // an error among the pieces

	first  int           // the index of the choice that came first, which alone counts
	pieces bool          // a text came in deltas
	words  *service.Body // what came last and is no part of a completion: an error, where nothing follows
	other  string        // the beginning of what says nothing that is known
}

// readWhole reads an answer that is all there, or of which text is what came
// before the connection broke.
func (r *reading) readWhole(text []byte, media string, broken error) error {
	text = trimmed(text)
	switch form := formOf(text); {
	case broken != nil && (form != formJSON || !json.Valid(text)) && form != formStream:
		return broken
	case len(text) == 0:
		return bad(KindTruncated, "empty body")
	case form == formPage, form == formOther && (media == "text/html" || media == "application/xhtml+xml"):
		return bad(KindHTML, "%s", service.ReadBody(text).Message)
	case form == formStream:
		return r.readStream(bufio.NewReader(bytes.NewReader(text)), broken)
	case form == formOther:
		return r.readWords(text, media)
	}
	return r.readJSON(text)
}

// readWords reads what is neither JSON nor a stream nor a page: an error, where its
// words are known.
func (r *reading) readWords(text []byte, media string) error {
	b := service.ReadBody(text)
	switch {
	case utf8.Valid(text) && b.Known():
		return refusal(0, r.header, b, r.pass != nil)
	case media != "" && media != "application/json":
		return bad(KindContentType, "content type %s: %s", media, beginning(text))
	}
	return bad(KindInvalidJSON, "%s", beginning(text))
}

// beginning is as much of a text as a detail shows.
func beginning(text []byte) []byte { return text[:min(len(text), maxDetail)] }

// readPieces reads an answer as it comes: a stream of events, or, where the
// service answers otherwise than it was asked, a whole one.
func (r *reading) readPieces(br *bufio.Reader, media string) error {
	form, err := sniff(br, r.pass != nil && r.asked.stream)
	if err == nil && (form == formStream || form == formOther && media == "text/event-stream") {
		return r.readStream(br, nil)
	}
	if media == "text/event-stream" {
		media = ""
	}
	text, broken := readAll(br, 0)
	return r.readWhole(text, media, broken)
}

// The forms of an answer.
type form int

const (
	formOther form = iota
	formJSON
	formStream
	formPage
)

// streamFields begin the lines of a stream of events.
var streamFields = [][]byte{[]byte("data:"), []byte("event:"), []byte("id:"), []byte("retry:"), []byte("error:"), []byte("[DONE]"), []byte("data\n")}

// formOf tells the form of a text, from which trimmed has taken what may stand
// before any form.
func formOf(text []byte) form {
	for _, field := range streamFields {
		if bytes.HasPrefix(text, field) {
			return formStream
		}
	}
	switch {
	case len(text) == 0:
		return formOther
	case text[0] == '{', text[0] == '[':
		return formJSON
	case text[0] == '<':
		return formPage
	}
	return formOther
}

// trimmed is text without what may stand before any form: a byte-order mark,
// white space, and comments of a stream, which keep a connection open.
func trimmed(text []byte) []byte {
	for {
		text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
		if len(text) == 0 || text[0] != ':' {
			return text
		}
		end := bytes.IndexAny(text, "\r\n")
		if end < 0 {
			return nil
		}
		text = text[end:]
	}
}

// sniff passes over what trimmed leaves out, and tells the form of what follows.
// Where comments are passed on, they begin a stream. The error is the reader's, where
// nothing follows.
func sniff(br *bufio.Reader, comments bool) (form, error) {
	for comment := false; ; {
		head, err := br.Peek(1)
		if err != nil {
			return formOther, err
		}
		switch c := head[0]; {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == ':' && comments:
			return formStream, nil
		case c == ':':
			comment = true
		case c == ' ', c == '\t', c == '\n', c == '\r', c == 0xef, c == 0xbb, c == 0xbf:
		default:
			head, _ = br.Peek(len("[DONE]"))
			return formOf(head), nil
		}
		_, _ = br.Discard(1)
	}
}

// readJSON reads a completion.
func (r *reading) readJSON(text []byte) error {
	w, err := parseCompletion(text)
	if err != nil {
		return err
	}
	for _, inner := range []json.RawMessage{w.Data, w.Result} {
		if len(w.Choices) == 0 && len(inner) > 0 && inner[0] == '{' {
			if unwrapped, err := parseCompletion(inner); err == nil && len(unwrapped.Choices) > 0 {
				w = unwrapped
			}
		}
	}
	if (text[0] == '[' || !json.Valid(text)) && !w.whole() { // the pieces of a stream, without its frame
		return r.readStream(bufio.NewReader(bytes.NewReader(text)), nil)
	}
	if len(w.Choices) > 1 {
		w.Choices = w.Choices[:1] // whatever its index
	}
	r.add(&w, text)
	return r.end(true, nil)
}

// whole reports whether a completion has an answer that is no piece.
func (w *wireCompletion) whole() bool {
	return len(w.Choices) > 0 && (w.Choices[0].Message != nil || w.Choices[0].Text != "")
}

// parseCompletion reads one completion, of a list the first; what follows it does
// not count.
func parseCompletion(text []byte) (wireCompletion, error) {
	var w wireCompletion
	err := json.Unmarshal(text, &w)
	if _, syntax := errors.AsType[*json.SyntaxError](err); syntax {
		w = wireCompletion{}
		if err = json.NewDecoder(bytes.NewReader(text)).Decode(&w); err != nil {
			if _, syntax := errors.AsType[*json.SyntaxError](err); syntax {
				w = wireCompletion{}
				err = json.NewDecoder(bytes.NewReader(repaired(text))).Decode(&w)
			}
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return w, bad(KindTruncated, "the JSON ends after %d bytes", len(text))
	}
	if text[0] == '[' && err != nil {
		var list []wireCompletion
		_ = json.Unmarshal(text, &list)
		if len(list) > 0 {
			return list[0], nil
		}
	}
	if _, ofType := errors.AsType[*json.UnmarshalTypeError](err); ofType && text[0] == '{' {
		return w, nil // all that has the right type was read
	}
	if err != nil {
		return w, bad(KindInvalidJSON, "%v: %s", err, beginning(text))
	}
	return w, nil
}

// repaired is JSON text with what some services write and no JSON may hold:
// NaN and its like become null, and control characters in strings are escaped.
func repaired(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\' && i+1 < len(text):
			out = append(out, c, text[i+1])
			i++
		case c == '"':
			inString = !inString
			out = append(out, c)
		case inString && c < ' ':
			out = fmt.Appendf(out, `\u%04x`, c)
		case !inString && (c == 'N' || c == 'I' || c == '-' && i+1 < len(text) && text[i+1] == 'I' || c == 'u'):
			end := i + 1
			for end < len(text) && 'A' <= text[end]&^0x20 && text[end]&^0x20 <= 'Z' {
				end++
			}
			switch string(text[i:end]) {
			case "NaN", "Infinity", "-Infinity", "None", "undefined":
				out = append(out, "null"...)
			default:
				out = append(out, text[i:end]...)
			}
			i = end - 1
		default:
			out = append(out, c)
		}
	}
	return out
}

// add takes in a completion or a piece of one; text is its JSON.
func (r *reading) add(w *wireCompletion, text []byte) {
	if model := asText(w.Model); model != "" {
		r.model = model
	}
	r.counts.add(w.Usage)
	if w.Groq != nil {
		r.counts.add(w.Groq.Usage)
	}
	r.addError(w, text)
	for i := range w.Choices {
		c := &w.Choices[i]
		if !r.seen {
			r.first = asCount(c.Index)
		}
		if asCount(c.Index) == r.first {
			r.addChoice(c)
		} else if r.pass != nil {
			r.addOther(c)
		}
	}
}

// addOther takes in what is needed of a choice beside the first.
func (r *reading) addOther(c *wireChoice) {
	if index := asCount(c.Index); asText(c.FinishReason) != "" && !slices.Contains(r.ended, index) {
		r.ended = append(r.ended, index)
	}
	if m := c.Delta; m != nil {
		r.aside.WriteString(unquoted([]byte(m.Content)))
		if !blank(m.ToolCalls) {
			r.aside.WriteString(string(m.ToolCalls))
		}
	}
}

// addError takes in what is an error, or may be one.
func (r *reading) addError(w *wireCompletion, text []byte) {
	isError := present(w.Error)
	bare := len(w.Choices) == 0 && w.Usage == nil
	if !isError && !bare && !present(w.Errors) && !present(w.Status) {
		return
	}
	switch b := service.ReadBody(text); {
	case isError, b.Error:
		r.fail(b)
	case !bare:
	case b.Told:
		r.words = &b
	default:
		r.other = string(beginning(text))
	}
}

func (r *reading) addChoice(c *wireChoice) {
	r.seen = true
	r.counts.add(c.Usage)
	if reason := asReason(c.FinishReason); reason != "" && (r.finish == "" || endingOf(reason) >= endingOf(r.finish)) {
		r.finish = reason // a later one takes no failure back
	}
	if reason := asReason(c.NativeReason); reason != "" {
		r.native = reason
	}
	for _, e := range c.errors() {
		if present(e) {
			r.fail(enclosed(e))
		}
	}
	m := r.messageOf(c)
	if !empty(m.Content) {
		r.words = nil
	}
	r.given = !r.text.add(m.Content, &r.thought) || r.given
	for _, field := range [...]any{m.ReasoningTo, m.Reasoning, m.Thinking} {
		if text := asText(field); text != "" {
			r.thought.WriteString(text)
			break // some services send it under two names
		}
	}
	r.refusal.WriteString(asText(m.Refusal))
	r.tools = r.tools || !blank(m.ToolCalls) || present(m.FunctionCall)
	if r.pass != nil && !blank(m.ToolCalls) {
		r.aside.WriteString(string(m.ToolCalls))
	}
}

// errors are the errors in a choice.
func (c *wireChoice) errors() (found [3]any) {
	found[0] = c.Error
	if c.Message != nil {
		found[1] = c.Message.Error
	}
	if c.Delta != nil {
		found[2] = c.Delta.Error
	}
	return found
}

// messageOf is what a choice adds to the answer. A message that comes behind a text
// in deltas is that text once more.
func (r *reading) messageOf(c *wireChoice) *wireMessage {
	switch {
	case c.Delta != nil && !empty(c.Delta.Content):
		r.pieces = true
		return c.Delta
	case c.Message != nil && !r.pieces:
		return c.Message
	case c.Delta != nil:
		return c.Delta
	case c.Message != nil:
		return &wireMessage{}
	}
	return &wireMessage{Content: c.Text}
}

// empty reports whether a JSON text is missing or says nothing.
func empty(raw jsonText) bool { return raw == "" || raw == "null" || raw == `""` }

// enclosed gives an error the form of a body.
func enclosed(v any) service.Body {
	text, _ := json.Marshal(map[string]any{"error": v}) // of JSON
	return service.ReadBody(text)
}

// fail notes an error that came as an answer, or among its pieces. The first one
// counts.
func (r *reading) fail(b service.Body) {
	if r.failure == nil {
		r.failure = refusal(0, r.header, b, r.pass != nil)
	}
}

// answer is what is known of the answer so far.
func (r *reading) answer() answer {
	text := r.text.String()
	field := r.thought.String()
	a := answer{
		text: text, finish: r.finish, model: r.model, counted: r.counts.known(),
		written: text != "" || field != "" || r.refusal.Len() > 0 || r.tools,
		thought: len(field) + thought.Len(text),
		usage:   r.counts.usage(r.asked, text, field, r.refusal.String(), r.aside.String()),
	}
	if endingOf(a.finish) == endLength {
		a.finish = "length"
	}
	return a
}

// end says whether the answer can be used. whole is whether the service said that
// it was done; err is why reading ended otherwise, nil for the end of the body.
func (r *reading) end(whole bool, err error) error {
	reason, ending := r.finish, endingOf(r.finish)
	if ending != endBroken && endingOf(r.native) == endBroken {
		reason, ending = r.native, endBroken
	}
	switch {
	case r.failure != nil:
		return r.failure
	case r.words != nil && r.finish == "":
		return refusal(0, r.header, *r.words, r.pass != nil)
	case !whole && !r.allEnded():
		if err != nil {
			return err
		}
		return bad(KindTruncated, "the stream ended before the answer did")
	case !r.seen:
		return bad(KindNoChoices, "%s", r.other)
	case ending == endBroken:
		e := bad(KindServer, "finish reason %s", reason)
		e.Code = reason
		return e
	case ending == endFilter:
		return bad(KindRefusal, "finish reason %s", r.finish)
	case r.text.len() > 0:
		return nil
	case r.refusal.Len() > 0:
		return bad(KindRefusal, "%s", r.refusal.String())
	case r.tools:
		return bad(KindToolCalls, "")
	case ending == endLength:
		return bad(KindLength, "the answer is empty, with %d bytes of thought", r.thought.Len())
	case ending == endWhole && r.saysNothing():
		return bad(KindTruncated, "an empty answer, without usage")
	case !r.given:
		return bad(KindNoContent, "finish reason %s", r.finish)
	}
	return nil
}

// allEnded reports whether all choices that were asked for have told why they ended.
func (r *reading) allEnded() bool { return r.finish != "" && 1+len(r.ended) >= r.asked.choices }

// saysNothing reports whether nothing shows that the model was at work. Whoever has
// an answer passed on judges that for himself.
func (r *reading) saysNothing() bool {
	return r.pass == nil && !r.counts.known() && r.thought.Len() == 0
}

// content is the text of an answer, as pieces of JSON come. It is kept as it
// stood in its JSON strings, so that a character that is written as two halves in
// two pieces comes out whole.
type content struct {
	first string // JSON, without the quotes
	all   []byte // first and what came behind it; nil: nothing did
}

func (c *content) len() int { return max(len(c.first), len(c.all)) }

// String returns the text.
func (c *content) String() string {
	raw := c.first
	if c.all != nil {
		raw = string(c.all)
	}
	if strings.IndexByte(raw, '\\') < 0 && utf8.ValidString(raw) { // as it stands
		return raw
	}
	var s string
	_ = json.Unmarshal([]byte(`"`+raw+`"`), &s) // pieces of valid strings
	return s
}

// append takes in a piece of the JSON.
func (c *content) append(raw string) {
	switch {
	case c.first == "":
		c.first = raw
	case c.all == nil:
		c.all = append([]byte(c.first), raw...)
	default:
		c.all = append(c.all, raw...)
	}
}

// add takes in a content in any form: a string, null, a list of parts or strings;
// anything else becomes its JSON text as sent. Parts that hold a thought go to
// thought. It reports whether the content was null, or had no part of text.
func (c *content) add(text jsonText, thought *strings.Builder) (null bool) {
	raw := strings.TrimSpace(string(text))
	if raw == "" {
		return true
	}
	switch raw[0] {
	case 'n':
		return true
	case '"':
		c.append(raw[1 : len(raw)-1])
	case '[':
		var parts []jsonText
		if json.Unmarshal([]byte(raw), &parts) != nil {
			return true
		}
		null = true
		for _, part := range parts {
			null = c.addPart(part, thought) && null
		}
		return null
	default:
		c.addText(raw)
	}
	return false
}

// addText takes in text that is no JSON string.
func (c *content) addText(text string) {
	quoted, _ := json.Marshal(text) // a string
	c.append(string(quoted[1 : len(quoted)-1]))
}

// addPart takes in one of a list of parts.
func (c *content) addPart(text jsonText, thought *strings.Builder) (null bool) {
	raw := strings.TrimSpace(string(text))
	if raw == "" || raw[0] != '{' {
		return c.add(text, thought)
	}
	var part struct {
		Type     any      `json:"type"`
		Text     jsonText `json:"text"`
		Content  jsonText `json:"content"`
		Thinking jsonText `json:"thinking"`
	}
	_ = json.Unmarshal([]byte(raw), &part)
	if part.Text == "" {
		part.Text = part.Content
	}
	switch kind := asText(part.Type); {
	case strings.Contains(kind, "think"), strings.Contains(kind, "reason"):
		var inner content
		_ = inner.add(part.Thinking, thought)
		_ = inner.add(part.Text, thought)
		thought.WriteString(inner.String())
		return true
	case len(part.Text) > 0 && (kind == "" || strings.Contains(kind, "text")):
		if part.Text[0] == '{' { // {"value": "..."}
			var value struct {
				Value jsonText `json:"value"`
			}
			if json.Unmarshal([]byte(part.Text), &value) == nil && len(value.Value) > 0 {
				part.Text = value.Value
			}
		}
		return c.add(part.Text, thought)
	case kind == "":
		c.addText(raw)
		return false
	}
	return true
}
