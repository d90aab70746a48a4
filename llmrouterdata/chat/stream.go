package chat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// readStream reads a streamed completion. It is complete when its choices have
// told their finish reasons or the stream said that it is done. broken is why
// the stream ends, where that is known beforehand.
func (r *reading) readStream(br *bufio.Reader, broken error) error {
	r.streamed = true
	lines := lineReader{br: br, keeps: r.pass != nil && r.asked.stream}
	var e event
	for {
		line, err := lines.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = broken
			}
			return r.endStream(&e, &lines, err)
		}
		done, bad := e.line(r, line)
		switch {
		case bad != nil:
			return bad
		case done:
			if bad := r.passOn(lines.takeEvent()); bad != nil {
				return bad
			}
			return r.end(true, nil)
		case !e.open && !lines.torn && (len(line) == 0 || !lines.blankNext()):
			if bad := r.passOn(lines.take()); bad != nil {
				return bad
			}
		}
	}
}

// endStream ends a stream of which no more comes, and why: nil for the end of the
// body. The last event need not be followed by a blank line, but one that is not
// whole is none.
func (r *reading) endStream(e *event, lines *lineReader, err error) error {
	done, bad := e.flush(r)
	if bad != nil && err == nil && r.finish == "" {
		return bad
	}
	if bad == nil && e.taken {
		if bad := r.passOn(lines.takeEvent()); bad != nil {
			return bad
		}
	}
	return r.end(done, err)
}

// lineReader reads lines that end in a line feed, a carriage return or both.
type lineReader struct {
	br    *bufio.Reader
	keeps bool // what was read, for take
	line  []byte
	kept  []byte
	cr    bool // the last line ended in a carriage return, which a line feed may follow
	crlf  bool // lines end in both
	torn  bool // the last line had no end
}

// next returns the next line, valid until the one after it; an error where the
// reader ends, and then what stands after the last end of a line is a line too.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		c, err := l.br.ReadByte()
		if err != nil {
			if l.torn = len(l.line) > 0; l.torn {
				return l.line, nil // the reader fails again
			}
			return nil, err
		}
		if l.keeps {
			l.kept = append(l.kept, c)
		}
		switch {
		case c == '\n' && l.cr && len(l.line) == 0:
			l.cr, l.crlf = false, true
		case c == '\r' && l.crlf:
			l.lineFeed()
			return l.line, nil
		case c == '\n', c == '\r':
			l.cr = c == '\r'
			return l.line, nil
		default:
			l.cr = false
			l.line = append(l.line, c)
		}
	}
}

// lineFeed reads the line feed of an end of a line of which it is known to be part,
// so that an event goes on with all of its end.
func (l *lineReader) lineFeed() {
	c, err := l.br.ReadByte()
	switch {
	case err != nil: // and fails again
	case c != '\n':
		_ = l.br.UnreadByte() // of a byte that was read
	case l.keeps:
		l.kept = append(l.kept, c)
	}
}

// blankNext reports whether an end of a line is there that comes next.
func (l *lineReader) blankNext() bool {
	if l.br.Buffered() == 0 {
		return false
	}
	next, _ := l.br.Peek(1) // is there
	return next[0] == '\n' || next[0] == '\r'
}

// take returns what was kept since it was last taken.
func (l *lineReader) take() []byte {
	kept := l.kept
	l.kept = nil
	return kept
}

// takeEvent is take for an event whose end did not come, and adds it.
func (l *lineReader) takeEvent() []byte {
	kept := l.take()
	end := "\n"
	if l.crlf {
		end = "\r\n"
	}
	if len(kept) > 0 && !bytes.HasSuffix(kept, []byte("\n")) && !bytes.HasSuffix(kept, []byte("\r")) {
		kept = append(kept, end...)
	}
	if len(kept) > 0 {
		kept = append(kept, end...)
	}
	return kept
}

// event is an event of a stream whose lines are being read.
type event struct {
	name  string
	data  []byte
	open  bool // a line of it was read
	taken bool // the last one that ended said something that could be read
}

// line takes in a line. It reports whether the stream is done.
func (e *event) line(r *reading, line []byte) (done bool, err error) {
	if len(line) == 0 {
		return e.flush(r)
	}
	name, value, isField := bytes.Cut(line, []byte(":"))
	if isField && len(name) == 0 { // a comment
		return false, nil
	}
	e.open = true
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case string(name) == "data":
		return e.word(r, value)
	case isField && string(name) == "event":
		e.name = string(bytes.TrimSpace(value))
	case isField && strings.EqualFold(string(name), "error"):
		e.name, e.data = "error", append(e.data[:0], value...)
	case isField && isName(name):
	default: // not of a stream, such as the JSON of an error
		r.streamed = r.streamed && (r.seen || formOf(bytes.TrimSpace(line)) != formJSON)
		return e.word(r, line)
	}
	return false, nil
}

// word takes in a line of data. One that ends the stream need not stand alone.
func (e *event) word(r *reading, value []byte) (done bool, err error) {
	if isDone(value) {
		_, err = e.flush(r)
		return true, err
	}
	if len(e.data) > 0 {
		e.data = append(e.data, '\n')
	}
	e.data = append(e.data, value...)
	return false, nil
}

// isDone reports whether a text begins with the word that ends a stream, in
// whatever case and quoted or not.
func isDone(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n\"")
	return len(text) >= len("[DONE]") && bytes.EqualFold(text[:len("[DONE]")], []byte("[DONE]"))
}

// namesError reports whether an event is called an error.
func namesError(event string) bool {
	event = strings.ToLower(event)
	return strings.Contains(event, "error") || strings.Contains(event, "exception") || strings.Contains(event, "fail")
}

func isName(name []byte) bool {
	for _, c := range name {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// flush takes in the event that was read. Its data may be several objects, none,
// or words that keep the connection open.
func (e *event) flush(r *reading) (done bool, err error) {
	data := bytes.TrimSpace(e.data)
	isError := namesError(e.name)
	*e = event{data: e.data[:0]}
	switch {
	case len(data) == 0:
		return false, nil
	case isError:
		r.fail(service.ReadBody(data))
		return false, nil
	case data[0] != '{' && data[0] != '[':
		return false, e.words(r, data)
	case json.Valid(data):
		return false, e.object(r, data)
	}
	return e.objects(r, repaired(data))
}

// words takes in data that is no JSON: an error, or what keeps the connection open.
func (e *event) words(r *reading, data []byte) error {
	b := service.ReadBody(data)
	switch {
	case b.Page:
		return bad(KindTruncated, "a web page in the stream: %s", b.Message)
	case bytes.HasPrefix(bytes.ToLower(data[:min(len(data), 5)]), []byte("error")):
		r.fail(b)
	case b.Known():
		r.words = &b
	}
	return nil
}

// objects takes in several JSON values. What follows them does not count, unless it
// ends the stream.
func (e *event) objects(r *reading, data []byte) (done bool, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	for first := true; ; first = false {
		var piece json.RawMessage
		rest := data[d.InputOffset():]
		switch err := d.Decode(&piece); {
		case err == nil:
		case errors.Is(err, io.EOF):
			return false, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return false, bad(KindTruncated, "in the stream: %v", err)
		case first:
			return false, bad(KindInvalidJSON, "in the stream: %v", err)
		default:
			return isDone(rest), nil
		}
		if err := e.object(r, piece); err != nil {
			return false, err
		}
	}
}

// object takes in one JSON value of the stream, which may be a list of them.
func (e *event) object(r *reading, text []byte) error {
	if text[0] == '[' {
		var list []json.RawMessage
		_ = json.Unmarshal(text, &list) // of valid JSON
		for _, piece := range list {
			if err := e.object(r, piece); err != nil {
				return err
			}
		}
		return nil
	}
	w, err := parseCompletion(text)
	if err != nil {
		if b := service.ReadBody(text); b.Error {
			r.fail(b)
			return nil
		}
		return err
	}
	e.taken = true
	if r.pass != nil && !r.told {
		r.told = tells(text)
	}
	r.add(&w, text)
	return nil
}
