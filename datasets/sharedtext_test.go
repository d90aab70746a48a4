package datasets

import (
	"strings"
	"testing"
	"unsafe"
)

func TestSharedTextKeepsWhatItGave(t *testing.T) {
	var s sharedText
	var want, got []string
	buf := []byte{}
	for i := range 5000 {
		text := strings.Repeat(string(rune('a'+i%26)), i*i%700)
		if i%900 == 0 {
			text = strings.Repeat("long ", shareBytes/4) // does not share
		}
		buf = append(buf[:0], text...) // one buffer for all
		want, got = append(want, text), append(got, s.add(buf))
		if room := s.b.Cap(); room > shareBytes {
			t.Fatalf("after %d texts a string of %d bytes is shared, want at most %d", i+1, room, shareBytes)
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("text %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSharedTextShares(t *testing.T) {
	var s sharedText
	first, second := s.add([]byte("first")), s.add([]byte("second"))
	if end := unsafe.Add(unsafe.Pointer(unsafe.StringData(first)), len(first)); end != unsafe.Pointer(unsafe.StringData(second)) {
		t.Error("two short texts lie apart")
	}
	if n := testing.AllocsPerRun(1000, func() { s.add([]byte("a text like others")) }); n >= 1 {
		t.Errorf("a text takes %v allocations", n)
	}
}
