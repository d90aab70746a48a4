package progress

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func show(p *Printer) {
	p.Format = Bytes
	p.Update("a.bin", 0, 2000)
	p.Update("a.bin", 10, 2000)
	p.Update("b.txt", 0, 0)
	p.Update("a.bin", 1000, 2000)
	p.Update("a.bin", 1001, 2000)
	p.Finish("b.txt", "in the cache")
	p.Update("a.bin", 2000, 2000)
	p.Finish("a.bin", "2.00 kB")
	p.Close()
}

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	show(New(&out)) // no terminal
	want := `a.bin: 50 % (1.00 kB of 2.00 kB)
b.txt: in the cache
a.bin: 2.00 kB
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	p.width = func() int { return 60 }
	show(p)
	const clear = "\r\x1b[K"
	want := clear + "[....................]   0% 0 B of 2.00 kB  a.bin" +
		clear + "[....................]   0% 10 B of 2.00 kB  a.bin" +
		clear + "[....................]   0% 10 B of 2.00 kB  a.bin and 1 mo" + // cut at the edge
		clear + "[##########..........]  50% 1.00 kB of 2.00 kB  a.bin and 1" +
		clear + "b.txt: in the cache\n" +
		clear + "[##########..........]  50% 1.00 kB of 2.00 kB  a.bin" +
		clear + "[####################] 100% 2.00 kB of 2.00 kB  a.bin" +
		clear + "a.bin: 2.00 kB\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTasksOfSeveralKinds(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	p.width = func() int { return 100 }
	p.Update("calls", 5, 10)
	p.Update("embedding", 1, 4)
	p.UpdateBytes("download a", 1000, 2000)
	p.UpdateBytes("download b", 500, 2000)
	p.Finish("calls", "10")
	p.Finish("embedding", "4")
	p.Close()
	const clear = "\r\x1b[K"
	want := clear + "[##########..........]  50% 5 of 10  calls" +
		clear + "[##########..........]  50% 5 of 10  calls | embedding 25%" +
		clear + "[##########..........]  50% 5 of 10  calls | embedding 25% | download a 50%" +
		clear + "[##########..........]  50% 5 of 10  calls | embedding 25% | download a 50% | download b 25%" +
		clear + "calls: 10\n" +
		clear + "[#####...............]  25% 1 of 4  embedding | download a 50% | download b 25%" +
		clear + "embedding: 4\n" +
		clear + "[#######.............]  37% 1.50 kB of 4.00 kB  download a and 1 more" + clear
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}

	out.Reset()
	p = New(&out)
	p.UpdateBytes("a", 1000, 2000)
	p.Update("rows", 1000, 2000)
	if want := "a: 50 % (1.00 kB of 2.00 kB)\nrows: 50 % (1000 of 2000)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestUnknownTotal(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	p.width = func() int { return 80 }
	p.Update("rows", 7, 0)
	p.Close()
	if want := "\r\x1b[K[....................]   ?  7 of 0  rows\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9996: "10.0 kB", 99_940: "99.9 kB", 99_960: "100 kB",
		999_499: "999 kB", 999_501: "1.00 MB", 597_257_159: "597 MB", 1_355_863: "1.36 MB", 1 << 62: "4612 PB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
