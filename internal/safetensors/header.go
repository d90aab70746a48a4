package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// FormatError reports a file that is not in the format, or not whole.
type FormatError struct {
	Tensor string // the tensor in question, or ""
	Err    error  // io.ErrUnexpectedEOF among its causes when the file is cut short
}

func (e *FormatError) Error() string {
	if e.Tensor == "" {
		return "safetensors: " + e.Err.Error()
	}
	return fmt.Sprintf("safetensors: tensor %.200q: %v", e.Tensor, e.Err)
}

// Unwrap gives Err.
func (e *FormatError) Unwrap() error { return e.Err }

func formatErr(tensor, format string, args ...any) error {
	return &FormatError{Tensor: tensor, Err: fmt.Errorf(format, args...)}
}

// info is one tensor's entry in a header.
type info struct {
	name       string
	dtype      DType
	shape      []int
	elements   int
	begin, end int64 // of the elements, from the end of the header
}

const metadataKey = "__metadata__"

// parseHeader reads a header and holds it against dataSize, the number of bytes
// that follow it. The tensors come in the order of their elements.
func parseHeader(data []byte, dataSize int64) (tensors []info, metadata map[string]string, err error) {
	if len(data) == 0 || data[0] != '{' {
		return nil, nil, formatErr("", "the header does not begin with '{'")
	}
	if !utf8.Valid(data) {
		return nil, nil, formatErr("", "the header is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil { // '{'
		return nil, nil, formatErr("", "header: %w", err)
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, formatErr("", "header: %w", err)
		}
		name, ok := key.(string)
		if !ok {
			return nil, nil, formatErr("", "header: %v is not a name", key)
		}
		if seen[name] {
			return nil, nil, formatErr(name, "is a duplicate in the header")
		}
		seen[name] = true
		if name == metadataKey {
			if err := dec.Decode(&metadata); err != nil {
				return nil, nil, formatErr("", "%s: %w", metadataKey, err)
			}
			continue
		}
		t, err := parseInfo(dec, name)
		if err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, t)
	}
	if _, err := dec.Token(); err != nil { // '}'
		return nil, nil, formatErr("", "header: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, formatErr("", "header: more than one JSON value")
	}
	if err := checkLayout(tensors, dataSize); err != nil {
		return nil, nil, err
	}
	return tensors, metadata, nil
}

func parseInfo(dec *json.Decoder, name string) (info, error) {
	var entry struct {
		DType   DType   `json:"dtype"`
		Shape   []int   `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := dec.Decode(&entry); err != nil {
		return info{}, formatErr(name, "header: %w", err)
	}
	t := info{name: name, dtype: entry.DType, shape: entry.Shape, elements: 1}
	switch {
	case entry.DType == "":
		return info{}, formatErr(name, "no dtype")
	case entry.Shape == nil:
		return info{}, formatErr(name, "no shape")
	case len(entry.Offsets) != 2:
		return info{}, formatErr(name, "data_offsets %v, want two numbers", entry.Offsets)
	}
	t.begin, t.end = entry.Offsets[0], entry.Offsets[1]
	if t.begin < 0 || t.end < t.begin {
		return info{}, formatErr(name, "data_offsets %v", entry.Offsets)
	}
	for _, n := range t.shape {
		if n < 0 || n > 0 && t.elements > math.MaxInt/n {
			return info{}, formatErr(name, "shape %v", t.shape)
		}
		t.elements *= n
	}
	bits := t.dtype.bits()
	if bits == 0 {
		return t, nil // cannot be checked, nor read
	}
	if t.elements > math.MaxInt/bits || t.elements*bits%8 != 0 || int64(t.elements*bits/8) != t.end-t.begin {
		return info{}, formatErr(name, "shape %v of %s does not fill data_offsets %v", t.shape, t.dtype, entry.Offsets)
	}
	return t, nil
}

// checkLayout sorts the tensors by place and sees that they fill the file.
func checkLayout(tensors []info, dataSize int64) error {
	slices.SortStableFunc(tensors, func(a, b info) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, t := range tensors {
		if t.begin != at {
			return formatErr(t.name, "elements begin at %d, those before it end at %d", t.begin, at)
		}
		at = t.end
	}
	switch {
	case at > dataSize:
		return formatErr("", "the tensors take %d bytes, the file holds %d: %w", at, dataSize, io.ErrUnexpectedEOF)
	case at < dataSize:
		return formatErr("", "%d bytes after the last tensor", dataSize-at)
	}
	return nil
}
