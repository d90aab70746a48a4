package frontier

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHull(t *testing.T) {
	p := func(cost, score float64) Point { return Point{Cost: cost, Score: score} }
	for _, tt := range []struct {
		name         string
		points, want []Point
	}{
		{"one", []Point{p(1, 0.5)}, []Point{p(1, 0.5)}},
		{"below a line", []Point{p(3, 1), p(1, 0), p(2, 0.4)}, []Point{p(1, 0), p(3, 1)}},
		{"above it", []Point{p(3, 1), p(1, 0), p(2, 0.6)}, []Point{p(1, 0), p(2, 0.6), p(3, 1)}},
		{"dearer and worse", []Point{p(1, 0.5), p(2, 0.4)}, []Point{p(1, 0.5)}},
		{"of one cost the best", []Point{p(1, 0.2), p(1, 0.5), p(2, 0.6)}, []Point{p(1, 0.5), p(2, 0.6)}},
	} {
		if got := Hull(slices.Clone(tt.points)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestHullIsTheLeastConcaveCurve compares with the definition: at every cost the
// best mixture of two points of at most that cost.
func TestHullIsTheLeastConcaveCurve(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		points := make([]Point, 1+random.IntN(8))
		for i := range points {
			points[i] = Point{float64(random.IntN(6)), float64(random.IntN(5)), i}
		}
		hull := Hull(slices.Clone(points))
		lowest := hull[0].Cost
		for c := lowest; c <= 6; c += 0.25 {
			want := math.Inf(-1)
			for _, a := range points {
				for _, b := range points {
					if a.Cost <= c && b.Cost > c {
						want = max(want, a.Score+(b.Score-a.Score)*(c-a.Cost)/(b.Cost-a.Cost))
					}
				}
				if a.Cost <= c {
					want = max(want, a.Score)
				}
			}
			if got := At(hull, c); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%v at %v: %v, want %v", points, c, got, want)
			}
		}
	}
}

// TestMean compares with a sum over many small steps.
func TestMean(t *testing.T) {
	curve := []Point{{1, 0.2, 0}, {2, 0.6, 0}, {4, 0.7, 0}}
	for _, r := range [][2]float64{{1, 4}, {0, 5}, {1.5, 1.75}, {2, 4}, {-1, 0.5}, {6, 7}, {1, 2}} {
		const steps = 100_000
		want := 0.0
		for i := range steps {
			want += At(curve, r[0]+(r[1]-r[0])*(float64(i)+0.5)/steps) / steps
		}
		if got := Mean(curve, r[0], r[1]); math.Abs(got-want) > 1e-6 {
			t.Errorf("from %v to %v: %v, want %v", r[0], r[1], got, want)
		}
	}
	if got := Mean(curve, 2, 2); got != 0.6 {
		t.Errorf("at 2: %v", got)
	}
	if got := Mean(curve, 0, 0); got != 0.2 {
		t.Errorf("left of the curve: %v", got)
	}
}
