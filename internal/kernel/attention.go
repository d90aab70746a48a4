package kernel

import "math"

// QueryBlock is the number of queries that [Set.Attend] takes at once.
const QueryBlock = lane

// Head is one attention head over one text: which keys a query sees, and their
// keys and values.
type Head struct {
	// K and V are [Len, Width] row-major, Width a multiple of [Lane]; columns
	// beyond the head's real width are zero.
	K, V       []float32
	Len, Width int
	// Side is the number of tokens that a query sees on each side of its own
	// position; at least Len means all.
	Side int
	// Hidden marks keys that no query sees through the window: masked ones and
	// those that stand in ExtraK. Nil means none.
	Hidden []bool
	// Biases are added to the scores of the keys in the window, by their
	// distance. Nil means none.
	Biases *Biases
	// ExtraK and ExtraV are [Extra, Width]: keys that every query sees.
	ExtraK, ExtraV []float32
	Extra          int
	// Scale multiplies every query.
	Scale float32
}

// Biases are numbers by the distance of a key from a query, over texts of a
// bounded length. They lie so that those of one key and a block of queries are
// neighbours.
type Biases struct {
	values []float32 // by query-key, from -length+1, with room for a block beyond
	length int
}

// NewBiases lays out the biases of texts of up to length tokens: of gives that of
// a key which lies distance tokens after the query.
func NewBiases(length int, of func(distance int) float32) Biases {
	b := Biases{values: make([]float32, 2*length-1+lane), length: length}
	for i := range b.values[:2*length-1] {
		b.values[i] = of(length - 1 - i)
	}
	return b
}

// at gives the biases of a key and the queries from query on.
func (b *Biases) at(query, key int) []float32 {
	return b.values[query-key+b.length-1:][:lane]
}

// Scratch is the working memory of one caller of [Set.Attend].
type Scratch struct {
	query  []float32 // [Width][16]
	scores []float32 // [keys][16]
	out    []float32 // twice [16][Width]
	inv    [lane]float32
}

// Attend computes softmax(scale·Q·Kᵀ)·V for n ≤ [QueryBlock] queries at
// positions q0..q0+n of h's text. q and dst are [n, Width] with rows ldq and
// ldd apart; only the first width columns of dst are written. A query that sees
// no key gets zeros.
//
// Keys that no query of the block sees through the window are never touched.
func (s *Set) Attend(dst []float32, ldd, width int, q []float32, ldq, q0, n int, h *Head, scratch *Scratch) {
	first := max(0, q0-h.Side)
	last := min(h.Len, q0+n+h.Side) // exclusive; Side ≤ Len, so this cannot overflow
	band := last - first
	keys := band + h.Extra
	d := h.Width
	scratch.query = grow(scratch.query, d*lane)
	scratch.scores = grow(scratch.scores, keys*lane)
	query, scores := scratch.query, scratch.scores

	s.transpose(query, q, ldq, n, d, h.Scale)
	if band > 0 {
		initial := noBias[:]
		if h.Biases != nil {
			for j := range band {
				copy(scores[j*lane:], h.Biases.at(q0, first+j))
			}
			initial = nil // the products are added
		}
		s.gemm(scores, lane, h.K[first*d:], d, query, 0, band, d, 1, initial)
	}
	if h.Extra > 0 {
		s.gemm(scores[band*lane:], lane, h.ExtraK, d, query, 0, h.Extra, d, 1, noBias[:])
	}

	// Query c sees the keys from q0+c-Side to q0+c+Side: the corners of the
	// band are cut off.
	minusInf := float32(math.Inf(-1))
	for j := first; j < q0+n-1-h.Side; j++ {
		for c := j + h.Side - q0 + 1; c < n; c++ {
			scores[(j-first)*lane+c] = minusInf
		}
	}
	for j := max(first, q0+h.Side+1); j < last; j++ {
		for c := 0; c < j-h.Side-q0; c++ {
			scores[(j-first)*lane+c] = minusInf
		}
	}
	if h.Hidden != nil {
		for j, hidden := range h.Hidden[first:last] {
			if hidden {
				row := scores[j*lane:][:lane]
				for c := range row {
					row[c] = minusInf
				}
			}
		}
	}

	inv := &scratch.inv
	s.softmax(scores, keys, inv)

	if h.Extra == 0 && width == d {
		s.mix(dst, ldd, scores, h.V[first*d:], d, n, band, d, inv[:])
		return
	}
	// The two sets of keys are summed apart, in a fixed order.
	scratch.out = grow(scratch.out, 2*lane*d)
	out, extra := scratch.out[:lane*d], scratch.out[lane*d:]
	s.mix(out, d, scores, h.V[first*d:], d, n, band, d, inv[:])
	if h.Extra > 0 {
		s.mix(extra, d, scores[band*lane:], h.ExtraV, d, n, h.Extra, d, inv[:])
		for i := range out[:n*d] {
			out[i] += extra[i]
		}
	}
	for r := range n {
		copy(dst[r*ldd:][:width], out[r*d:])
	}
}

var noBias [lane]float32

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
