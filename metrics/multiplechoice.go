package metrics

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// LastParenthesizedLetter returns the last "(x)" of s, where x is one ASCII
// letter with or without white space around it, as it stands in s; without one
// it returns "". It is the Python pipeline's normalisation of a multiple-choice
// answer, the last match of \(\s*[a-zA-Z]\s*\). Time is linear.
func LastParenthesizedLetter(s string) string {
	for end := len(s); ; {
		i := lastIndexByte(s[:end], '(')
		if i < 0 {
			return ""
		}
		if n := matchOption(s[i:]); n > 0 {
			return s[i : i+n]
		}
		end = i
	}
}

// matchOption returns the length of the "(x)" that s, which begins with a
// parenthesis, begins with, else 0. It looks no further than the next
// parenthesis, so that trying each of them takes linear time altogether.
func matchOption(s string) int {
	i := skipSpace(s, 1)
	if i == len(s) || !isASCIILetter(s[i]) {
		return 0
	}
	i = skipSpace(s, i+1)
	if i == len(s) || s[i] != ')' {
		return 0
	}
	return i + 1
}

// skipSpace returns where the first character that is no white space stands in
// s[at:], or len(s).
func skipSpace(s string, at int) int {
	for at < len(s) {
		switch byteClass[s[at]] {
		case byteSpace:
			at++
		case byteHigh:
			r, size := pytext.DecodeRune(s[at:])
			if !pytext.IsSpace(r) {
				return at
			}
			at += size
		default:
			return at
		}
	}
	return at
}

func isASCIILetter(c byte) bool { return c|0x20-'a' < 26 }

// hasPrefixFold is strings.HasPrefix in any letter case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// lastIndexByte is strings.LastIndexByte, faster over long texts that do not
// hold c: it seeks forwards, which is vectorised, in blocks from the end.
func lastIndexByte(s string, c byte) int {
	const block = 128
	for end := len(s); end > 0; end -= min(block, end) {
		begin := max(0, end-block)
		if strings.IndexByte(s[begin:end], c) >= 0 {
			return begin + strings.LastIndexByte(s[begin:end], c)
		}
	}
	return -1
}

// MultipleChoice is 1 when the truth, trimmed and lower-cased, occurs in the
// lower-cased [LastParenthesizedLetter] of the prediction, else 0. It is the
// Python pipeline's em_mc; the truth is the label of the right option, such as
// "B".
//
// The rule has quirks, which are kept so that scores are comparable; see
// [MultipleChoiceStrict] for a metric without them:
//
//   - a label without parentheses does not count: "B" for B gives 0;
//   - any parenthesised letter counts, so that "(B), since f(x) = 0" gives 0;
//   - a digit is no letter: a truth of "1" to "4" always gives 0;
//   - an empty truth always gives 1.
func MultipleChoice(prediction, truth string) float64 {
	option := LastParenthesizedLetter(prediction)
	truth = pytext.TrimSpace(truth)
	if len(option) == len("(x)") && len(truth) == 1 && isASCIILetter(truth[0]) {
		return score(option[1]|0x20 == truth[0]|0x20)
	}
	return score(strings.Contains(pytext.Lower(option), pytext.Lower(truth)))
}
