package embedding

import (
	"math"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// In MPNet (Song et al., 2020, arXiv:2004.09297) a score depends on how far the
// key is from the query, too: distances fall into buckets, as in T5, and each
// head adds a number for each bucket.

const (
	distanceBuckets = 32 // half of them for keys after the query
	exactBuckets    = 8  // the distances below have buckets of their own
	farthest        = 128
)

// distanceBucket gives the bucket of a key that lies distance tokens after the
// query. The logarithm is rounded to float32 at each step, as in the published
// code, so that distances at a bucket's edge fall where they fall there.
func distanceBucket(distance int) int {
	bucket, n := 0, -distance
	if n < 0 {
		bucket, n = distanceBuckets/2, -n
	}
	if n < exactBuckets {
		return bucket + n
	}
	log := float32(math.Log(float64(float32(n) / exactBuckets)))
	scaled := float32(log/float32(math.Log(farthest/exactBuckets))) * (distanceBuckets/2 - exactBuckets)
	return bucket + min(exactBuckets+int(scaled), distanceBuckets/2-1)
}

// distanceBiases lays out the table of the buckets, [buckets, heads], for
// attention over texts of up to length tokens.
func distanceBiases(table []float32, heads, length int) []kernel.Biases {
	all := make([]kernel.Biases, heads)
	for h := range all {
		all[h] = kernel.NewBiases(length, func(distance int) float32 {
			return table[distanceBucket(distance)*heads+h]
		})
	}
	return all
}
