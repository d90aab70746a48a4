package torchio

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// storage is a run of raw elements in the file, shared by the tensors that
// are views of it. Nothing is read until a tensor asks.
type storage struct {
	file *File
	key  string
	rec  *zipRecord // nil in the legacy format
	size int64      // bytes of raw data

	once     sync.Once
	err      error
	data     int64  // position in the file of the first byte
	inflated []byte // the raw data, where the file holds it compressed
}

// storageRef is what a persistent id stands for: a storage or, in legacy
// files, a part of one.
type storageRef struct {
	st    *storage
	dtype DType
	start int64 // byte of the storage at which it begins
	bytes int64 // bytes that it claims

	quantized bool              // see global
	bare      *UnsupportedError // see standIn
}

// locate finds the storage's bytes: by its local header, or by decompressing
// it, once.
func (s *storage) locate() error {
	s.once.Do(func() {
		if s.rec == nil {
			return
		}
		s.data, s.err = s.file.dir.dataOffset(s.file.bytes(), s.rec)
		if s.err == nil && s.rec.method != methodStored {
			s.inflated, s.err = s.file.inflate(s.rec, s.data)
		}
	})
	return s.err
}

// memory gives the storage's bytes where they are in memory: mapped or
// decompressed.
func (s *storage) memory() ([]byte, error) {
	if err := s.locate(); err != nil {
		return nil, err
	}
	if s.inflated != nil {
		return s.inflated, nil
	}
	if m := s.file.mapped; m != nil {
		if s.data+s.size > int64(len(m)) {
			return nil, &FormatError{Where: "data/" + s.key, Offset: s.data, Reason: "cut short", Err: io.ErrUnexpectedEOF}
		}
		return m[s.data : s.data+s.size : s.data+s.size], nil
	}
	return nil, nil
}

// readAt fills p from byte off of the storage.
func (s *storage) readAt(p []byte, off int64) error {
	if err := s.locate(); err != nil {
		return err
	}
	if s.inflated != nil {
		copy(p, s.inflated[off:])
		return nil
	}
	if err := readFull(s.file.bytes(), p, s.data+off); err != nil {
		return &FormatError{Where: "data/" + s.key, Offset: s.data + off, Reason: "cannot be read", Err: err}
	}
	return nil
}

// inflate decompresses a record whose data begin at data. The size that the
// directory declares is believed only as far as deflate could reach it and
// the file's account of decompressed bytes allows.
func (f *File) inflate(rec *zipRecord, data int64) ([]byte, error) {
	if rec.method != methodDeflated {
		return nil, &UnsupportedError{Feature: "zip compression other than deflate"}
	}
	if rec.usize > maxDeflateRatio*(rec.csize+1) {
		return nil, formatErr(rec.name, rec.header, "%d bytes cannot have been compressed to %d", rec.usize, rec.csize)
	}
	if used := f.inflatedBytes.Add(rec.usize); used > f.opt.MaxInflatedBytes {
		f.inflatedBytes.Add(-rec.usize)
		return nil, &LimitError{What: "bytes of decompressed records", Value: used, Limit: f.opt.MaxInflatedBytes}
	}
	z := flate.NewReader(io.NewSectionReader(f.bytes(), data, rec.csize))
	// Grown as bytes arrive rather than made at the declared size.
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, rec.usize+1))
	if err == nil && n != rec.usize {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, &FormatError{Where: rec.name, Offset: data, Reason: "cannot be decompressed", Err: err}
	}
	if n == 0 {
		return []byte{}, nil // not nil: nil says that nothing was decompressed
	}
	return out.Bytes(), nil
}
