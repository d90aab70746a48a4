package page

import (
	"math"
	"strconv"
	"strings"
)

// Short writes a number with up to three digits that count: 0.05, 12.3, 4,500,
// 1.2e-7.
func Short(x float64) string {
	switch a := math.Abs(x); {
	case a == 0:
		return "0"
	case a < 1e-4 || a >= 1e7:
		s := strconv.FormatFloat(x, 'g', 3, 64)
		return strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(s)
	case a >= 1000:
		return Whole(int(math.Round(x)))
	default:
		digits := max(0, 2-int(math.Floor(math.Log10(a))))
		s := strconv.FormatFloat(x, 'f', digits, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
}

// Whole writes a count with commas.
func Whole(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
