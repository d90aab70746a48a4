package torchio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// pickler writes a pickle of protocol 2 with the instructions that torch's
// restricted loaders know, from 1.13 on. It keeps the pickle in chunks, so
// that growing needs no second copy, or but the last chunk of it, where there
// is a scratch file.
type pickler struct {
	chunks  [][]byte
	size    int64
	memos   uint32  // numbers given out so far
	scratch Scratch // may be nil
	spilled int64   // bytes that went there
	err     error   // of scratch
}

// grow gives n fresh bytes, good until the next call. n is at most pickleChunk.
func (p *pickler) grow(n int) []byte {
	last := len(p.chunks) - 1
	if last < 0 || cap(p.chunks[last])-len(p.chunks[last]) < n {
		if p.scratch != nil && last >= 0 {
			p.spill()
		} else {
			p.chunks = append(p.chunks, make([]byte, 0, pickleChunk))
			last++
		}
	}
	c := p.chunks[last]
	p.chunks[last] = c[:len(c)+n]
	p.size += int64(n)
	return c[len(c) : len(c)+n]
}

// spill moves the chunk to the scratch file.
func (p *pickler) spill() {
	c := p.chunks[0]
	p.writeScratch(c, p.spilled)
	p.spilled += int64(len(c))
	p.chunks[0] = c[:0]
}

func (p *pickler) writeScratch(b []byte, at int64) {
	if p.err != nil {
		return
	}
	n, err := p.scratch.WriteAt(b, at)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		p.err = fmt.Errorf("torchio: scratch file: %w", err)
	}
}

func (p *pickler) op(ops ...byte) { copy(p.grow(len(ops)), ops) }

func (p *pickler) text(s string) {
	b := p.grow(5)
	b[0] = opBinUnicode
	binary.LittleEndian.PutUint32(b[1:], uint32(len(s)))
	for len(s) > 0 {
		n := min(len(s), pickleChunk)
		copy(p.grow(n), s[:n])
		s = s[n:]
	}
}

func (p *pickler) int(n int64) {
	switch {
	case n >= 0 && n <= 0xff:
		p.op(opBinInt1, byte(n))
	case n >= 0 && n <= 0xffff:
		p.op(opBinInt2, byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		b := p.grow(5)
		b[0] = opBinInt
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
	default:
		// As few bytes as hold the sign, as Python writes them.
		size := 8
		for size > 1 && n>>(8*size-9) == n>>63 {
			size--
		}
		b := p.grow(2 + size)
		b[0], b[1] = opLong1, byte(size)
		for i := range size {
			b[2+i] = byte(n >> (8 * i))
		}
	}
}

// hole is an integer of 8 bytes that is filled in afterwards.
type hole struct {
	at int64  // in the pickle
	b  []byte // in its chunk, as long as that is not spilled
}

func (p *pickler) later() hole {
	p.op(opLong1, 8)
	b := p.grow(8)
	return hole{p.size - 8, b}
}

func (p *pickler) fill(h hole, n int64) {
	if h.at >= p.spilled {
		binary.LittleEndian.PutUint64(h.b, uint64(n))
		return
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	p.writeScratch(b[:], h.at)
}

func (p *pickler) global(module, name string) {
	b := p.grow(len(module) + len(name) + 3)
	b[0] = opGlobal
	n := 1 + copy(b[1:], module)
	b[n] = '\n'
	n += 1 + copy(b[n+1:], name)
	b[n] = '\n'
}

// put memoises the value on the stack and gives its number.
func (p *pickler) put() uint32 {
	n := p.memos
	p.memos++
	p.index(opBinPut, opLongBinPut, n)
	return n
}

func (p *pickler) get(n uint32) { p.index(opBinGet, opLongBinGet, n) }

func (p *pickler) index(short, long byte, n uint32) {
	if n <= 0xff {
		p.op(short, byte(n))
		return
	}
	b := p.grow(5)
	b[0] = long
	binary.LittleEndian.PutUint32(b[1:], n)
}

// once memoises a value at its first use and refers to it later.
type once struct {
	number uint32
	made   bool
}

func (p *pickler) once(o *once, make func()) {
	if o.made {
		p.get(o.number)
		return
	}
	make()
	o.number, o.made = p.put(), true
}

// tuple writes a tuple of integers.
func (p *pickler) tuple(items []int) {
	if len(items) > 3 {
		p.op(opMark)
	}
	for _, n := range items {
		p.int(int64(n))
	}
	switch len(items) {
	case 0:
		p.op(opEmptyTuple)
	case 1, 2, 3:
		p.op(opTuple1 + byte(len(items)-1))
	default:
		p.op(opTuple)
	}
}
