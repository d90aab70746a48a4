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

// readStream reads a streamed completion. It is complete when the first choice
// has told its finish reason or the stream said that it is done. broken is why
// the stream ends, where that is known beforehand.
func (r *reading) readStream(br *bufio.Reader, broken error) error {
	r.streamed = true
	lines := lineReader{br: br}
	var e event
	for {
		line, err := lines.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = broken
			}
			done, bad := e.flush(r) // the last event need not be followed by a blank line
			if bad != nil && err == nil && r.finish == "" {
				return bad
			}
			if bad := r.passOn(&e); bad != nil {
				return bad
			}
			return r.end(done, err)
		}
		done, bad := e.line(r, line)
		if bad == nil && (done || len(line) == 0) {
			bad = r.passOn(&e)
		}
		switch {
		case bad != nil:
			return bad
		case done:
			return r.end(true, nil)
		}
	}
}

// lineReader reads lines that end in a line feed, a carriage return or both.
type lineReader struct {
	br   *bufio.Reader
	line []byte
	cr   bool // the last line ended in a carriage return
}

// next returns the next line, valid until the one after it; an error where the
// reader ends, and then what stands after the last end of a line is a line too.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		c, err := l.br.ReadByte()
		switch {
		case err != nil:
			if len(l.line) > 0 {
				return l.line, nil // the reader fails again
			}
			return nil, err
		case c == '\n' && l.cr && len(l.line) == 0:
			l.cr = false
		case c == '\n', c == '\r':
			l.cr = c == '\r'
			return l.line, nil
		default:
			l.cr = false
			l.line = append(l.line, c)
		}
	}
}

// event is an event of a stream whose lines are being read.
type event struct {
	name string
	data []byte
	raw  []byte // its lines, where they are passed on
}

// line takes in a line. It reports whether the stream is done.
func (e *event) line(r *reading, line []byte) (done bool, err error) {
	if r.pass != nil {
		e.raw = append(append(e.raw, line...), '\n')
	}
	if len(line) == 0 {
		return e.flush(r)
	}
	name, value, isField := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case isField && len(name) == 0: // a comment
	case string(name) == "data":
		if done, err = e.word(r, value); done || err != nil {
			return done, err
		}
	case isField && string(name) == "event":
		e.name = string(bytes.TrimSpace(value))
	case isField && strings.EqualFold(string(name), "error"):
		e.name, e.data = "error", append(e.data[:0], value...)
	case isField && isName(name):
	default: // not of a stream, such as the JSON of an error
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
	e.name, e.data = "", e.data[:0]
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
	r.add(&w, text)
	return nil
}
