package parquetcol

import (
	"bytes"
	"testing"
)

// FuzzFile reads every column of what may be a parquet file.
func FuzzFile(f *testing.F) {
	rows := makeRows(12, 4)
	for i := range rows {
		rows[i].List = rows[i].List[:min(len(rows[i].List), 3)]
	}
	for _, o := range variants() {
		f.Add(writeFile(f, rows, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pq, err := Open(bytes.NewReader(data), int64(len(data)), Limits{PageBytes: 1 << 20, PageValues: 1 << 16, ListValues: 1 << 12})
		if err != nil {
			return
		}
		for path := range expected(rows) {
			l, err := pq.Leaf(path)
			if err != nil || l.Kind == KindOther {
				continue
			}
			c := pq.Column(l, ColumnOptions{ShareBytes: 64})
			for g := range min(pq.NumRowGroups(), 3) {
				if c.Start(g) != nil {
					continue
				}
				first, end := pq.RowGroup(g)
				_ = guarded(func() { _, _ = probe(c, l, int(min(end-first, 1000))) })
			}
			if n := pq.NumRows(); n > 0 && c.SeekRow(n-1) == nil {
				_ = guarded(func() { _, _ = probe(c, l, 1) })
			}
		}
	})
}

// guarded runs f as the package's callers do.
func guarded(f func()) (err error) {
	defer Guard(&err)
	f()
	return nil
}

// FuzzHybrid decodes what may be runs and bit-packed groups, in two ways that
// must agree.
func FuzzHybrid(f *testing.F) {
	f.Add([]byte{8, 1, 3, 0xff, 0x0f}, 1, 9)
	f.Add([]byte{3, 0x88, 0xc6, 0xfa}, 3, 8)
	f.Fuzz(func(t *testing.T, data []byte, width, skip int) {
		width = int(uint(width) % 33)
		all := make([]uint32, 300)
		h := newHybrid(data, width)
		got, _ := h.readSome(all)
		skip = int(uint(skip) % 300)
		g := newHybrid(data, width)
		if skip > got {
			return
		}
		if err := g.skip(skip); err != nil {
			t.Fatalf("skipping %d of %d: %v", skip, got, err)
		}
		rest := make([]uint32, got-skip)
		if err := g.read(rest); err != nil {
			t.Fatal(err)
		}
		for i, v := range rest {
			if all[skip+i] != v {
				t.Fatalf("value %d is %d after a skip, %d without", skip+i, v, all[skip+i])
			}
			if width < 32 && v>>width != 0 {
				t.Fatalf("%d is wider than %d bits", v, width)
			}
		}
	})
}
