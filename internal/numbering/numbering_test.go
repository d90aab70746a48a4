package numbering

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSet(t *testing.T) {
	var n Set[string]
	if _, known := n.Lookup("a"); known || len(n.List()) > 0 {
		t.Errorf("%q", n.List())
	}
	for i, name := range []string{"a", "", "b", "a", "", "c"} {
		if got := n.Number(name); got != []int32{0, 1, 2, 0, 1, 3}[i] {
			t.Errorf("%q: %d", name, got)
		}
	}
	if i, known := n.Lookup("b"); i != 2 || !known {
		t.Errorf("%d, %v", i, known)
	}
	if diff := cmp.Diff([]string{"a", "", "b", "c"}, n.List()); diff != "" {
		t.Error(diff)
	}
}

// TestHashes holds the numbers against those of a map, for runs of many lengths.
func TestHashes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for range 200 {
		f, err := NewHashes(dir, 1+r.IntN(40))
		if err != nil {
			t.Fatal(err)
		}
		known := map[[32]byte]int64{}
		type number struct {
			id    int64
			first bool
		}
		var want, got []number
		kinds := 1 + r.IntN(100)
		for range r.IntN(200) {
			hash := sha256.Sum256([]byte{byte(r.IntN(kinds))})
			if _, ok := known[hash]; !ok {
				known[hash] = int64(len(known))
				want = append(want, number{known[hash], true})
			} else {
				want = append(want, number{known[hash], false})
			}
			if err := f.Add(hash); err != nil {
				t.Fatal(err)
			}
		}
		ids, err := f.Numbers()
		if err != nil {
			t.Fatal(err)
		}
		for range want {
			id, first, err := ids.Next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, number{id, first})
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(number{})); diff != "" {
			t.Fatal(diff)
		}
		if ids.Left() != 0 || ids.Given() != int64(len(known)) || f.Len() != int64(len(want)) {
			t.Errorf("%d left, %d given for %d, %d added of %d", ids.Left(), ids.Given(), len(known), f.Len(), len(want))
		}
		if _, _, err := ids.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("behind the last hash: %v", err)
		}
		if err := errors.Join(ids.Close(), f.Close()); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}
