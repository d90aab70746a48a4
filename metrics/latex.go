package metrics

import (
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// The two ways in which NormalizeLaTeX fails, as Python's IndexError and
// ValueError.
var (
	errNoArgument = errors.New("a command at the end has no argument")
	errNotInteger = errors.New("a side of the slash is no integer")
)

// NormalizeLaTeX brings a short LaTeX answer into the form in which
// [EquivalentLaTeX] compares it. It is the Python pipeline's strip_string,
// after the MATH benchmark (Hendrycks et al., 2021). In this order:
//
//  1. newlines and "\!" are deleted, "\\" becomes "\", tfrac and dfrac frac;
//  2. "\left", "\right", "^{\circ}", "^\circ" and "\$" are deleted;
//  3. the text is cut at the first "\text{ ", which begins a unit, and "\%" is
//     deleted;
//  4. a 0 is put before a full stop that follows a space, '{' or nothing;
//  5. with exactly one '=' and at most two characters before it, only what
//     follows it stays;
//  6. "\sqrt3" becomes "\sqrt{3}", spaces are deleted, "\frac12" becomes
//     "\frac{1}{2}" (only where the first argument has no braces), 0.5 and a/b
//     of two integers become fractions.
//
// It fails where a \sqrt or \frac ends the text and where exactly one slash has
// something else than integers (as Python's int takes them, at most 4300
// digits) on both sides. The empty text stays empty. Time is linear.
func NormalizeLaTeX(s string) (string, error) {
	s, err := normalizeLaTeX(s, false)
	if err != nil {
		return "", fmt.Errorf("metrics: LaTeX answer: %w", err)
	}
	return s, nil
}

// The characters that the steps of normalizeLaTeX cannot do without. Steps only
// delete characters and add '0', "frac", "sqrt" and braces where their
// characters stood already, so that the set of a text holds for all steps.
const (
	hasNewline = 1 << iota
	hasBackslash
	hasBang
	hasF
	hasG
	hasQ
	hasX
	hasLeft // an l
	hasCaret
	hasDollar
	hasPercent
	hasDot
	hasEqual
	hasSpace
	hasSlash
)

var latexClass = func() (class [256]uint16) {
	for c, bit := range map[byte]uint16{
		'\n': hasNewline, '\\': hasBackslash, '!': hasBang, 'f': hasF, 'g': hasG, 'q': hasQ, 'x': hasX, 'l': hasLeft,
		'^': hasCaret, '$': hasDollar, '%': hasPercent, '.': hasDot, '=': hasEqual, ' ': hasSpace, '/': hasSlash,
	} {
		class[c] = bit
	}
	return class
}()

// normalizeLaTeX does the steps. A lenient one leaves alone what makes the
// other fail.
func normalizeLaTeX(s string, lenient bool) (string, error) {
	var has uint16
	for i := 0; i < len(s); i++ {
		has |= latexClass[s[i]]
	}
	command := func(letter uint16) bool { return has&hasBackslash != 0 && has&letter != 0 }

	if has&hasNewline != 0 {
		s = strings.ReplaceAll(s, "\n", "")
	}
	if command(hasBang) {
		s = strings.ReplaceAll(s, `\!`, "")
	}
	if has&hasBackslash != 0 {
		s = strings.ReplaceAll(s, `\\`, `\`)
	}
	if has&hasF != 0 {
		s = strings.ReplaceAll(s, "tfrac", "frac")
		s = strings.ReplaceAll(s, "dfrac", "frac")
	}
	if command(hasLeft) {
		s = strings.ReplaceAll(s, `\left`, "")
	}
	if command(hasG) {
		s = strings.ReplaceAll(s, `\right`, "")
	}
	if command(hasCaret) {
		s = strings.ReplaceAll(s, `^{\circ}`, "")
		s = strings.ReplaceAll(s, `^\circ`, "")
	}
	if command(hasDollar) {
		s = strings.ReplaceAll(s, `\$`, "")
	}
	if command(hasX) {
		s = removeRightUnits(s)
	}
	if command(hasPercent) {
		// Twice, as the Python pipeline does: the first time may leave one behind.
		s = strings.ReplaceAll(s, `\%`, "")
		s = strings.ReplaceAll(s, `\%`, "")
	}
	if has&hasDot != 0 {
		s = strings.ReplaceAll(s, " .", " 0.")
		s = strings.ReplaceAll(s, "{.", "{0.")
		if strings.HasPrefix(s, ".") {
			s = "0" + s
		}
	}
	if s == "" {
		return "", nil
	}
	if has&hasEqual != 0 {
		if before, after, ok := strings.Cut(s, "="); ok && !strings.Contains(after, "=") && atMostTwo(before) {
			s = after
		}
	}
	var err error
	if command(hasQ) {
		if s, err = fixSqrt(s, lenient); err != nil {
			return "", err
		}
	}
	if has&hasSpace != 0 {
		s = strings.ReplaceAll(s, " ", "")
	}
	if command(hasF) {
		if s, err = fixFracs(s, lenient); err != nil {
			return "", err
		}
	}
	if s == "0.5" {
		return `\frac{1}{2}`, nil
	}
	if has&hasSlash != 0 {
		return fixASlashB(s, lenient)
	}
	return s, nil
}

// removeRightUnits cuts s at the first "\text{ ".
func removeRightUnits(s string) string {
	s, _, _ = strings.Cut(s, `\text{ `)
	return s
}

// atMostTwo reports whether s holds at most two code points.
func atMostTwo(s string) bool {
	for range 2 {
		_, size := pytext.DecodeRune(s)
		s = s[size:]
	}
	return s == ""
}

// fixSqrt puts braces around the first character after each \sqrt that has
// none.
func fixSqrt(s string, lenient bool) (string, error) {
	before, rest, ok := strings.Cut(s, `\sqrt`)
	if !ok {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	b.WriteString(before)
	for part := range strings.SplitSeq(rest, `\sqrt`) {
		b.WriteString(`\sqrt`)
		switch {
		case part == "" && !lenient:
			return "", errNoArgument
		case part == "" || part[0] == '{':
			b.WriteString(part)
		default:
			_, n := pytext.DecodeRune(part)
			writeAll(&b, "{", part[:n], "}", part[n:])
		}
	}
	return b.String(), nil
}

// fixFracs puts braces around the arguments of each \frac whose first argument
// has none. A \frac with only one character after it leaves the whole text as
// it is.
func fixFracs(s string, lenient bool) (string, error) {
	before, rest, ok := strings.Cut(s, `\frac`)
	if !ok {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	b.WriteString(before)
	for part := range strings.SplitSeq(rest, `\frac`) {
		b.WriteString(`\frac`)
		if part == "" {
			if lenient {
				continue
			}
			return "", errNoArgument
		}
		if part[0] == '{' {
			b.WriteString(part)
			continue
		}
		_, n := pytext.DecodeRune(part)
		first, part := part[:n], part[n:]
		if part == "" {
			return s, nil
		}
		writeAll(&b, "{", first, "}")
		if part[0] != '{' {
			_, n = pytext.DecodeRune(part)
			writeAll(&b, "{", part[:n], "}")
			part = part[n:]
		}
		b.WriteString(part)
	}
	return b.String(), nil
}

func writeAll(b *strings.Builder, parts ...string) {
	for _, p := range parts {
		b.WriteString(p)
	}
}

// fixASlashB turns a/b of two integers, written as Python prints them, into a
// fraction. Other integers ("007/2", "+1/2") leave the text as it is.
func fixASlashB(s string, lenient bool) (string, error) {
	a, b, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(b, "/") {
		return s, nil
	}
	aOK, aPlain := pythonInt(a)
	bOK, bPlain := pythonInt(b)
	switch {
	case aOK && bOK && aPlain && bPlain:
		return `\frac{` + a + "}{" + b + "}", nil
	case aOK && bOK || lenient:
		return s, nil
	default:
		return "", errNotInteger
	}
}

// pythonInt reports whether Python's int takes s in base ten, and whether it
// prints the number exactly as s.
func pythonInt(s string) (ok, plain bool) {
	// White space around the number does not matter, the four separators
	// U+001C to U+001F excepted: int takes those for no white space.
	trimmed := pytext.TrimSpace(s)
	begin := skipSpace(s, 0)
	if hasSeparator(s[:begin]) || hasSeparator(s[begin+len(trimmed):]) {
		return false, false
	}
	plain = trimmed == s
	digits := trimmed
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		plain = plain && digits[0] == '-'
		digits = digits[1:]
	}
	signed := len(digits) < len(trimmed)
	count, afterDigit := 0, false
	for i := 0; i < len(digits); {
		r, size := pytext.DecodeRune(digits[i:])
		if r == '_' {
			if !afterDigit {
				return false, false
			}
			afterDigit, plain = false, false
			i++
			continue
		}
		v, isDigit := pytext.IsDecimal(r)
		if !isDigit {
			return false, false
		}
		// Python prints ASCII digits without leading zeros, and no -0.
		if size > 1 || count == 0 && v == 0 && (len(digits) > 1 || signed) {
			plain = false
		}
		count++
		afterDigit = true
		i += size
	}
	if !afterDigit || count > maxIntDigits {
		return false, false
	}
	return true, plain
}

func hasSeparator(s string) bool { return strings.ContainsAny(s, "\x1c\x1d\x1e\x1f") }

// EquivalentLaTeX reports whether two LaTeX answers are the same text after
// [NormalizeLaTeX]; where that fails for one of them, whether they are the same
// as they stand. It is the Python pipeline's is_equiv.
func EquivalentLaTeX(a, b string) bool {
	if a == b {
		return true
	}
	na, err := normalizeLaTeX(a, false)
	if err != nil {
		return false
	}
	nb, err := normalizeLaTeX(b, false)
	return err == nil && na == nb
}

// MATH is 1 when the answer that the prediction boxes ([LastBoxed],
// [RemoveBoxed]) is equivalent to the truth's ([EquivalentLaTeX]), else 0. A
// truth without a box is the answer itself; a prediction without one gives 0.
// It is the Python pipeline's MATH, after the MATH benchmark (Hendrycks et al.,
// 2021).
//
// The rule has quirks, which are kept so that scores are comparable; see
// [MATHStrict] for a metric without them:
//
//   - the space form comes first: "\boxed 1, or rather \boxed{2}" answers
//     "1, or rather \boxed{2}";
//   - "\boxed5" and "\fbox{5}" do not give 5;
//   - 1/2, \frac12 and 0.5 are equal, but not 0.50, 2/4 or 1,000 and 1000;
//   - the slash of "x/2" is no integer division, so that x/2 and "x / 2", or
//     \dfrac{x/2}{3} and \frac{x/2}{3}, are compared as they stand and differ.
//
// Time is linear.
func MATH(prediction, truth string) float64 {
	wrapped, ok := LastBoxed(prediction)
	if !ok {
		return 0
	}
	if inner, ok := LastBoxed(truth); ok {
		truth = RemoveBoxed(inner)
	}
	return score(EquivalentLaTeX(RemoveBoxed(wrapped), truth))
}
