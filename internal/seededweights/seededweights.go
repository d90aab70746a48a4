// Package seededweights makes weights of Longformer's shapes from a seed: for
// tests, benchmarks and demonstrations, where the published weights are too
// large to carry or to fetch. The same generator, written in Python, made the
// weights behind the oracles.
//
// The values of a parameter depend on its name, the seed and the kind alone,
// and any part of them can be computed without the rest.
package seededweights

import "strings"

// Kind is a choice of spreads.
type Kind int

const (
	// Base has the spreads of a published model: for the real size.
	Base Kind = iota
	// Tiny has large spreads, so that every part of a model a few tokens wide
	// shows in its result.
	Tiny
)

// spreads are the standard deviations of one kind.
type spreads struct {
	embedding, queryKey, weight, bias, normWeight, normBias float64
}

var kinds = map[Kind]spreads{
	Base: {0.02, 0.05, 0.02, 0.02, 0.1, 0.1},
	Tiny: {0.5, 0.3, 0.25, 0.2, 0.2, 0.2},
}

// moments returns the mean and the standard deviation of a parameter.
func (s spreads) moments(name string) (mean, std float64) {
	switch {
	case strings.Contains(name, "LayerNorm"), strings.Contains(name, "layer_norm"):
		if strings.HasSuffix(name, "weight") {
			return 1, s.normWeight
		}
		return 0, s.normBias
	case strings.HasPrefix(name, "embeddings."):
		return 0, s.embedding
	case strings.HasSuffix(name, ".bias"):
		return 0, s.bias
	case strings.Contains(name, ".query"), strings.Contains(name, ".key"):
		return 0, s.queryKey
	}
	return 0, s.weight
}

// Fill sets dst to the elements from first of the parameter with the given
// name, which is without the prefix "longformer.", in row-major order.
func Fill(dst []float32, name string, first int, seed uint64, kind Kind) {
	mean, std := kinds[kind].moments(name)
	step := std * 1.7320508075688772 / 65536
	// FNV-1a of the name, then splitmix64 in its counter form.
	state := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		state = (state ^ uint64(name[i])) * 0x100000001b3
	}
	state = (state ^ seed) + uint64(first)*0x9E3779B97F4A7C15
	for i := range dst {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		// The sum of four uniform numbers is nearly normal.
		sum := int64(z&0xffff) + int64(z>>16&0xffff) + int64(z>>32&0xffff) + int64(z>>48)
		// The conversion forbids fusing, which would change the last bit.
		dst[i] = float32(mean + float64(float64(sum-131070)*step))
	}
}
