package parquetcol

import "encoding/binary"

// delta decodes DELTA_BINARY_PACKED: blocks of bit-packed differences, whose
// widths and smallest difference stand before each block.
type delta struct {
	b         []byte
	left      int // values not yet read
	value     int64
	first     bool
	miniSize  int // values of a miniblock
	minis     int // miniblocks of a block
	minDelta  int64
	widths    []byte
	mini      []byte // the packed miniblock in progress
	miniWidth int
	miniLeft  int
	miniBit   int
}

// newDelta reads the header. It holds the number of values, at most limit.
func newDelta(b []byte, limit int) (*delta, error) {
	d := &delta{first: true}
	var head [4]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, corrupt("the header of a delta page is cut short")
		}
		head[i], b = v, b[n:]
	}
	block, minis, count := head[0], head[1], head[2]
	if block == 0 || block%128 != 0 || block > maxDeltaBlock || minis == 0 || block%minis != 0 || block/minis%8 != 0 || count > uint64(limit) {
		return nil, corrupt("the header of a delta page states %d values in blocks of %d", count, block)
	}
	d.b, d.left = b, int(count)
	d.miniSize, d.minis = int(block/minis), int(minis)
	d.value = unzigzag(head[3])
	return d, nil
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func (d *delta) next() (int64, error) {
	if d.left == 0 {
		return 0, corrupt("a delta page holds too few values")
	}
	d.left--
	if d.first {
		d.first = false
		return d.value, nil
	}
	if d.miniLeft == 0 {
		if err := d.nextMini(); err != nil {
			return 0, err
		}
	}
	d.miniLeft--
	d.value += d.minDelta + int64(d.bits())
	return d.value, nil
}

func (d *delta) nextMini() error {
	if len(d.widths) == 0 {
		v, n := binary.Uvarint(d.b)
		if n <= 0 || len(d.b)-n < d.minis {
			return corrupt("a block of a delta page is cut short")
		}
		d.minDelta = unzigzag(v)
		d.widths = d.b[n : n+d.minis]
		d.b = d.b[n+d.minis:]
	}
	d.miniWidth = int(d.widths[0])
	d.widths = d.widths[1:]
	if d.miniWidth > 64 {
		return corrupt("a delta of %d bits", d.miniWidth)
	}
	// The last miniblock may lack its padding.
	size := min(d.miniSize*d.miniWidth/8, len(d.b))
	if size*8 < d.miniWidth*min(d.miniSize, d.left+1) {
		return corrupt("a block of a delta page is cut short")
	}
	d.mini, d.b = d.b[:size], d.b[size:]
	d.miniLeft, d.miniBit = d.miniSize, 0
	return nil
}

func (d *delta) bits() uint64 {
	var v uint64
	for got := 0; got < d.miniWidth; {
		at := d.miniBit + got
		take := min(8-at&7, d.miniWidth-got)
		v |= uint64(d.mini[at>>3]) >> (at & 7) & (1<<take - 1) << got
		got += take
	}
	d.miniBit += d.miniWidth
	return v
}

// rest returns the bytes after the last block, once every value was read.
func (d *delta) rest() []byte { return d.b }

// lengths reads all values as lengths whose sum is at most limit.
func (d *delta) lengths(limit int) ([]int, error) {
	// A miniblock of width zero costs no bytes, so the capacity grows with
	// what is read.
	var out []int
	sum := 0
	for d.left > 0 {
		v, err := d.next()
		if err != nil {
			return nil, err
		}
		if v < 0 || v > int64(limit-sum) {
			return nil, corrupt("a length of %d in a delta page", v)
		}
		sum += int(v)
		out = append(out, int(v))
	}
	return out, nil
}
