package datasets

import "github.com/llmrouter-go/llmrouter/internal/pyrandom"

// Rand is a source of random numbers that gives what Python's random module
// gives for the same seed. It is not safe for concurrent use.
type Rand struct{ r *pyrandom.Rand }

// NewRand returns a generator in the state of Python's random.seed(seed). The
// sign of the seed is ignored.
func NewRand(seed int64) *Rand { return &Rand{pyrandom.New(seed)} }

// Perm returns list(range(n)) after Python's random.shuffle.
func (r *Rand) Perm(n int) []int { return r.r.Perm(n) }

// Sample returns Python's random.sample(range(n), k). It is an error if k is
// negative or above n.
func (r *Rand) Sample(n, k int) ([]int, error) { return r.r.Sample(n, k) }

// Float64 returns Python's random.random(), in [0, 1).
func (r *Rand) Float64() float64 { return r.r.Float64() }
