package parquetcol

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// dictionary holds the values that a chunk's pages refer to by number. Text
// becomes a string when it is first asked for.
type dictionary struct {
	n       int
	data    []byte
	offsets []int // of text, n+1
	text    []string
	made    []bool
	width   int // bytes of a number
	leaf    *Leaf
}

func newDictionary(l *Leaf, data []byte, n int) (*dictionary, error) {
	d := &dictionary{n: n, data: data, leaf: l}
	if l.Kind != KindString {
		if l.Kind == KindBool {
			return nil, fmt.Errorf("%w: a dictionary of booleans", ErrUnsupported)
		}
		d.width = widthOf(l.typ)
		if n > len(data)/d.width {
			return nil, corrupt("a dictionary of %d values in %d bytes", n, len(data))
		}
		return d, nil
	}
	if n > len(data)/4 {
		return nil, corrupt("a dictionary of %d values in %d bytes", n, len(data))
	}
	d.offsets = make([]int, n+1)
	at := 0
	for i := range n {
		if len(data)-at < 4 {
			return nil, corrupt("a dictionary is cut short")
		}
		size := uint64(binary.LittleEndian.Uint32(data[at:]))
		if size > uint64(len(data)-at-4) {
			return nil, corrupt("a dictionary is cut short")
		}
		d.offsets[i] = at
		at += 4 + int(size)
	}
	d.offsets[n] = at
	d.text, d.made = make([]string, n), make([]bool, n)
	return d, nil
}

func (d *dictionary) string(i uint32) (string, error) {
	if !d.made[i] {
		b := d.data[d.offsets[i]+4 : d.offsets[i+1]]
		if err := d.leaf.checkText(b); err != nil {
			return "", err
		}
		d.text[i], d.made[i] = string(b), true
	}
	return d.text[i], nil
}

func widthOf(t format.Type) int {
	if t == format.Int32 || t == format.Float {
		return 4
	}
	return 8
}

// number reads one plain number as its 64-bit form: integers widened, floats
// as the bits of a float64.
func (l *Leaf) number(b []byte) uint64 {
	switch l.typ {
	case format.Int32:
		v := binary.LittleEndian.Uint32(b)
		if l.signed {
			return uint64(int64(int32(v)))
		}
		return uint64(v)
	case format.Float:
		return math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

// values yields the values of one data page in order.
type values struct {
	leaf    *Leaf
	mode    mode
	data    []byte
	at      int
	left    int // values that the page can still hold
	dict    *dictionary
	indexes hybrid
	ahead   [256]uint32 // indexes read ahead: ahead[aheadAt:aheadEnd]
	aheadAt int
	aheadN  int
	delta   *delta
	lengths []int
	prefix  []int
	last    []byte
	// text is data[from:from+len(text)] as a string; the values in it share
	// its memory.
	text  string
	from  int
	plain bool // text is ASCII, so that any part of it is valid too
	share int  // length of such a string, 0 for one a value
	limit int
	// joined is room for the numbers of a page that keeps their bytes apart.
	joined []byte
}

// plainDictionary is the encoding that old writers state for pages of indexes,
// and for dictionaries where newer ones state PLAIN.
const plainDictionary format.Encoding = 2

type mode int

const (
	modePlain mode = iota
	modeDictionary
	modeDelta       // DELTA_BINARY_PACKED
	modeDeltaLength // DELTA_LENGTH_BYTE_ARRAY
	modeDeltaText   // DELTA_BYTE_ARRAY
	modeRunLength   // RLE, of booleans
)

// reset starts on a page's values.
func (v *values) reset(c *chunk, e format.Encoding, b []byte, count int) error {
	v.leaf, v.data, v.at, v.left = &c.leaf, b, 0, count
	v.text, v.from, v.last = "", 0, nil
	v.limit = c.limits.PageBytes
	text := c.leaf.Kind == KindString
	var err error
	switch {
	case e == format.Plain:
		v.mode = modePlain
	case e == format.RLEDictionary || e == plainDictionary:
		v.mode = modeDictionary
		if v.dict = c.dict; v.dict == nil {
			return corrupt("a page refers to a dictionary that is not there")
		}
		v.aheadAt, v.aheadN = 0, 0
		if len(b) == 0 {
			v.indexes = hybrid{}
			return nil // a page of nulls alone may hold nothing
		}
		if b[0] > 32 {
			return corrupt("indexes of %d bits", b[0])
		}
		v.indexes = newHybrid(b[1:], int(b[0]))
	case e == format.DeltaBinaryPacked && c.leaf.Kind == KindInt:
		v.mode = modeDelta
		if len(b) == 0 {
			v.delta = &delta{}
			return nil
		}
		v.delta, err = newDelta(b, count)
	case e == format.DeltaLengthByteArray && text:
		v.mode = modeDeltaLength
		v.lengths, v.data, err = deltaLengths(b, count)
	case e == format.DeltaByteArray && text:
		v.mode = modeDeltaText
		err = v.resetPrefixes(b, count)
	case e == format.RLE && c.leaf.Kind == KindBool:
		v.mode = modeRunLength
		if len(b) < 4 {
			v.indexes = hybrid{}
			return nil
		}
		v.indexes = newHybrid(b[4:], 1)
	case e == format.ByteStreamSplit && (c.leaf.Kind == KindInt || c.leaf.Kind == KindFloat):
		v.mode = modePlain
		v.data, err = v.join(b, widthOf(c.leaf.typ))
	default:
		err = fmt.Errorf("%w: encoding %v of type %v", ErrUnsupported, e, c.leaf.Type)
	}
	return err
}

// resetPrefixes starts on a page of texts that share their beginnings.
func (v *values) resetPrefixes(b []byte, count int) (err error) {
	if v.prefix, b, err = deltaLengths(b, count); err != nil {
		return err
	}
	v.lengths, v.data, err = deltaLengths(b, count)
	if err == nil && len(v.prefix) != len(v.lengths) {
		err = corrupt("a delta page of %d prefixes and %d suffixes", len(v.prefix), len(v.lengths))
	}
	return err
}

// join puts the bytes of numbers together that BYTE_STREAM_SPLIT keeps apart:
// first the lowest byte of each, then the next of each, and so on.
func (v *values) join(b []byte, width int) ([]byte, error) {
	if len(b)%width != 0 {
		return nil, corrupt("%d bytes hold no whole numbers of %d", len(b), width)
	}
	v.joined = slices.Grow(v.joined[:0], len(b))[:len(b)]
	n := len(b) / width
	for k := range width {
		for i, x := range b[k*n : (k+1)*n] {
			v.joined[i*width+k] = x
		}
	}
	return v.joined, nil
}

func deltaLengths(b []byte, count int) (lengths []int, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	d, err := newDelta(b, count)
	if err != nil {
		return nil, nil, err
	}
	lengths, err = d.lengths(math.MaxInt32)
	return lengths, d.rest(), err
}

var errFew = corrupt("a page holds too few values")

// index returns the next dictionary index.
func (v *values) index() (uint32, error) {
	if v.aheadAt == v.aheadN {
		n := min(len(v.ahead), v.left)
		if n == 0 {
			return 0, errFew
		}
		// Nulls hold no index, so that the data may end sooner.
		got, err := v.indexes.readSome(v.ahead[:n])
		if err != nil {
			return 0, err
		}
		v.aheadAt, v.aheadN = 0, got
		v.left -= got
	}
	i := v.ahead[v.aheadAt]
	v.aheadAt++
	if int64(i) >= int64(v.dict.n) {
		return 0, corrupt("index %d into a dictionary of %d", i, v.dict.n)
	}
	return i, nil
}

// string returns the next value of a column of text that is not plain.
func (v *values) string() (string, error) {
	switch v.mode {
	case modeDictionary:
		i, err := v.index()
		if err != nil {
			return "", err
		}
		return v.dict.string(i)
	case modeDeltaLength:
		if len(v.lengths) == 0 || v.lengths[0] > len(v.data)-v.at {
			return "", errFew
		}
		size := v.lengths[0]
		v.lengths = v.lengths[1:]
		return v.cut(size)
	}
	b, err := v.deltaText()
	if err != nil {
		return "", err
	}
	if err := v.leaf.checkText(b); err != nil {
		return "", err
	}
	return string(b), nil
}

// strings fills dst with the next values of a column of text.
func (v *values) strings(dst []string) error {
	if v.mode != modePlain {
		for i := range dst {
			s, err := v.string()
			if err != nil {
				return err
			}
			dst[i] = s
		}
		return nil
	}
	for i := range dst {
		at := v.at
		if len(v.data)-at < 4 {
			return errFew
		}
		size := int(binary.LittleEndian.Uint32(v.data[at:]))
		if at += 4; uint(size) > uint(len(v.data)-at) {
			return errFew
		}
		if from := at - v.from; from >= 0 && from+size <= len(v.text) {
			s := v.text[from : from+size]
			if !v.plain {
				if err := v.leaf.checkText(v.data[at : at+size]); err != nil {
					return err
				}
			}
			dst[i], v.at = s, at+size
			continue // the common case: within the text made last
		}
		v.at = at
		s, err := v.cut(size)
		if err != nil {
			return err
		}
		dst[i] = s
	}
	return nil
}

// ints fills dst with the next values of a column of integers.
func (v *values) ints(dst []int64) error {
	for i := range dst {
		u, err := v.number()
		if err != nil {
			return err
		}
		dst[i] = int64(u)
	}
	return nil
}

// floats fills dst with the next values of a column of floats.
func (v *values) floats(dst []float64) error {
	for i := range dst {
		u, err := v.number()
		if err != nil {
			return err
		}
		dst[i] = math.Float64frombits(u)
	}
	return nil
}

// bools fills dst with the next values of a column of booleans.
func (v *values) bools(dst []bool) error {
	for i := range dst {
		b, err := v.bool()
		if err != nil {
			return err
		}
		dst[i] = b
	}
	return nil
}

// deltaText returns the next value of a page whose values share prefixes.
func (v *values) deltaText() ([]byte, error) {
	if len(v.lengths) == 0 || v.lengths[0] > len(v.data)-v.at || v.prefix[0] > len(v.last) {
		return nil, errFew
	}
	if v.prefix[0]+v.lengths[0] > v.limit {
		return nil, fmt.Errorf("%w: a text of %d bytes", ErrLimit, v.prefix[0]+v.lengths[0])
	}
	v.last = append(v.last[:v.prefix[0]], v.data[v.at:v.at+v.lengths[0]]...)
	v.at += v.lengths[0]
	v.prefix, v.lengths = v.prefix[1:], v.lengths[1:]
	return v.last, nil
}

// cut returns the next size bytes of the page as a string. Short neighbours
// share one allocation of about v.share bytes.
func (v *values) cut(size int) (string, error) {
	from, end := v.at, v.at+size
	v.at = end
	if end > v.from+len(v.text) || from < v.from {
		if size >= v.share {
			b := v.data[from:end]
			if err := v.leaf.checkText(b); err != nil {
				return "", err
			}
			return string(b), nil
		}
		shared := v.data[from:min(from+v.share, len(v.data))]
		v.from, v.text, v.plain = from, string(shared), asciiPrefix(shared) == len(shared) && v.leaf.checkText(shared) == nil
	}
	if !v.plain {
		if err := v.leaf.checkText(v.data[from:end]); err != nil {
			return "", err
		}
	}
	return v.text[from-v.from : end-v.from], nil
}

// number returns the next value of a numeric column as 64 bits; see
// Leaf.number.
func (v *values) number() (uint64, error) {
	switch v.mode {
	case modeDictionary:
		i, err := v.index()
		if err != nil {
			return 0, err
		}
		return v.leaf.number(v.dict.data[int(i)*v.dict.width:]), nil
	case modeDelta:
		n, err := v.delta.next()
		if v.leaf.typ == format.Int32 {
			if v.leaf.signed {
				return uint64(int64(int32(n))), err
			}
			return uint64(uint32(n)), err
		}
		return uint64(n), err
	}
	width := widthOf(v.leaf.typ)
	if len(v.data)-v.at < width {
		return 0, errFew
	}
	v.at += width
	return v.leaf.number(v.data[v.at-width:]), nil
}

// bool returns the next value of a column of booleans.
func (v *values) bool() (bool, error) {
	if v.mode == modeRunLength {
		var one [1]uint32
		err := v.indexes.read(one[:])
		return one[0] == 1, err
	}
	if v.at>>3 >= len(v.data) {
		return false, errFew
	}
	bit := v.data[v.at>>3] >> (v.at & 7) & 1
	v.at++
	return bit == 1, nil
}

// skip passes over n values.
func (v *values) skip(n int) error {
	switch v.mode {
	case modeDictionary:
		k := min(n, v.aheadN-v.aheadAt)
		v.aheadAt += k
		if n -= k; n > v.left {
			return errFew
		}
		v.left -= n
		return v.indexes.skip(n)
	case modeRunLength:
		return v.indexes.skip(n)
	case modeDelta:
		for range n {
			if _, err := v.delta.next(); err != nil {
				return err
			}
		}
		return nil
	case modeDeltaText:
		for range n {
			if _, err := v.deltaText(); err != nil {
				return err
			}
		}
		return nil
	case modeDeltaLength:
		for range n {
			if len(v.lengths) == 0 || v.lengths[0] > len(v.data)-v.at {
				return errFew
			}
			v.at += v.lengths[0]
			v.lengths = v.lengths[1:]
		}
		return nil
	}
	switch v.leaf.Kind {
	case KindString:
		for range n {
			if len(v.data)-v.at < 4 {
				return errFew
			}
			size := int64(binary.LittleEndian.Uint32(v.data[v.at:]))
			if size > int64(len(v.data)-v.at-4) {
				return errFew
			}
			v.at += 4 + int(size)
		}
	case KindBool:
		v.at += n
	default:
		width := widthOf(v.leaf.typ)
		if n > (len(v.data)-v.at)/width {
			return errFew
		}
		v.at += n * width
	}
	return nil
}
