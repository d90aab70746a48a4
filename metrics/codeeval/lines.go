package codeeval

import "strings"

// sourceLine is one line of Python source with what layout needs to know.
type sourceLine struct {
	text string // without the line end
	// starts is whether a statement starts here: the line is not blank, not
	// only a comment, and not the continuation of an earlier one.
	starts bool
	// quoted is whether the line starts inside a string, so that its leading
	// white space is not layout.
	quoted bool
	// continues is whether the line belongs to the statement before it.
	continues bool
	// opens is whether the statement that starts here ends with a colon, so
	// that a deeper block must follow.
	opens bool
}

func (l sourceLine) indent() string {
	return l.text[:len(l.text)-len(strings.TrimLeft(l.text, " \t\f"))]
}

// readLines splits source into lines. It follows strings, brackets, comments
// and joined lines as Python's tokenizer does, as far as layout is concerned,
// and takes any text, Python or not, in linear time.
func readLines(source string) []sourceLine {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	source = strings.ReplaceAll(source, "\r", "\n")
	var lines []sourceLine
	var r lineReader
	current := -1 // line of the statement we are in
	for text := range strings.SplitSeq(source, "\n") {
		line := sourceLine{text: text, quoted: r.quote != ""}
		content := strings.TrimLeft(text, " \t\f")
		if r.between() && content != "" && content[0] != '#' {
			line.starts = true
			current, r.last = len(lines), 0
		}
		line.continues = !line.starts && !r.between()
		r.read(text)
		lines = append(lines, line)
		if current >= 0 && r.between() {
			lines[current].opens = r.last == ':'
			current = -1
		}
	}
	return lines
}

// lineReader is where a reader of Python source stands between two lines.
type lineReader struct {
	quote  string // what ends the string we are in
	raw    bool   // of the string we are in
	depth  int    // open brackets
	joined bool   // the last line ended with a backslash
	last   byte   // last character of the statement that means something
}

// between is whether no statement goes on.
func (r *lineReader) between() bool { return r.quote == "" && r.depth == 0 && !r.joined }

// read reads one line.
func (r *lineReader) read(text string) {
	r.joined = false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if r.quote != "" {
			switch {
			case c == '\\' && i+1 < len(text):
				i++
			case c == '\\' && !r.raw && len(r.quote) == 1:
				r.joined = true // the string goes on
			case strings.HasPrefix(text[i:], r.quote):
				i += len(r.quote) - 1
				r.quote = ""
			}
			continue
		}
		switch c {
		case ' ', '\t', '\f':
			continue
		case '#':
			i = len(text)
			continue
		case '\\':
			r.joined = i+1 == len(text)
			continue
		case '\'', '"':
			r.quote = text[i : i+1]
			if i+2 < len(text) && text[i+1] == c && text[i+2] == c {
				r.quote = text[i : i+3]
			}
			r.raw = strings.ContainsAny(text[max(0, i-2):i], "rR")
			i += len(r.quote) - 1
		case '(', '[', '{':
			r.depth++
		case ')', ']', '}':
			r.depth = max(r.depth-1, 0)
		}
		r.last = c
	}
	if len(r.quote) == 1 && !r.joined {
		r.quote = "" // an error in Python; the next line is a line again
	}
}

// layout finds the indentation that a model's code has as a whole. Only the
// first statement may stand apart: its white space is often lost to trimming.
//
// base is the indentation of the outermost statements; firstLost says that the
// first statement has lost its own and belongs at base.
func layout(lines []sourceLine) (base string, firstLost bool) {
	first := true
	var stack []string // indentations of the open blocks; the first is the base
	var opened bool    // the last statement opened a block
	for _, line := range lines {
		if !line.starts {
			continue
		}
		indent := line.indent()
		if first {
			first = false
			base, stack, opened = indent, []string{indent}, line.opens
			continue
		}
		top := stack[len(stack)-1]
		switch {
		case len(indent) > len(top):
			if !opened && len(stack) == 1 {
				// Deeper without reason, right below the first level.
				return indent, true
			}
			stack = append(stack, indent)
		case len(indent) < len(top):
			for len(stack) > 0 && len(stack[len(stack)-1]) > len(indent) {
				stack = stack[:len(stack)-1]
			}
			if len(stack) == 0 {
				return base, false // less than the base: another part follows
			}
			if len(stack[len(stack)-1]) < len(indent) && len(stack) == 1 {
				// Back to a level that was never opened: that one is the base.
				return indent, true
			}
		}
		opened = line.opens
	}
	return base, false
}

// relaid returns the lines with the base indentation replaced by target. Lines
// inside strings stay as they are. Statements indented less than base, such as
// a second function after a body, go to the first column as they stand.
func relaid(lines []sourceLine, target string) string {
	base, firstLost := layout(lines)
	var b strings.Builder
	first := true
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if line.quoted {
			b.WriteString(line.text)
			continue
		}
		content := strings.TrimLeft(line.text, " \t\f")
		if content == "" {
			continue
		}
		rest, deep := strings.CutPrefix(line.text, base)
		switch {
		case line.starts && first && firstLost:
			b.WriteString(target + content)
		case deep:
			b.WriteString(target + rest)
		case line.starts:
			b.WriteString(line.text)
		default: // a comment or a continuation: its place means nothing
			b.WriteString(target + content)
		}
		first = first && !line.starts
	}
	return b.String()
}
