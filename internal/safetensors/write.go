package safetensors

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Float32 is a tensor to be written: Data holds the elements, row-major, as
// many as the product of Shape.
type Float32 struct {
	Name  string
	Shape []int
	Data  []float32
}

// Write writes a file of float32 tensors, in the order given, with metadata
// beside them where it is not nil. Names must differ.
func Write(w io.Writer, tensors []Float32, metadata map[string]string) error {
	shapes := make([]Shape, len(tensors))
	for i, t := range tensors {
		shapes[i] = Shape{t.Name, t.Shape}
	}
	head, err := Header(shapes, metadata)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if n := product(t.Shape); n != len(t.Data) {
			return fmt.Errorf("safetensors: tensor %.200q: %d elements for shape %v", t.Name, len(t.Data), t.Shape)
		}
	}
	buf := bufio.NewWriterSize(w, ioBuffer)
	if _, err := buf.Write(head); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	var b [4]byte
	for _, t := range tensors {
		for _, v := range t.Data {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
			if _, err := buf.Write(b[:]); err != nil {
				return fmt.Errorf("safetensors: %w", err)
			}
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

// Shape names a float32 tensor and its dimensions.
type Shape struct {
	Name  string
	Shape []int
}

// Header gives the bytes with which a file of float32 tensors begins: the length
// and the JSON. The elements of the tensors follow, little-endian, in the order
// given. The result is a multiple of 8 bytes long, so that elements are aligned.
func Header(shapes []Shape, metadata map[string]string) ([]byte, error) {
	b := append(make([]byte, 8), '{')
	if metadata != nil {
		text, err := json.Marshal(metadata)
		if err != nil {
			return nil, fmt.Errorf("safetensors: metadata: %w", err)
		}
		b = append(fmt.Appendf(b, "%q:", metadataKey), text...)
		if len(shapes) > 0 {
			b = append(b, ',')
		}
	}
	seen := map[string]bool{metadataKey: true}
	at := 0
	for i, s := range shapes {
		n := product(s.Shape)
		if n < 0 || n > (math.MaxInt-at)/4 {
			return nil, fmt.Errorf("safetensors: tensor %.200q: shape %v", s.Name, s.Shape)
		}
		if !utf8.ValidString(s.Name) {
			return nil, fmt.Errorf("safetensors: tensor %.200q: the name is not UTF-8", s.Name)
		}
		if seen[s.Name] {
			return nil, fmt.Errorf("safetensors: tensor %.200q: the name is taken", s.Name)
		}
		seen[s.Name] = true
		dims := s.Shape
		if dims == nil {
			dims = []int{}
		}
		text, err := json.Marshal(map[string]struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{s.Name: {F32, dims, [2]int{at, at + 4*n}}})
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %.200q: %w", s.Name, err)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text[1:len(text)-1]...) // without the braces
		at += 4 * n
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > MaxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes, more than %d", len(b)-8, MaxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// product gives the number of elements of a shape, or -1.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return -1
		}
		n *= d
	}
	return n
}
