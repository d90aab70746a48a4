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
		if n, ok := eachNumber(s[at+4:], true); ok {
			return n, true
		}
	}
	if inner, ok := lastBox(s); ok {
		if n, ok := eachNumber(inner, false); ok {
			return n, true
		}
	}
	return eachNumber(s, false)
}

// eachNumber goes through the numbers of s and returns the first or the last.
func eachNumber(s string, first bool) (found number, any bool) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isASCIILetter(c) || c == '_':
			for isWordByte(s, i) {
				i++
			}
			continue
		case !isDigit(c) && c != '.':
			i++
			continue
		}
		n, size, ok := scanNumber(s[i:])
		if size == 0 {
			i++
			continue
		}
		begin := i
		i += size
		// A further part makes it a version, a date, an address.
		for i+1 < len(s) && (s[i] == '.' || s[i] == '/') && isDigit(s[i+1]) {
			i = skipDigits(s, i+1)
			ok = false
		}
		if !ok {
			continue
		}
		if isNegative(s[:begin]) {
			n = n.negate()
		}
		if found, any = n, true; first {
			return found, any
		}
		for isWordByte(s, i) { // a unit
			i++
		}
	}
	return found, any
}

// scanNumber reads the unsigned number that s begins with, a decimal or a
// fraction of two integers, and returns its length, or 0 when there is none.
// ok is false for a fraction that is no number.
func scanNumber(s string) (n number, size int, ok bool) {
	above, size := scanDecimal(s)
	n.decimal = above
	if size == 0 || strings.ContainsAny(s[:size], ".eE") || size == len(s) || s[size] != '/' {
		return n, size, size > 0
	}
	end := skipDigits(s, size+1)
	if end == size+1 {
		return n, size, true
	}
	below, _ := scanDecimal(s[size+1 : end])
	n, ok = quotient(number{}, n, number{decimal: below})
	return n, end, ok
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
