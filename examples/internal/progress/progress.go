// Package progress shows how tasks go: on a terminal by a bar for each task,
// elsewhere by plain lines that suit a log.
package progress

import (
	"fmt"
	"io"
	"os"
	"strconv"
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
	tenths int64        // of the total, printed last
	bar    *mpb.Bar     // nil where there is no terminal
	text   atomic.Value // beside the bar, a string
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

// Update says that done of total of a task is done, amounts that format writes.
// A total of 0 is unknown. The note shows on a terminal alone.
func (p *Printer) Update(name string, done, total int64, format func(int64) string, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tasks[name]
	if t == nil {
		t = &task{}
		p.tasks[name] = t
		if p.terminal {
			t.bar = p.draw(t)
		}
	}
	if t.bar != nil {
		percent := "  ? "
		if total > 0 {
			percent = fmt.Sprintf("%3d%%", 100*min(done, total)/total)
		}
		if note != "" {
			note = ": " + note
		}
		t.text.Store(fmt.Sprintf(" %s %s of %s  %s%s", percent, format(done), format(total), name, note))
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

// draw makes the bar of a task. Made without a total, it is complete only when
// it is aborted.
func (p *Printer) draw(t *task) *mpb.Bar {
	if p.bars == nil {
		p.bars = mpb.New(mpb.WithOutput(p.w))
	}
	t.text.Store("")
	text := func(decor.Statistics) string { return t.text.Load().(string) }
	return p.bars.New(0, mpb.BarStyle().Filler("#").Tip("#").Padding("."),
		mpb.BarWidth(22), mpb.BarFillerTrim(), mpb.AppendDecorators(decor.Any(text)))
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

// Count writes an amount as a plain number.
func Count(n int64) string { return strconv.FormatInt(n, 10) }

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
