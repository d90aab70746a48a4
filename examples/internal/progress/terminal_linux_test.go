package progress

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is the other end of a pseudo-terminal: what is written there.
type screen struct {
	t      *testing.T
	fd     int
	main   *os.File
	text   string // what has come and was not awaited
	before string // what came before the text awaited last
}

// openTerminal opens a pseudo-terminal.
func openTerminal(t *testing.T, columns uint16) (*os.File, *screen) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	s := &screen{t: t, fd: fd, main: os.NewFile(uintptr(fd), "/dev/ptmx")}
	t.Cleanup(func() { s.main.Close() })
	s.resize(columns)
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil { // where a text does not come, the test fails instead of waiting for ever
		err = s.main.SetReadDeadline(time.Now().Add(20 * time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, s
}

// resize gives the terminal 24 lines and so many columns.
func (s *screen) resize(columns uint16) {
	s.t.Helper()
	if err := unix.IoctlSetWinsize(s.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		s.t.Fatal(err)
	}
}

// await reads until the text has come, and passes over what came before it.
func (s *screen) await(text string) {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for {
		if before, after, found := strings.Cut(s.text, text); found {
			s.before, s.text = before, after
			return
		}
		n, err := s.main.Read(buffer)
		if err != nil {
			s.t.Fatalf("%q did not come: %v; there is %q", text, err, s.text)
		}
		s.text += string(buffer[:n])
	}
}

const clear = "\x1b[1A\x1b[J" // a line up, and away with what is below

func TestBars(t *testing.T) {
	terminal, s := openTerminal(t, 80)
	p := New(terminal)
	p.Update("calls", 5, 10, Count, "")
	s.await("[##########..........]  50% 5 of 10  calls\r\n")
	p.Update("calls", 5, 10, Count, "2 failed")
	s.await("calls: 2 failed\r\n")
	p.Update("download a", 500, 2000, Bytes, "")
	s.await("[#####...............]  25% 500 B of 2.00 kB  download a\r\n")
	p.Update("rows", 7, 0, Count, "")
	s.await("[....................]   ?  7 of 0  rows\r\n")
	fmt.Fprintln(New(p), "level=WARN msg=careful")
	s.await("\x1b[3A\x1b[Jlevel=WARN msg=careful\r\n[##########..........]  50%")
	p.Finish("calls", "10 in 1.0 s")
	s.await("calls: 10 in 1.0 s\r\n")
	s.await("\x1b[3A\x1b[J[#####...............]  25%")
	p.Finish("rows", "7")
	p.Finish("download a", "2.00 kB")
	s.await("\x1b[Jdownload a: 2.00 kB\r\n")

	p.Update("late", 1, 2, Count, "")
	s.await("late\r\n")
	p.Close()
	fmt.Fprintln(terminal, "the end")
	s.await(clear + "the end\r\n")
}

// TestNarrowTerminal holds that a bar takes one line, whatever becomes of the
// terminal's width: else it could not be taken away.
func TestNarrowTerminal(t *testing.T) {
	terminal, s := openTerminal(t, 40)
	p := New(terminal)
	p.Update("reading benchmarks", 5, 10, Count, "")
	s.await("[###..]  50% 5 of 10  reading benchmarks\r\n")
	s.resize(20)
	s.await(clear + "  50% 5 of 10  read…")
	p.Close()
	fmt.Fprintln(terminal, "the end")
	s.await(clear + "the end\r\n")
}

// TestShortTasks holds that no bar stays on the screen, however soon its task
// ends.
func TestShortTasks(t *testing.T) {
	terminal, s := openTerminal(t, 80)
	p := New(terminal)
	for i := range 20 {
		p.Update("task", 1, 2, Count, "")
		p.Finish("task", fmt.Sprint(i))
		s.await(fmt.Sprintf("task: %d\r\n", i))
		if bars, cleared := strings.Count(s.before, "]"), strings.Count(s.before, clear); bars != cleared {
			t.Fatalf("%d bars were drawn and %d taken away: %q", bars, cleared, s.before)
		}
	}
}
