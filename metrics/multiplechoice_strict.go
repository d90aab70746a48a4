package metrics

import (
	"context"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// MultipleChoiceStrict is 1 when the option that the prediction settles on is
// the truth's, else 0. The truth is a label, a letter or a number, bare or in
// parentheses; options is how many options there are, 0 for unknown: labels
// past it are none. It mends the quirks of [MultipleChoice]:
//
//	truth  prediction                           MultipleChoice  MultipleChoiceStrict
//	B      "B"                                  0               1
//	B      "The answer is B."                   0               1
//	B      "(B), as f(x) = 0"                   0               1
//	B      "The answer is (B), not (C)."        0               1
//	B      "B. Paris"                           0               1
//	3      "(3)", "The answer is 3."            0               1
//	C      "(A) and (B) fit, so (C)."           1               1
//	D      "(D), see (E)", of four options      0               1
//	(none) anything                             1               0
//
// The option is, in this order,
//
//  1. what the last \boxed{...} holds, if that is a label;
//  2. what the last statement names: "answer", or "option" or "choice" with
//     "is" or a colon, and then a label ("the correct answer is option B",
//     "Answer: **b**"); or a label and then "is correct", "is the answer" and
//     the like;
//  3. the last label in parentheses, brackets or bold type, one right after a
//     word ("f(x)") excepted;
//  4. the only label that begins a line and is followed by '.', ')', ':' or the
//     end of the line ("B", "B) Paris").
//
// A prediction that settles on none gives 0, and so does a truth that is no
// label. Letter case does not matter, but a small letter in a statement must
// not be followed by a word ("the answer is a dog"). Time is linear.
func MultipleChoiceStrict(prediction, truth string, options int) float64 {
	want, ok := parseLabel(truth)
	if !ok {
		return 0
	}
	got, ok := newLabels(want, options).settledOn(prediction)
	return score(ok && got == want)
}

func scoreMultipleChoiceStrict(_ context.Context, in Input) (Result, error) {
	if _, ok := parseLabel(in.Truth); !ok {
		return NotEvaluated("the ground truth is no option's label"), nil
	}
	return Scored(MultipleChoiceStrict(in.Prediction, in.Truth, len(in.Choices))), nil
}

// label is an option: 1 for A or 1, and so on.
type label int

// parseLabel reads a truth: a letter's label is 1 to 26, a number's is
// negative, so that the two never are equal.
func parseLabel(truth string) (label, bool) {
	truth = strings.Trim(pytext.TrimSpace(truth), "()[].:*")
	truth = pytext.TrimSpace(truth)
	if len(truth) == 1 && isASCIILetter(truth[0]) {
		return label(truth[0]|0x20-'a') + 1, true
	}
	return parseNumericLabel(truth)
}

func parseNumericLabel(s string) (label, bool) {
	if s == "" || len(s) > 3 || skipDigits(s, 0) != len(s) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return label(-n - 1), err == nil
}

// labels are the labels that a prediction may name.
type labels struct {
	numeric bool
	options int // 0 for any
}

// newLabels returns the labels of the truth's kind. A truth past the number of
// options shows that the number is wrong.
func newLabels(truth label, options int) labels {
	l := labels{numeric: truth < 0, options: max(options, 0)}
	if !l.valid(truth) {
		l.options = 0
	}
	return l
}

func (l labels) valid(x label) bool {
	if l.numeric {
		n := -int(x) - 1
		return l.options == 0 || 1 <= n && n <= l.options
	}
	return l.options == 0 || int(x) <= l.options
}

// read returns the label that all of word is.
func (l labels) read(word string) (label, bool) {
	var x label
	switch {
	case l.numeric:
		var ok bool
		if x, ok = parseNumericLabel(word); !ok {
			return 0, false
		}
	case len(word) == 1 && isASCIILetter(word[0]):
		x = label(word[0]|0x20-'a') + 1
	default:
		return 0, false
	}
	return x, l.valid(x)
}

func (l labels) settledOn(s string) (label, bool) {
	if inner, ok := lastBox(s); ok {
		if x, ok := l.read(unwrap(inner)); ok {
			return x, true
		}
	}
	if x, ok := l.stated(s); ok {
		return x, true
	}
	if x, ok := l.marked(s); ok {
		return x, true
	}
	return l.onlyLine(s)
}

// unwrap takes \text{...} and marks off a box's inside.
func unwrap(s string) string {
	s = pytext.TrimSpace(s)
	for _, command := range [...]string{`\text`, `\textbf`, `\mathrm`, `\mathbf`} {
		if rest, ok := strings.CutPrefix(s, command+"{"); ok {
			s = strings.TrimSuffix(rest, "}")
		}
	}
	return strings.Trim(s, "()[]{}.:* \t")
}

// stated returns the label of the last statement.
func (l labels) stated(s string) (found label, ok bool) {
	var before string // the word before this one
	for i := 0; i < len(s); {
		begin := i
		if i = skipWordBytes(s, i); i == begin {
			i++
			continue
		}
		word := s[begin:i]
		switch {
		case isWord(word, "answer"):
			if x, stated := l.after(s, i, true); stated {
				found, ok = x, true
			}
		case isWord(word, "option"), isWord(word, "choice"):
			if x, stated := l.after(s, i, false); stated {
				found, ok = x, true
			}
		case isWord(word, "is") && isVerdictAfter(s, i):
			if x, is := l.read(before); is && (l.numeric || before < "a") {
				found, ok = x, true
			}
		}
		before = word
	}
	return found, ok
}

// fillers are the words that may stand between "answer" and a label.
var fillers = map[string]bool{
	"is": true, "be": true, "must": true, "should": true, "would": true, "will": true, "was": true,
	"the": true, "this": true, "correct": true, "right": true, "best": true, "final": true, "most": true,
	"likely": true, "clearly": true, "therefore": true, "thus": true, "hence": true, "so": true, "as": true,
	"follows": true, "option": true, "choice": true, "letter": true, "label": true, "answer": true, "number": true,
}

// after returns the label that stands after s[:at], where a statement began, at
// most a few fillers later. Unless it is said already, one of them must say
// "is".
func (l labels) after(s string, at int, said bool) (label, bool) {
	for words := 0; words < maxFillers; {
		if at == len(s) {
			return 0, false
		}
		switch c := s[at]; {
		case c == ':' || c == '=':
			said = true
			at++
		case c == '\\':
			at = skipLetters(s, at+1)
			words++
		case strings.IndexByte(`*_"'([{$->,`+"`", c) >= 0:
			at++
		case isWordByte(s, at):
			end := skipWordBytes(s, at)
			word := s[at:end]
			if x, ok := l.read(word); ok && said && l.endsAt(s, word, end) {
				return x, true
			}
			if len(word) > len("therefore") || !fillers[strings.ToLower(word)] {
				return 0, false
			}
			said = said || isWord(word, "is")
			words++
			at = end
		default:
			next := skipSpace(s, at)
			if next == at {
				return 0, false
			}
			at = next
		}
	}
	return 0, false
}

// endsAt reports whether the label word, which ends at s[end], is not a part of
// something longer: "A's", "3.5", and "a" as an article.
func (l labels) endsAt(s, word string, end int) bool {
	if end == len(s) {
		return true
	}
	if r, _ := pytext.DecodeRune(s[end:]); pytext.IsWord(r) {
		return false
	}
	switch s[end] {
	case '\'', '-':
		return !isWordByte(s, end+1)
	case '.', ',':
		return !l.numeric || !isWordByte(s, end+1)
	case '%', '/':
		return !l.numeric
	}
	if word >= "a" && !l.numeric {
		next := skipSpace(s, end)
		return next == end || next == len(s) || !isWordByte(s, next) || strings.Contains(s[end:next], "\n")
	}
	return true
}

// isVerdictAfter reports whether s[at:], which follows "is", says that
// something is right.
func isVerdictAfter(s string, at int) bool {
	for range 3 {
		begin := skipSpace(s, at)
		end := skipWordBytes(s, begin)
		word := s[begin:end]
		switch {
		case isWord(word, "correct"), isWord(word, "right"), isWord(word, "best"), isWord(word, "answer"):
			return true
		case !isWord(word, "the") && !isWord(word, "clearly") && !isWord(word, "definitely"):
			return false
		}
		at = end
	}
	return false
}

// marked returns the last label in parentheses, brackets or bold type.
func (l labels) marked(s string) (label, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		if c != '(' && c != '[' && c != '*' {
			continue
		}
		if c != '*' && i > 0 {
			if r, _ := pytext.DecodeLastRune(s[:i]); pytext.IsWord(r) {
				continue
			}
		}
		begin := i + 1
		if c != '*' {
			begin = skipSpace(s, begin)
		} else if i == 0 || s[i-1] != '*' {
			continue
		}
		end := skipWordBytes(s, begin)
		x, ok := l.read(s[begin:end])
		if !ok {
			continue
		}
		if c != '*' {
			end = skipSpace(s, end)
		}
		if end == len(s) {
			continue
		}
		switch closing := s[end]; {
		case c == '(' && closing == ')', c == '[' && closing == ']':
			return x, true
		case c == '*' && (strings.HasPrefix(s[end:], "**") || strings.IndexByte(").:", closing) >= 0):
			return x, true
		}
	}
	return 0, false
}

// onlyLine returns the label that begins a line, if there is only one such.
func (l labels) onlyLine(s string) (found label, ok bool) {
	for line := range strings.Lines(s) {
		line = pytext.TrimSpace(line)
		line = strings.TrimLeft(line, "*_\"'`#-> ")
		end := skipWordBytes(line, 0)
		x, is := l.read(line[:end])
		if !is {
			continue
		}
		rest := strings.TrimLeft(line[end:], "*_\"'`")
		if rest != "" && strings.IndexByte(".):", rest[0]) < 0 {
			continue
		}
		if l.numeric && len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
			continue
		}
		if ok && x != found {
			return 0, false
		}
		found, ok = x, true
	}
	return found, ok
}

// isWord reports whether word is the small-letter ASCII word want, whatever its
// letter case.
func isWord(word, want string) bool {
	return len(word) == len(want) && strings.EqualFold(word, want)
}

// skipWordBytes returns where the ASCII word that s[at:] begins with ends.
func skipWordBytes(s string, at int) int {
	for isWordByte(s, at) {
		at++
	}
	return at
}

// skipLetters returns where the ASCII letters that s[at:] begins with end.
func skipLetters(s string, at int) int {
	for at < len(s) && isASCIILetter(s[at]) {
		at++
	}
	return at
}
