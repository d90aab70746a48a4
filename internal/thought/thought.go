// Package thought tells the thoughts of a model from its answer, where both stand in
// one text.
package thought

import (
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// maxAttributes bounds the bytes of the attributes of a tag, and so the time that a
// hostile reply can cost.
const maxAttributes = 200

// Strip returns what a reply says once it has thought: the text after the thoughts
// that stand at its start, without the blank lines before it. A reply without a
// thought is returned as it is. WithoutThought of package metrics, which is this,
// says what a thought is.
func Strip(reply string) string {
	for {
		rest, ok := afterThought(reply)
		if !ok {
			return reply
		}
		reply = skipBlankLines(rest)
	}
}

// Len is how many bytes Strip takes off a reply.
func Len(reply string) int { return len(reply) - len(Strip(reply)) }

// Only reports whether a reply is nothing but thoughts: its answer is white space
// alone. A blank reply is none.
func Only(reply string) bool { return Len(reply) > 0 && isBlank(Strip(reply)) }

// MayBeOnly reports whether a reply could be one that [Only] reports, given as it
// stands in a JSON string, in which characters may be escapes. It looks at the ends
// and at where a mark may follow another; where it says no, Only says so too.
func MayBeOnly(raw string) bool {
	begin := strings.TrimLeftFunc(raw, isInvisible)
	if begin == "" || begin[0] == '\\' || strings.HasPrefix(begin, bareChannel) || nextBracket(begin[:1], 0) == 0 {
		return true
	}
	end := strings.TrimRightFunc(raw, isInvisible)
	for n := len(end) - 2; n >= 0 && end[n] == '\\' && strings.IndexByte("nrtfb", end[n+1]) >= 0; n = len(end) - 2 {
		end = strings.TrimRightFunc(end[:n], isInvisible)
	}
	if n := len(end) - len(`\u0000`); n >= 0 && strings.HasPrefix(end[n:], `\u`) {
		return true
	}
	return strings.HasSuffix(end, ">") || strings.HasSuffix(end, "]") || strings.HasSuffix(end, "▷") || mayReopen(raw)
}

// mayReopen reports whether a mark may begin right behind another: behind a thought
// that lacks its opening mark another one may stand that lacks its end.
func mayReopen(raw string) bool {
	for _, escaped := range [...]string{`\u003`, `\u005`, `\u25`} { // of brackets
		if strings.Contains(raw, escaped) {
			return true
		}
	}
	for at := 0; ; {
		n := strings.IndexAny(raw[at:], ">]▷")
		if n < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(raw[at+n:])
		at += n + size
		rest := strings.TrimLeftFunc(raw[at:], isInvisible)
		for len(rest) > 1 && rest[0] == '\\' && strings.IndexByte("nrtfbu", rest[1]) >= 0 {
			if rest[1] == 'u' {
				return true
			}
			rest = strings.TrimLeftFunc(rest[2:], isInvisible)
		}
		if rest != "" && nextBracket(rest[:1], 0) == 0 {
			return true
		}
	}
}

// afterThought returns what follows the first thought, and whether there is one.
func afterThought(s string) (rest string, ok bool) {
	if rest, ok := afterChannel(s); ok {
		return rest, true
	}
	first := true // no mark that counts was before
	var depth [len(thoughtMarks)]int
	var lastEnd [len(thoughtMarks)]int // where the last closing mark ends
	opener := -1                       // the kind of the mark that the reply begins with
	for at := 0; at < len(s); {
		begin := nextBracket(s, at)
		if begin < 0 {
			break
		}
		kind, closing, size := readMark(s[begin:])
		if size == 0 {
			at = begin + 1
			continue
		}
		at = begin + size
		if isQuoted(s, begin, at) {
			continue
		}
		if first && !closing && isBlank(s[:begin]) {
			opener = kind
		}
		first = false
		switch {
		case opener >= 0 && kind != opener:
		case !closing:
			depth[kind]++
		default:
			depth[kind]--
			lastEnd[kind] = at
			if depth[kind] <= 0 && (opener == kind || depth[kind] < 0) {
				return s[at:], true
			}
		}
	}
	if opener >= 0 {
		if end := lastEnd[opener]; end > 0 {
			return s[end:], true
		}
		return "", true
	}
	return s, false
}

// thoughtMarks are the kinds of marks around a thought: tags by their names, and
// pairs that are written as they stand. Letter case does not matter.
var thoughtMarks = [...]struct{ tag, open, end string }{
	{tag: "think"}, {tag: "thinking"}, {tag: "thought"}, {tag: "thoughts"}, {tag: "reasoning"}, {tag: "reason"},
	{tag: "scratchpad"}, {tag: "seed:think"}, {tag: "mm:think"}, {tag: "antthinking"},
	{open: "<|start_thinking|>", end: "<|end_thinking|>"},
	{open: "<|begin_of_thought|>", end: "<|end_of_thought|>"},
	{open: "<|thinking_start|>", end: "<|thinking_end|>"},
	{open: "<|channel>thought", end: "<channel|>"},
	{open: "<unused94>thought", end: "<unused95>"},
	{open: "◁think▷", end: "◁/think▷"},
}

// maxMark is more than the bytes of any mark but a tag's attributes.
const maxMark = 24

// nextBracket returns where the next byte stands in s[at:] that a mark may begin
// with, or -1.
func nextBracket(s string, at int) int {
	for ; at < len(s); at++ {
		if c := s[at]; c == '<' || c == '[' || c == "◁"[0] {
			return at
		}
	}
	return -1
}

// readMark reads the mark that s begins with; its size is 0 when there is none.
func readMark(s string) (kind int, closing bool, size int) {
	if kind, closing, size = readTag(s); size > 0 {
		return kind, closing, size
	}
	for i := range thoughtMarks {
		m := &thoughtMarks[i]
		switch {
		case m.open == "":
		case hasPrefix(s, m.open):
			return i, false, len(m.open)
		case hasPrefix(s, m.end):
			return i, true, len(m.end)
		}
	}
	return 0, false, 0
}

// readTag reads the tag of a thought in angle or square brackets.
func readTag(s string) (kind int, closing bool, size int) {
	ends := byte('>')
	switch {
	case strings.HasPrefix(s, "<"):
	case strings.HasPrefix(s, "["):
		ends = ']'
	default:
		return 0, false, 0
	}
	at := skipBlanks(s, 1)
	if at < len(s) && s[at] == '/' {
		closing = true
		at = skipBlanks(s, at+1)
	}
	begin := at
	for at < len(s) && at-begin < maxMark && (s[at]|0x20-'a' < 26 || s[at] == ':') {
		at++
	}
	if kind = tagOf(s[begin:at]); kind < 0 {
		return 0, false, 0
	}
	end := skipBlanks(s, at)
	if end < len(s) && s[end] == ends {
		return kind, closing, end + 1
	}
	if end == at || closing || ends == ']' {
		return 0, false, 0 // a longer name
	}
	n := attributesLen(s[at:])
	if n == 0 {
		return 0, false, 0
	}
	return kind, false, at + n
}

// tagOf returns the kind of the tag of this name, or -1.
func tagOf(name string) int {
	for i := range thoughtMarks {
		if tag := thoughtMarks[i].tag; tag != "" && len(tag) == len(name) && strings.EqualFold(tag, name) {
			return i
		}
	}
	return -1
}

// attributesLen returns the length of the attributes of a tag and of the bracket
// that ends it, or 0.
func attributesLen(s string) int {
	s = s[:min(len(s), maxAttributes)]
	end := strings.IndexAny(s, "<>\n")
	if end < 0 || s[end] != '>' || !strings.Contains(s[:end], "=") {
		return 0
	}
	return end + 1
}

func skipBlanks(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
		at++
	}
	return at
}

// hasPrefix is strings.HasPrefix in any letter case.
func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// isQuoted reports whether s[begin:end] stands between two equal quotation
// marks or backticks.
func isQuoted(s string, begin, end int) bool {
	return begin > 0 && end < len(s) && s[begin-1] == s[end] && strings.IndexByte("\"'`", s[end]) >= 0
}

func isBlank(s string) bool { return skipInvisible(s, 0) == len(s) }

// isInvisible reports whether a character is white space, a byte order mark or the
// like.
func isInvisible(r rune) bool {
	return pytext.IsSpace(r) || r == '\ufeff' || r == '\u200b' || r == '\u2060'
}

// skipInvisible returns where the first character stands in s[at:] that is
// neither white space nor a byte order mark or the like.
func skipInvisible(s string, at int) int {
	for at < len(s) {
		r, size := pytext.DecodeRune(s[at:])
		if !isInvisible(r) {
			break
		}
		at += size
	}
	return at
}

// skipBlankLines drops the blank lines that s begins with. The indentation of
// the first line stays, as it may be Python's.
func skipBlankLines(s string) string {
	end := skipInvisible(s, 0)
	return s[strings.LastIndexByte(s[:end], '\n')+1:]
}

// The marks of the format that has channels.
const (
	channelMark = "<|channel|>"
	messageMark = "<|message|>"
	startMark   = "<|start|>"
	// bareChannel and bareFinal are what the marks leave where a service drops
	// them and keeps the words between.
	bareChannel = "analysis"
	bareFinal   = "assistantfinal"
)

// afterChannel returns what follows the channels that are not final: the final
// message where there is one, without its marks.
func afterChannel(s string) (rest string, ok bool) {
	begin := skipInvisible(s, 0)
	if strings.HasPrefix(s[begin:], bareChannel) {
		if i := strings.LastIndex(s, bareFinal); i >= 0 {
			return s[i+len(bareFinal):], true
		}
		return s, false
	}
	text := s[begin:]
	if after, ok := strings.CutPrefix(text, startMark); ok {
		text = strings.TrimPrefix(after, "assistant")
	}
	if !strings.HasPrefix(text, channelMark) {
		return s, false
	}
	final := "" // the final message, where it came
	for {
		_, after, ok := strings.Cut(text, channelMark)
		if !ok {
			break
		}
		text = after
		name, _, ok := strings.Cut(after[:min(len(after), maxMark+len(messageMark))], messageMark)
		if ok && strings.HasPrefix(strings.TrimLeft(name, " "), "final") {
			final = after[len(name)+len(messageMark):]
		}
	}
	for _, mark := range [...]string{"<|return|>", "<|end|>", startMark, channelMark} {
		final, _, _ = strings.Cut(final, mark)
	}
	return final, true
}
