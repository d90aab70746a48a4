package metrics

import (
	"context"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// MATHStrict is 1 when the answer that the prediction boxes is the truth's,
// else 0. It mends the quirks of [MATH]:
//
//	truth        prediction                        MATH  MATHStrict
//	5            "\boxed5", "\fbox{5}"             0     1
//	5            "\boxed {5}"                      0     1
//	2            "\boxed 1, or rather \boxed{2}"   0     1
//	0.5          "\boxed{0.50}", "\boxed{2/4}"     0     1
//	1000         "\boxed{1,000}"                   0     1
//	5/2          "\boxed{2\frac12}"                0     1
//	x/2          "\boxed{x / 2}"                   0     1
//	3\sqrt{2}    "\boxed{\sqrt{18}}"               0     1
//	x^2+1        "\boxed{f(x) = 1 + x^2}"          0     1
//	[2,5)        "\boxed{2 \le x < 5}"             0     1
//	2,4          "\boxed{4 \text{ and } 2}"        0     1
//	-2           "\boxed{-2 \text{ or } -12}"      1     0
//	(empty)      "\boxed{}"                        1     0
//
// The answer is what the last \boxed or \fbox holds, in braces or not; a truth
// without a box is the answer itself. Answers are equal when their forms are:
//
//   - an expression's is its sum of products, in which numbers are exact: terms
//     and factors in any order, brackets multiplied out, roots and powers of
//     numbers by their primes, fractions of numbers without roots below, π and i;
//     elementary functions and other quotients count as a whole, by the forms of
//     what they hold. There is no more algebra than that: (x²-1)/(x-1) is not x+1;
//   - layout is none of it: percent, degree and money signs, units in words or as
//     text after a number, and "x =", unless both answers say for what they are;
//   - tuples and matrices are equal part by part, in round or square brackets
//     where a matrix has them; sets, lists and unions in any order; intervals are
//     inequalities; equations are equal but for a factor; texts by their words,
//     whatever the letter case.
//
// The form of an expression is held against the value that is calculated beside
// it in floating point; one that differs does not count. Where an answer has no
// form, as the text is no such answer or is longer than 8,000 bytes, the two are
// compared as texts after the steps of [NormalizeLaTeX], where what that fails
// for stays as it is, or as plain numbers.
//
// A prediction without a box, and an empty answer on either side, give 0. Nothing
// depends on time, and time is linear past answers that can be read as an
// expression, whose work is bounded.
func MATHStrict(prediction, truth string) float64 {
	got, ok := lastBox(prediction)
	if !ok {
		return 0
	}
	return score(equalAnswers(got, boxedOrAll(truth)))
}

// equalAnswers reports whether two answers are equal: by their forms where both
// have one, else as texts.
func equalAnswers(got, want string) bool {
	if isEmptyAnswer(got) || isEmptyAnswer(want) {
		return false
	}
	a, b := strictLaTeX(got), strictLaTeX(want)
	if got == want || a == b && !holdsMore(got) && !holdsMore(want) {
		return true
	}
	if x, ok := parseValue(a); ok && a == strings.TrimSpace(got) {
		if y, ok := parseValue(b); ok && b == strings.TrimSpace(want) {
			return x.equal(y)
		}
	}
	if len(got) <= maxFormed && len(want) <= maxFormed {
		f, ok := formOf(got)
		g, gOK := formOf(want)
		if ok && gOK {
			return f.equal(g)
		}
	}
	if cutsText(got) || cutsText(want) {
		return false // such texts are equal as they stand or not at all
	}
	if a == b {
		return true
	}
	x, ok := parseValue(a)
	y, yOK := parseValue(b)
	return ok && yOK && x.equal(y)
}

// holdsMore reports whether strictLaTeX may drop of an answer what tells it from
// others: a text, or what it is given for.
func holdsMore(s string) bool { return strings.IndexByte(s, '=') >= 0 || cutsText(s) }

// cutsText reports whether strictLaTeX cuts an answer at a text that begins with
// a space, be it a unit or not.
func cutsText(s string) bool { return strings.Contains(s, `\text{ `) }

// isEmptyAnswer reports whether an answer says nothing.
func isEmptyAnswer(s string) bool {
	return strictLaTeX(s) == "" && !cutsText(s)
}

func scoreMATHStrict(_ context.Context, in Input) (Result, error) {
	if isEmptyAnswer(boxedOrAll(in.Truth)) {
		return NotEvaluated("the ground truth holds no answer"), nil
	}
	return Scored(MATHStrict(in.Prediction, in.Truth)), nil
}

func boxedOrAll(truth string) string {
	if inner, ok := lastBox(truth); ok {
		return inner
	}
	return truth
}

// lastBox returns what the last \boxed or \fbox of s holds: a group in braces,
// which must be closed, or else what stands up to the next '$', '}' or line's
// end, which must not be empty. Braces with a backslash before them are text.
// Of nested boxes the inner one is the last. Time is linear.
func lastBox(s string) (inner string, ok bool) {
	if !strings.Contains(s, "box") {
		return "", false
	}
	type group struct {
		box   int // where the box of this group begins, or -1
		begin int
	}
	var (
		open  []group
		last  = -1 // where the last box begins
		plain = -1 // where its argument begins when it has no braces
	)
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			open = append(open, group{-1, i + 1})
		case '}':
			if len(open) == 0 {
				continue
			}
			g := open[len(open)-1]
			open = open[:len(open)-1]
			if g.box > last {
				last, plain, inner = g.box, -1, s[g.begin:i]
			}
		case '\\':
			name := boxCommand(s[i+1:])
			if name == 0 {
				// An escaped brace, or the second backslash of a line break; but
				// texts that were escaped twice hold `\\boxed`.
				if next := s[i+1:]; next != "" && (next[0] == '{' || next[0] == '}' || next[0] == '\\' && boxCommand(next[1:]) == 0) {
					i++
				}
				continue
			}
			box := i
			i += name
			arg := skipSpace(s, i+1)
			switch {
			case arg == len(s) || strings.IndexByte("$}", s[arg]) >= 0 || strings.Contains(s[i+1:arg], "\n"):
			case s[arg] == '{':
				open = append(open, group{box, arg + 1})
				i = arg
			default:
				last, plain = box, arg
			}
		}
	}
	if last < 0 {
		return "", false
	}
	if plain >= 0 {
		inner = s[plain:]
		if end := strings.IndexAny(inner, "$}\n"); end >= 0 {
			inner = inner[:end]
		}
	}
	return inner, true
}

// boxCommand returns the length of the command that draws a box which s begins
// with, the backslash before s left out, or 0.
func boxCommand(s string) int {
	for _, name := range [...]string{"boxed", "fbox"} {
		if strings.HasPrefix(s, name) && (len(s) == len(name) || !isASCIILetter(s[len(name)])) {
			return len(name)
		}
	}
	return 0
}

// strictLaTeX normalises an answer for comparison.
func strictLaTeX(s string) string {
	for {
		s = pytext.TrimSpace(s)
		switch {
		case strings.HasPrefix(s, "$") && strings.HasSuffix(s, "$") && len(s) > 1:
			s = s[1 : len(s)-1]
			continue
		case strings.HasSuffix(s, ".") && !strings.HasSuffix(s, `\.`):
			s = s[:len(s)-1]
			continue
		}
		break
	}
	s, _ = normalizeLaTeX(s, true) // a lenient one does not fail
	for range maxBraces {
		if !isGroup(s) {
			break
		}
		s = s[1 : len(s)-1]
	}
	return s
}

// isGroup reports whether one pair of braces holds all of s.
func isGroup(s string) bool {
	return strings.HasPrefix(s, "{") && groupLen(s) == len(s)
}

// groupLen returns the length of the group in braces that s, whose first
// character is a brace, begins with; 0 when it is not closed.
func groupLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// parseValue reads a normalised answer that is all one number.
func parseValue(s string) (number, bool) {
	if n := minus(s); n > 0 {
		v, ok := parseUnsigned(s[n:])
		return v.negate(), ok
	}
	return parseUnsigned(strings.TrimPrefix(s, "+"))
}

// parseUnsigned reads a decimal, a quotient, a fraction or a mixed number.
func parseUnsigned(s string) (number, bool) {
	whole, n := scanDecimal(s)
	v := number{decimal: whole}
	rest := s[n:]
	switch {
	case rest == "":
		return v, n > 0
	case rest[0] == '/' && n > 0:
		below, ok := parseSigned(rest[1:])
		if !ok {
			return number{}, false
		}
		return quotient(number{}, v, below)
	case n > 0 && !isInteger(s[:n]):
		return number{}, false
	}
	if rest, ok := strings.CutPrefix(rest, `\cfrac`); ok {
		return parseFraction(v, rest)
	}
	if rest, ok := strings.CutPrefix(rest, `\frac`); ok {
		return parseFraction(v, rest)
	}
	return number{}, false
}

// parseFraction reads the two groups of a fraction that follows whole.
func parseFraction(whole number, s string) (number, bool) {
	var parts [2]number
	for i := range parts {
		if s == "" || s[0] != '{' {
			return number{}, false
		}
		n := groupLen(s)
		if n == 0 {
			return number{}, false
		}
		var ok bool
		if parts[i], ok = parseSigned(s[1 : n-1]); !ok {
			return number{}, false
		}
		s = s[n:]
	}
	if s != "" {
		return number{}, false
	}
	return quotient(whole, parts[0], parts[1])
}

// parseSigned reads a decimal with or without a minus.
func parseSigned(s string) (number, bool) {
	sign := minus(s)
	d, n := scanDecimal(s[sign:])
	v := number{decimal: d}
	if sign > 0 {
		v = v.negate()
	}
	return v, n > 0 && sign+n == len(s)
}
