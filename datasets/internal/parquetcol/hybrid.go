package parquetcol

import (
	"encoding/binary"
	"math/bits"
)

// hybrid decodes the run-length and bit-packing hybrid that holds levels,
// dictionary indexes and some booleans.
type hybrid struct {
	b     []byte
	width int // bits of a value, 0 to 32
	// The run in progress: rle repeats of value, or packed values at bit
	// offset bit of pack.
	rle    int
	value  uint32
	packed int
	pack   []byte
	bit    int
}

func newHybrid(b []byte, width int) hybrid { return hybrid{b: b, width: width} }

// run makes a run available. It reports an error at the end of the data.
func (h *hybrid) run() error {
	for h.rle == 0 && h.packed == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 || head>>1 > 1<<31 {
			return corrupt("a run of levels or indexes is cut short")
		}
		h.b = h.b[n:]
		if head&1 == 0 {
			size := (h.width + 7) / 8
			if len(h.b) < size {
				return corrupt("a run of levels or indexes is cut short")
			}
			var word [4]byte
			copy(word[:], h.b[:size])
			h.value = binary.LittleEndian.Uint32(word[:])
			if bits.Len32(h.value) > h.width {
				return corrupt("a run's value is wider than %d bits", h.width)
			}
			h.b = h.b[size:]
			h.rle = int(head >> 1)
			continue
		}
		size := int(head>>1) * h.width
		count := int(head>>1) * 8
		if size > len(h.b) {
			// Writers may leave out the padding of the last group.
			size = len(h.b)
			if h.width > 0 {
				count = size * 8 / h.width
			}
			if count == 0 {
				return corrupt("a run of levels or indexes is cut short")
			}
		}
		h.pack, h.b = h.b[:size], h.b[size:]
		h.packed, h.bit = count, 0
	}
	return nil
}

// read fills dst with the next values.
func (h *hybrid) read(dst []uint32) error {
	for len(dst) > 0 {
		if err := h.run(); err != nil {
			return err
		}
		if h.rle > 0 {
			n := min(h.rle, len(dst))
			for i := range dst[:n] {
				dst[i] = h.value
			}
			h.rle -= n
			dst = dst[n:]
			continue
		}
		n := min(h.packed, len(dst))
		h.unpack(dst[:n])
		h.packed -= n
		dst = dst[n:]
	}
	return nil
}

// bitsOf holds the bits of each byte, the lowest first: most levels have one.
var bitsOf = func() (all [256][8]uint32) {
	for b := range all {
		for k := range all[b] {
			all[b][k] = uint32(b) >> k & 1
		}
	}
	return all
}()

func (h *hybrid) unpack(dst []uint32) {
	mask := uint64(1)<<h.width - 1
	bit := h.bit
	i := 0
	// Eight values start with a byte.
	switch {
	case h.width == 1:
		for ; i+8 <= len(dst) && bit&7 == 0 && bit>>3 < len(h.pack); i += 8 {
			*(*[8]uint32)(dst[i:]) = bitsOf[h.pack[bit>>3]]
			bit += 8
		}
	case h.width <= 8:
		for ; i+8 <= len(dst) && bit&7 == 0 && bit>>3+8 <= len(h.pack); i += 8 {
			word := binary.LittleEndian.Uint64(h.pack[bit>>3:])
			d := (*[8]uint32)(dst[i:])
			d[0], d[1] = uint32(word&mask), uint32(word>>(h.width&63)&mask)
			d[2], d[3] = uint32(word>>(2*h.width&63)&mask), uint32(word>>(3*h.width&63)&mask)
			d[4], d[5] = uint32(word>>(4*h.width&63)&mask), uint32(word>>(5*h.width&63)&mask)
			d[6], d[7] = uint32(word>>(6*h.width&63)&mask), uint32(word>>(7*h.width&63)&mask)
			bit += 8 * h.width
		}
	}
	// A value lies within the eight bytes from the one that it starts in.
	for ; i < len(dst) && bit>>3+8 <= len(h.pack); i++ {
		dst[i] = uint32(binary.LittleEndian.Uint64(h.pack[bit>>3:]) >> (bit & 7) & mask)
		bit += h.width
	}
	for ; i < len(dst); i++ {
		var word [8]byte
		copy(word[:], h.pack[min(bit>>3, len(h.pack)):])
		dst[i] = uint32(binary.LittleEndian.Uint64(word[:]) >> (bit & 7) & mask)
		bit += h.width
	}
	h.bit = bit
}

// readSome fills dst with the next values as far as the data goes, at least
// one.
func (h *hybrid) readSome(dst []uint32) (int, error) {
	got := 0
	for got < len(dst) {
		if err := h.run(); err != nil {
			if got > 0 {
				return got, nil
			}
			return 0, err
		}
		n := min(max(h.rle, h.packed), len(dst)-got)
		if err := h.read(dst[got : got+n]); err != nil {
			return got, err
		}
		got += n
	}
	return got, nil
}

// skip passes over n values.
func (h *hybrid) skip(n int) error {
	for n > 0 {
		if err := h.run(); err != nil {
			return err
		}
		if h.rle > 0 {
			k := min(h.rle, n)
			h.rle -= k
			n -= k
			continue
		}
		k := min(h.packed, n)
		h.packed -= k
		h.bit += k * h.width
		n -= k
	}
	return nil
}
