package parquetcol

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/format"
)

// FuzzFile reads every column of what may be a parquet file, alone and with
// pages unpacked ahead, which must agree.
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
				_ = guarded(func() error { _, err := probe(c, l, int(min(end-first, 1000))); return err })
			}
			groups := min(pq.NumRowGroups(), 3)
			alone, ahead := readThrough(pq, l, groups, false), readThrough(pq, l, groups, true)
			if !slices.Equal(alone, ahead) {
				t.Fatalf("%s: %q alone, %q ahead", path, alone, ahead)
			}
			if n := pq.NumRows(); n > 0 && c.SeekRow(n-1) == nil {
				_ = guarded(func() error { _, err := probe(c, l, 1); return err })
			}
		}
	})
}

// readThrough reads the first row groups of a column as far as it goes.
func readThrough(pq *File, l Leaf, groups int, ahead bool) (out []string) {
	c := pq.Column(l, ColumnOptions{Ahead: ahead})
	defer c.Close()
	for g := range groups {
		first, end := pq.RowGroup(g)
		err := c.Start(g)
		for range min(end-first, 1000) {
			if err != nil {
				break
			}
			err = guarded(func() error {
				got, err := probe(c, l, 1)
				if err == nil {
					out = append(out, got...)
				}
				return err
			})
		}
		if err != nil { // where it shows may differ: at the start, or at a row
			return append(out, err.Error())
		}
	}
	return out
}

// FuzzUnpack unpacks what may be a page, with each codec.
func FuzzUnpack(f *testing.F) {
	text := plainText("some text", "some more text", "some more text again")
	f.Add(lz4ed(text), len(text))
	f.Add(brotlied(text), len(text))
	f.Add(gzipped(text), len(text))
	f.Add(zstded(text), len(text))
	f.Add(brotlied(make([]byte, 1<<16)), 1<<16)
	f.Add([]byte("000000000000000000"), 0) // lz4: a literal for no room at all
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		size = int(uint(size) % (1 << 20))
		for _, codec := range []format.CompressionCodec{format.Gzip, format.Zstd, format.Brotli, format.Lz4Raw} {
			var d decompressor
			for range 2 { // with what is kept of the first time
				got, err := d.unpack(codec, data, size)
				if err == nil && len(got) != size || err != nil && !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%v: %d bytes of %d, %v", codec, len(got), size, err)
				}
			}
		}
	})
}

// guarded runs f as the package's callers do.
func guarded(f func() error) (err error) {
	defer Guard(&err)
	return f()
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
