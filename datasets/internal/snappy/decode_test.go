package snappy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
)

// prose is text whose words repeat, as in language.
func prose(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < n {
		word := int(3000 * rng.Float64() * rng.Float64() * rng.Float64())
		for word > 0 {
			b.WriteByte(byte('a' + word%23))
			word /= 7
		}
		b.WriteByte(' ')
	}
	return []byte(b.String()[:n])
}

// contents are of every kind: none, short, repetitive at every short period,
// incompressible, text.
func contents() map[string][]byte {
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	m := map[string][]byte{"": nil, "noise": noise, "text": prose(300_000), "mixed": nil}
	for n := 1; n <= 150; n++ {
		m[fmt.Sprint("short text ", n)] = prose(n)
	}
	for period := 1; period <= 70; period++ {
		m[fmt.Sprint("period ", period)] = bytes.Repeat(noise[:period], 900/period+1)
	}
	for i := range 200 {
		m["mixed"] = append(m["mixed"], noise[i*100:i*100+rng.IntN(100)]...)
		m["mixed"] = append(m["mixed"], m["text"][:rng.IntN(300)]...)
	}
	return m
}

func TestDecode(t *testing.T) {
	var d Decoder
	for name, want := range contents() {
		blocks := [][]byte{snappy.Encode(nil, want)}
		if len(want) > 10_000 {
			blocks = append(blocks, s2.EncodeSnappyBest(nil, want)) // large tables
		}
		for i, block := range blocks {
			if n, err := Len(block); err != nil || n != len(want) {
				t.Errorf("%s, %d: length %d, %v", name, i, n, err)
			}
			got, err := d.Decode(block)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %d: %v, or other contents", name, i, err)
			}
			// Nothing less and nothing more is a block.
			for _, broken := range [][]byte{block[:len(block)-1], append(bytes.Clone(block), 0, 'x')} {
				if _, err := d.Decode(broken); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s, %d: %d bytes instead of %d: %v", name, i, len(broken), len(block), err)
				}
			}
		}
	}
}

// block makes one of elements, to contents of the stated length.
func block(size uint64, elements ...any) []byte {
	b := binary.AppendUvarint(nil, size)
	for _, e := range elements {
		switch e := e.(type) {
		case string:
			b = append(b, e...)
		case int:
			b = append(b, byte(e))
		}
	}
	return b
}

func TestElements(t *testing.T) {
	long := strings.Repeat("0123456789", 30)
	text := string(prose(200)) // so that the fast path is taken before and after
	literal := func(s string) []any { return []any{60 << 2, len(s) - 1, s} }
	around := func(want string, elements ...any) ([]byte, string) {
		all := append(append(literal(text), elements...), literal(text)...)
		return block(uint64(2*len(text)+len(want)), all...), text + want + text
	}
	tests := map[string]struct {
		want     string
		elements []any
	}{
		"literal of 1":                {"x", []any{0, "x"}},
		"literal of 60":               {long[:60], []any{59 << 2, long[:60]}},
		"literal, length in 1 byte":   {long[:256], []any{60 << 2, 255, long[:256]}},
		"literal, length in 2 bytes":  {long, []any{61 << 2, 299 & 255, 299 >> 8, long}},
		"literal, length in 3 bytes":  {long, []any{62 << 2, 299 & 255, 299 >> 8, 0, long}},
		"literal, length in 4 bytes":  {long, []any{63 << 2, 299 & 255, 299 >> 8, 0, 0, long}},
		"copy, 11 bits":               {text[:11], []any{7<<2 | 1, 200}},
		"copy, 16 bits":               {text[:64], []any{63<<2 | 2, 200, 0}},
		"copy, 32 bits":               {text[:64], []any{63<<2 | 3, 200, 0, 0, 0}},
		"copy of one byte, 64 times":  {strings.Repeat(text[199:], 64), []any{63<<2 | 2, 1, 0}},
		"copy of 15 bytes, 64 of it":  {strings.Repeat(text[185:], 5)[:64], []any{63<<2 | 2, 15, 0}},
		"copy of 16 bytes, 64 of it":  {strings.Repeat(text[184:], 5)[:64], []any{63<<2 | 2, 16, 0}},
		"copy from the very start":    {text[:8], []any{7<<2 | 2, 200, 0}},
		"copy, upper bits in the tag": {long[:256] + text[156:164], append(literal(long[:256]), 1<<5|4<<2|1, 300-256)},
	}
	var d Decoder
	for name, tt := range tests {
		b, want := around(tt.want, tt.elements...)
		got, err := d.Decode(b)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
		if peer, err := snappy.Decode(nil, b); err != nil || string(peer) != want {
			t.Errorf("%s: the peer gives %q, %v", name, peer, err)
		}
	}
}

func TestCorrupt(t *testing.T) {
	text := string(prose(200))
	start := []any{60 << 2, 199, text}
	rest := []any{60 << 2, 199, text}
	with := func(e ...any) []byte { return block(1000, append(append(start, e...), rest...)...) }
	tests := map[string][]byte{
		"nothing":                        {},
		"a length without end":           {0x80, 0x80, 0x80},
		"a length of 2^32":               block(1<<32, strings.Repeat("x", 100)),
		"a length beyond 64 bits":        append(bytes.Repeat([]byte{0xff}, 10), 1),
		"a length that cannot be":        block(1<<31, 63<<2|2, 1, 0),
		"contents missing":               block(5),
		"an offset of 0":                 with(3<<2|2, 0, 0),
		"an offset before the start":     with(3<<2|2, 201, 0),
		"an offset of 2^31":              with(3<<2|3, 0, 0, 0, 0x80),
		"an offset of 2^32-1":            with(3<<2|3, 255, 255, 255, 255),
		"a literal of 2^32":              with(63<<2, 255, 255, 255, 255),
		"a literal past the block":       block(300, 60<<2, 250, text),
		"a literal past the contents":    block(100, start...),
		"a copy past the contents":       block(201, append(start, 3<<2|2, 5, 0)...),
		"a copy cut short":               block(204, append(start, 3<<2|2, 5)...),
		"a length of a literal missing":  block(204, append(start, 61<<2, 3)...),
		"more contents than are stated":  block(199, start...),
		"fewer contents than are stated": block(201, start...),
	}
	for name, b := range tests {
		var d Decoder
		if got, err := d.Decode(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if _, err := snappy.Decode(nil, b); err == nil {
			t.Errorf("%s: the peer takes it", name)
		}
	}
}

// FuzzDecode compares with another decoder.
func FuzzDecode(f *testing.F) {
	for _, data := range contents() {
		if len(data) < 1000 {
			f.Add(snappy.Encode(nil, data))
		}
	}
	f.Add(block(1000, 60<<2, 199, string(prose(200)), 63<<2|3, 255, 255, 255, 255))
	var d Decoder
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := d.Decode(b)
		if n, lenErr := snappy.DecodedLen(b); lenErr == nil && n > 64*len(b) {
			if err == nil {
				t.Fatalf("%d bytes give %d", len(b), n)
			}
			return // the peer would set it aside
		}
		want, peerErr := snappy.Decode(nil, b)
		if (err == nil) != (peerErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q, %v; the peer gives %q, %v", got, err, want, peerErr)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text := prose(1 << 20)
	block := snappy.Encode(nil, text)
	b.Run("own", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var d Decoder
		for b.Loop() {
			if _, err := d.Decode(block); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("klauspost", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		dst := make([]byte, len(text))
		for b.Loop() {
			if _, err := snappy.Decode(dst, block); err != nil {
				b.Fatal(err)
			}
		}
	})
}
