package torchio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// discard counts bytes and keeps the last ones.
type discard struct {
	n    int64
	last []byte
}

func (d *discard) Write(b []byte) (int, error) {
	d.n += int64(len(b))
	d.last = append(d.last, b...)
	if n := len(d.last); n > 4096 {
		d.last = append(d.last[:0], d.last[n-4096:]...)
	}
	return len(b), nil
}

// TestLongHeaders looks at the headers of records past 32 bits whose size is
// known, which hold what torch's archive writer puts there.
func TestLongHeaders(t *testing.T) {
	for _, tc := range []struct {
		name         string
		header, size int64
		field        int // bytes of the zip64 field
	}{
		{"short", 100, 1 << 20, 0},
		{"just short", long32 - 1, long32 - 1, 0},
		{"long data", 100, long32, 16},
		{"far away", long32, 5, 8},
		{"both", 1 << 40, 1 << 40, 24},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := &discard{}
			z := newZipWriter(out, "archive")
			z.pos = tc.header
			z.beginData(tc.size)
			h := out.last
			name := int(binary.LittleEndian.Uint16(h[26:]))
			extra := h[localHeaderSize+name:]
			if tc.field > 0 {
				if id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:])); id != 1 || n != tc.field {
					t.Errorf("field %d of %d bytes, want 1 of %d", id, n, tc.field)
				}
				extra = extra[4+tc.field:]
			}
			if string(extra[:2]) != "FB" || len(extra) != 4+int(binary.LittleEndian.Uint16(extra[2:])) {
				t.Errorf("padding %q", extra)
			}
			if z.pos%alignment != 0 {
				t.Errorf("data at %d", z.pos)
			}
			z.current.size = tc.size // as if so many bytes had come
			out.last = nil
			z.end()
			want := 16
			if tc.field > 0 {
				want = 24
			}
			if len(out.last) != want {
				t.Errorf("a descriptor of %d bytes, want %d", len(out.last), want)
			}
			out.last = nil
			entry := z.appendDirEntry(nil, &z.entries[0][0])
			u, c, ofs := uint64(binary.LittleEndian.Uint32(entry[24:])), uint64(binary.LittleEndian.Uint32(entry[20:])), uint64(binary.LittleEndian.Uint32(entry[42:]))
			rest := entry[centralHeaderSize+name:]
			if !zip64Sizes(rest, &u, &c, &ofs) || u != uint64(tc.size) || c != u || ofs != uint64(tc.header) {
				t.Errorf("the directory says %d, %d, %d", u, c, ofs)
			}
		})
	}
}

// TestPickledIntegers writes the shortest forms, as Python does.
func TestPickledIntegers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "K\x00", 255: "K\xff", 256: "M\x00\x01", 65535: "M\xff\xff", 65536: "J\x00\x00\x01\x00", -1: "J\xff\xff\xff\xff",
		math.MaxInt32: "J\xff\xff\xff\x7f", math.MinInt32: "J\x00\x00\x00\x80", 1 << 31: "\x8a\x05\x00\x00\x00\x80\x00",
		-1<<31 - 1: "\x8a\x05\xff\xff\xff\x7f\xff", math.MaxInt64: "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", math.MinInt64: "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80",
		1<<39 - 1: "\x8a\x05\xff\xff\xff\xff\x7f", 1 << 39: "\x8a\x06\x00\x00\x00\x00\x80\x00", -1 << 39: "\x8a\x05\x00\x00\x00\x00\x80",
	} {
		p := &pickler{}
		p.int(n)
		if got := string(p.chunks[0]); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestPortable goes the way of big-endian machines, which swaps bytes, on a
// machine of either kind that need not: the files are the same.
func TestPortable(t *testing.T) {
	fill := func(swap bool) []byte {
		defer func(was bool) { littleEndian = was }(littleEndian)
		littleEndian = littleEndian && !swap
		var b bytes.Buffer
		w := NewWriter(&b, nil)
		err := errors.Join(
			w.PutString("a", Of([]float32{1, -2.5, float32(math.Inf(1))})),
			w.PutString("b", Of([]float64{math.Pi})),
			w.PutString("c", Of([]int64{-1, 1 << 40})),
			w.PutString("d", Of([]BF16{0x3f80})),
			w.PutString("e", Of([]bool{true, false})),
			w.Close())
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, err := f.StateDict()
		if err != nil {
			t.Fatal(err)
		}
		f32, f64, i64 := make([]float32, 3), make([]float64, 1), make([]int64, 2)
		err = errors.Join(d.tensors[0].CopyTo(f32), d.tensors[1].CopyFloat64To(f64), d.tensors[2].CopyInt64To(i64))
		if err != nil || f32[1] != -2.5 || !math.IsInf(float64(f32[2]), 1) || f64[0] != math.Pi || i64[1] != 1<<40 {
			t.Errorf("swap=%v: %v %v %v %v", swap, f32, f64, i64, err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(fill(false), fill(true)) {
		t.Error("the files differ")
	}
}
