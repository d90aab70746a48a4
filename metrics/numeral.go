package metrics

import (
	"iter"
	"math/big"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// numeral is where a number stands in a text.
type numeral struct{ begin, end int }

// value returns the number that a numeral of s stands for, with its sign. One
// that divides by zero stands for none.
func (n numeral) value(s string) (number, bool) {
	v, size := readNumeral(s[n.begin:n.end], true)
	if isNegative(s[:n.begin]) {
		v = v.negate()
	}
	return v, size > 0
}

// numbers yields the numbers of s.
func numbers(s string) iter.Seq[numeral] {
	return func(yield func(numeral) bool) {
		for i := 0; i < len(s); {
			if end := skipNoNumber(s, i); end > i {
				i = end
				continue
			}
			_, n := readNumeral(s[i:], false)
			if n == 0 {
				i = skipLetters(s, i+1) // a command of LaTeX, or nothing
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
			if whole && !yield(numeral{at, i}) {
				return
			}
			i = skipWordBytes(s, i) // a unit
		}
	}
}

// skipNoNumber returns where what begins at s[at] ends, which is no number: a
// word, an exponent, an index, a note, a mark. It returns at where a number may
// begin.
func skipNoNumber(s string, at int) int {
	switch c := s[at]; {
	case isASCIILetter(c) || c == '_' && !isDigitAt(s, at+1):
		return skipWordBytes(s, at)
	case c == '^' || c == '_':
		return skipScript(s, at+1)
	case c == '[' && at > 0 && isNote(s, at):
		return skipDigits(s, at+1)
	case c == '<' && (strings.HasPrefix(s[at:], "<sup>") || strings.HasPrefix(s[at:], "<sub>")):
		return skipScript(s, at+len("<sup>"))
	case isDigit(c), c == '.', c == '\\', c >= 0x80:
		return at
	}
	return at + 1
}

func isDigitAt(s string, at int) bool { return at < len(s) && isDigit(s[at]) }

// skipScript returns where an exponent or an index ends that begins at s[at].
func skipScript(s string, at int) int {
	if at < len(s) && s[at] == '{' {
		if n := groupLen(s[at:min(len(s), at+maxScript)]); n > 0 {
			return at + n
		}
		return at + 1
	}
	if n := minus(s[at:]); n > 0 {
		at += n
	}
	return skipDigits(s, at)
}

// isNote reports whether the bracket at s[at] is that of a note: "12.[1]".
func isNote(s string, at int) bool {
	end := skipDigits(s, at+1)
	if end == at+1 || end == len(s) || s[end] != ']' {
		return false
	}
	if s[at-1] == ' ' && at > 1 {
		return isDigit(s[at-2]) || s[at-2] == '.'
	}
	return s[at-1] != ' ' && s[at-1] != '\n' && s[at-1] != '\\'
}

// readNumeral reads the unsigned number that s begins with: a decimal, a
// fraction, a mixed number, a time or a power. Its length is 0 when there is
// none, or where the value is asked for and it divides by zero.
func readNumeral(s string, valued bool) (v number, n int) {
	n = decimalLen(s)
	whole := n > 0 && isInteger(s[:n])
	if n > 0 && n <= 3 && whole {
		n = spacedLen(s, n)
	}
	if n == 0 || whole {
		if above, below, end := fractionAfter(s, n); end > 0 {
			return fraction(s[:n], above, below, valued, end)
		}
	}
	if n == 0 {
		return number{}, 0
	}
	d := s[:n]
	if whole {
		switch rest := s[n:]; {
		case strings.HasPrefix(rest, "/"):
			if end := skipDigits(s, n+1); end > n+1 {
				return fraction("", d, s[n+1:end], valued, end)
			}
		case strings.HasPrefix(rest, ":") && n <= 2 && skipDigits(s, n+1) == n+3: // a time
			return fraction(d, s[n+1:n+3], "60", valued, n+3)
		case strings.HasPrefix(rest, "^"):
			if end := skipScript(s, n+1); end > n+1 {
				return power(d, strings.Trim(s[n+1:end], "{}"), valued, end)
			}
		}
	}
	exponent, size := timesTen(s[n:])
	if valued {
		v = number{decimal: parseDecimal(d)}
		if v.decimal.digits != "" {
			v.decimal.point += exponent
		}
	}
	return v, n + size
}

// spacedLen returns where the digits end that are in groups of three with spaces
// between, the first of which is s[:n], or n.
func spacedLen(s string, n int) int {
	if s[0] == '0' {
		return n
	}
	end := n
	for end < len(s) && s[end] == ' ' && skipDigits(s, end+1) == end+4 {
		end += 4
	}
	if end > n && end < len(s) && (s[end] == '-' || s[end] == '/' || s[end] == ':') {
		return n
	}
	return end
}

// fractions are the characters that are fractions.
var fractions = map[rune][2]string{
	'½': {"1", "2"}, '⅓': {"1", "3"}, '⅔': {"2", "3"}, '¼': {"1", "4"}, '¾': {"3", "4"}, '⅕': {"1", "5"}, '⅖': {"2", "5"}, '⅗': {"3", "5"},
	'⅘': {"4", "5"}, '⅙': {"1", "6"}, '⅚': {"5", "6"}, '⅛': {"1", "8"}, '⅜': {"3", "8"}, '⅝': {"5", "8"}, '⅞': {"7", "8"},
}

// isFraction reports whether s begins with a fraction that is no a/b.
func isFraction(s string) bool {
	_, _, end := fractionAfter(s, 0)
	return end > 0
}

// fractionAfter returns the parts of the fraction that follows the integer
// s[:n], which may be empty, and where it ends, or 0.
func fractionAfter(s string, n int) (above, below string, end int) {
	at := n
	if n > 0 && at < len(s) && s[at] == ' ' {
		at++
	}
	return fractionParts(s, at, at > n)
}

// fraction returns whole + above/below, where a value is asked for, and size, or
// 0 where it has no value.
func fraction(whole, above, below string, valued bool, size int) (number, int) {
	if !valued {
		return number{}, size
	}
	v, ok := quotient(number{decimal: parseDecimal(whole)}, number{decimal: parseDecimal(above)}, number{decimal: parseDecimal(below)})
	if !ok {
		return number{}, 0
	}
	return v, size
}

// fractionParts returns the two integers of the fraction at s[at] and where it
// ends, or 0. With slashed it may be written a/b.
func fractionParts(s string, at int, slashed bool) (above, below string, end int) {
	if at == len(s) {
		return "", "", 0
	}
	switch c := s[at]; {
	case isDigit(c):
		slash := skipDigits(s, at)
		if end = skipDigits(s, min(slash+1, len(s))); !slashed || slash == len(s) || s[slash] != '/' || end == slash+1 {
			return "", "", 0
		}
		return s[at:slash], s[slash+1 : end], end
	case c >= 0x80:
		r, size := pytext.DecodeRune(s[at:])
		if f, ok := fractions[r]; ok {
			return f[0], f[1], at + size
		}
	case c == '\\':
		for _, command := range [...]string{`\frac`, `\dfrac`, `\tfrac`, `\cfrac`} {
			if strings.HasPrefix(s[at:], command) {
				return latexParts(s, at+len(command))
			}
		}
	}
	return "", "", 0
}

// latexParts reads the two arguments of a \frac, integers, that begin at s[at].
func latexParts(s string, at int) (above, below string, end int) {
	var parts [2]string
	for i := range parts {
		at = skipSpace(s, at)
		switch {
		case isDigitAt(s, at):
			parts[i] = s[at : at+1]
			at++
		case at < len(s) && s[at] == '{':
			digits := skipDigits(s, at+1)
			if digits == at+1 || digits == len(s) || s[digits] != '}' {
				return "", "", 0
			}
			parts[i] = s[at+1 : digits]
			at = digits + 1
		default:
			return "", "", 0
		}
	}
	return parts[0], parts[1], at
}

// timesTen reads the "× 10^3" that s begins with.
func timesTen(s string) (exponent int64, n int) {
	at := skipSpace(s, 0)
	if at == len(s) {
		return 0, 0
	}
	sign := 0
	for _, times := range [...]string{"×", "x", "*", "·", `\times`, `\cdot`} {
		if strings.HasPrefix(s[at:], times) {
			sign = len(times)
		}
	}
	if sign == 0 {
		return 0, 0
	}
	at = skipSpace(s, at+sign)
	if !strings.HasPrefix(s[at:], "10") {
		return 0, 0
	}
	at += len("10")
	text, end := "", at
	if strings.HasPrefix(s[at:], "^") || strings.HasPrefix(s[at:], "**") {
		begin := at + 1
		if s[at] == '*' {
			begin++
		}
		end = skipScript(s, begin)
		text = strings.ReplaceAll(strings.Trim(s[begin:end], "{}"), "−", "-")
	} else {
		for end < len(s) {
			r, size := pytext.DecodeRune(s[end:])
			i := strings.IndexRune(superscripts, r)
			if i < 0 {
				break
			}
			text += string("-0123456789"[len([]rune(superscripts[:i]))])
			end += size
		}
	}
	exponent, err := strconv.ParseInt(text, 10, 64)
	if err != nil || len(text) > maxExponentDigits {
		return 0, 0
	}
	return exponent, end
}

const superscripts = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"

// power returns base to the exponent, where a value is asked for, and size, or 0
// where the exponent is no small integer.
func power(base, exponent string, valued bool, size int) (number, int) {
	if !valued {
		return number{}, size
	}
	e, err := strconv.Atoi(exponent)
	b, ok := parseDecimal(base).rat()
	if err != nil || !ok || e < 0 || e > maxPower {
		return number{}, 0
	}
	return number{quotient: new(big.Rat).SetInt(new(big.Int).Exp(b.Num(), big.NewInt(int64(e)), nil))}, size
}

func isInteger(decimal string) bool {
	for i := 0; i < len(decimal); i++ {
		if c := decimal[i]; c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}

// plainDigits makes the digits of all scripts ASCII's, and the wide forms of
// ASCII's characters what they stand for.
func plainDigits(s string) string {
	if pytext.IsASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		r, size := pytext.DecodeRune(s)
		digit, isDecimal := pytext.IsDecimal(r)
		switch {
		case r < 0x80:
			b.WriteByte(byte(r))
		case isDecimal:
			b.WriteByte(byte('0' + digit))
		case '！' <= r && r <= '～':
			b.WriteByte(byte(r - '！' + '!'))
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// currencies are the signs that may stand between a minus and its number.
var currencies = [...]string{`\$`, "$", "€", "£", "¥", "₹", "₽", "₩"}

// isNegative reports whether the number after before has a minus sign: one that
// does not stand right after something to subtract from.
func isNegative(before string) bool {
	if before == "" || before[len(before)-1] == ' ' {
		return false
	}
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
	for _, sign := range currencies {
		if rest, ok := strings.CutSuffix(s, sign); ok {
			return rest
		}
	}
	return s
}
