package percentile

import "testing"

func TestOf(t *testing.T) {
	hundred := make([]float32, 100)
	for i := range hundred {
		hundred[i] = float32(i + 1)
	}
	for _, c := range []struct {
		values []float32
		p      int
		want   float64
	}{
		{nil, 50, 0}, {[]float32{7}, 0, 7}, {[]float32{7}, 50, 7}, {[]float32{7}, 99, 7},
		{[]float32{1, 2}, 50, 1}, {[]float32{1, 2}, 51, 2}, {[]float32{1, 2, 3}, 50, 2}, {[]float32{1, 2, 3}, 90, 3},
		{hundred, 50, 50}, {hundred, 90, 90}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred, 1, 1}, {hundred[:10], 99, 10},
	} {
		if got := Of(c.values, c.p); got != c.want {
			t.Errorf("percentile %d of %d values: %v, want %v", c.p, len(c.values), got, c.want)
		}
	}
}
