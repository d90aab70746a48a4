package llmrouterdata

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
)

// Record is what a JSON Lines file holds.
type Record interface {
	StandardQueryData | RoutingRecord
}

// ErrLineTooLong is the error for a line past the cap.
var ErrLineTooLong = errors.New("line too long")

// ReadOptions configures [Records] and [ReadFile]; nil and the zero value give
// the defaults.
type ReadOptions struct {
	// Name is the file's name in errors, which [ReadFile] sets; "": none.
	Name string
	// MaxLine is the longest line in bytes, from 0 up; 0: [DefaultMaxLine].
	MaxLine int
}

// validate returns a copy of o with the defaults filled in.
func (o *ReadOptions) validate() (ReadOptions, error) {
	var v ReadOptions
	if o != nil {
		v = *o
	}
	if v.MaxLine < 0 {
		return v, fmt.Errorf("llmrouterdata: ReadOptions.MaxLine is %d; it is from 0 up (0: %d)", v.MaxLine, DefaultMaxLine)
	}
	v.MaxLine = cmp.Or(v.MaxLine, DefaultMaxLine)
	return v, nil
}

// LineError is one line of a file that is not a record. The stream goes on
// with the next line.
type LineError struct {
	File  string // may be empty
	Line  int    // from 1
	Field string // the field at fault, empty where the whole line is
	Err   error
}

func (e *LineError) Error() string {
	where := fmt.Sprintf("line %d", e.Line)
	if e.File != "" {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Field != "" {
		return fmt.Sprintf("llmrouterdata: %s: field %q: %v", where, e.Field, e.Err)
	}
	return fmt.Sprintf("llmrouterdata: %s: %v", where, e.Err)
}

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

// Records reads JSON Lines as a stream, holding one line at a time.
//
// A line that is not a record gives a *LineError, after which the stream goes
// on with the next line if the caller does; any other error ends it, such as the one
// of a text that is JSON but has not one object a line. Lines end
// with LF, CRLF or CR; blank lines and a byte-order mark at the start are
// passed over.
//
// The reader takes every form found in published files: choices as null, a
// JSON array or object, or a string that holds JSON or a Python literal, with
// "label" or "labels" or as a bare list; a ground truth that is an array (it
// becomes its JSON text) or a number; a query that is a list of chat messages,
// whose transcript is the query: the text of a single message of the user, else
// a line "role: text" for each message; a task id that is a number; integers
// written as floats; NaN where a value is missing; a null response. Fields
// that a record does not have are ignored.
func Records[T Record](r io.Reader, o *ReadOptions) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		o, err := o.validate()
		if err != nil {
			yield(zero, err)
			return
		}
		lines := lineReader{r: bufio.NewReaderSize(r, bufferSize), max: o.MaxLine}
		if mark, _ := lines.r.Peek(3); string(mark) == "\ufeff" {
			_, _ = lines.r.Discard(3)
		}
		start, _ := lines.r.Peek(lines.r.Buffered())
		if err := textfile.CheckLines(start); err != nil {
			yield(zero, fmt.Errorf("llmrouterdata: %s: %w", cmp.Or(o.Name, "records"), err))
			return
		}
		for number := 1; ; number++ {
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			if err != nil && !errors.Is(err, ErrLineTooLong) {
				yield(zero, fmt.Errorf("llmrouterdata: reading %s after line %d: %w", cmp.Or(o.Name, "records"), number-1, err))
				return
			}
			record, ok := zero, false
			if err != nil {
				err = &LineError{File: o.Name, Line: number, Err: err}
			} else {
				record, ok, err = ParseLine[T](line, o.Name, number)
			}
			if !ok && err == nil {
				continue // blank
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// OpenFile opens a file of JSON Lines, or another text, and decompresses it where
// its name ends in .gz (gzip) or .zst (Zstandard). A compressed file that is
// damaged or cut short, and text in UTF-16, give an error.
func OpenFile(name string) (io.ReadCloser, error) {
	f, err := textfile.Open(name)
	if err != nil {
		return nil, fmt.Errorf("llmrouterdata: %w", err)
	}
	return f, nil
}

// ReadFile is [Records] over what [OpenFile] opens when the loop starts, which
// is closed when it ends.
func ReadFile[T Record](name string, o *ReadOptions) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		f, err := OpenFile(name)
		if err != nil {
			yield(zero, err)
			return
		}
		defer f.Close()
		var options ReadOptions
		if o != nil {
			options = *o
		}
		options.Name = name
		Records[T](f, &options)(yield)
	}
}

// ParseLine reads one line without its end, as [Records] does; file and number
// say in errors where it stands. ok is false for a blank line, and with an
// error, which is a *LineError.
func ParseLine[T Record](line []byte, file string, number int) (record T, ok bool, err error) {
	if record, ok, err = parseLine[T](line); err != nil {
		at := &LineError{File: file, Line: number, Err: err}
		if field, ok := errors.AsType[*FieldError](err); ok {
			at.Field, at.Err = field.Field, field.Err
		}
		err = at
	}
	return record, ok, err
}

func parseLine[T Record](line []byte) (record T, ok bool, err error) {
	if !utf8.Valid(line) {
		return record, false, pyjson.ErrUTF8
	}
	text := pytext.TrimSpace(string(line))
	if text == "" {
		return record, false, nil
	}
	v, err := pyjson.Parse([]byte(text))
	if err != nil {
		return record, false, err
	}
	o, ok := v.(*pyjson.Object)
	if !ok {
		return record, false, fmt.Errorf("want an object, have %s", describe(v))
	}
	f := &fields{o: o}
	var read T
	switch r := any(&read).(type) {
	case *StandardQueryData:
		*r = f.query()
	case *RoutingRecord:
		*r = f.routing()
	}
	if f.err != nil {
		return record, false, f.err
	}
	return read, true, nil
}

// lineReader reads lines that end with LF, CRLF or CR.
type lineReader struct {
	r   *bufio.Reader
	max int
	buf []byte
}

// next returns the next line without its end, valid until the next call;
// io.EOF after the last one. A line past the cap is read to its end and gives
// ErrLineTooLong.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	long, started := false, false
	for {
		// What is buffered; at least one byte, or an error.
		if _, err := l.r.Peek(1); err != nil {
			if err == io.EOF && started {
				break
			}
			return nil, err
		}
		chunk, _ := l.r.Peek(l.r.Buffered())
		started = true
		i, body := bytes.IndexByte(chunk, '\n'), chunk
		if i >= 0 {
			body = chunk[:i]
		}
		if j := bytes.IndexByte(body, '\r'); j >= 0 {
			i, body = j, chunk[:j]
		}
		if long = long || len(l.buf)+len(body) > l.max; !long {
			l.buf = append(l.buf, body...)
		}
		if i < 0 {
			_, _ = l.r.Discard(len(chunk))
			continue
		}
		cr := chunk[i] == '\r'
		_, _ = l.r.Discard(i + 1)
		if cr {
			if next, err := l.r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = l.r.Discard(1)
			}
		}
		break
	}
	if long {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLineTooLong, l.max)
	}
	return l.buf, nil
}

// Writer writes JSON Lines. Flush or Close must be called at the end.
type Writer[T Record] struct {
	w    *bufio.Writer
	text io.Closer // what compresses; nil: nothing
	name string    // of the file, in errors: "" or "NAME: "
	line []byte
	n    int
}

// NewWriter returns a Writer on w.
func NewWriter[T Record](w io.Writer) *Writer[T] {
	return &Writer[T]{w: bufio.NewWriterSize(w, bufferSize)}
}

// NewFileWriter returns a Writer on w, which is a file of that name: errors name
// it, and the text is compressed where the name ends in .gz (gzip) or .zst
// (Zstandard), as [ReadFile] reads it. Close must be called at the end.
func NewFileWriter[T Record](w io.Writer, name string) (*Writer[T], error) {
	text, err := textfile.NewWriter(w, name)
	if err != nil {
		return nil, fmt.Errorf("llmrouterdata: %s: %w", name, err)
	}
	return &Writer[T]{w: bufio.NewWriterSize(text, bufferSize), text: text, name: name + ": "}, nil
}

// Write writes one record as a line. A record that cannot be written
// (text that is not UTF-8, a number that is not finite) leaves no trace in
// the file; its error names the record's number, from 1, and the field.
func (w *Writer[T]) Write(record T) error {
	w.n++
	var err error
	switch r := any(record).(type) {
	case StandardQueryData:
		w.line, err = r.AppendJSON(w.line[:0])
	case RoutingRecord:
		w.line, err = r.AppendJSON(w.line[:0])
	}
	if err == nil {
		w.line = append(w.line, '\n')
		_, err = w.w.Write(w.line)
	}
	if err != nil {
		return fmt.Errorf("llmrouterdata: %srecord %d: %w", w.name, w.n, err)
	}
	return nil
}

// Flush writes out what is buffered.
func (w *Writer[T]) Flush() error { return w.named(w.w.Flush()) }

// Close writes out what is buffered and ends a compressed text. It leaves open
// what the Writer writes to.
func (w *Writer[T]) Close() error {
	err := w.w.Flush()
	if w.text != nil {
		err = errors.Join(err, w.text.Close())
	}
	return w.named(err)
}

func (w *Writer[T]) named(err error) error {
	if err != nil {
		return fmt.Errorf("llmrouterdata: %s%w", w.name, err)
	}
	return nil
}
