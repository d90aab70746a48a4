package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// endpoint is what all requests of a batch ask for.
const endpoint = "/v1/chat/completions"

// line returns the line of a call in a file of requests, and the most that its
// answer can cost in USD.
func (w *Work) line(n int) (text []byte, mostUSD float64, err error) {
	id, r, err := w.Source.Call(n)
	if err != nil {
		return nil, 0, err
	}
	body, mostUSD, err := w.Client.BatchBody(r)
	if err != nil {
		return nil, 0, err
	}
	quoted, _ := json.Marshal(id) // a string
	text = append(make([]byte, 0, len(body)+128), `{"custom_id":`...)
	text = append(text, quoted...)
	text = append(text, `,"method":"POST","url":"`+endpoint+`","body":`...)
	text = append(text, body...)
	return append(text, "}\n"...), mostUSD, nil
}

// Size is how large a part is.
type Size struct {
	Requests int
	Bytes    int64
}

// take takes a request of so many bytes into a part, if there is room for it.
func (s *Size) take(bytes, maxRequests int, maxBytes int64) bool {
	if s.Requests > 0 && (s.Requests >= maxRequests || s.Bytes+int64(bytes) > maxBytes) {
		return false
	}
	s.Requests++
	s.Bytes += int64(bytes)
	return true
}

// Sizes returns the parts into which calls are cut, as far as neither a budget nor
// the service is in the way. Of the work, the Ledger is not needed.
func Sizes(ctx context.Context, w Work, o *Options) ([]Size, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	if w.Client == nil {
		if w.Client, err = chat.New(nil); err != nil {
			return nil, err
		}
		defer w.Client.Close()
	}
	var parts []Size
	for _, n := range w.Calls {
		text, _, err := w.line(n)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 || !parts[len(parts)-1].take(len(text), v.MaxRequests, v.MaxBytes) {
			parts = append(parts, Size{1, int64(len(text))})
		}
	}
	return parts, nil
}

// lines reads the file of the requests of calls, which is made as it is read.
type lines struct {
	work  *Work
	calls []int
	rest  []byte // of the line that is being read
}

func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if len(l.calls) == 0 {
			return 0, io.EOF
		}
		var err error
		if l.rest, _, err = l.work.line(l.calls[0]); err != nil {
			return 0, err
		}
		l.calls = l.calls[1:]
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// form is the form in which a file of requests is uploaded: what stands before and
// behind its lines.
type form struct {
	head, tail  []byte
	contentType string
}

func newForm(filename string) (form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.WriteField("purpose", "batch")
	if err == nil {
		_, err = w.CreateFormFile("file", filename)
	}
	head := bytes.Clone(b.Bytes())
	b.Reset()
	if err == nil {
		err = w.Close()
	}
	return form{head, b.Bytes(), w.FormDataContentType()}, err
}

// around returns a reader of the form around a file of so many bytes, and its size.
func (f form) around(file io.Reader, size int64) (io.Reader, int64) {
	return io.MultiReader(bytes.NewReader(f.head), file, bytes.NewReader(f.tail)), int64(len(f.head)) + size + int64(len(f.tail))
}
