package pyrandom

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
)

// The first outputs for init_by_array({0x123, 0x234, 0x345, 0x456}) that the
// authors of MT19937 publish with their code.
func TestTwisterPublishedOutputs(t *testing.T) {
	var m mt19937
	m.initByArray([]uint32{0x123, 0x234, 0x345, 0x456})
	for i, want := range []uint32{1067595299, 955945823, 477289528, 4107218783, 4228976476} {
		if got := m.uint32(); got != want {
			t.Errorf("output %d = %d, want %d", i, got, want)
		}
	}
}

func TestSeedIgnoresSign(t *testing.T) {
	for _, seed := range []int64{1, 42, math.MaxInt64, 1 << 40} {
		if New(seed).Bits(64) != New(-seed).Bits(64) {
			t.Errorf("seeds %d and %d differ", seed, -seed)
		}
	}
	// The most negative number has no positive counterpart in its own type.
	a, b := New(math.MinInt64), new(Rand)
	b.SeedBig(new(big.Int).Lsh(big.NewInt(1), 63))
	if a.mt != b.mt {
		t.Error("Seed(MinInt64) is not the state of 2**63")
	}
}

func TestSampleIsAPermutation(t *testing.T) {
	r := New(7)
	for n := range 200 {
		got, err := r.Sample(n, n)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		for i, v := range got {
			if i != v {
				t.Fatalf("a sample of all %d misses %d", n, i)
			}
		}
	}
}

func TestRangeErrors(t *testing.T) {
	r := New(1)
	before := r.mt
	for _, c := range []struct{ n, k int }{{5, 6}, {5, -1}, {0, 1}} {
		if _, err := r.Sample(c.n, c.k); !errors.Is(err, ErrRange) {
			t.Errorf("Sample(%d, %d): %v", c.n, c.k, err)
		}
	}
	for _, c := range [][3]int64{{5, 5, 1}, {5, 4, 1}, {4, 5, -1}, {1, 2, 0}} {
		if _, err := r.RandRange(big.NewInt(c[0]), big.NewInt(c[1]), big.NewInt(c[2])); !errors.Is(err, ErrRange) {
			t.Errorf("RandRange%v: %v", c, err)
		}
	}
	if r.mt != before {
		t.Error("a refused call drew numbers")
	}
}

func TestRandRangeStaysInside(t *testing.T) {
	r := New(3)
	for range 1000 {
		v, err := r.RandRange(big.NewInt(10), big.NewInt(-10), big.NewInt(-3))
		if err != nil {
			t.Fatal(err)
		}
		if x := v.Int64(); x > 10 || x <= -10 || (10-x)%3 != 0 {
			t.Fatalf("randrange(10, -10, -3) = %d", x)
		}
	}
}

// poolLimit decides between the two algorithms; Python computes it with
// 4 ** ceil(log(3k, 4)).
func TestPoolLimit(t *testing.T) {
	for k := range 100000 {
		want := 21
		if k > 5 {
			want += int(math.Pow(4, math.Ceil(math.Log(float64(3*k))/math.Log(4))))
		}
		if got := poolLimit(k); got != want {
			t.Fatalf("poolLimit(%d) = %d, want %d", k, got, want)
		}
	}
	if poolLimit(math.MaxInt) != math.MaxInt {
		t.Error("poolLimit overflows")
	}
}

func BenchmarkSample500Of100000(b *testing.B) {
	r := New(42)
	for b.Loop() {
		if _, err := r.Sample(100000, 500); err != nil {
			b.Fatal(err)
		}
	}
}

// hash(f) as CPython prints it.
func TestHashFloat64(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want int64
	}{
		{0, 0}, {math.Copysign(0, -1), 0}, {1, 1}, {-1, -2}, {42, 42},
		{1e300, 1224995262755759164}, {0.1, 230584300921369408},
		{1e-300, 482449582752280463}, {-123456789.123, -283618680910892309},
		{math.Inf(1), 314159}, {math.Inf(-1), -314159},
	} {
		if got := hashFloat64(c.f); got != c.want {
			t.Errorf("hash(%v) = %d, want %d", c.f, got, c.want)
		}
	}
}
