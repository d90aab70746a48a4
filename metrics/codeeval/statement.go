package codeeval

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// token is a word, a string or a mark of a line of Python source.
type token struct {
	text string
	kind tokenKind
	// spaced is whether white space stands before it.
	spaced bool
}

type tokenKind int

const (
	noToken     tokenKind = iota
	wordToken             // a name, a keyword or a number
	stringToken           // with what is before its quotation mark left out
	markToken             // one character of Python's
	otherToken            // a character that Python does not have outside of strings
	commentToken
)

// nextToken returns the first token of a line and the rest of the line. A string
// that is not closed reaches to the line's end.
func nextToken(s string) (t token, rest string) {
	begin := 0
	for begin < len(s) {
		r, size := pytext.DecodeRune(s[begin:])
		if !pytext.IsSpace(r) && !isInvisible(r) {
			break
		}
		begin += size
	}
	t.spaced, s = begin > 0, s[begin:]
	if s == "" {
		return t, ""
	}
	r, size := pytext.DecodeRune(s)
	end := size
	switch {
	case r == '#':
		t.kind, end = commentToken, len(s)
	case r == '"' || r == '\'':
		t.kind, end = stringToken, stringLen(s)
	case pytext.IsWord(r):
		t.kind = wordToken
		for end < len(s) {
			r, size := pytext.DecodeRune(s[end:])
			if !pytext.IsWord(r) {
				break
			}
			end += size
		}
	case r < 0x80 && strings.ContainsRune("()[]{}.,:;=+-*/%<>@!&|^~\\", r):
		t.kind = markToken
	default:
		t.kind = otherToken
	}
	t.text = s[:end]
	return t, s[end:]
}

// stringLen returns the length of the string literal that s begins with, as far
// as it stands in this line.
func stringLen(s string) int {
	quote := s[:1]
	if len(s) >= 3 && s[1] == s[0] && s[2] == s[0] {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		}
	}
	return len(s)
}

// isInvisible reports whether r has no width and no place in Python: a byte
// order mark, zero-width spaces and joiners.
func isInvisible(r rune) bool {
	switch r {
	case '\ufeff', '\u200b', '\u200c', '\u200d', '\u2060', '\u00ad':
		return true
	}
	return false
}

// A keyword may stand beside a name. opens is whether its statement ends in a
// colon; begins is whether a statement may begin with it.
type keyword struct{ begins, opens bool }

var keywords = map[string]keyword{
	"def": {true, true}, "class": {true, true}, "if": {true, true}, "elif": {true, true}, "else": {true, true}, "for": {true, true},
	"while": {true, true}, "try": {true, true}, "except": {true, true}, "finally": {true, true}, "with": {true, true}, "async": {true, true},
	"match": {true, false}, "case": {true, true}, "return": {true, false}, "yield": {true, false}, "raise": {true, false}, "import": {true, false},
	"from": {true, false}, "pass": {true, false}, "break": {true, false}, "continue": {true, false}, "global": {true, false},
	"nonlocal": {true, false}, "del": {true, false}, "assert": {true, false}, "await": {true, false}, "lambda": {}, "and": {}, "or": {},
	"not": {}, "in": {}, "is": {}, "as": {}, "type": {true, false},
}

// isStatement reports whether a line may begin a statement of Python: it begins
// as one, and no two names stand side by side in it as they do in prose. An
// expression must do something: call, assign or document.
func isStatement(line string) bool {
	first, rest := nextToken(line)
	head, isKeyword := keywords[first.text]
	switch first.kind {
	case stringToken:
		return true
	case wordToken:
		if isKeyword && !head.begins {
			return false
		}
	case markToken:
		switch first.text {
		case "@", "(", "[", "{", "*":
		default:
			return strings.HasPrefix(first.text+rest, "...")
		}
	default:
		return false
	}
	m := lineMarks{first: first}
	return m.read(rest) && m.isStatement(isKeyword, head.opens)
}

// isStatement reports whether the tokens of a line, read, do something.
func (m *lineMarks) isStatement(isKeyword, opens bool) bool {
	first := m.first.text
	switch {
	case first == "@":
		return m.tokens > 1
	case first == "*":
		return m.assigns
	case !isKeyword:
		return m.assigns || m.calls && !m.colon
	case first == "match" || first == "type":
		return m.previous.text == ":" || m.assigns || m.calls
	case opens:
		return m.colon || m.depth > 0 || m.joined
	case first == "import":
		return m.tokens > 1
	case first == "from":
		return m.imports || m.joined
	}
	return true
}

// lineMarks is what a line holds that tells statements from prose.
type lineMarks struct {
	first  token
	tokens int
	depth  int // of brackets

	// At the first level: an assignment, a colon. Anywhere: a call, the word
	// import. At the end: a backslash.
	assigns, colon, calls, imports, joined bool

	before, previous token
}

// read reads the line's tokens, and reports whether they may be Python's.
func (m *lineMarks) read(rest string) bool {
	for t := m.first; t.kind != noToken && t.kind != commentToken; t, rest = nextToken(rest) {
		m.tokens++
		switch t.kind {
		case otherToken:
			return false
		case wordToken:
			if m.endsOperand() && !isKeywordToken(t) {
				return false
			}
			m.imports = m.imports || t.text == "import"
		case stringToken:
			if m.previous.kind == wordToken && !isKeywordToken(m.previous) && (t.spaced || !isStringPrefix(m.previous.text)) {
				return false // an apostrophe, say
			}
		case markToken:
			if !m.mark(t, rest) {
				return false
			}
		}
		m.before, m.previous = m.previous, t
	}
	return m.previous.text != "." || m.assigns
}

// endsOperand reports whether a word cannot follow without an operator.
func (m *lineMarks) endsOperand() bool {
	switch m.previous.kind {
	case wordToken:
		return !isKeywordToken(m.previous)
	case stringToken:
		return true
	case markToken:
		return strings.Contains(")]}", m.previous.text)
	}
	return false
}

// mark takes up a mark that is followed by rest.
func (m *lineMarks) mark(t token, rest string) bool {
	switch t.text {
	case "(":
		follows := m.previous.kind == wordToken && !isKeywordToken(m.previous) || m.previous.text == ")" || m.previous.text == "]"
		m.calls = m.calls || follows && !t.spaced
		m.depth++
	case "[", "{":
		m.depth++
	case ")", "]", "}":
		m.depth--
	case ":":
		m.colon = m.colon || m.depth == 0 && !m.assigns
	case "\\":
		m.joined = rest == ""
	case "=":
		return m.equals(t, rest)
	}
	return true
}

// equals takes up an equals sign.
func (m *lineMarks) equals(t token, rest string) bool {
	if m.depth != 0 || strings.HasPrefix(rest, "=") || !t.spaced && m.comparesWith() {
		return true
	}
	if !m.assigns && !isKeywordToken(m.first) {
		call := m.previous.text == ")" && m.first.text != "(" && m.first.text != "["
		if call || isDigit(m.first.text[0]) {
			return false // nothing can be assigned to it
		}
	}
	m.assigns = true
	return true
}

// comparesWith reports whether the mark before an equals sign makes a comparison
// of it.
func (m *lineMarks) comparesWith() bool {
	switch m.previous.text {
	case "=", "!":
		return true
	case "<", ">":
		return m.before.text != m.previous.text
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isKeywordToken(t token) bool {
	_, ok := keywords[t.text]
	return ok
}

func isStringPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "r", "b", "f", "u", "t", "rb", "br", "fr", "rf", "tr", "rt":
		return true
	}
	_, keyword := keywords[word]
	return keyword
}

// definedBy returns the names that a statement in the first column binds, of all
// its lines.
func definedBy(statement string) []string {
	first, rest := nextToken(statement)
	switch first.text {
	case "import":
		return importedNames(rest)
	case "from":
		if _, after, ok := strings.Cut(rest, "import"); ok {
			return importedNames(after)
		}
		return nil
	}
	if head, ok := keywords[first.text]; ok && first.text != "def" && first.text != "class" && first.text != "async" && head.begins {
		return nil
	}
	if names := definedNames(statement); names != nil {
		return names
	}
	// Several names at once.
	left, _, ok := strings.Cut(statement, "=")
	if !ok || strings.ContainsAny(left, "([{.+-*/:<>!'\"\n") {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(left, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// importedNames returns the names that an import binds, of what follows the word
// import; "*" for all.
func importedNames(list string) []string {
	var names []string
	name, alias := "", false
	flush := func() {
		if name != "" {
			names = append(names, name)
		}
		name, alias = "", false
	}
	for line := range strings.SplitSeq(list, "\n") {
		for t, rest := nextToken(line); t.kind != noToken && t.kind != commentToken; t, rest = nextToken(rest) {
			switch {
			case t.text == ",":
				flush()
			case t.text == "as":
				alias = true
			case t.kind == wordToken && (name == "" || alias):
				name, alias = t.text, false
			case t.text == "*":
				name = "*"
			}
		}
	}
	flush()
	return names
}

// names are the words of a source outside of its strings and comments.
type names struct {
	used  map[string]bool // those that do not follow a full stop
	bound map[string]bool // those that it may bind itself, parameters and keyword arguments too
}

// namesOf reads the names of a source.
func namesOf(lines []sourceLine) names {
	n := names{map[string]bool{}, map[string]bool{}}
	var r lineReader
	for _, line := range lines {
		text := line.text
		if r.quote != "" { // a string goes on
			before := r
			r.read(text)
			if r.quote == before.quote {
				continue
			}
			if at := strings.Index(text, before.quote); at >= 0 {
				text = text[at+len(before.quote):]
			}
		} else {
			r.read(text)
		}
		n.read(text)
	}
	return n
}

func (n names) read(line string) {
	var previous token
	binding := false // after for, lambda, as, global: the words are bound
	for t, rest := nextToken(line); t.kind != noToken && t.kind != commentToken; t, rest = nextToken(rest) {
		switch {
		case t.kind != wordToken:
			if t.text == ":" {
				binding = false
			}
		case t.text == "for" || t.text == "lambda" || t.text == "as" || t.text == "def":
			binding = true
		case t.text == "in":
			binding = false
		case isKeywordToken(t) || previous.text == ".":
		default:
			n.used[t.text] = true
			next, after := nextToken(rest)
			assigned := next.text == "=" && !strings.HasPrefix(after, "=")
			if assigned || binding && previous.text != "def" {
				n.bound[t.text] = true
			}
		}
		previous = t
	}
}
