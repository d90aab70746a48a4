// Package progress shows how tasks go: on a terminal by one line that is drawn
// over and over, elsewhere by plain lines that suit a log.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Printer shows tasks, several at a time. It is safe for concurrent use.
type Printer struct {
	// Format writes an amount. Where it is set, all tasks are amounts of the
	// same thing, and are shown as a sum. Default: amounts are plain numbers,
	// those of [Printer.UpdateBytes] apart, and each stands for itself.
	Format func(int64) string

	mu       sync.Mutex
	w        io.Writer
	width    func() int // columns; nil where w is not a terminal
	order    []string
	tasks    map[string]*task
	drawn    bool
	lastLine string
}

type task struct {
	done, total int64
	tenths      int64 // of the total, printed last
	bytes       bool
	note        string
}

// New makes a printer that draws when w is a terminal.
func New(w io.Writer) *Printer {
	p := &Printer{w: w, tasks: map[string]*task{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.width = func() int {
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil || columns < 20 {
				return 80
			}
			return columns
		}
	}
	return p
}

// Update says that done of total of a task is done. A total of 0 is unknown.
func (p *Printer) Update(name string, done, total int64) { p.update(name, done, total, false) }

// UpdateBytes is Update where the amounts are bytes.
func (p *Printer) UpdateBytes(name string, done, total int64) { p.update(name, done, total, true) }

func (p *Printer) update(name string, done, total int64, bytes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tasks[name]
	if t == nil {
		t = &task{bytes: bytes}
		p.tasks[name] = t
		p.order = append(p.order, name)
	}
	t.done, t.total = done, total
	if p.width != nil {
		p.draw()
		return
	}
	// Plain: a line for each tenth, so that a log stays short.
	if total > 0 && done < total {
		if tenths := 10 * done / total; tenths > t.tenths {
			t.tenths = tenths
			fmt.Fprintf(p.w, "%s: %d %% (%s of %s)\n", name, 10*tenths, p.format(t, done), p.format(t, total))
		}
	}
}

// Note says something about a task that is under way; it shows on a terminal.
func (p *Printer) Note(name, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tasks[name]; t != nil {
		t.note = note
		if p.width != nil {
			p.draw()
		}
	}
}

// Finish ends a task with a line that stays: its name and a note.
func (p *Printer) Finish(name, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tasks, name)
	for i, n := range p.order {
		if n == name {
			p.order = append(p.order[:i], p.order[i+1:]...)
			break
		}
	}
	p.erase()
	fmt.Fprintf(p.w, "%s: %s\n", name, note)
	if p.width != nil {
		p.draw()
	}
}

// Close takes the drawn line away, for messages of others.
func (p *Printer) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.order, p.tasks = nil, map[string]*task{}
}

// draw shows all tasks under way in one line: the first with those that it can
// be added to, then how far the others are.
func (p *Printer) draw() {
	if len(p.order) == 0 {
		p.erase()
		return
	}
	first := p.tasks[p.order[0]]
	var done, total int64
	more, others := -1, ""
	for _, n := range p.order {
		t := p.tasks[n]
		switch {
		case t == first || p.Format != nil || t.bytes && first.bytes:
			done += t.done
			total += t.total
			more++
		case t.total > 0:
			others += fmt.Sprintf(" | %s %d%%", n, 100*min(t.done, t.total)/t.total)
		}
	}
	name := p.order[0]
	if more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	const cells = 20
	full, percent := 0, "  ? "
	if total > 0 {
		done = min(done, total)
		full = int(cells * done / total)
		percent = fmt.Sprintf("%3d%%", 100*done/total)
	}
	line := fmt.Sprintf("[%s%s] %s %s of %s  %s", strings.Repeat("#", full), strings.Repeat(".", cells-full), percent, p.format(first, done), p.format(first, total), name)
	if first.note != "" {
		line += ": " + first.note
	}
	line += others
	if columns := p.width() - 1; utf8.RuneCountInString(line) > columns {
		line = string([]rune(line)[:columns])
	}
	if line != p.lastLine {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.drawn, p.lastLine = true, line
	}
}

func (p *Printer) erase() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn, p.lastLine = false, ""
	}
}

func (p *Printer) format(t *task, n int64) string {
	switch {
	case p.Format != nil:
		return p.Format(n)
	case t.bytes:
		return Bytes(n)
	default:
		return fmt.Sprint(n)
	}
}

// Bytes writes an amount of bytes in decimal units: 694 B, 1.36 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 999.5 && unit < 5 {
		v /= 1000
		unit++
	}
	digits := 2
	if v >= 99.95 {
		digits = 0
	} else if v >= 9.995 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %cB", digits, v, " kMGTP"[unit])
}
