// Package textfile opens and writes text files that may be compressed, as their
// names say: .gz stands for gzip, .zst for Zstandard.
package textfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
)

// ErrUTF16 is the error for a file whose text is UTF-16 or UTF-32.
var ErrUTF16 = errors.New("the text is UTF-16 or UTF-32; it has to be UTF-8")

// format is how a file is compressed; "": it is not.
type format string

const (
	formatGzip format = "gzip"
	formatZstd format = "Zstandard"
)

// formatOf returns the format that a name stands for. Where it stands for none
// the first bytes of the file decide, which in either format begin no text: so
// an output is read that still has its temporary name.
func formatOf(name string, start []byte) format {
	name = strings.ToLower(name)
	switch {
	case strings.HasSuffix(name, ".gz"):
		return formatGzip
	case strings.HasSuffix(name, ".zst"):
		return formatZstd
	case bytes.HasPrefix(start, []byte("\x1f\x8b")):
		return formatGzip
	case bytes.HasPrefix(start, []byte("\x28\xb5\x2f\xfd")):
		return formatZstd
	}
	return ""
}

// Open opens a file to read its text. Members of a compressed file that follow
// each other are one text. A file that is not in the format of its name, is
// damaged, cut short, or goes on with something else, gives an error, here or
// when it is read, which is an *fs.PathError as those of a file are. So does
// text in UTF-16, as ErrUTF16, and a Git LFS pointer in the place of the file.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := newReader(f, name)
	if err != nil {
		_ = f.Close() // it was only read
		return nil, err
	}
	return r, nil
}

// NewReader is Open for a file that is open under that name. Close leaves f open.
func NewReader(f io.Reader, name string) (io.ReadCloser, error) {
	return newReader(io.NopCloser(f), name)
}

func newReader(f io.ReadCloser, name string) (*reader, error) {
	in := bufio.NewReaderSize(f, bufferSize)
	start, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if whole, err := in.Peek(lfs.MaxBytes); err == io.EOF {
		if err := lfs.Pointer(whole); err != nil {
			return nil, &fs.PathError{Op: "read", Path: name, Err: err}
		}
	}
	r := &reader{Reader: in, file: f}
	if kind := formatOf(name, start); kind != "" {
		d := &decoder{in: in, name: name, format: kind}
		if err := d.open(); err != nil {
			return nil, err
		}
		r.Reader, r.decoder = bufio.NewReaderSize(d, bufferSize), d
		if start, err = r.Peek(4); err != nil && err != io.EOF {
			_ = r.decoder.close()
			return nil, err
		}
	}
	if err := CheckUTF8(start); err != nil {
		if r.decoder != nil {
			_ = r.decoder.close()
		}
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return r, nil
}

// CheckUTF8 is ErrUTF16 where a text begins as one of UTF-16 or UTF-32 does: what
// a mark of these begins is no UTF-8, and no JSON or YAML holds a NUL.
func CheckUTF8(start []byte) error {
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) ||
		bytes.IndexByte(start[:min(2, len(start))], 0) >= 0 {
		return ErrUTF16
	}
	return nil
}

// reader is an open file.
type reader struct {
	*bufio.Reader
	decoder *decoder // nil where the file is not compressed
	file    io.Closer
}

// Close closes the file.
func (r *reader) Close() error {
	if r.decoder != nil {
		return errors.Join(r.decoder.close(), r.file.Close())
	}
	return r.file.Close()
}

// decoder decompresses a file.
type decoder struct {
	in     *bufio.Reader
	name   string
	format format
	out    io.ReadCloser
	n      int64 // bytes of the text so far
}

// open starts the decoder of the format.
func (d *decoder) open() (err error) {
	if _, err := d.in.Peek(1); err == io.EOF { // a Zstandard decoder takes it for an empty text
		return d.fail(io.ErrUnexpectedEOF)
	}
	if d.format == formatGzip {
		if d.out, err = gzip.NewReader(d.in); err != nil {
			return d.fail(err)
		}
		return nil
	}
	z, err := zstd.NewReader(d.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return d.fail(err)
	}
	d.out = z.IOReadCloser()
	return nil
}

// fail says what is wrong with the file.
func (d *decoder) fail(err error) error {
	switch {
	case (errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF) && d.n == 0:
		err = fmt.Errorf("the %s file is cut short: %w", d.format, io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF: // a few bytes may be the start of a member, or no part of the file
		err = fmt.Errorf("the %s file is cut short, or goes on with something else, after %d bytes of text: %w", d.format, d.n, io.ErrUnexpectedEOF)
	case d.n == 0 && (errors.Is(err, gzip.ErrHeader) || errors.Is(err, zstd.ErrMagicMismatch)):
		err = fmt.Errorf("this is no %s file, though its name says so: %w", d.format, err)
	default:
		err = fmt.Errorf("the %s file is damaged, or goes on with something else, after %d bytes of text: %w", d.format, d.n, err)
	}
	return &fs.PathError{Op: "read", Path: d.name, Err: err}
}

func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.out.Read(p)
	d.n += int64(n)
	if err != nil && err != io.EOF {
		err = d.fail(err)
	}
	return n, err
}

func (d *decoder) close() error { return d.out.Close() }

// NewWriter returns what writes the text of a file of that name to w. Close ends
// the text and leaves w open. Equal texts give equal bytes, whenever and in
// whatever pieces they are written.
func NewWriter(w io.Writer, name string) (io.WriteCloser, error) {
	switch formatOf(name, nil) {
	case formatGzip:
		return gzip.NewWriter(w), nil // with neither name nor time
	case formatZstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	}
	return plain{w}, nil
}

// plain is the writer of a file that is not compressed.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }
