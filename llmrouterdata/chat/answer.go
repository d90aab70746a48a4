package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/packages/ssestream"
)

// answer is a completion that was read.
type answer struct {
	text, finish string
	usage        usage
	took         time.Duration
}

// usage is what an answer took, in tokens; estimated says that the service did
// not tell.
type usage struct {
	prompt, completion, total int
	estimated                 bool
}

// bad is an answer that cannot be used; what is known of it beyond kind and
// detail is filled in later, and the detail is still to be scrubbed.
func bad(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// wireCompletion is the part of a completion that is used. Values of type any
// are those that services are known to send in more than one form.
type wireCompletion struct {
	Choices []wireChoice    `json:"choices"`
	Usage   *wireUsage      `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type wireChoice struct {
	Message      *wireMessage `json:"message"`
	Delta        *wireMessage `json:"delta"`
	FinishReason any          `json:"finish_reason"`
	Index        any          `json:"index"`
}

type wireMessage struct {
	Content      any `json:"content"`
	Refusal      any `json:"refusal"`
	ToolCalls    any `json:"tool_calls"`
	FunctionCall any `json:"function_call"`
}

type wireUsage struct {
	Prompt     any `json:"prompt_tokens"`
	Completion any `json:"completion_tokens"`
	Total      any `json:"total_tokens"`
}

// asText returns a JSON string, "" for any other value.
func asText(v any) string {
	s, _ := v.(string)
	return s
}

// asCount returns a JSON number (or a string that holds one) of 0 to maxCount,
// 0 for any other value.
func asCount(v any) int {
	f, ok := v.(float64)
	if text, isText := v.(string); isText {
		var err error
		f, err = strconv.ParseFloat(text, 64)
		ok = err == nil
	}
	if !ok || !(f > 0 && f <= maxCount) {
		return 0
	}
	return int(math.Round(f))
}

// usage returns the service's counts; a missing total is the sum, and no counts
// at all are left to be estimated.
func (u *wireUsage) usage() usage {
	if u == nil {
		return usage{estimated: true}
	}
	prompt, completion, total := asCount(u.Prompt), asCount(u.Completion), asCount(u.Total)
	if prompt == 0 && completion == 0 && total == 0 {
		return usage{estimated: true}
	}
	return usage{prompt, completion, cmp.Or(total, prompt+completion), false}
}

// readAnswer reads an answer with a status below 300. The error is an
// *Error of bad, or the error of reading the body.
func readAnswer(res *http.Response, maxBytes int64) (answer, error) {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	body := &cappedReader{ReadCloser: res.Body, left: maxBytes}
	var a answer
	var err error
	if media == "text/event-stream" {
		res.Body = body
		a, err = readStream(res)
	} else {
		var text []byte
		if text, err = readAll(body, res.ContentLength); err == nil {
			a, err = parseAnswer(media, text)
		}
	}
	if body.over {
		return a, bad(KindTooLarge, "longer than %d bytes", maxBytes)
	}
	return a, err
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

// parseAnswer reads a completion from a whole body.
func parseAnswer(media string, text []byte) (answer, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.TrimSpace(text)
	switch {
	case media == "text/html", media == "application/xhtml+xml", bytes.HasPrefix(text, []byte("<")):
		return answer{}, bad(KindHTML, "%s", text)
	case media == "", media == "text/plain", media == "text/json", media == "application/json", strings.HasSuffix(media, "+json"):
	default:
		return answer{}, bad(KindContentType, "content type %s", media)
	}
	if len(text) == 0 {
		return answer{}, bad(KindTruncated, "empty body")
	}
	if media == "text/plain" && text[0] != '{' {
		return answer{}, bad(KindContentType, "content type %s", media)
	}
	var w wireCompletion
	if err := json.Unmarshal(text, &w); err != nil {
		var whole json.RawMessage // a Decoder, unlike Unmarshal, tells an early end apart
		if errors.Is(json.NewDecoder(bytes.NewReader(text)).Decode(&whole), io.ErrUnexpectedEOF) {
			return answer{}, bad(KindTruncated, "the JSON ends after %d bytes", len(text))
		}
		return answer{}, bad(KindInvalidJSON, "%v", err)
	}
	return w.answer()
}

// answer takes the first choice.
func (w *wireCompletion) answer() (answer, error) {
	if err := embeddedError(w.Error); err != nil {
		return answer{}, err
	}
	a := answer{usage: w.Usage.usage()}
	if len(w.Choices) == 0 {
		return a, bad(KindNoChoices, "")
	}
	c := w.Choices[0]
	a.finish = asText(c.FinishReason)
	if c.Message == nil {
		return a, bad(KindInvalidJSON, "the first choice has no message")
	}
	text, null, ok := contentText(c.Message.Content)
	if !ok {
		return a, bad(KindInvalidJSON, "the content is neither text nor a list of parts")
	}
	a.text = text
	return a, a.check(null, asText(c.Message.Refusal), present(c.Message.ToolCalls) || present(c.Message.FunctionCall))
}

// check tells an answer without text apart from an empty answer.
func (a *answer) check(null bool, refusal string, tools bool) error {
	switch {
	case a.text != "":
		return nil
	case refusal != "":
		return bad(KindRefusal, "%s", refusal)
	case a.finish == "content_filter":
		return bad(KindRefusal, "content filter")
	case tools:
		return bad(KindToolCalls, "")
	case null:
		return bad(KindNoContent, "finish reason %s", a.finish)
	}
	return nil
}

// present reports whether v is something other than null or empty.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// contentText reads a message's content: a string, null, or a list of parts, of
// which those of text count.
func contentText(content any) (text string, null, ok bool) {
	switch content := content.(type) {
	case nil:
		return "", true, true
	case string:
		return content, false, true
	case []any:
		var b strings.Builder
		for _, part := range content {
			p, ok := part.(map[string]any)
			if !ok {
				return "", false, false
			}
			if kind := asText(p["type"]); kind == "text" || kind == "output_text" || kind == "" {
				b.WriteString(asText(p["text"]))
			}
		}
		return b.String(), b.Len() == 0, true
	}
	return "", false, false
}

// readStream reads a streamed completion. It is complete when the first choice
// has told its finish reason or the stream said that it is done.
func readStream(res *http.Response) (answer, error) {
	var a answer
	var text, refusal strings.Builder
	var counts *wireUsage
	seen, done, null, tools := false, false, true, false
	d := ssestream.NewDecoder(res)
	for !done && d.Next() {
		data := bytes.TrimSpace(d.Event().Data)
		if bytes.HasPrefix(data, []byte("[DONE]")) {
			done = true
			break
		}
		var w wireCompletion
		if err := json.Unmarshal(data, &w); err != nil {
			return a, bad(KindInvalidJSON, "in the stream: %v", err)
		}
		if err := embeddedError(w.Error); err != nil {
			return a, err
		}
		if w.Usage != nil {
			counts = w.Usage
		}
		for _, c := range w.Choices {
			if asCount(c.Index) != 0 {
				continue
			}
			seen = true
			if reason := asText(c.FinishReason); reason != "" {
				a.finish = reason
			}
			m := c.Delta
			if m == nil {
				m = c.Message
			}
			if m == nil {
				continue
			}
			part, isNull, ok := contentText(m.Content)
			if !ok {
				return a, bad(KindInvalidJSON, "in the stream: the content is not text")
			}
			text.WriteString(part)
			null = null && isNull
			refusal.WriteString(asText(m.Refusal))
			tools = tools || present(m.ToolCalls) || present(m.FunctionCall)
		}
	}
	a.text = text.String()
	a.usage = counts.usage()
	switch {
	case done || a.finish != "":
	case d.Err() != nil:
		return a, d.Err()
	default:
		return a, bad(KindTruncated, "the stream ended before the answer did")
	}
	if !seen {
		return a, bad(KindNoChoices, "in the stream")
	}
	return a, a.check(null, refusal.String(), tools)
}
