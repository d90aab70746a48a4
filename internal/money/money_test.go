package money

import (
	"math"
	"testing"
)

// Sums have no order, and no amount turns over.
func TestSum(t *testing.T) {
	var sum USD
	sum.Add(0.1)
	sum.Add(0.2)
	if sum.Dollars() != 0.3 {
		t.Errorf("0.1 and 0.2 are %v", sum.Dollars())
	}
	for range 20 {
		sum.Add(1e300)
		sum = sum.Plus(Of(math.Inf(1))).Plus(Most)
	}
	if sum != Most || sum.Dollars() < 1e6 {
		t.Errorf("the sum became %v", sum.Dollars())
	}
}
