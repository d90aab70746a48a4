// Package wordhash turns texts into vectors without a model: signed hashing of
// words and pairs of words. It is a test kit: its vectors are good enough for
// routers to learn from, the same on every machine, and made in microseconds.
package wordhash

import (
	"context"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Dim is the length of the vectors.
const Dim = 768

// Encoder is an encoder of texts.
type Encoder struct{}

// Encode returns a vector for each text: its words in lower case, and each two
// that follow each other, are hashed to a place and a sign, where the square
// root of their count is added; vectors are of unit length, those of texts
// without words are 0.
func (Encoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		vectors[i] = encode(text)
	}
	return vectors, nil
}

func encode(text string) []float32 {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	counts := map[string]int{}
	var order []string // so that sums are the same in every run
	add := func(term string) {
		if counts[term]++; counts[term] == 1 {
			order = append(order, term)
		}
	}
	for i, w := range words {
		add(w)
		if i > 0 {
			add(words[i-1] + " " + w)
		}
	}
	slices.Sort(order)
	v := make([]float64, Dim)
	for _, term := range order {
		h := Hash(term)
		sign := 1.0
		if h>>40&1 == 1 {
			sign = -1
		}
		v[h%Dim] += sign * math.Sqrt(float64(counts[term]))
	}
	var sum float64
	for _, x := range v {
		sum += float64(x * x)
	}
	vector := make([]float32, Dim)
	for i, x := range v {
		vector[i] = float32(x / math.Sqrt(sum+1e-12))
	}
	return vector
}

// Hash is a hash of some texts, the same on every machine: FNV-1a of them, a zero
// byte after each, with its bits mixed.
func Hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	x := h.Sum64()
	x ^= x >> 33 // FNV's low bits alone are weak
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}
