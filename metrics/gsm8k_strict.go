package metrics

import (
	"context"
	"strings"
)

// GSM8KStrict is 1 when the final number of the prediction has the value of the
// truth's, else 0. It mends the quirks of [GSM8K]:
//
//	truth  prediction            GSM8K  GSM8KStrict
//	5      "5 , and we are done" 0      1
//	18     "18, as 3 x 6 = 18."  1      1
//	3.5    "It costs $3.50."     0      1
//	350    "It costs $3.50."     1      0
//	5      "10-5"                0      1
//	1234   "1,234.00"            0      1
//	5      "1e5"                 1      0
//
// The final number is the first one after the last "####"; without that, the
// last one within the last \boxed{...}; without that, the last one of all. A
// number is written in ASCII digits, with or without a decimal fraction, commas
// between groups of three, an exponent, and before it a currency sign and a
// minus; a minus right after a word, a digit or a closing parenthesis is a
// subtraction. Two integers on both sides of a slash are a fraction. Digits
// within a word ("H2O") or in a version or date ("1.2.3", "1/2/2024") are no
// number.
//
// A prediction or a truth without a number gives 0. Time is linear.
func GSM8KStrict(prediction, truth string) float64 {
	want, ok := finalNumber(truth)
	if !ok {
		return 0
	}
	got, ok := finalNumber(prediction)
	return score(ok && got.equal(want))
}

func scoreGSM8KStrict(_ context.Context, in Input) (Result, error) {
	if _, ok := finalNumber(in.Truth); !ok {
		return NotEvaluated("the ground truth holds no number"), nil
	}
	return Scored(GSM8KStrict(in.Prediction, in.Truth)), nil
}

// finalNumber returns the number that a text arrives at.
func finalNumber(s string) (number, bool) {
	if at := strings.LastIndex(s, "####"); at >= 0 {
		if n, ok := findNumber(s[at+4:], true); ok {
			return n, true
		}
	}
	if inner, ok := lastBox(s); ok {
		if n, ok := findNumber(inner, false); ok {
			return n, true
		}
	}
	return findNumber(s, false)
}

// findNumber returns the first or the last number of s.
func findNumber(s string, first bool) (number, bool) {
	begin, end := 0, 0 // of the one to return
	for i := 0; i < len(s) && !(first && end > 0); {
		switch c := s[i]; {
		case isASCIILetter(c) || c == '_':
			i = skipWordBytes(s, i)
			continue
		case !isDigit(c) && c != '.':
			i++
			continue
		}
		n := numberLen(s[i:])
		if n == 0 {
			i++
			continue
		}
		at := i
		i += n
		// A further part makes it a version, a date, an address.
		whole := true
		for i+1 < len(s) && (s[i] == '.' || s[i] == '/') && isDigit(s[i+1]) {
			i = skipDigits(s, i+1)
			whole = false
		}
		if !whole {
			continue
		}
		begin, end = at, i
		i = skipWordBytes(s, i) // a unit
	}
	if end == 0 {
		return number{}, false
	}
	n, ok := parseNumber(s[begin:end])
	if isNegative(s[:begin]) {
		n = n.negate()
	}
	return n, ok
}

// numberLen returns the length of the unsigned number that s begins with, a
// decimal or a fraction of two integers, or 0.
func numberLen(s string) int {
	n := decimalLen(s)
	if n == 0 || n == len(s) || s[n] != '/' || !isInteger(s[:n]) {
		return n
	}
	if end := skipDigits(s, n+1); end > n+1 {
		return end
	}
	return n
}

func isInteger(decimal string) bool { return !strings.ContainsAny(decimal, ".eE") }

// parseNumber returns the value of what numberLen measured; a fraction may have
// none.
func parseNumber(s string) (number, bool) {
	above, below, fraction := strings.Cut(s, "/")
	n := number{decimal: parseDecimal(above)}
	if !fraction {
		return n, true
	}
	return quotient(number{}, n, number{decimal: parseDecimal(below)})
}

// isNegative reports whether the number after before has a minus sign: one that
// does not stand right after something to subtract from.
func isNegative(before string) bool {
	before = trimCurrency(before)
	for _, sign := range [...]string{"-", "−"} {
		rest, ok := strings.CutSuffix(before, sign)
		if !ok {
			continue
		}
		rest = trimCurrency(rest)
		if rest == "" {
			return true
		}
		last := rest[len(rest)-1]
		return !isWordByte(rest, len(rest)-1) && last != ')' && last != '}' && last != ']'
	}
	return false
}

func trimCurrency(s string) string {
	for _, sign := range [...]string{`\$`, "$", "€", "£"} {
		if rest, ok := strings.CutSuffix(s, sign); ok {
			return rest
		}
	}
	return s
}
