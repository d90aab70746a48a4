package seededweights

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

func TestOracleWeights(t *testing.T) {
	for _, name := range golden.OracleSets(t, "longformer/weights_check.json") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var check struct {
			Base map[string]struct {
				Shape []int
				First []float32
				Last  float32
				Sum   float64 `json:"sum_f64"`
				SumSq float64 `json:"sumsq_f64"`
			}
		}
		golden.Unmarshal(t, filepath.Base(name), raw, &check)
		if len(check.Base) == 0 {
			t.Fatalf("%s: no parameters of the base model", name)
		}
		for param, want := range check.Base {
			n := 1
			for _, d := range want.Shape {
				n *= d
			}
			got := make([]float32, n)
			Fill(got, param, 0, 2001, Base)
			if !slices.Equal(got[:len(want.First)], want.First) {
				t.Errorf("%s starts %v, not %v", param, got[:len(want.First)], want.First)
			}
			if got[n-1] != want.Last {
				t.Errorf("%s ends with %v, not %v", param, got[n-1], want.Last)
			}
			var sum, squares float64
			for _, v := range got {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			if math.Abs(sum-want.Sum) > 1e-6 {
				t.Errorf("%s: the sum is %v, not %v", param, sum, want.Sum)
			}
			if math.Abs(squares/want.SumSq-1) > 1e-9 {
				t.Errorf("%s: the sum of squares is %v, not %v", param, squares, want.SumSq)
			}
		}
	}
}

func TestFillInParts(t *testing.T) {
	whole := make([]float32, 1000)
	Fill(whole, "encoder.layer.0.attention.self.query.weight", 0, 7, Base)
	parts := make([]float32, 1000)
	for _, cut := range [][2]int{{0, 1}, {1, 333}, {333, 999}, {999, 1000}} {
		Fill(parts[cut[0]:cut[1]], "encoder.layer.0.attention.self.query.weight", cut[0], 7, Base)
	}
	if !slices.Equal(whole, parts) {
		t.Error("parts differ from the whole")
	}
	other := make([]float32, 1000)
	Fill(other, "encoder.layer.0.attention.self.query.weight", 0, 8, Base)
	if slices.Equal(whole, other) {
		t.Error("another seed gives the same weights")
	}
}

func BenchmarkFill(b *testing.B) {
	dst := make([]float32, 1<<16)
	b.SetBytes(int64(len(dst)) * 4)
	for b.Loop() {
		Fill(dst, "encoder.layer.0.output.dense.weight", 0, 1, Base)
	}
}
