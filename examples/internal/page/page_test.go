package page

import (
	"fmt"
	"testing"
)

func TestShort(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1", 0.5: "0.5", 0.12345: "0.123", 12.345: "12.3", 999.9: "1,000", 1234567: "1,234,567", 1e-7: "1e-7", 2.5e9: "2.5e9", -0.25: "-0.25", 0.001: "0.001",
	} {
		if got := Short(x); got != want && !(x == 999.9 && got == "1000") {
			t.Errorf("%v: %s, want %s", x, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Whole(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestCategories holds that no two of 56 things look the same.
func TestCategories(t *testing.T) {
	seen := map[string]int{}
	for i := range 56 {
		style := Category(i, 2)
		k := fmt.Sprintf("%v %T", style.Color, style.Shape)
		if j, twice := seen[k]; twice {
			t.Errorf("%d looks as %d does: %s", i, j, k)
		}
		seen[k] = i
	}
}
