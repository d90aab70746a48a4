package service

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// heldFrom is the length from which the beginning of a secret holds an event back.
const heldFrom = 4

// Pieces strikes whole secrets of 6 bytes or more out of an answer that comes piece
// by piece: one JSON text, or the events of a stream of them. A secret is whole too
// where it is written in JSON's escapes, and where its parts follow each other in the
// same place of several events. An event whose text ends in the beginning of a secret
// is held back until what follows shows whether it is one. A nil Pieces knows no
// secret. It is for one goroutine at a time.
type Pieces struct {
	redactor *Redactor
	secrets  []string
	events   bool
	waiting  []*piecemeal
	places   map[string]*place // those whose text ends in the beginning of a secret
}

// Pieces returns what strikes r's secrets out of an answer, which is a stream of
// events, or one JSON text.
func (r *Redactor) Pieces(events bool) *Pieces {
	if r == nil {
		return nil
	}
	p := &Pieces{redactor: r, events: events, places: map[string]*place{}}
	for _, s := range r.secrets {
		if len(*s) >= piece {
			p.secrets = append(p.secrets, string(*s))
		}
	}
	if p.secrets == nil {
		return nil
	}
	return p
}

// piecemeal is a piece that may be held back.
type piecemeal struct {
	text  []byte
	cuts  []span
	shown bool
}

// span is a part of a piece's text, and what takes its place.
type span struct {
	start, end int
	with       string
}

// place is a place in the JSON of all events, such as the content of the first
// choice, and what may be the beginning of a secret there.
type place struct {
	text  string
	parts []part // of text, in their order
}

// part is a part of a text as it stands in a piece.
type part struct {
	in         *piecemeal
	start, end int // there, in JSON
	text       string
}

// Add takes the next piece, and returns those that can be shown by now.
func (p *Pieces) Add(text []byte) [][]byte {
	if p == nil {
		return [][]byte{text}
	}
	if struckOut := p.redactor.StrikeWhole(string(text)); len(struckOut) != len(text) {
		text = []byte(struckOut)
	}
	now := &piecemeal{text: text}
	p.waiting = append(p.waiting, now)
	for _, l := range literals(text, p.events) {
		name := l.place()
		at := p.places[name]
		if at == nil {
			at = &place{}
		}
		at.add(p.secrets, part{now, l.start, l.end, decoded(text[l.start:l.end])})
		if at.text == "" {
			delete(p.places, name)
		} else {
			p.places[name] = at
		}
	}
	ready := len(p.waiting)
	for _, at := range p.places {
		if len(at.text) >= heldFrom {
			if first := slices.Index(p.waiting, at.parts[0].in); first >= 0 {
				ready = min(ready, first)
			}
		}
	}
	return p.take(ready)
}

// Rest returns the pieces that are still held back, when no more will come.
func (p *Pieces) Rest() [][]byte {
	if p == nil {
		return nil
	}
	return p.take(len(p.waiting))
}

func (p *Pieces) take(n int) [][]byte {
	var out [][]byte
	for _, w := range p.waiting[:n] {
		out = append(out, w.struck())
		w.shown = true
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
	return out
}

// struck is the piece without what is cut out of it.
func (w *piecemeal) struck() []byte {
	if w.cuts == nil {
		return w.text
	}
	slices.SortFunc(w.cuts, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var out []byte
	kept := 0
	for _, c := range w.cuts {
		out = append(append(out, w.text[kept:c.start]...), c.with...)
		kept = c.end
	}
	return append(out, w.text[kept:]...)
}

// add takes in what follows at a place: it cuts out the secrets that are whole now,
// and keeps what begins one.
func (at *place) add(secrets []string, next part) {
	at.text += next.text
	at.parts = append(at.parts, next)
	for {
		first, length := -1, 0
		for _, s := range secrets {
			if i := strings.Index(at.text, s); i >= 0 && (first < 0 || i < first) {
				first, length = i, len(s)
			}
		}
		if first < 0 {
			break
		}
		at.drop(first)
		with := struck
		for _, cut := range at.drop(length) {
			if !cut.in.shown { // else it was less than heldFrom
				cut.in.cuts = append(cut.in.cuts, span{cut.start, cut.end, with})
				with = ""
			}
		}
	}
	at.drop(len(at.text) - begun(at.text, secrets))
}

// begun returns the length of the longest end of a text that begins a secret.
func begun(text string, secrets []string) int {
	longest := 0
	for _, s := range secrets {
		for n := min(len(s)-1, len(text)); n > longest; n-- {
			if strings.HasSuffix(text, s[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// drop takes so many bytes from the front of the text, and returns them in parts.
func (at *place) drop(n int) (dropped []part) {
	at.text = at.text[n:]
	for n > 0 {
		front := &at.parts[0]
		if len(front.text) <= n {
			n -= len(front.text)
			dropped = append(dropped, *front)
			at.parts = at.parts[1:]
			continue
		}
		end := front.start + escapedLen(front.in.text[front.start:front.end], n)
		dropped = append(dropped, part{front.in, front.start, end, front.text[:n]})
		front.start, front.text = end, front.text[n:]
		n = 0
	}
	return dropped
}

// literal is a string in JSON, without its quotes.
type literal struct {
	in         *frame
	name       string // of the member, "" in a list
	start, end int
}

// frame is an object or a list in JSON.
type frame struct {
	parent *frame
	list   bool
	at     string // where it stands in parent
	index  string // its member "index", which tells it from its like in a list; "": none
	name   string // of the member that is being read
	n      int    // how many elements came before, in a list
}

// next is where a value stands that comes next.
func (f *frame) next() string {
	switch {
	case f == nil:
		return ""
	case f.list:
		return strconv.Itoa(f.n)
	}
	return f.name
}

// place names the place of a string.
func (l *literal) place() string {
	name := l.name
	for f := l.in; f != nil; f = f.parent {
		at := f.at
		if f.parent != nil && f.parent.list && f.index != "" {
			at = f.index
		}
		name = at + "/" + name
	}
	return name
}

// literals returns the strings of a JSON text, or of the data of an event; names
// of members only where an escape stands in them, and then in no place that goes on.
// It takes what it finds, valid or not.
func literals(text []byte, event bool) []literal {
	var found []literal
	var f *frame
	for i := 0; i < len(text); i++ {
		if event {
			if passed := outsideOfData(text, i); passed > 0 {
				i += passed - 1
				continue
			}
		}
		switch c := text[i]; {
		case c == '{' || c == '[':
			f = &frame{parent: f, list: c == '[', at: f.next()}
		case f == nil:
		case c == '}' || c == ']':
			f = f.parent
		case c == ',':
			f.n++
		case c == '"':
			end := closing(text, i+1)
			if end < 0 {
				return found
			}
			found = f.literal(found, text, i+1, end)
			i = end
		case f.name == "index" && !f.list && '0' <= c && c <= '9':
			f.index += string(c)
		}
	}
	return found
}

// outsideOfData returns how many bytes of an event, from an index on, are no data but
// the beginning of a line of it, or a line of something else.
func outsideOfData(text []byte, at int) int {
	if at > 0 && text[at-1] != '\n' && text[at-1] != '\r' {
		return 0
	}
	const data = "data:"
	if bytes.HasPrefix(text[at:], []byte(data)) {
		return len(data)
	}
	if end := bytes.IndexAny(text[at:], "\r\n"); end >= 0 {
		return end + 1
	}
	return len(text) - at
}

// closing returns where a string ends whose content begins at an index; -1: nowhere.
func closing(text []byte, at int) int {
	for ; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at
		}
	}
	return -1
}

// literal takes in a string: the name of a member, or a value.
func (f *frame) literal(found []literal, text []byte, start, end int) []literal {
	isName := !f.list && bytes.HasPrefix(bytes.TrimLeft(text[end+1:], " \t\r\n"), []byte(":"))
	if !isName {
		return append(found, literal{f, f.next(), start, end})
	}
	f.name = string(text[start:end])
	if strings.IndexByte(f.name, '\\') < 0 {
		return found
	}
	return append(found, literal{f, "name " + strconv.Itoa(start), start, end})
}

// decoded is what a JSON string says that stands in a text without its quotes.
func decoded(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	var s strings.Builder
	for {
		plain := bytes.IndexByte(raw, '\\')
		if plain < 0 {
			s.Write(raw)
			return s.String()
		}
		s.Write(raw[:plain])
		n, says := unit(raw[plain:])
		s.WriteString(says)
		raw = raw[plain+n:]
	}
}

// escapedLen returns how many bytes of a JSON string say the first n that it says.
func escapedLen(raw []byte, n int) int {
	length := 0
	for n > 0 && length < len(raw) {
		size, says := unit(raw[length:])
		length += size
		n -= len(says)
	}
	return length
}

// unit is the first byte of a JSON string, or the first escape, and what it says.
func unit(raw []byte) (size int, says string) {
	if raw[0] != '\\' || len(raw) < 2 {
		return 1, string(raw[:1])
	}
	switch raw[1] {
	case '"', '\\', '/':
		return 2, string(raw[1:2])
	case 'u':
		size = min(len(`\u0000`), len(raw))
	default:
		size = 2
	}
	if json.Unmarshal([]byte(`"`+string(raw[:size])+`"`), &says) != nil {
		says = string(raw[:size])
	}
	return size, says
}
