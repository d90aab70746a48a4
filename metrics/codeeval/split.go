package codeeval

import (
	"regexp"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// splitter divides a reply at its markers and fences.
type splitter struct {
	aware bool // fences and markers in strings of Python are none
	text  string
	parts []part

	begun  bool // between the markers
	inline bool // the opening marker stands in this line
	fence  fenceMark
	buf    strings.Builder
	reader lineReader
}

// split returns the parts of a reply that may be code, in order, and whether a
// string was still open where the reply, or a part of it, ended.
func split(text string, aware bool) (parts []part, open bool) {
	s := splitter{aware: aware, text: text}
	end := len(strings.TrimRight(text, " \t\n"))
	at := 0
	for line := range strings.SplitSeq(text, "\n") {
		at += len(line)
		s.line(line, at >= end)
		at++
	}
	open = s.inString()
	s.flush()
	return s.parts, open
}

func (s *splitter) inCode() bool   { return s.begun || s.fence.mark != "" }
func (s *splitter) inString() bool { return s.aware && s.inCode() && s.reader.quote != "" }

// line takes up a line; last is whether nothing but white space follows it.
func (s *splitter) line(line string, last bool) {
	s.inline = false
	if s.inString() {
		s.content(line)
		return
	}
	if s.fence.mark != "" {
		line = s.fence.unquote(line)
		if s.closes(line) {
			return
		}
	} else if f, before, rest, ok := openFence(line); ok {
		s.markers(before, false)
		s.flush()
		s.openWith(f, rest)
		return
	}
	s.markers(line, last)
}

// openWith begins a fence, whose line goes on with rest.
func (s *splitter) openWith(f fenceMark, rest string) {
	s.fence = f
	if code, _, ok := strings.Cut(rest, f.mark); ok {
		s.content(code)
		s.flush()
		s.fence = fenceMark{}
		return
	}
	if rest != "" {
		s.content(rest)
	}
}

// closes reports whether a line in a fence ends it, and does so.
func (s *splitter) closes(line string) bool {
	trimmed := strings.TrimRight(line, " \t\r")
	content := strings.TrimLeft(trimmed, " \t")
	// Deeper, it may be part of a docstring.
	shallow := len(trimmed)-len(content) <= s.fence.indent+3
	switch {
	case !strings.HasPrefix(content, s.fence.mark):
		before, found := strings.CutSuffix(trimmed, s.fence.mark)
		if !found || blank(before) {
			return false
		}
		s.markers(before, false) // closed at the end of a line of code
	case !shallow:
		return false
	case strings.Trim(content, s.fence.mark[:1]) != "":
		// Another one opens in this one.
		f, _, rest, ok := openFence(line)
		if !ok {
			return false
		}
		s.flush()
		s.openWith(f, rest)
		return true
	}
	s.flush()
	s.fence = fenceMark{}
	return true
}

// markers takes up a line, or a piece of it, that may hold markers.
func (s *splitter) markers(line string, last bool) {
	for {
		m := s.nextMarker(line, last)
		if m == nil {
			break
		}
		if before := line[:m.begin]; !blank(before) {
			s.content(before)
		}
		s.flush()
		s.begun = m.opens
		s.inline = m.opens
		line = line[m.end:]
		if blank(line) {
			return
		}
	}
	s.content(line)
}

// marker is a [BEGIN] or [DONE] with the marks around it.
type marker struct {
	begin, end int
	opens      bool
}

var markerForm = regexp.MustCompile(`(?i)[*_` + "`" + `"']*\[[ \t]*(/?)[ \t]*(begin|done|end)[ \t]*\][*_` + "`" + `"']*`)

// markerDress is what may stand around a marker that has a line of its own.
const markerDress = " \t\r*_`#>:\"'-"

// nextMarker returns the first marker of a line. Where code is expected, a list
// of one name is none.
func (s *splitter) nextMarker(line string, last bool) *marker {
	if strings.IndexByte(line, '[') < 0 {
		return nil
	}
	for at := 0; ; {
		m := markerForm.FindStringSubmatchIndex(line[at:])
		if m == nil {
			return nil
		}
		begin, end := at+m[0], at+m[1]
		word := line[at+m[4] : at+m[5]]
		opens := m[2] == m[3] && strings.EqualFold(word, "begin")
		at = end
		alone := strings.Trim(line[:begin], markerDress) == "" && strings.Trim(line[end:], markerDress) == ""
		switch {
		case alone:
			return &marker{begin: 0, end: len(line), opens: opens}
		case strings.EqualFold(word, "end"):
		case s.counts(line, begin, end, word, opens, last):
			return &marker{begin: begin, end: end, opens: opens}
		}
	}
}

// counts reports whether a marker counts that shares its line.
func (s *splitter) counts(line string, begin, end int, word string, opens, last bool) bool {
	if !s.inCode() {
		return !isIndexed(line, begin)
	}
	upper := word == strings.ToUpper(word)
	if opens {
		return upper && blank(line[:begin])
	}
	return s.inline || blank(line[end:]) && (last || upper)
}

// isMarkerLine reports whether a line holds a marker alone.
func isMarkerLine(line string) bool {
	line = strings.Trim(line, markerDress)
	return strings.HasPrefix(line, "[") && len(line) < maxMarker && markerForm.FindString(line) == line
}

// isIndexed reports whether the bracket at s[at] follows a name, as an index
// does.
func isIndexed(s string, at int) bool {
	if at == 0 || s[at] != '[' {
		return false
	}
	r, _ := pytext.DecodeLastRune(s[:at])
	return pytext.IsWord(r)
}

// content takes up text of the current part.
func (s *splitter) content(line string) {
	if s.fence.mark != "" {
		line = strings.TrimPrefix(line, s.fence.space)
	}
	s.buf.WriteString(line)
	s.buf.WriteByte('\n')
	if s.aware && s.inCode() {
		s.reader.read(line)
	}
}

// flush ends the current part.
func (s *splitter) flush() {
	text := s.buf.String()
	s.buf.Reset()
	s.reader = lineReader{}
	if blank(text) {
		return
	}
	from := bare
	switch {
	case s.begun:
		from = marked
	case s.fence.mark != "":
		from = s.fence.origin
	}
	if from == bare || from == marked && !isSource(text) {
		for _, region := range codeRegions(text) {
			s.add(region, from)
		}
		return
	}
	s.add(text, from)
}

func (s *splitter) add(text string, from origin) {
	if p, ok := newPart(text, from); ok {
		s.parts = append(s.parts, p)
	}
}

// fenceMark is the opening of a fenced block.
type fenceMark struct {
	mark   string // what closes it
	space  string // white space before it
	indent int    // how far it is indented, marks of lists and quotations included
	quoted bool   // in a quotation: its lines begin with >
	origin origin
}

// unquote takes the mark of a quotation off a line.
func (f fenceMark) unquote(line string) string {
	if !f.quoted {
		return line
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), ">")
	if !ok {
		return line
	}
	return strings.TrimPrefix(rest, " ")
}

var language = regexp.MustCompile(`^[ \t]*(\{?[.=]?[A-Za-z][A-Za-z0-9_+.#:-]*\}?)`)

// openFence finds the opening of a fence in a line: after words, in a list, in a
// quotation, or alone. before is what stands before it, rest the code beside it.
func openFence(line string) (f fenceMark, before, rest string, ok bool) {
	at := strings.Index(line, "```")
	if at < 0 {
		at = strings.Index(line, "~~~")
		if at < 0 || strings.Trim(line[:at], " \t>-*+.0123456789)") != "" {
			return f, "", "", false
		}
	}
	end := at
	for end < len(line) && line[end] == line[at] {
		end++
	}
	before, info := line[:at], line[end:]
	f = fenceMark{mark: line[at:end], indent: at, origin: fencedPlain}
	if blank(before) {
		f.space = before
	} else if strings.HasPrefix(strings.TrimLeft(before, " \t"), ">") {
		f.quoted, before = true, ""
		f.indent = 0
	}
	if strings.Trim(before, " \t>-*+.0123456789)") == "" {
		before = ""
	} else {
		f.indent = 0
	}
	if m := language.FindStringSubmatch(info); m != nil {
		word := strings.Trim(m[1], "{}.=")
		after := info[len(m[0]):]
		_, isCode := keywords[word]
		switch {
		case isCode || after != "" && !strings.HasPrefix(after, " ") && !strings.HasPrefix(after, "\t") && !strings.HasPrefix(after, f.mark):
			rest = info
		case isPython(word):
			f.origin, rest = fencedPython, after
		default:
			f.origin, rest = fencedOther, after
		}
	} else {
		rest = info
	}
	rest = strings.TrimLeft(rest, " \t")
	if !strings.Contains(rest, f.mark) && !isCodeBeside(rest) {
		rest = ""
	}
	return f, before, rest, true
}

// isCodeBeside reports whether the text beside a fence's language is code rather
// than a title or attributes.
func isCodeBeside(text string) bool {
	first, _ := nextToken(text)
	return (isKeywordToken(first) || first.text == "@" || strings.Contains(text, " = ")) && isStatement(text)
}

func isPython(word string) bool {
	word = strings.ToLower(word)
	return strings.HasPrefix(word, "py") || word == "ipython" || word == "tool_code"
}

func trimBlankLines(text string) string {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

// endMark is a special token of a model that was written as text.
var endMark = regexp.MustCompile(`(?:<[|｜][^<>|｜\s]{1,40}[|｜]>|</?s>|<eos>|<pad>|<end_of_turn>|<EOT>|\[/INST\]|(?i:[#*_` + "`" + ` ]*\[[ \t]*/?[ \t]*done[ \t]*\][*_` + "`" + `]*))\s*$`)

// withoutEndMarks takes the special tokens off the end of a text, and a [DONE]
// without a [BEGIN], which a model writes whose prompt ended with the latter.
func withoutEndMarks(text string) string {
	for range maxEndMarks {
		tail := text[max(0, len(text)-maxEndMark):]
		m := endMark.FindStringIndex(tail)
		if m == nil {
			break
		}
		text = text[:len(text)-len(tail)+m[0]]
	}
	return text
}

// cleanLines makes the line ends those of Unix, and the white space and the
// characters without width that lines begin with such as Python's.
func cleanLines(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		for line != "" {
			r, size := pytext.DecodeRune(line)
			switch {
			case isInvisible(r):
			case r == ' ' || r == '\t' || r == '\f':
				b.WriteString(line[:size])
			case r != '\n' && pytext.IsSpace(r):
				b.WriteByte(' ')
			default:
				size = 0
			}
			if size == 0 {
				break
			}
			line = line[size:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// cleanSource makes white space outside of strings and comments Python's, and
// drops what has no width there.
func cleanSource(source string) string {
	if pytext.IsASCII(source) {
		return source
	}
	var b strings.Builder
	var r lineReader
	for line := range strings.SplitAfterSeq(source, "\n") {
		if r.quote == "" {
			for rest := strings.TrimSuffix(line, "\n"); ; {
				before := rest
				var t token
				t, rest = nextToken(rest)
				spaces := before[:len(before)-len(t.text)-len(rest)]
				for _, c := range spaces {
					switch {
					case isInvisible(c):
					case c == ' ' || c == '\t' || c == '\f':
						b.WriteRune(c)
					default:
						b.WriteByte(' ')
					}
				}
				b.WriteString(t.text)
				if t.kind == noToken {
					break
				}
			}
			if strings.HasSuffix(line, "\n") {
				b.WriteByte('\n')
			}
		} else {
			b.WriteString(line)
		}
		r.read(strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}
