package openai

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// parseAnswer gives the vectors of an answer to a request with n texts, in the
// order of the texts. Every failure wraps ErrResponse or is a *DimError; dim is
// the length of the vectors, or 0 for any.
func parseAnswer(body []byte, n, dim int) ([][]float32, error) {
	var answer struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if len(answer.Data) != n {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrResponse, len(answer.Data), n)
	}
	// Some servers leave the index out: then the order is all there is.
	ordered := answer.Data[0].Index == nil
	vectors := make([][]float32, n)
	for place, item := range answer.Data {
		index := place
		if !ordered && item.Index != nil {
			index = *item.Index
		}
		switch {
		case (item.Index == nil) != ordered:
			return nil, fmt.Errorf("%w: some vectors have an index and some have none", ErrResponse)
		case index < 0 || index >= n:
			return nil, fmt.Errorf("%w: index %d for %d texts", ErrResponse, index, n)
		case vectors[index] != nil:
			return nil, fmt.Errorf("%w: duplicate index %d", ErrResponse, index)
		}
		v, err := parseVector(item.Embedding)
		if err != nil {
			return nil, fmt.Errorf("%w: vector %d: %w", ErrResponse, index, err)
		}
		if dim == 0 {
			dim = len(v)
		}
		if len(v) != dim {
			return nil, &DimError{Got: len(v), Want: dim}
		}
		vectors[index] = v
	}
	return vectors, nil
}

// parseVector reads a vector in one of its two forms, a list of numbers or
// little-endian float32 values in base64.
func parseVector(raw json.RawMessage) ([]float32, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 {
		return nil, errors.New("missing")
	}
	var v []float32
	switch raw[0] {
	case '[':
		list := bytes.TrimSpace(raw[1 : len(raw)-1])
		if len(list) == 0 {
			return nil, errors.New("empty")
		}
		v = make([]float32, 0, bytes.Count(list, []byte(","))+1)
		for number := range bytes.SplitSeq(list, []byte(",")) {
			// The values of a JSON list, so there is no other way to write a
			// number; null and lists within it are none.
			x, err := strconv.ParseFloat(string(bytes.TrimSpace(number)), 32)
			if err != nil {
				return nil, fmt.Errorf("element %d is not a float32", len(v))
			}
			v = append(v, float32(x))
		}
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) == 0 || len(data)%4 != 0 {
			return nil, errors.New("not float32 values in base64")
		}
		v = make([]float32, len(data)/4)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			if x := float64(v[i]); math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("element %d is not finite", i)
			}
		}
	default:
		return nil, errors.New("neither a list nor base64")
	}
	return v, nil
}
