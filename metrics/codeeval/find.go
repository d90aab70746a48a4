package codeeval

import (
	"slices"
	"strings"
)

// findProgram takes the program out of a reply, which is to define one of the
// names, without blank lines around it.
//
// A reply that is Python from end to end is the program. Of any other, the parts
// that may be code are what stands between [BEGIN] and [DONE], in fences, and
// between prose. The program is the last part that defines one of the names
// completely, with what it needs of the other parts before it: imports,
// functions, classes and constants. Where no part defines one, it is the body of
// a function: the last part with a return, or else the first, of those between
// the markers, in a fence marked as Python, in another fence, in prose.
//
// Finding the program in a program changes nothing. Time is linear.
func findProgram(reply string, wanted []string) string {
	text := cleanLines(reply)
	found := text
	for range maxFindings {
		// What stood behind the mark of a quotation begins a line now.
		inner := trimBlankLines(cleanLines(findOnce(found, wanted)))
		if inner == found {
			return found
		}
		found = inner
	}
	return text // it never ends: nothing that anybody wrote
}

// findOnce is a step of findProgram: the result may hold the program in further
// wrappings.
func findOnce(text string, wanted []string) string {
	text = withoutEndMarks(text)
	if isSource(text) {
		return text
	}
	parts, open := split(text, true)
	program, ok := choose(parts, wanted)
	if !ok && open {
		// A string that is never closed hid what came after it.
		parts, _ = split(text, false)
		program, ok = choose(parts, wanted)
	}
	if ok {
		return program
	}
	// A program without a fence may hold one in a string.
	var regions []part
	for _, region := range codeRegions(text) {
		if p, ok := newPart(region, bare); ok {
			regions = append(regions, p)
		}
	}
	if program, ok := choose(regions, wanted); ok {
		return program
	}
	return fallback(parts, text)
}

// part is a piece of a reply that may be code.
type part struct {
	text    string
	lines   []sourceLine // of the text with its indentation taken off
	origin  origin
	chunks  []chunk // its statements in the first column
	returns bool    // it returns or yields outside of a function of its own
	whole   bool    // no string, bracket or block is left open
}

// origin is how a part is set off from the rest, the surest first.
type origin int

const (
	marked origin = iota
	fencedPython
	fencedPlain
	bare
	fencedOther
	origins
)

// chunk is a statement in the first column with all that belongs to it.
type chunk struct {
	begin, end int // lines
	names      []string
	stub       bool // a function without a body that does anything
}

func newPart(text string, from origin) (part, bool) {
	text = trimBlankLines(text)
	p := part{text: text, origin: from}
	if blank(text) {
		return p, false
	}
	p.lines = readLines(relaid(readLines(text), ""))
	statements := 0
	opened := false
	start := -1 // where the decorators of the next statement begin
	for i, line := range p.lines {
		if !line.starts {
			continue
		}
		statements++
		opened = line.opens
		if line.indent() != "" {
			continue
		}
		if strings.HasPrefix(line.text, "@") {
			if start < 0 {
				start = i
			}
			continue
		}
		if start < 0 {
			start = i
		}
		if n := len(p.chunks); n > 0 {
			p.chunks[n-1].end = start
		}
		p.chunks = append(p.chunks, chunk{begin: start, end: len(p.lines)})
		start = -1
	}
	for i := range p.chunks {
		p.read(&p.chunks[i])
	}
	var r lineReader
	for _, line := range p.lines {
		r.read(line.text)
	}
	p.whole = r.between() && !opened
	return p, statements > 0
}

// read reads a chunk.
func (p *part) read(c *chunk) {
	head := c.begin
	for strings.HasPrefix(p.lines[head].text, "@") && head+1 < c.end {
		head++
	}
	c.names = definedBy(joined(p.lines[head:c.end]))
	first, rest := nextToken(p.lines[head].text)
	if first.text == "async" {
		first, _ = nextToken(rest)
	}
	switch first.text {
	case "def":
		c.stub = isStub(p.lines[head:c.end])
	case "class":
	default:
		p.returns = p.returns || hasReturn(p.lines[head:c.end])
	}
}

// isStub reports whether a function's body says nothing.
func isStub(lines []sourceLine) bool {
	header := true
	for _, line := range lines {
		if header {
			// The body may stand beside the header.
			if at := strings.LastIndexByte(line.text, ':'); at >= 0 {
				first, _ := nextToken(line.text[at+1:])
				header = false
				if !saysNothing(first) {
					return false
				}
			}
			continue
		}
		if !line.starts {
			continue
		}
		first, rest := nextToken(line.text)
		second, _ := nextToken(rest)
		if !saysNothing(first) && !(first.text == "raise" && second.text == "NotImplementedError") {
			return false
		}
	}
	return true
}

func saysNothing(first token) bool {
	switch first.kind {
	case noToken, commentToken, stringToken:
		return true
	}
	return first.text == "pass" || first.text == "."
}

// hasReturn reports whether a return or a yield stands in the lines outside of
// functions.
func hasReturn(lines []sourceLine) bool {
	inner := -1 // the indentation of the function that we are in
	for _, line := range lines {
		if !line.starts {
			continue
		}
		depth := len(line.indent())
		if inner >= 0 && depth > inner {
			continue
		}
		inner = -1
		first, _ := nextToken(line.text)
		switch first.text {
		case "def", "async":
			inner = depth
		case "return", "yield":
			return true
		}
		if line.opens {
			continue
		}
		if _, after, ok := strings.Cut(line.text, ":"); ok { // on the line of its condition
			if next, _ := nextToken(after); next.text == "return" || next.text == "yield" {
				return true
			}
		}
	}
	return false
}

// defines reports whether a part defines one of the names completely.
func (p *part) defines(wanted []string) (any, completely bool) {
	for _, c := range p.chunks {
		if slices.ContainsFunc(c.names, func(name string) bool { return slices.Contains(wanted, name) }) && !isImport(p.lines[c.begin].text) {
			any = true
			completely = completely || !c.stub
		}
	}
	return any, any && completely && p.whole
}

func isImport(line string) bool {
	first, _ := nextToken(line)
	return first.text == "import" || first.text == "from"
}

// choose returns the last part that defines one of the names completely, or else
// the last that defines one, with what it needs.
func choose(parts []part, wanted []string) (program string, ok bool) {
	chosen, complete := -1, false
	for i := range parts {
		anyName, all := parts[i].defines(wanted)
		if all || anyName && !complete && (parts[i].origin != bare || parts[i].whole) {
			chosen, complete = i, all
		}
	}
	if chosen < 0 {
		return "", false
	}
	return withNeeds(parts, chosen, wanted), true
}

// fallback returns what may be a function's body.
func fallback(parts []part, text string) string {
	for from := range origins {
		first, last := -1, -1
		for i := range parts {
			if parts[i].origin != from {
				continue
			}
			if first < 0 {
				first = i
			}
			if parts[i].returns {
				last = i
			}
		}
		if last >= 0 {
			return withNeeds(parts, last, nil)
		}
		if first >= 0 {
			return parts[first].text
		}
	}
	return text
}

// withNeeds returns the chosen part after the statements of other parts that it
// needs: those that bind a name which it uses and does not bind itself.
func withNeeds(parts []part, chosen int, wanted []string) string {
	if len(parts) == 1 {
		return parts[0].text
	}
	n := needs{parts: parts, binders: bindersFor(parts, chosen), own: map[string]bool{}, taken: map[place]bool{}}
	for _, c := range parts[chosen].chunks {
		for _, name := range c.names {
			n.own[name] = true
		}
	}
	uses := namesOf(parts[chosen].lines)
	for _, name := range slices.Concat(wanted, []string{"*"}) {
		uses.used[name] = true
	}
	n.take(uses)
	for i := 0; i < len(n.needed); i++ {
		n.take(namesOf(n.lines(n.needed[i])))
	}
	if len(n.needed) == 0 {
		return parts[chosen].text
	}
	slices.SortFunc(n.needed, func(a, b place) int {
		if a.part != b.part {
			return a.part - b.part
		}
		return a.chunk - b.chunk
	})
	var b strings.Builder
	for _, at := range n.needed {
		b.WriteString(trimBlankLines(joined(n.lines(at))))
		b.WriteByte('\n')
	}
	b.WriteString(joined(parts[chosen].lines))
	return b.String()
}

// place is a statement of a part.
type place struct{ part, chunk int }

// needs collects the statements of other parts that a part needs.
type needs struct {
	parts   []part
	binders map[string]place
	own     map[string]bool // what the part binds itself
	needed  []place
	taken   map[place]bool
}

func (n *needs) lines(at place) []sourceLine {
	p := &n.parts[at.part]
	c := p.chunks[at.chunk]
	return p.lines[c.begin:c.end]
}

// take takes up what binds the names that are used.
func (n *needs) take(uses names) {
	for name := range uses.used {
		at, ok := n.binders[name]
		if ok && !n.own[name] && !uses.bound[name] && !n.taken[at] {
			n.taken[at] = true
			n.needed = append(n.needed, at)
		}
	}
}

// bindersFor returns the statement that binds each name for a part: the last one
// before it, or else the first one after it.
func bindersFor(parts []part, chosen int) map[string]place {
	binders := map[string]place{}
	for i := range parts {
		if i == chosen {
			continue
		}
		for k, c := range parts[i].chunks {
			if c.stub {
				continue
			}
			for _, name := range c.names {
				if old, known := binders[name]; !known || i < chosen || old.part == i {
					binders[name] = place{i, k}
				}
			}
		}
	}
	return binders
}

func joined(lines []sourceLine) string {
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line.text)
	}
	return b.String()
}

// isSource reports whether a text is Python from end to end.
func isSource(text string) bool {
	regions := codeRegions(text)
	if len(regions) != 1 {
		return false
	}
	return regions[0] == trimBlankLines(text)
}

// codeRegions returns the stretches of a text that are Python rather than prose,
// by their lines.
func codeRegions(text string) []string {
	var regions []string
	var r lineReader
	begin, end := -1, -1 // of the region, in bytes
	base := 0            // its smallest indentation
	flush := func() {
		if begin >= 0 && end > begin {
			regions = append(regions, trimBlankLines(text[begin:end]))
		}
		begin, end = -1, -1
	}
	at := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		bounds := [2]int{at, at + len(line)}
		at = bounds[1]
		line = strings.TrimSuffix(line, "\n")
		content := strings.TrimLeft(line, " \t\f")
		indent := len(line) - len(content)
		switch {
		case begin >= 0 && !r.between():
		case content == "":
			continue
		case content[0] == '#' && begin < 0 && !isStatementAfter(text[at:]):
			continue // a heading
		case content[0] == '#' && !isMarkerLine(content):
		case begin >= 0 && indent > base && isIndentedCode(content):
		case isStatement(content):
			if begin < 0 || indent < base {
				base = indent
			}
		default:
			flush()
			r = lineReader{}
			continue
		}
		if begin < 0 {
			begin = bounds[0]
		}
		end = bounds[1]
		r.read(line)
	}
	flush()
	return regions
}

// isStatementAfter reports whether the next line is a statement.
func isStatementAfter(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	return isStatement(line)
}

// isIndentedCode reports whether a line deeper than its region may be code: all
// but fences and markers.
func isIndentedCode(content string) bool {
	return !strings.HasPrefix(content, "```") && !strings.HasPrefix(content, "~~~")
}
