package metrics

import (
	"context"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// GSM8KStrict is 1 when the number that the prediction arrives at has the value
// of the truth's, else 0. It mends the quirks of [GSM8K]:
//
//	truth  prediction                               GSM8K  GSM8KStrict
//	5      "5 , and we are done"                    0      1
//	18     "18, as 3 x 6 = 18."                     1      1
//	3.5    "It costs $3.50."                        0      1
//	350    "It costs $3.50."                        1      0
//	5      "10-5"                                   0      1
//	1234   "1,234.00"                               0      1
//	5      "1e5"                                    1      0
//	12     "The answer is 12. Check: 12 - 7 = 5."   0      1
//	12     "#### Step 2: add\n5 + 7 = 12."          1      1
//	5000   "It is 5 × 10^3 m."                      0      1
//
// The number is that of the last statement in answer form: a number right after
// "####" that does not number a heading; what the last \boxed{...} ends with; or
// "answer", "result" or "solution", in some languages, with "is" or a colon and
// then a number, or a calculation and what it equals.
//
// Without a statement it is the last number of the last line that holds one, one
// in bold type before the others. Left out are what follows "Check", "Note" and
// the like, headings, numbers of steps, what stands in parentheses beside
// another number, and what something is rounded from or to.
//
// A number is written in digits of any script, with or without a decimal
// fraction, separators of thousands, a power of ten, a currency sign and a
// minus; a minus right after a word, a digit or a closing parenthesis is a
// subtraction. Fractions are 1/2, ½, \frac{1}{2}, and mixed ones with an integer
// before them; 5:30 is five and a half. Exponents, indices, notes ("[1]"),
// digits within a word ("H2O") and versions and dates ("1.2.3", "1/2/2024") are
// no numbers.
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
	// Most often it stands after the last "####", and no more need be read.
	if at := strings.LastIndex(s, hashes); at >= 0 {
		tail := plainDigits(s[at:])
		if n, ok := hashedNumber(tail); ok {
			return lastStatement(tail, n, true)
		}
	}
	s = plainDigits(s)
	for end := len(s); ; {
		at := strings.LastIndex(s[:end], hashes)
		if at < 0 {
			return lastStatement(s, number{}, false)
		}
		if n, ok := hashedNumber(s[at:]); ok {
			return lastStatement(s[at:], n, true)
		}
		end = at
	}
}

// lastStatement returns the number of the last statement of s, which begins with
// that of n where there is one; else the number that the text ends with.
func lastStatement(s string, n number, stated bool) (number, bool) {
	if box := strings.LastIndex(s, "box"); box >= 0 {
		if inner, boxed := lastBox(s); boxed {
			if m, ok := lastNumberOf(inner); ok {
				n, stated, s = m, true, s[box:]
			}
		}
	}
	if m, ok := answeredNumber(s); ok {
		return m, true
	}
	if stated {
		return n, true
	}
	return lastNumberOf(s)
}

// hashes stand before the answer in the truths of the benchmark.
const hashes = "####"

// hashedNumber returns the number that s, which begins with hashes, has right
// after them.
func hashedNumber(s string) (number, bool) {
	begin := len(hashes)
	for begin < min(len(s), maxScript) && strings.IndexByte("# \t*_$:=(", s[begin]) >= 0 {
		begin++
	}
	begin += signLen(s[begin:])
	n, size := readNumeral(s[begin:], true)
	if size == 0 || numbersHeading(s[begin+size:]) {
		return number{}, false
	}
	if isNegative(s[:begin]) {
		n = n.negate()
	}
	return n, true
}

// signLen returns the length of the minus and the currency signs that s begins
// with.
func signLen(s string) int {
	at := 0
	for range 3 {
		if at == len(s) || isDigit(s[at]) {
			break
		}
		n := minus(s[at:])
		for _, sign := range currencies {
			if n == 0 && strings.HasPrefix(s[at:], sign) {
				n = len(sign)
			}
		}
		at += n
	}
	return at
}

// numbersHeading reports whether what follows a number makes it the number of a
// heading: "1. Count the eggs", "2) Add".
func numbersHeading(rest string) bool {
	if rest == "" || strings.IndexByte(".):", rest[0]) < 0 {
		return false
	}
	line, _, _ := strings.Cut(rest[1:], "\n")
	line = strings.TrimLeft(line, " \t*_")
	return line != "" && isASCIILetter(line[0])
}

// answeredNumber returns the number of the last statement of s that gives one.
func answeredNumber(s string) (found number, ok bool) {
	for i := 0; i < len(s); {
		begin := i
		if i = skipRun(s, i); i == begin {
			i++
			continue
		}
		if end := begin + answerWord(s[begin:i]); end > begin {
			i = end
			if n, said := statedNumber(s[end:]); said {
				found, ok = n, true
			}
		}
	}
	return found, ok
}

// skipRun returns where the letters that s[at:] begins with end; bytes of other
// scripts are letters here.
func skipRun(s string, at int) int {
	for at < len(s) && (isASCIILetter(s[at]) || s[at] >= 0x80) {
		at++
	}
	return at
}

// answerWords begin a statement of an answer. Those of scripts without spaces
// may have anything after them.
var answerWords = map[string]bool{
	"answer": true, "result": true, "solution": true, "antwort": true, "lösung": true, "ergebnis": true, "respuesta": true, "resultado": true,
	"réponse": true, "résultat": true, "risposta": true, "risultato": true, "resposta": true, "ответ": true, "antwoord": true, "odpowiedź": true,
}

var answerParts = [...]string{"答案", "答え", "答", "답"}

// answerWord returns where the word ends with which an answer is stated: word
// itself, or the last such word in a text of a script without spaces. It returns
// 0 when there is none.
func answerWord(word string) int {
	switch c := word[0]; {
	case c >= 0x80:
		end := 0
		for _, part := range answerParts {
			if i := strings.LastIndex(word, part); i >= 0 {
				end = max(end, i+len(part))
			}
		}
		if end > 0 {
			return end
		}
	case strings.IndexByte("arsle", c|0x20) < 0 && c|0x20 != 'o':
		return 0
	}
	if len(word) > maxAnswerWord || !answerWords[pytext.Lower(word)] {
		return 0
	}
	return len(word)
}

// numberFillers are the words that may stand between "answer" and a number.
var numberFillers = map[string]bool{
	"is": true, "be": true, "was": true, "are": true, "equals": true, "equal": true, "to": true, "the": true, "this": true, "that": true,
	"final": true, "correct": true, "problem": true, "question": true, "should": true, "must": true, "will": true, "would": true,
	"therefore": true, "thus": true, "hence": true, "so": true, "then": true, "clearly": true, "simply": true, "just": true, "only": true, "exactly": true,
	"about": true, "approximately": true, "roughly": true, "around": true, "now": true, "get": true, "we": true, "have": true, "a": true, "total": true, "of": true,
	"ist": true, "lautet": true, "est": true, "es": true, "la": true, "è": true, "é": true, "是": true, "为": true, "為": true, "は": true, "이": true,
}

// saysSo are the fillers that say that what follows is the answer.
var saysSo = map[string]bool{
	"is": true, "be": true, "was": true, "are": true, "equals": true, "equal": true, "ist": true, "lautet": true, "est": true, "es": true,
	"è": true, "é": true, "是": true, "为": true, "為": true, "は": true,
}

// statedNumber returns the number that a statement gives, whose first word s
// follows.
func statedNumber(s string) (number, bool) {
	said := false
	for at, words := 0, 0; at < len(s) && words < maxFillers; {
		switch c := s[at]; {
		case isDigit(c) || c == '.' && isDigitAt(s, at+1) || isFraction(s[at:]):
			if !said {
				return number{}, false
			}
			return calculated(s, at)
		case c == '\\':
			at = skipLetters(s, at+1)
			if at < len(s) && s[at-1] == '\\' {
				at++
			}
			words++
		case isASCIILetter(c) || c >= 0x80:
			end, says, ok := skipFiller(s, at)
			if !ok {
				return number{}, false
			}
			said = said || says
			words++
			at = end
		default:
			said = said || c == ':' || c == '='
			if strings.IndexByte(" \t\r\n*_\"'`([{$->~#+:=", c) < 0 || c == '\n' && !said {
				return number{}, false
			}
			at++
		}
	}
	return number{}, false
}

// skipFiller returns where the filler ends that begins at s[at], and whether it
// says that what follows is the answer. Other marks than letters are fillers.
func skipFiller(s string, at int) (end int, says, ok bool) {
	if isASCIILetter(s[at]) {
		end = skipRun(s, at)
		if end-at > maxAnswerWord {
			return 0, false, false
		}
		word := strings.ToLower(s[at:end])
		return end, saysSo[word], numberFillers[word]
	}
	r, size := pytext.DecodeRune(s[at:])
	word := s[at : at+size]
	says = saysSo[word] || word == "—" || word == "–"
	return at + size, says, says || numberFillers[word] || !pytext.IsWord(r)
}

// calculated returns the number that stands at s[at], or what the calculation
// that begins there equals.
func calculated(s string, at int) (number, bool) {
	n, size := readNumeral(s[at:], true)
	if size == 0 {
		return number{}, false
	}
	clause := s[at+size : min(len(s), at+size+maxClause)]
	clause = clause[:clauseLen(clause)]
	if equals := strings.LastIndexByte(clause, '='); equals >= 0 {
		if m, ok := firstNumberOf(clause[equals+1:]); ok {
			return m, true
		}
	}
	if isNegative(s[:at]) {
		n = n.negate()
	}
	return n, true
}

// clauseLen returns the length of the clause that s begins with: up to a comma,
// the end of a sentence or a line, a parenthesis with words in it, or a word
// that begins a reason.
func clauseLen(s string) int {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\n' || c == ';' || c == ',':
			return i
		case c == '.' || c == '!' || c == '?':
			if i+1 == len(s) || !isDigit(s[i+1]) {
				return i
			}
			i++
		case isASCIILetter(c):
			end := skipLetters(s, i)
			switch strings.ToLower(s[i:end]) {
			case "as", "because", "since", "if", "where", "with", "for", "which", "so", "and", "check", "note":
				return i
			}
			i = end
		default:
			i++
		}
	}
	return len(s)
}

// firstNumberOf returns the first number of s.
func firstNumberOf(s string) (number, bool) {
	for n := range numbers(s) {
		return n.value(s)
	}
	return number{}, false
}

// lastNumberOf returns the number that a text without a statement ends with.
func lastNumberOf(s string) (number, bool) {
	var any numeral // of the last line with one, whatever it is
	for end := len(s); end >= 0; {
		begin := strings.LastIndexByte(s[:end], '\n') + 1
		line := s[begin:end]
		end = begin - 1
		if any.end == 0 {
			for n := range numbers(line) {
				any = n
				any.begin, any.end = any.begin+begin, any.end+begin
			}
			if any.end == 0 {
				continue
			}
		}
		if isLabel(line) || isHeading(line) || isRemarkedAbove(s[:begin]) {
			continue
		}
		if n, ok := lineNumber(withoutRemark(line)); ok {
			return n, true
		}
	}
	if any.end == 0 {
		return number{}, false
	}
	return any.value(s)
}

// lineNumber returns the number that a line ends with: the last one in bold
// type, or the last one that is not in parentheses, or the last one.
func lineNumber(line string) (number, bool) {
	var last, open, bold numeral
	depth, stars, at := 0, 0, 0
	for n := range numbers(line) {
		for ; at < n.begin; at++ {
			switch line[at] {
			case '(':
				depth++
			case ')':
				depth = max(depth-1, 0)
			case '*':
				if strings.HasPrefix(line[at:], "**") {
					stars++
					at++
				}
			}
		}
		if isAside(line[:n.begin], line[n.end:]) {
			continue
		}
		last = n
		if depth == 0 {
			open = n
		}
		if stars%2 == 1 && !labelsBold(line[n.end:]) {
			bold = n
		}
	}
	for _, n := range []numeral{bold, open, last} {
		if n.end > 0 {
			return n.value(line)
		}
	}
	return number{}, false
}

// labelsBold reports whether the bold type that rest is in ends with a colon: it
// is a label.
func labelsBold(rest string) bool {
	inner, after, _ := strings.Cut(rest[:min(len(rest), maxClause)], "**")
	return strings.HasSuffix(inner, ":") || strings.HasPrefix(after, ":")
}

// isAside reports whether a number between before and after is not what is
// asked for: of a step, of a rounding, of a date.
func isAside(before, after string) bool {
	words := lastWords(before)
	after = strings.TrimLeft(after, " ")
	switch words[1] {
	case "step", "part", "question", "problem", "figure", "equation", "chapter", "page":
		return true
	case "nearest":
		return true
	case "from":
		return words[0] == "rounded" || words[0] == "up" || words[0] == "down"
	case "of":
		return words[0] == "as"
	case "to":
		return words[0] == "rounded" && (hasPrefixFold(after, "decimal") || hasPrefixFold(after, "significant"))
	}
	return false
}

// lastWords returns the last two words of s in small letters.
func lastWords(s string) (words [2]string) {
	for i := 1; i >= 0; i-- {
		s = strings.TrimRight(s, " *_$")
		begin := len(s)
		for begin > 0 && len(s)-begin < maxAnswerWord && isASCIILetter(s[begin-1]) {
			begin--
		}
		words[i] = strings.ToLower(s[begin:])
		s = s[:begin]
	}
	return words
}

// remarks are the first words of what is said after an answer.
var remarks = map[string]bool{
	"check": true, "checking": true, "verify": true, "verification": true, "verifying": true, "proof": true, "note": true, "notes": true,
	"rounded": true, "rounding": true, "remember": true, "hint": true, "source": true, "sources": true, "sanity": true, "double": true,
	"reference": true, "references": true, "disclaimer": true, "remark": true,
}

// withoutRemark cuts a line at the first sentence that is a remark.
func withoutRemark(line string) string {
	for at := 0; at < len(line); {
		if remarks[firstWord(line[at:])] || isClosing(line[at:]) {
			return line[:at]
		}
		next := strings.IndexAny(line[at:], ".!?;(")
		if next < 0 {
			break
		}
		at += next + 1
	}
	return line
}

// isClosing reports whether s begins with what ends a conversation rather than
// an answer.
func isClosing(s string) bool {
	s = strings.TrimLeft(s[:min(len(s), maxScript)], " \t*_(")
	return hasPrefixFold(s, "let me know") || hasPrefixFold(s, "feel free") || hasPrefixFold(s, "hope this") || hasPrefixFold(s, "i hope")
}

// firstWord returns the first word of s in small letters, marks left out.
func firstWord(s string) string {
	s = strings.TrimLeft(s[:min(len(s), maxScript)], " \t*_#(>-`\"'[")
	return strings.ToLower(s[:min(skipLetters(s, 0), maxAnswerWord)])
}

// isLabel reports whether a line is a remark's heading.
func isLabel(line string) bool {
	line = strings.TrimRight(line, " \t\r*_")
	return len(line) < 2*maxAnswerWord && remarks[firstWord(line)] && strings.HasSuffix(line, ":")
}

// isRemarkedAbove reports whether the lines right above, up to an empty one, are
// headed as a remark.
func isRemarkedAbove(s string) bool {
	for range maxRemarkLines {
		s = strings.TrimSuffix(s, "\n")
		begin := strings.LastIndexByte(s, '\n') + 1
		line := s[begin:]
		if skipSpace(line, 0) == len(line) {
			return false
		}
		if isLabel(line) {
			return true
		}
		s = s[:begin]
	}
	return false
}

// isHeading reports whether a line is a heading of Markdown with words in it.
func isHeading(line string) bool {
	line = strings.TrimLeft(line, " ")
	if !strings.HasPrefix(line, "#") {
		return false
	}
	line = strings.TrimLeft(line, "# *_")
	return line != "" && isASCIILetter(line[0])
}
