package journal

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode reads a line.
func decode(line string, e *Entry) error {
	if parse(line, e) {
		return nil
	}
	*e = Entry{}
	return json.Unmarshal([]byte(line), e)
}

// parse reads the line of an answer as Append writes it, at a fraction of the cost of
// encoding/json: a journal may hold millions. It reports false for every other
// line, which encoding/json then judges.
func parse(line string, e *Entry) bool {
	p := parser{rest: line, ok: true}
	e.Call = p.text(`{"call":`)
	e.Candidate = p.text(`,"candidate":`)
	e.Task = p.text(`,"task_name":`)
	e.Response = p.text(`,"response":`)
	e.TokenNum = p.integer(`,"token_num":`)
	e.InputTokens = p.integer(`,"input_tokens":`)
	e.OutputTokens = p.integer(`,"output_tokens":`)
	e.Estimated = p.has(`,"tokens_estimated":true`)
	e.ResponseTime = p.number(`,"response_time":`)
	if p.has(`,"key":`) {
		e.Key = p.text("")
	}
	e.Attempts = p.integer(`,"attempts":`)
	e.CostUSD = p.number(`,"cost_usd":`)
	if p.has(`,"finish_reason":`) {
		e.FinishReason = p.text("")
	}
	return p.ok && p.rest == "}\n"
}

// parser takes a line apart from its front; ok turns false at the first
// thing that is not as expected, after which nothing counts.
type parser struct {
	rest string
	ok   bool
}

// has takes a text away if it comes next.
func (p *parser) has(text string) bool {
	rest, ok := strings.CutPrefix(p.rest, text)
	if ok {
		p.rest = rest
	}
	return ok
}

// text takes a name and the string behind it.
func (p *parser) text(name string) string {
	p.ok = p.ok && p.has(name) && p.has(`"`)
	end := strings.IndexByte(p.rest, '"')
	if !p.ok || end < 0 {
		p.ok = false
		return ""
	}
	if escape := strings.IndexByte(p.rest[:end], '\\'); escape >= 0 {
		return p.escaped(escape)
	}
	s := p.rest[:end]
	p.rest = p.rest[end+1:]
	p.ok = plain(s)
	return s
}

// escaped takes a string whose first escape is at the given place.
func (p *parser) escaped(at int) string {
	var b strings.Builder
	for {
		end := strings.IndexAny(p.rest[at:], "\"\\")
		if end < 0 || !plain(p.rest[:at+end]) {
			break
		}
		end += at
		b.WriteString(p.rest[:end])
		if p.rest[end] == '"' {
			p.rest = p.rest[end+1:]
			return b.String()
		}
		r, size := unescape(p.rest[end:])
		if size == 0 {
			break
		}
		b.WriteRune(r)
		p.rest, at = p.rest[end+size:], 0
	}
	p.ok = false
	return ""
}

// unescape reads an escape of JSON and returns its length; 0 where it is none,
// or half of a surrogate pair.
func unescape(s string) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'u':
		if len(s) < 6 {
			return 0, 0
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return 0, 0
		}
		return rune(n), 6
	}
	return 0, 0
}

// plain reports whether a text may stand in a JSON string as it is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// digits takes a name and the characters of a number behind it, in the only
// spelling that JSON has for it.
func (p *parser) digits(name string) string {
	p.ok = p.ok && p.has(name)
	end := 0
	for end < len(p.rest) && strings.IndexByte("0123456789+-.eE", p.rest[end]) >= 0 {
		end++
	}
	s := p.rest[:end]
	p.rest = p.rest[end:]
	first := strings.TrimPrefix(s, "-")
	switch {
	case first == "" || first[0] < '0' || first[0] > '9': // also a leading plus or point
		p.ok = false
	case len(first) > 1 && first[0] == '0' && first[1] >= '0' && first[1] <= '9':
		p.ok = false
	case strings.HasSuffix(s, ".") || strings.Contains(s, ".e") || strings.Contains(s, ".E"):
		p.ok = false
	}
	return s
}

// integer takes a name and the integer behind it.
func (p *parser) integer(name string) int {
	n, err := strconv.Atoi(p.digits(name))
	p.ok = p.ok && err == nil
	return n
}

// number takes a name and the number behind it.
func (p *parser) number(name string) float64 {
	f, err := strconv.ParseFloat(p.digits(name), 64)
	p.ok = p.ok && err == nil
	return f
}
