// Package snappy unpacks the block format of snappy, in which most parquet
// files keep their pages.
//
// Text makes blocks of short literals and short copies in no predictable
// order. A decoder that branches on which of them comes next waits for a
// mispredicted branch at nearly every other one; this one finds the length, the
// place to copy from and the next element by tables and masks, and branches for
// what is rare alone. For this the block and its contents lie in one buffer, so
// that a place in it is a number, whichever of the two it is in.
//
// Format: github.com/google/snappy/blob/main/format_description.txt.
package snappy

import (
	"encoding/binary"
	"errors"
)

// ErrCorrupt reports a block that is not what the format demands.
var ErrCorrupt = errors.New("corrupt snappy block")

// Decoder unpacks blocks into a buffer of its own. The zero value is ready. It
// is not safe for concurrent use.
type Decoder struct {
	buf     []byte
	size    int // of the contents
	in, end int // the block is buf[in:end]
}

// slop is the room after the contents and after the block for elements that
// are copied in whole steps. No short element is longer.
const slop = 64

// Len returns the length of the contents as the block states it. A length that
// the block is too short for is an ErrCorrupt.
func Len(block []byte) (int, error) {
	size, _, err := header(block)
	return size, err
}

// header returns the length of the contents and that of the header.
func header(block []byte) (size, n int, err error) {
	stated, n := binary.Uvarint(block)
	// No element gives more than one of three bytes that gives 64.
	if n <= 0 || stated > 1<<32-1 || stated > uint64(len(block)-n)*64/3 {
		return 0, 0, ErrCorrupt
	}
	return int(stated), n, nil
}

// Room sets aside memory for a block of n bytes and its contents of the given
// size, and returns the place that the block must be put into before Contents
// is called. A size that the block is too short for is an ErrCorrupt.
func (d *Decoder) Room(n, size int) ([]byte, error) {
	if size < 0 || n < 1 || uint64(size) > uint64(n)*64/3 {
		return nil, ErrCorrupt
	}
	d.size, d.in = size, size+slop
	d.end = d.in + n
	if all := d.end + slop; cap(d.buf) < all {
		d.buf = make([]byte, all+all/8) // the next block may be a little longer
	}
	return d.buf[d.in:d.end:d.end], nil
}

// Contents returns the contents of the block in Room, which are valid until the
// next call of a method. They must be of the size stated to it.
func (d *Decoder) Contents() ([]byte, error) {
	stated, n, err := header(d.buf[d.in:d.end])
	if err != nil || stated != d.size || !decode(d.buf[:d.end+slop], d.size, d.in+n, d.end) {
		return nil, ErrCorrupt
	}
	return d.buf[:d.size:d.size], nil
}

// Decode returns the contents of the block, which are valid until the next
// call. It sets aside as much memory as the contents and the block take.
func (d *Decoder) Decode(block []byte) ([]byte, error) {
	size, err := Len(block)
	if err != nil {
		return nil, err
	}
	room, err := d.Room(len(block), size)
	if err != nil {
		return nil, err
	}
	copy(room, block)
	return d.Contents()
}

// element tells of the tag that an element starts with
//   - in its lowest byte the element's length in the contents, 0 where bytes
//     after the tag state it;
//   - from bit 16 on the upper bits of the offset;
//   - in bit 31 that it is a literal of a length that is known;
//   - from bit 32 on a mask for the bytes after the tag that belong to the
//     offset.
//
// advance is the element's length in the block.
var element, advance = func() (e [256]uint64, a [256]uint8) {
	for tag := range uint64(256) {
		n := tag>>2 + 1
		switch tag & 3 {
		case 0:
			if n <= 60 {
				e[tag], a[tag] = n|1<<31, uint8(n)+1
			}
		case 1:
			e[tag], a[tag] = (tag>>2&7+4)|tag>>5<<24|(1<<8-1)<<32, 2
		case 2:
			e[tag], a[tag] = n|(1<<16-1)<<32, 3
		case 3:
			e[tag], a[tag] = n|(1<<32-1)<<32, 5
		}
	}
	return e, a
}()

// decode unpacks buf[in:end] to buf[:size], and reports whether it could.
func decode(buf []byte, size, in, end int) bool {
	out := 0
	for in < end {
		// Elements of known length, as long as none can reach the end of the
		// contents or of the block.
		for in < end-slop-8 && out < size-slop {
			word := binary.LittleEndian.Uint64(buf[in : in+8])
			e := element[byte(word)]
			n := int(e & 0xff)
			from := int64(out) - int64(uint32(word>>8)&uint32(e>>32)+uint32(uint16(e>>16)))
			literal := int64(int32(e)) >> 31 // all bits or none
			from ^= (from ^ int64(in+1)) & literal
			// A step must not overtake what it copies. A literal lies after
			// out, which makes the difference a large number.
			if from < 0 || uint64(int64(out)-from) < 16 {
				break
			}
			in += int(advance[buf[in]])
			copy(buf[out:out+16], buf[from:from+16])
			if n > 16 {
				copy(buf[out+16:out+32], buf[from+16:from+32])
				if n > 32 {
					copy(buf[out+32:out+48], buf[from+32:from+48])
					copy(buf[out+48:out+64], buf[from+48:from+64])
				}
			}
			out += n
		}
		// Any one element.
		tag := buf[in]
		in++
		if tag&3 == 0 {
			n := int(tag>>2) + 1
			if more := n - 60; more > 0 {
				if more > end-in {
					return false
				}
				n = int(binary.LittleEndian.Uint32(buf[in:])&(1<<(8*more)-1)) + 1
				in += more
			}
			if n <= 0 || n > end-in || n > size-out {
				return false
			}
			copy(buf[out:], buf[in:in+n])
			in += n
			out += n
			continue
		}
		e := element[tag]
		n := int(e & 0xff)
		offset := int(binary.LittleEndian.Uint32(buf[in:])&uint32(e>>32) + uint32(uint16(e>>16)))
		in += int(advance[tag]) - 1
		if in > end || offset <= 0 || offset > out || n > size-out {
			return false
		}
		for n > 0 { // what is there to copy may grow by being copied
			k := copy(buf[out:out+n], buf[out-offset:out])
			out += k
			n -= k
		}
	}
	return out == size
}
