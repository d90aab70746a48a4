package progress

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	p := New(&out) // no terminal
	p.Update("a.bin", 0, 2000, Bytes, "")
	p.Update("a.bin", 10, 2000, Bytes, "")
	p.Update("b.txt", 0, 0, Bytes, "")
	p.Update("a.bin", 1000, 2000, Bytes, "")
	p.Update("a.bin", 1001, 2000, Bytes, "soon")
	p.Finish("b.txt", "in the cache")
	p.Update("a.bin", 2000, 2000, Bytes, "")
	p.Finish("a.bin", "2.00 kB")
	p.Update("rows", 1000, 2000, Count, "")
	p.Close()
	want := `a.bin: 50 % (1.00 kB of 2.00 kB)
b.txt: in the cache
a.bin: 2.00 kB
rows: 50 % (1000 of 2000)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPrinterOfAPrinter(t *testing.T) {
	p := New(&bytes.Buffer{})
	if New(p) != p {
		t.Error("a printer that writes to a printer is another one")
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
