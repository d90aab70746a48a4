package metrics

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"
)

// number is a number that a text gives: a decimal of any length, or a quotient.
type number struct {
	decimal  decimal
	quotient *big.Rat // nil for a decimal
}

// decimal is ±0.digits × 10^point. Its digits neither begin nor end with a
// zero, and zero has neither digits nor sign, so that equal numbers are equal
// values, of whatever length.
type decimal struct {
	negative bool
	digits   string
	point    int64
}

// equal reports whether two numbers have the same value.
func (n number) equal(m number) bool {
	if n.quotient == nil && m.quotient == nil {
		return n.decimal == m.decimal
	}
	a, aOK := n.rat()
	b, bOK := m.rat()
	return aOK && bOK && a.Cmp(b) == 0
}

func (n number) rat() (*big.Rat, bool) {
	if n.quotient != nil {
		return n.quotient, true
	}
	return n.decimal.rat()
}

// negate changes the sign of what is not zero.
func (n number) negate() number {
	if n.quotient != nil {
		return number{quotient: new(big.Rat).Neg(n.quotient)}
	}
	n.decimal.negative = n.decimal.digits != "" && !n.decimal.negative
	return n
}

// quotient returns whole + above/below, unless a number is missing in it: it
// divides by zero, or is too long to be calculated with.
func quotient(whole, above, below number) (number, bool) {
	w, wOK := whole.rat()
	a, aOK := above.rat()
	b, bOK := below.rat()
	if !wOK || !aOK || !bOK || b.Sign() == 0 {
		return number{}, false
	}
	q := new(big.Rat).Quo(a, b)
	return number{quotient: q.Add(q, w)}, true
}

func (d decimal) rat() (*big.Rat, bool) {
	if len(d.digits) > maxRatDigits || d.point > maxRatDigits || d.point < -maxRatDigits {
		return nil, false
	}
	if d.digits == "" {
		return new(big.Rat), true
	}
	sign := ""
	if d.negative {
		sign = "-"
	}
	return new(big.Rat).SetString(sign + "0." + d.digits + "e" + strconv.FormatInt(d.point, 10))
}

// scanDecimal reads the unsigned decimal number that s begins with, and returns
// its length, or 0 when there is none.
func scanDecimal(s string) (d decimal, n int) {
	n = decimalLen(s)
	return parseDecimal(s[:n]), n
}

// decimalLen returns the length of the unsigned decimal number that s begins
// with, or 0. Its digits may stand in groups of three, or of two before the last
// three as in India, separated by commas ("1,234") or by LaTeX's ("1{,}234",
// "1\,234", "1,\!234"), by apostrophes, low lines or narrow spaces; and may be
// followed by a fraction and an exponent ("1.5e-3"). A full stop or a comma at
// the end of a sentence is not part of a number.
func decimalLen(s string) int {
	n := skipDigits(s, 0)
	if 0 < n && n <= 3 {
		n = groupsLen(s, n)
	}
	if n < len(s) && s[n] == '.' {
		if end := skipDigits(s, n+1); end > n+1 {
			n = end
		}
	}
	if n > 0 && n < len(s) && s[n]|0x20 == 'e' {
		begin := n + 1
		if begin < len(s) && (s[begin] == '-' || s[begin] == '+') {
			begin++
		}
		// What follows a longer exponent's "e" is no exponent that anybody means.
		if end := skipDigits(s, begin); end > begin && end-begin <= 18 && !isWordByte(s, end) {
			n = end
		}
	}
	return n
}

// groupsLen returns where the groups of digits end the first of which is s[:n].
func groupsLen(s string, n int) int {
	sep := groupSeparator(s[n:])
	if sep == 0 {
		return n
	}
	if skipDigits(s, n+sep) == n+sep+2 && n <= 2 && s[n] == ',' { // lakhs and crores
		end := n
		for end < len(s) && s[end] == ',' && skipDigits(s, end+1) == end+3 {
			end += 3
		}
		if end < len(s) && s[end] == ',' && skipDigits(s, end+1) == end+4 {
			return end + 4
		}
		return n
	}
	for sep > 0 && skipDigits(s, n+sep) == n+sep+3 {
		n += sep + 3
		sep = groupSeparator(s[n:])
	}
	return n
}

// parseDecimal returns the value of what decimalLen measured.
func parseDecimal(s string) decimal {
	digits := make([]byte, 0, len(s))
	point := int64(-1) // how many digits are before it
	var exponent int64
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			digits = append(digits, c)
		case c == '.':
			point = int64(len(digits))
		case c|0x20 == 'e':
			exponent, _ = strconv.ParseInt(s[i+1:], 10, 64)
			i = len(s)
		}
	}
	if point < 0 {
		point = int64(len(digits))
	}
	significant := bytes.TrimLeft(digits, "0")
	point += exponent - int64(len(digits)-len(significant))
	significant = bytes.TrimRight(significant, "0")
	if len(significant) == 0 {
		return decimal{}
	}
	return decimal{digits: string(significant), point: point}
}

// groupSeparator returns the length of the separator of thousands that s begins
// with, or 0.
func groupSeparator(s string) int {
	if s == "" || isDigit(s[0]) || isASCIILetter(s[0]) || s[0] == ' ' {
		return 0
	}
	for _, sep := range [...]string{",\\!", ",", "{,}", `\,`, `\ `, "'", "’", "_", "\u00a0", "\u202f", "\u2009"} {
		if strings.HasPrefix(s, sep) {
			return len(sep)
		}
	}
	return 0
}

// minus returns the length of the minus sign that s begins with, or 0.
func minus(s string) int {
	for _, sign := range [...]string{"-", "−"} {
		if strings.HasPrefix(s, sign) {
			return len(sign)
		}
	}
	return 0
}

func isDigit(c byte) bool { return c-'0' < 10 }

// isWordByte reports whether s[at] exists and is an ASCII letter, a digit or
// an underscore.
func isWordByte(s string, at int) bool {
	return at < len(s) && (isDigit(s[at]) || isASCIILetter(s[at]) || s[at] == '_')
}

// skipDigits returns where the ASCII digits of s[at:] end.
func skipDigits(s string, at int) int {
	for at < len(s) && isDigit(s[at]) {
		at++
	}
	return at
}
