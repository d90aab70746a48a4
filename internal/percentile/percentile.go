// Package percentile finds percentiles by nearest rank.
package percentile

// Of returns the p-th percentile of sorted values, p from 0 to 100: the smallest
// value that at least p percent of them do not exceed. Of none it is 0.
func Of[T float32 | float64](sorted []T, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[max((len(sorted)*p+99)/100, 1)-1])
}
