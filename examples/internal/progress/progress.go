// Package progress shows how tasks go: on a terminal by a bar for each task,
// elsewhere by plain lines that suit a log.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Printer shows tasks, several at a time. It is safe for concurrent use.
type Printer struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	tasks    map[string]*task // those under way
	bars     *mpb.Progress    // on a terminal, while a task is under way
}

type task struct {
	format func(int64) string
	tenths int64 // of the total, printed last
	note   atomic.Value
	bar    *mpb.Bar // nil where there is no terminal
}

// New makes a printer that draws bars when w is a terminal. A printer that
// writes to a printer is that printer.
func New(w io.Writer) *Printer {
	if p, ok := w.(*Printer); ok {
		return p
	}
	f, ok := w.(*os.File)
	return &Printer{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), tasks: map[string]*task{}}
}

// Write writes whole lines of others, above the bars.
func (p *Printer) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out().Write(lines)
}

func (p *Printer) out() io.Writer {
	if p.bars != nil {
		return p.bars
	}
	return p.w
}

// Update says that done of total of a task is done. A total of 0 is unknown.
func (p *Printer) Update(name string, done, total int64) {
	p.update(name, done, total, func(n int64) string { return fmt.Sprint(n) })
}

// UpdateBytes is Update where the amounts are bytes.
func (p *Printer) UpdateBytes(name string, done, total int64) { p.update(name, done, total, Bytes) }

func (p *Printer) update(name string, done, total int64, format func(int64) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tasks[name]
	if t == nil {
		t = &task{format: format}
		p.tasks[name] = t
		if p.terminal {
			p.draw(name, t)
		}
	}
	if t.bar != nil {
		t.bar.SetTotal(total, false)
		t.bar.SetCurrent(done)
	} else if total > 0 && done < total {
		// Plain: a line for each tenth, so that a log stays short.
		if tenths := 10 * done / total; tenths > t.tenths {
			t.tenths = tenths
			fmt.Fprintf(p.w, "%s: %d %% (%s of %s)\n", name, 10*tenths, format(done), format(total))
		}
	}
}

// draw gives a task a bar. Made without a total, it is not complete before it
// is aborted.
func (p *Printer) draw(name string, t *task) {
	if p.bars == nil {
		p.bars = mpb.New(mpb.WithOutput(p.w))
	}
	t.note.Store("")
	text := func(s decor.Statistics) string {
		percent := "  ? "
		if s.Total > 0 {
			percent = fmt.Sprintf("%3d%%", 100*min(s.Current, s.Total)/s.Total)
		}
		return fmt.Sprintf(" %s %s of %s  %s%s", percent, t.format(s.Current), t.format(s.Total), name, t.note.Load())
	}
	t.bar = p.bars.New(0, mpb.BarStyle().Filler("#").Tip("#").Padding("."),
		mpb.BarWidth(22), mpb.BarFillerTrim(), mpb.AppendDecorators(decor.Any(text)))
}

// Note says something about a task that is under way; it shows on a terminal.
func (p *Printer) Note(name, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tasks[name]; t != nil && note != "" {
		t.note.Store(": " + note)
	}
}

// Finish ends a task with a line that stays: its name and a note.
func (p *Printer) Finish(name, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(name)
	fmt.Fprintf(p.out(), "%s: %s\n", name, note)
}

// Close takes the bars away.
func (p *Printer) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.tasks {
		p.end(name)
	}
}

// end takes a task's bar away, and stops drawing with the last one.
func (p *Printer) end(name string) {
	if t := p.tasks[name]; t != nil && t.bar != nil {
		t.bar.Abort(true)
	}
	delete(p.tasks, name)
	if p.bars != nil && len(p.tasks) == 0 {
		p.bars.Wait() // until what is on the screen is the lines of others alone
		p.bars = nil
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
