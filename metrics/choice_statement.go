package metrics

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// trigger is a word that may begin the statement of an option.
type trigger int

const (
	noTrigger     trigger = iota
	answerTrigger         // "answer": a label may follow at once
	nounTrigger           // "option": an "is", a colon, a dash or a leading word is needed
	verbTrigger           // "choose": a label may follow
	colonTrigger          // "final": a colon or a dash is needed
	weakTrigger           // "so": the label must be all that follows
	beTrigger             // "is": weak, after "it", "that" and the like; or after a label
)

var triggers = map[string]trigger{
	"answer": answerTrigger, "antwort": answerTrigger, "respuesta": answerTrigger, "risposta": answerTrigger, "resposta": answerTrigger, "antwoord": answerTrigger,
	"option": nounTrigger, "choice": nounTrigger, "letter": nounTrigger, "label": nounTrigger, "alternative": nounTrigger,
	"choose": verbTrigger, "chose": verbTrigger, "choosing": verbTrigger, "select": verbTrigger, "selected": verbTrigger, "pick": verbTrigger, "picked": verbTrigger,
	"go": verbTrigger, "going": verbTrigger, "opt": verbTrigger, "settle": verbTrigger, "corresponds": verbTrigger, "matches": verbTrigger, "points": verbTrigger,
	"final": colonTrigger, "correct": colonTrigger, "right": colonTrigger, "conclusion": colonTrigger, "result": colonTrigger, "response": colonTrigger,
	"decision": colonTrigger, "selection": colonTrigger, "best": colonTrigger, "verdict": colonTrigger, "solution": colonTrigger,
	"so": weakTrigger, "thus": weakTrigger, "hence": weakTrigger, "therefore": weakTrigger, "is": beTrigger, "be": beTrigger, "s": beTrigger,
}

// triggerOf returns the kind of a word and the length of it that is the trigger:
// what follows it may stand right beside it in some scripts.
func triggerOf(word string) (trigger, int) {
	if word[0] >= 0x80 {
		if end := answerWord(word); end > 0 {
			return answerTrigger, end
		}
		for _, mark := range [...]string{"选", "選", "→", "⇒"} {
			if i := strings.LastIndex(word, mark); i >= 0 {
				return weakTrigger, i + len(mark)
			}
		}
		return noTrigger, 0
	}
	if len(word) > len("alternative") {
		return noTrigger, 0
	}
	var buf [len("alternative")]byte
	for i := 0; i < len(word); i++ {
		buf[i] = word[i]
		if 'A' <= word[i] && word[i] <= 'Z' {
			buf[i] |= 0x20
		}
	}
	if t := triggers[string(buf[:len(word)])]; t != noTrigger {
		return t, len(word)
	}
	if word[0]|0x20 == 'r' && answerWord(word) > 0 { // réponse
		return answerTrigger, len(word)
	}
	return noTrigger, 0
}

// stated returns the label of the last statement.
func (l labels) stated(s string) (label, bool) {
	for end := len(s); end > 0; {
		if isLetterByte(s[end-1]) {
			begin := end - 1
			for begin > 0 && isLetterByte(s[begin-1]) {
				begin--
			}
			if x, ok := l.statedAt(s, begin, end); ok {
				return x, true
			}
			end = begin
			continue
		}
		end--
		if s[end] == '>' && end > 0 && (s[end-1] == '-' || s[end-1] == '=') { // an arrow
			if x, ok := l.after(s, end+1, true, true); ok {
				return x, true
			}
		}
	}
	return 0, false
}

// isLetterByte reports whether c is an ASCII letter or belongs to a character of
// another script.
func isLetterByte(c byte) bool { return isASCIILetter(c) || c >= 0x80 }

// statedAt returns the label that the word s[begin:end] begins to state, or that
// it says is right.
func (l labels) statedAt(s string, begin, end int) (label, bool) {
	t, size := triggerOf(s[begin:end])
	if t == noTrigger {
		return 0, false
	}
	end = begin + size
	before := lastWords(strings.TrimRight(s[max(0, begin-2*maxAnswerWord):begin], "'")) // it's
	if isNegation(before[1]) || t == verbTrigger && isNegation(before[0]) {
		return 0, false
	}
	switch t {
	case answerTrigger:
		return l.after(s, end, true, false)
	case nounTrigger:
		return l.after(s, end, leadsToOption[before[1]], false)
	case verbTrigger:
		return l.after(s, end, true, false)
	case colonTrigger:
		rest := strings.TrimLeft(s[end:], " *_")
		if strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "–") {
			return l.after(s, len(s)-len(rest), true, false)
		}
		return 0, false
	case weakTrigger:
		return l.after(s, end, true, true)
	}
	switch before[1] {
	case "it", "that", "must", "this", "should":
		if x, ok := l.after(s, end, true, true); ok {
			return x, true
		}
	}
	return l.judged(s, begin)
}

// leadsToOption are the words after which "option B" is a statement.
var leadsToOption = map[string]bool{
	"choose": true, "select": true, "pick": true, "with": true, "so": true, "thus": true, "therefore": true, "hence": true, "to": true, "is": true, "be": true,
	"for": true, "s": true, "on": true, "hence,": true,
}

func isNegation(word string) bool {
	switch word {
	case "not", "never", "t", "cannot", "neither", "nor":
		return true
	}
	return false
}

// judged returns the label before s[at], where "is" stands, that is called right.
// It must begin a clause, or be marked: "Vitamin C is correct" names no option.
func (l labels) judged(s string, at int) (label, bool) {
	if verdict(s, at) <= 0 {
		return 0, false
	}
	end := len(strings.TrimRight(s[:at], " )]*_\\"+`"'`))
	begin := end
	for begin > 0 && isWordByte(s, begin-1) {
		begin--
	}
	word := s[begin:end]
	x, ok := l.read(word)
	if !ok || !l.numeric && word >= "a" && !strings.ContainsAny(s[end:at], ")]*") {
		return 0, false
	}
	before := strings.TrimRight(s[:begin], " ([*_\"'`")
	if before == "" || strings.IndexByte(".,;:!?\n", before[len(before)-1]) >= 0 || strings.ContainsAny(s[end:at], ")]*") {
		return x, true
	}
	switch lastWords(before[max(0, len(before)-2*maxAnswerWord):])[1] {
	case "option", "choice", "answer", "letter", "so", "thus", "hence", "therefore", "that", "and", "but", "only", "while", "think", "believe", "say":
		return x, true
	}
	return 0, false
}

// verdict returns what is said of the label before s[at:]: 1 that it is right, -1
// that it is wrong, 0 neither, or under a condition.
func verdict(s string, at int) int {
	is, not := false, false
	at = skipClosers(s, at)
	for range maxFillers {
		begin := skipSpace(s, at)
		if begin < len(s) && strings.IndexByte("*_", s[begin]) >= 0 {
			at = begin + 1
			continue
		}
		end := skipWordBytes(s, begin)
		if end < len(s) && s[end] == '\'' {
			not = not || hasPrefixFold(s[end:], "'t") || end > begin && s[end-1]|0x20 == 'n'
			end = skipWordBytes(s, end+1)
		}
		word := s[begin:end]
		if len(word) > maxAnswerWord {
			return 0
		}
		switch strings.ToLower(word) {
		case "is", "was", "seems", "looks", "appears", "be", "are":
			is = true
		case "isn't", "wasn't", "doesn't", "cannot", "can't":
			is, not = true, true
		case "not", "never":
			not = true
		case "can", "must", "to", "would", "will", "also", "the", "clearly", "definitely", "obviously", "therefore", "thus", "simply", "a", "most", "likely", "probably", "indeed", "does", "too":
		case "wrong", "incorrect", "false", "impossible", "out", "eliminated", "invalid", "untrue", "ruled", "irrelevant":
			return negated(!not, is)
		case "correct", "right", "best", "answer", "true", "fit", "fits":
			if not {
				return negated(true, is)
			}
			if !is || !isUnconditional(s, end) {
				return 0
			}
			return 1
		default:
			return negated(not, is)
		}
		at = end
	}
	return 0
}

// negated is -1 for what is said to be wrong, and 0 for what is not.
func negated(wrong, is bool) int {
	if wrong && is {
		return -1
	}
	return 0
}

// isUnconditional reports whether what follows "is correct" leaves it at that.
func isUnconditional(s string, at int) bool {
	at = skipClosers(s, at)
	next := skipSpace(s, at)
	if next == len(s) || !isWordByte(s, next) {
		return true
	}
	if strings.Contains(s[at:next], "\n") {
		return true
	}
	end := skipWordBytes(s, next)
	switch strings.ToLower(s[next:min(end, next+maxAnswerWord)]) {
	case "answer", "choice", "option", "one", "response", "pick", "statement":
		return isUnconditional(s, end)
	case "because", "since", "as", "here", "and", "but", "while", "so", "due":
		return true
	}
	return false
}

// skipClosers returns where the closing brackets and marks end that s[at:]
// begins with.
func skipClosers(s string, at int) int {
	for at < len(s) && strings.IndexByte(")]}*_\"'`", s[at]) >= 0 {
		at++
	}
	return at
}

// isListed reports whether the label that ends at s[end] is followed by another
// one, as in a list: "A, B and C", "(A) or (B)", "(A) (B)". One of which
// something is said begins a sentence of its own.
func (l labels) isListed(s string, end int) bool {
	at := skipClosers(s, end)
	next := skipJoint(s, at)
	separated := at > end || strings.TrimLeft(s[at:next], " ") != ""
	begin := next
	for begin < len(s) && strings.IndexByte("([*", s[begin]) >= 0 {
		begin++
	}
	bare := begin == next
	word := skipWordBytes(s, begin)
	if _, ok := l.read(s[begin:word]); !ok || bare && !separated {
		return false
	}
	switch {
	case bare && !l.numeric && s[begin:word] >= "a": // the article
		return false
	case bare && l.numeric && word+1 < len(s) && s[word] == '.' && isDigit(s[word+1]):
		return false
	}
	return !beginsVerb(s[skipClosers(s, word):])
}

// beginsVerb reports whether s begins with what is said of one label.
func beginsVerb(s string) bool {
	switch firstWord(s) {
	case "is", "was", "would", "isn", "cannot", "can", "does", "has", "fails", "seems":
		return true
	}
	return false
}

// skipJoint returns where what joins the members of a list ends that begins at
// s[at]: white space, a comma or a slash, "and" or "or".
func skipJoint(s string, at int) int {
	for range 4 {
		begin := at
		at = skipSpace(s, at)
		if at < len(s) && strings.IndexByte(",/&", s[at]) >= 0 {
			at++
		}
		if word := skipWordBytes(s, at); isWord(s[at:word], "and") || isWord(s[at:word], "or") || isWord(s[at:word], "nor") {
			at = word
		}
		if at == begin {
			break
		}
	}
	return at
}

// fillers are the words that may stand between "answer" and a label.
var fillers = map[string]bool{
	"is": true, "be": true, "must": true, "should": true, "would": true, "will": true, "was": true, "seems": true, "appears": true, "to": true,
	"the": true, "this": true, "correct": true, "right": true, "best": true, "final": true, "most": true, "with": true, "for": true, "on": true,
	"likely": true, "probably": true, "clearly": true, "definitely": true, "therefore": true, "thus": true, "hence": true, "so": true, "as": true,
	"follows": true, "option": true, "choice": true, "letter": true, "label": true, "answer": true, "number": true, "it": true, "that": true,
	"ist": true, "lautet": true, "est": true, "es": true, "la": true,
}

// after returns the label that stands after s[:at], where a statement began, at
// most a few fillers later, or the option whose text stands there. Unless it is
// said already, one of them must say "is". A weak statement must end with its
// label, which is a capital letter.
func (l labels) after(s string, at int, said, weak bool) (label, bool) {
	for words, begin := 0, at; at < len(s) && words < maxFillers && at < begin+maxStatement; {
		c := s[at]
		next, says := skipStatementMark(s, at)
		switch {
		case next > at:
			if !said && c == '\n' {
				return 0, false
			}
			said = said || says
			at = next
			continue
		case c >= 0x80 || isWordByte(s, at):
		default:
			return 0, false
		}
		end := max(skipAlphanumerics(s, at), at+1)
		if said {
			if x, is := l.labelAt(s, at, end); is {
				return x, !weak || !l.numeric && s[at:end] < "a" && l.isLast(s, end)
			}
			if x, is := l.textAt(s[at:]); is && !weak {
				return x, true
			}
		}
		if at, says = l.skipWord(s, at, end); at < 0 {
			return 0, false
		}
		said = said || says
		words++
	}
	return 0, false
}

// labelAt reads the label s[at:end], which must not be a part of something longer
// or of a list.
func (l labels) labelAt(s string, at, end int) (x label, ok bool) {
	if x, ok = l.read(s[at:end]); !ok || !l.endsAt(s, s[at:end], end) || l.isListed(s, end) {
		return 0, false
	}
	return x, true
}

// skipStatementMark returns where the white space, the mark or the command of
// LaTeX ends that begins at s[at] and may stand in a statement, else at, and
// whether it says that the answer follows.
func skipStatementMark(s string, at int) (next int, says bool) {
	switch c := s[at]; {
	case c == ':' || c == '=' || c == '-' && at > 0 && s[at-1] == ' ':
		return at + 1, true
	case c == '\\':
		return max(skipLetters(s, at+1), at+1), false
	case strings.IndexByte(`*_"'([{$->,<`+"`", c) >= 0:
		return at + 1, false
	case c < 0x80 && !isWordByte(s, at):
		return skipSpace(s, at), false
	}
	return at, false
}

// skipWord returns where the filler s[at:end] ends, and whether it says that the
// answer follows; or -1 where it is none. Of a script without spaces it is one
// character: a quotation mark, a dash, a word.
func (l labels) skipWord(s string, at, end int) (next int, says bool) {
	if s[at] < 0x80 {
		word := s[at:end]
		if len(word) > len("definitely") || !fillers[strings.ToLower(word)] {
			return -1, false
		}
		return end, isWord(word, "is") || isWord(word, "be")
	}
	r, size := pytext.DecodeRune(s[at:])
	says = saysSo[s[at:at+size]] || r == '选' || r == '選'
	if pytext.IsWord(r) && !says {
		return -1, false
	}
	return at + size, says || r == '—' || r == '–'
}

// isLast reports whether a statement ends with the label that ends at s[end].
func (l labels) isLast(s string, end int) bool {
	end = skipClosers(s, end)
	if end == len(s) || strings.IndexByte(".,;!:\n\r", s[end]) >= 0 || s[end] >= 0x80 {
		return true
	}
	next := skipSpace(s, end)
	return next == len(s) || isReason(firstWord(s[next:]))
}

// skipAlphanumerics returns where the ASCII letters and digits that s[at:]
// begins with end.
func skipAlphanumerics(s string, at int) int {
	for at < len(s) && (isDigit(s[at]) || isASCIILetter(s[at])) {
		at++
	}
	return at
}

// endsAt reports whether the label word, which ends at s[end], is not a part of
// something longer: "A's", "3.5", and "a" as an article.
func (l labels) endsAt(s, word string, end int) bool {
	if end == len(s) {
		return true
	}
	if r, _ := pytext.DecodeRune(s[end:]); pytext.IsWord(r) && r != '_' {
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
