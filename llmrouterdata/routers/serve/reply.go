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
	timeout time.Duration // of a write
	stream  bool
	told    told
	begun   bool
	field   bool // still to be added
}

// Write implements io.Writer. Of an answer that is whole it gets all in one piece,
// of a stream an event.
func (a *reply) Write(p []byte) (int, error) {
	control := http.NewResponseController(a.w)
	_ = control.SetWriteDeadline(time.Now().Add(a.timeout)) // which not every ResponseWriter has
	if !a.begun {
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
	text := p
	if a.field && (!a.stream || bytes.HasPrefix(p, []byte("data:"))) {
		a.field = false
		text = a.told.into(p)
	}
	_, err := a.w.Write(text)
	if err == nil && a.stream {
		if err = control.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return len(p), nil
}

// fail tells what went wrong: as the answer, or where one has begun as the last
// event of the stream.
func (a *reply) fail(p problem) {
	_ = http.NewResponseController(a.w).SetWriteDeadline(time.Now().Add(a.timeout))
	switch {
	case !a.begun:
		a.told.header(a.w.Header())
		p.write(a.w)
	case a.stream:
		text, _ := json.Marshal(p.body())
		_, _ = a.Write(append(append([]byte("data: "), text...), "\n\n"...)) // if it is still there
	}
}
