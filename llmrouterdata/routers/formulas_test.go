package routers

import (
	"math"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/frontier"
)

// The values are worked out by hand from the definitions.
func TestFormulas(t *testing.T) {
	points := []Point{{1, 0.4}, {2, 0.5}, {3, 0.8}, {4, 0.7}}
	// The hull is 0.4 at 1, 0.8 at 3, level from there: means 0.6 from 1 to 3, 0.8
	// from 3 to 4.
	near(t, "AIQ", AIQ(points, 1, 4), (2*0.6+0.8)/3, 1e-12)
	near(t, "AIQ of nothing", AIQ(nil, 1, 4), 0, 0)

	for _, tt := range []struct {
		single Point
		share  float64
		ok     bool
		save   float64
	}{
		{Point{4, 0.7}, 0.75, true, 0.25},
		{Point{4, 0.45}, 0.5, true, 0.5},
		{Point{2, 0.8}, 1.5, true, 0},
		{Point{4, 0.9}, 0, false, 0},
		{Point{0, 0.4}, 0, false, 0},
	} {
		share, ok := QNC(points, tt.single)
		near(t, "QNC", share, tt.share, 1e-12)
		near(t, "CostSave", CostSave(points, tt.single), tt.save, 1e-12)
		if ok != tt.ok {
			t.Errorf("QNC against %v: %v", tt.single, ok)
		}
	}
	near(t, "gain", RelativeGain(0.6, 0.5), 0.2, 1e-12)
	near(t, "gain over nothing", RelativeGain(0.6, 0), 0, 0)
	near(t, "gap", GapToOracle(0.6, 0.8), 0.25, 1e-12)
	near(t, "gap to nothing", GapToOracle(0, 0), 0, 0)
}

func TestArenaScore(t *testing.T) {
	for _, tt := range []struct{ accuracy, usd, want float64 }{
		{0.5, 0.0044, 1.1 * 0.5 / (0.1*0.5 + 1)}, // C is 1
		{0.5, 0.0001, 1.1 * 0.5 / (0.1*0.5 + 1)}, // and not more
		{0.5, 200, 0},                            // C is 0
		{0.5, math.Inf(1), 0},
		{0, 1, 0},
		{0, 200, 0},
		{0.8, math.Sqrt(200 * 0.0044), 1.1 * 0.8 * 0.5 / (0.1*0.8 + 0.5)}, // halfway in logarithms
	} {
		near(t, "score", ArenaScore(tt.accuracy, tt.usd), tt.want, 1e-12)
	}
}

func TestAPGRAndCPT(t *testing.T) {
	// From 0.4 to 0.8; half of the calls bring 0.7.
	curve := []CallPoint{{0.5, 0.7}}
	near(t, "APGR", APGR(curve, 0.4, 0.8), ((0.55+0.75)/2-0.4)/0.4, 1e-12)
	near(t, "CPT of half the gap", CPT(curve, 0.4, 0.8, 0.5), 0.5*(0.2/0.3), 1e-12)
	near(t, "CPT of all", CPT(curve, 0.4, 0.8, 1), 1, 1e-12)
	near(t, "CPT of nothing", CPT(curve, 0.4, 0.8, 0), 0, 0)
	near(t, "APGR of chance", APGR(nil, 0.4, 0.8), 0.5, 1e-12)
	near(t, "CPT of chance", CPT(nil, 0.4, 0.8, 0.3), 0.3, 1e-12)
	// The performance may fall on the way, and the strong model be the worse one.
	up := []CallPoint{{0.8, 0.75}, {0.2, 0.6}, {0.4, 0.5}}
	near(t, "CPT where the curve falls", CPT(up, 0.4, 0.8, 0.5), 0.2, 1e-12)
	near(t, "CPT past the fall", CPT(up, 0.4, 0.8, 0.75), 0.4+0.4*(0.7-0.5)/(0.75-0.5), 1e-12)
	near(t, "downwards", CPT(nil, 0.8, 0.4, 0.25), 0.25, 1e-12)
	near(t, "points of one share", APGR([]CallPoint{{0.5, 0.6}, {0.5, 0.8}}, 0.4, 0.8), APGR(curve, 0.4, 0.8), 1e-12)
	near(t, "equal models", APGR(curve, 0.5, 0.5)+CPT(curve, 0.5, 0.5, 0.5), 0, 0)
}

func TestHullAndBest(t *testing.T) {
	points := []Point{{4, 0.6}, {1, 0.2}, {2, 0.5}, {3, 0.53}, {5, 0.4}, {1, 0.1}, {6, 0.6}}
	if got := Hull(points); !slices.Equal(got, []int{1, 2, 0}) {
		t.Errorf("the hull is %v", got)
	}
	// (0.35 + 2*0.55 + 0.6) / 4
	if a := AIQ(points, 1, 5); math.Abs(a-(0.35+1.1+0.6)/4) > 1e-12 {
		t.Errorf("area %v", a)
	}
	if best := Best(points); best != 0 {
		t.Errorf("the best is %d", best)
	}
	if Best(nil) != -1 || Hull(nil) != nil || OracleFrontier(func(func([]Point) bool) {}) != nil {
		t.Error("no points")
	}
}

// TestOracleFrontier compares the curve with every way of choosing.
func TestOracleFrontier(t *testing.T) {
	queries := [][]Point{
		{{1, 0}, {5, 1}}, {{2, 0.5}, {1, 0.5}, {3, 0.75}}, {{4, 1}, {1, 1}}, {{1, 0}, {2, 0.9}, {9, 1}},
	}
	curve := OracleFrontier(slices.Values(queries))
	on := func(p Point) bool {
		return slices.ContainsFunc(curve, func(c Point) bool { return math.Abs(c.USD-p.USD)+math.Abs(c.Performance-p.Performance) < 1e-12 })
	}
	if !on(Point{1, 0.375}) || !on(Point{18.0 / 4, 3.75 / 4}) {
		t.Errorf("the ends of %v", curve)
	}
	var try func(at Point, rest [][]Point)
	try = func(at Point, rest [][]Point) {
		if len(rest) > 0 {
			for _, p := range rest[0] {
				try(Point{at.USD + p.USD/4, at.Performance + p.Performance/4}, rest[1:])
			}
			return
		}
		if best := frontier.At(appendFrontier(nil, curve), at.USD); at.Performance > best+1e-12 {
			t.Errorf("choices that give %v are above the frontier, %v", at, best)
		}
	}
	try(Point{}, queries)
}
