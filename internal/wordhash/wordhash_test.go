package wordhash

import (
	"math"
	"testing"
)

func TestEncode(t *testing.T) {
	vectors, err := Encoder{}.Encode(t.Context(), []string{"How much is two and two?", "how MUCH is two, and two", "The capital of France", "", "?!"})
	if err != nil {
		t.Fatal(err)
	}
	dot := func(a, b int) (sum float64) {
		for i, x := range vectors[a] {
			sum += float64(x) * float64(vectors[b][i])
		}
		return sum
	}
	for i := range 3 {
		if d := dot(i, i); math.Abs(d-1) > 1e-6 {
			t.Errorf("text %d has the square length %v", i, d)
		}
	}
	if d := dot(0, 1); math.Abs(d-1) > 1e-6 {
		t.Errorf("equal words have the cosine %v", d)
	}
	if d := dot(0, 2); math.Abs(d) > 0.3 {
		t.Errorf("unlike texts have the cosine %v", d)
	}
	if dot(3, 3) != 0 || dot(4, 4) != 0 {
		t.Error("a text without words has a vector")
	}
	// "two" stands twice, so that its place has the square root of 2 of the others.
	v := encode("two two")
	at, pair := Hash("two")%Dim, Hash("two two")%Dim
	if got := math.Abs(float64(v[at] / v[pair])); math.Abs(got-math.Sqrt2) > 1e-6 {
		t.Errorf("a word that is there twice counts %v times as much as one", got)
	}
}
