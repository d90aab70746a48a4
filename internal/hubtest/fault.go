package hubtest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// Fault is a misbehaviour. The first fault in order of Inject that applies to a
// request and has times left is used up by it. Of the effects below one or
// several may be set.
type Fault struct {
	// Server, Method and Path select requests: "hub" or "cdn", the method, and
	// a part of the escaped path with query. Empty selects all.
	Server, Method, Path string
	// Times is how many requests are hit; 0 means one, -1 all.
	Times int

	// Before runs first; the answer waits for it.
	Before func()
	// Status answers with this status, Header and Body, instead of the content.
	Status int
	// Header is added to the answer.
	Header http.Header
	// Body goes with Status.
	Body string

	// Hangup closes the connection without an answer.
	Hangup bool
	// Stall sends nothing: neither headers, or, with Cut, the rest of the body,
	// until the client or the test ends.
	Stall bool
	// Cut ends the body after this many bytes: the connection is closed, or,
	// with Stall, kept silent.
	Cut int
	// Corrupt changes a byte of the body in its middle.
	Corrupt bool
	// Extra is put after the body.
	Extra string
	// NoRange ignores Range headers.
	NoRange bool
	// Gzip compresses the body and names no length.
	Gzip bool
}

// Inject orders faults.
func (h *Hub) Inject(faults ...Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		h.faults = append(h.faults, &f)
	}
}

// Heal drops the faults that are left.
func (h *Hub) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

func (h *Hub) takeFault(server string, r *http.Request) *Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		if f.Times == 0 || f.Server != "" && f.Server != server || f.Method != "" && f.Method != r.Method ||
			!strings.Contains(r.URL.EscapedPath()+"?"+r.URL.RawQuery, f.Path) {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// record keeps an answer so that it can be changed.
type record struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *record) Header() http.Header { return r.header }
func (r *record) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}
func (r *record) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (f *Fault) serve(h *Hub, w http.ResponseWriter, req *http.Request, serve http.HandlerFunc) {
	for k, v := range f.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	if f.Before != nil {
		f.Before()
	}
	switch {
	case f.Hangup:
		panic(http.ErrAbortHandler)
	case f.Stall && f.Cut == 0:
		h.hold(req)
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
		return
	}
	if f.NoRange {
		req = req.Clone(req.Context())
		req.Header.Del("Range")
	}
	rec := &record{header: w.Header()}
	serve(rec, req)
	body := rec.body.Bytes()
	if rec.status >= 300 || len(body) == 0 && !f.Gzip {
		w.WriteHeader(rec.status)
		_, _ = w.Write(body)
		return
	}
	if f.Corrupt {
		body[len(body)/2] ^= 0x20
	}
	body = append(body, f.Extra...)
	if f.Gzip {
		writeGzip(w, req, rec.status, body)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rec.status)
	if f.Cut > 0 && f.Cut < len(body) {
		_, _ = w.Write(body[:f.Cut])
		if fl, ok := w.(http.Flusher); ok {
			fl.Flush()
		}
		if f.Stall {
			h.hold(req)
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// writeGzip writes the body compressed, without its length.
func writeGzip(w http.ResponseWriter, req *http.Request, status int, body []byte) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	if fl, ok := w.(http.Flusher); ok {
		fl.Flush() // now net/http cannot add a length
	}
	if req.Method == http.MethodHead {
		return
	}
	g := gzip.NewWriter(w)
	_, _ = g.Write(body)
	_ = g.Close()
}

// hold waits until the client gives up or the test ends.
func (h *Hub) hold(req *http.Request) {
	select {
	case <-req.Context().Done():
	case <-h.stop:
	}
}
