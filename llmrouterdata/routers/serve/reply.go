package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// errNotTaken says that a client did not take its answer, or not in time.
var errNotTaken = errors.New("serve: the client does not take the answer")

// A reply writes the answer to a client: headers before its first piece, each
// piece at once, and none to a client that does not take them.
type reply struct {
	w       http.ResponseWriter
	timeout time.Duration // of a write, and of all but for what slowest grants
	stream  bool
	told    told
	begun   bool
	field   bool // still to be added
	written int
	waited  time.Duration // for the client
}

// Write implements io.Writer. Of an answer that is whole it gets all in one piece,
// of a stream an event or a comment.
func (a *reply) Write(p []byte) (int, error) {
	began := time.Now()
	defer func() { a.waited += time.Since(began) }()
	text := p
	if !a.begun {
		a.begin()
	}
	if at := a.fieldAt(p); a.field && at >= 0 {
		a.field = false
		text = a.told.into(p, at)
	}
	a.limit(len(text))
	_, err := a.w.Write(text)
	if err == nil && a.stream {
		if err = http.NewResponseController(a.w).Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return len(p), nil
}

// begin writes the headers.
func (a *reply) begin() {
	a.begun, a.field = true, a.told.asField
	a.told.header(a.w.Header())
	kind := "application/json"
	if a.stream {
		kind = "text/event-stream"
		a.w.Header().Set("Cache-Control", "no-cache")
	}
	a.w.Header().Set("Content-Type", kind)
	a.w.WriteHeader(http.StatusOK)
}

// limit bounds the write of n more bytes.
func (a *reply) limit(n int) {
	a.written += n
	left := a.timeout + time.Duration(a.written/slowest)*time.Second - a.waited
	_ = http.NewResponseController(a.w).SetWriteDeadline(time.Now().Add(min(left, a.timeout))) // which not every ResponseWriter has
}

// fieldAt returns where the JSON object begins of an answer, or of the data of an
// event; -1 where there is none.
func (a *reply) fieldAt(text []byte) int {
	if !a.stream {
		return bytes.IndexByte(text, '{')
	}
	at := 0
	for line := range bytes.Lines(text) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && bytes.HasPrefix(bytes.TrimLeft(data, " "), []byte("{")) {
			return at + bytes.IndexByte(line, '{')
		}
		at += len(line)
	}
	return -1
}

// fail tells what went wrong: as the answer, or where one has begun as the last
// event of the stream.
func (a *reply) fail(p problem) {
	a.limit(0)
	switch {
	case !a.begun:
		a.told.header(a.w.Header())
		p.write(a.w)
	case a.stream:
		text, _ := json.Marshal(p.body())
		_, _ = a.Write(append(append([]byte("data: "), text...), "\n\n"...)) // if it is still there
	}
}
