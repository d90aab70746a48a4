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
//	truth  prediction                                   MultipleChoice  MultipleChoiceStrict
//	B      "B"                                          0               1
//	B      "The answer is B."                           0               1
//	B      "(B), as f(x) = 0"                           0               1
//	B      "The answer is (B), not (C)."                0               1
//	B      "(B), because (A) is wrong."                 0               1
//	B      "B. Paris"                                   0               1
//	3      "(3)", "The answer is 3."                    0               1
//	C      "(A) and (B) fit, so (C)."                   1               1
//	C      "The answer is C. A is right only for x."    0               1
//	D      "(D), see (E)", of four options              0               1
//	A      "(D) (C) (B) (A)"                            1               0
//	(none) anything                                     1               0
//
// The option is, in this order,
//
//  1. the label that the prediction is, marks aside, or that the last
//     \boxed{...} holds;
//  2. what the last statement names: "answer", in some languages, or "option" or
//     "choice" with "is", a colon or a dash, "I choose", "it is", "so", an arrow
//     and the like, and then a label ("the correct answer is option B",
//     "Answer: **b**"); or a label and then "is correct", "is the best answer"
//     and the like, without a condition ("is right only if", "is the best known");
//  3. a label that begins the prediction before a comma, a dash or a reason
//     ("(B), because");
//  4. the last label in parentheses, brackets or bold type, but for one right
//     after a word ("f(x)"), one that is called wrong, and those of a list;
//  5. the only line's label that a word calls right ("C. right"), or the only
//     label that begins a line and is followed by '.', ')', ':' or the end of the
//     line ("B", "B) Paris").
//
// A prediction that settles on none gives 0, and so does a truth that is no
// label. Letter case does not matter, but a small letter in a statement must
// not be followed by a word ("the answer is a dog"). Time is linear.
func MultipleChoiceStrict(prediction, truth string, options int) float64 {
	return strictChoice(prediction, truth, options, nil)
}

// MultipleChoiceTextStrict is [MultipleChoiceStrict] of options whose texts are
// known, in the order of their labels. Then an option's own text is as good as
// its label where the prediction is that text, states or boxes it; and where no
// label is found, in the last sentence that names an option, if it names only
// one. Texts are compared by their words, whatever the letter case; one of a
// single letter does not count within a sentence.
func MultipleChoiceTextStrict(prediction, truth string, choices []string) float64 {
	return strictChoice(prediction, truth, len(choices), choices)
}

func strictChoice(prediction, truth string, options int, choices []string) float64 {
	want, ok := parseLabel(truth)
	if !ok {
		return 0
	}
	got, ok := newLabels(want, options, choices).settledOn(prediction)
	return score(ok && got == want)
}

func scoreMultipleChoiceStrict(_ context.Context, in Input) (Result, error) {
	if _, ok := parseLabel(in.Truth); !ok {
		return NotEvaluated("the ground truth is no option's label"), nil
	}
	return Scored(MultipleChoiceTextStrict(in.Prediction, in.Truth, in.Choices)), nil
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
	texts   []string
	words   *[][]string // of the texts, once they were asked for
}

// newLabels returns the labels of the truth's kind. A truth past the number of
// options shows that the number is wrong.
func newLabels(truth label, options int, texts []string) labels {
	l := labels{numeric: truth < 0, options: max(options, 0), texts: texts, words: new([][]string)}
	if !l.valid(truth) {
		l.options, l.texts = 0, nil
	}
	return l
}

// nth is the label of option i, from 0.
func (l labels) nth(i int) label {
	if l.numeric {
		return label(-i - 2)
	}
	return label(i + 1)
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
	s = plainDigits(s)
	if x, ok := l.read(unwrap(s)); ok {
		return x, true
	}
	if inner, ok := lastBox(s); ok {
		inner = unwrap(inner)
		if x, ok := l.read(inner); ok {
			return x, true
		}
		if x, ok := l.readText(inner); ok {
			return x, true
		}
	}
	if x, ok := l.readText(s); ok {
		return x, true
	}
	for _, find := range [...]func(labels, string) (label, bool){labels.stated, labels.opening, labels.marked, labels.judgedLine, labels.onlyLine, labels.named} {
		if x, ok := find(l, s); ok {
			return x, true
		}
	}
	return 0, false
}

// unwrap takes \text{...}, tags and marks off what stands alone. A text is
// looked at no further than a label with its marks is long.
func unwrap(s string) string {
	s = pytext.TrimSpace(s)
	if len(s) > maxWrapped {
		return ""
	}
	for _, command := range [...]string{`\text`, `\textbf`, `\mathrm`, `\mathbf`} {
		if rest, ok := strings.CutPrefix(s, command+"{"); ok {
			s = strings.TrimSuffix(rest, "}")
		}
	}
	for range maxBraces {
		inner := strings.Trim(s, "()[]{}<>.:*_`\"'$#!- \t“”«»‘’「」『』【】〈〉→⇒✓✔✅")
		if end := strings.IndexByte(inner, '>'); end >= 0 && len(inner) < len(s) {
			inner = inner[end+1:] // <b>B</b>
		} else if begin := strings.Index(inner, "</"); begin >= 0 {
			inner = inner[:begin]
		}
		if inner == s {
			break
		}
		s = inner
	}
	return s
}

// opening returns the label that the prediction begins with, where it is set off
// from what follows as an answer is from its reason.
func (l labels) opening(s string) (label, bool) {
	begin := 0
	for begin < len(s) && strings.IndexByte(" \t\r\n*_\"'`([{$#>", s[begin]) >= 0 {
		begin++
	}
	end := skipAlphanumerics(s, begin)
	x, ok := l.read(s[begin:end])
	if !ok || l.isListed(s, end) || !l.endsAt(s, s[begin:end], end) {
		return 0, false
	}
	rest := s[skipClosers(s, end):]
	switch {
	case rest == "":
		return 0, false
	case strings.IndexByte(",;", rest[0]) >= 0, strings.HasPrefix(rest, " -"), strings.HasPrefix(rest, "—"), strings.HasPrefix(rest, " —"), strings.HasPrefix(rest, " –"):
		return x, true
	case rest[0] == '.' && begin > 0 && s[begin-1] == '(':
		return x, true
	}
	return x, isReason(firstWord(rest))
}

func isReason(word string) bool {
	switch word {
	case "because", "since", "as", "for", "due":
		return true
	}
	return false
}

// marked returns the last label in parentheses, brackets or bold type that is
// neither called wrong nor one of a list.
func (l labels) marked(s string) (label, bool) {
	listed := false // the label after this one is of the same list
	for i := len(s) - 1; i >= 0; i-- {
		x, end, ok := l.markedAt(s, i)
		if !ok {
			continue
		}
		inList := l.isListed(s, end)
		if !inList && !listed && verdict(s, end) >= 0 && !l.endsList(s, i) && !isDenied(s, i) {
			return x, true
		}
		listed = inList
	}
	return 0, false
}

// endsList reports whether the label at s[at] follows another one of a list.
func (l labels) endsList(s string, at int) bool {
	before := strings.TrimRight(strings.TrimSuffix(s[max(0, at-maxWrapped):at], "*"), " \t\n")
	for _, word := range [...]string{"and", "or", ",", "/", "&"} {
		if rest, ok := strings.CutSuffix(before, word); ok {
			before = strings.TrimRight(rest, " ,")
			break
		}
	}
	if before == "" || strings.IndexByte(")]*", before[len(before)-1]) < 0 {
		return false
	}
	before = strings.TrimRight(before, ")]* ")
	begin := len(before)
	for begin > 0 && isWordByte(before, begin-1) {
		begin--
	}
	_, ok := l.read(before[begin:])
	if !ok || begin == 0 || strings.IndexByte("([*", before[begin-1]) < 0 {
		return false
	}
	return begin == 1 || before[begin-1] == '*' || !isWordByte(before, begin-2) // "cat(s)"
}

// isDenied reports whether the words before s[at] say that what follows is not
// meant.
func isDenied(s string, at int) bool {
	before := lastWords(strings.TrimRight(s[max(0, at-2*maxAnswerWord):at], "([*"))
	return isNegation(before[1]) || before[1] == "be" && isNegation(before[0])
}

// markedAt reads the label in parentheses, brackets or bold type that begins at
// s[i], and returns where its word ends.
func (l labels) markedAt(s string, i int) (x label, wordEnd int, ok bool) {
	c := s[i]
	if c != '(' && c != '[' && c != '*' {
		return 0, 0, false
	}
	begin := i + 1
	if c == '*' {
		if i == 0 || s[i-1] != '*' {
			return 0, 0, false
		}
	} else {
		if i > 0 {
			if r, _ := pytext.DecodeLastRune(s[:i]); pytext.IsWord(r) {
				return 0, 0, false
			}
		}
		begin = skipSpace(s, begin)
	}
	wordEnd = skipWordBytes(s, begin)
	if x, ok = l.read(s[begin:wordEnd]); !ok {
		return 0, 0, false
	}
	end := wordEnd
	if c != '*' {
		end = skipSpace(s, end)
	}
	if end == len(s) {
		return 0, 0, false
	}
	switch closing := s[end]; {
	case c == '(' && closing == ')', c == '[' && closing == ']':
		return x, wordEnd, true
	case c == '*' && (strings.HasPrefix(s[end:], "**") || strings.IndexByte(").:", closing) >= 0):
		return x, wordEnd, true
	}
	return 0, 0, false
}

// lineLabel reads the label that begins a line and is followed by '.', ')', ':'
// or the end of the line, and returns where it ends.
func (l labels) lineLabel(line string) (x label, end int, ok bool) {
	begin := skipSpace(line, 0)
	for begin < len(line) && strings.IndexByte("*_\"'`#->( ", line[begin]) >= 0 {
		begin++
	}
	end = skipAlphanumerics(line, begin)
	if x, ok = l.read(line[begin:end]); !ok {
		return 0, 0, false
	}
	rest := strings.TrimLeft(line[end:], "*_\"'`")
	if strings.TrimRight(rest, " \t\r\n") != "" && strings.IndexByte(".):", rest[0]) < 0 {
		return 0, 0, false
	}
	if l.numeric && len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		return 0, 0, false
	}
	return x, end, true
}

// judgedLine returns the label of the line that is called right, if only one is.
func (l labels) judgedLine(s string) (found label, ok bool) {
	for line := range strings.Lines(s) {
		x, end, is := l.lineLabel(line)
		if !is {
			continue
		}
		rest := strings.TrimLeft(line[end:], ".): *_-")
		right := strings.HasPrefix(rest, "✓") || strings.HasPrefix(rest, "✔") || strings.HasPrefix(rest, "✅")
		switch firstWord(rest) {
		case "right", "correct", "true", "yes":
			right = true
		}
		if right {
			if ok && x != found {
				return 0, false
			}
			found, ok = x, true
		}
	}
	return found, ok
}

// onlyLine returns the label that begins a line, if there is only one such that
// is neither called wrong nor one of a list.
func (l labels) onlyLine(s string) (found label, ok bool) {
	for line := range strings.Lines(s) {
		x, end, is := l.lineLabel(line)
		if !is || verdict(line, end) < 0 || l.isListed(line, end) {
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
