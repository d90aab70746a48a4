package torchio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unpickler runs a pickle on an allow-list of globals. Its instructions have
// no jumps, so it takes as many steps as the pickle has bytes; what a step
// may allocate or look at is drawn from budget, because memoised values let a
// few bytes refer to large ones again and again.
type unpickler struct {
	src    *source
	stack  []any
	marks  []int
	memo   []any          // by number, as far as numbers are dense
	sparse map[uint32]any // the other numbers
	puts   uint32         // numbers in use
	budget int64          // bytes left
	limit  int64          // budget at the start
	// storage resolves a persistent id, nil where none is allowed.
	storage     func(dtype DType, key string, numel int64, view any) (*storageRef, error)
	maxExpanded int64
	// The last shape and strides: tensors of a kind share theirs.
	lastDims [2][]int
	tensors  slab[Tensor]
}

// unset stands in the memo where nothing was put.
type unset struct{}

// The pickle instructions, by the names of Python's pickletools.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opFloat           = 'F'
	opInt             = 'I'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opLong            = 'L'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opUnicode         = 'V'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opDict            = 'd'
	opAppends         = 'e'
	opGet             = 'g'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opList            = 'l'
	opPut             = 'p'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opBinFloat        = 'G'
	opEmptyTuple      = ')'
	opEmptyList       = ']'
	opEmptyDict       = '}'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
)

var (
	errUnderflow = errors.New("the stack holds too little")
	errNoMark    = errors.New("no mark on the stack")
)

// run executes instructions up to STOP and gives the value on the stack.
func (u *unpickler) run() (any, error) {
	for {
		at := u.src.offset()
		op, err := u.src.byte()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			if len(u.stack) != 1 || len(u.marks) != 0 {
				return nil, u.bad(at, op, errors.New("the stack does not hold exactly one value at the end"))
			}
			v := u.stack[0]
			u.stack = u.stack[:0]
			u.memo, u.sparse, u.puts = u.memo[:0], nil, 0 // each pickle of a legacy file has a memo of its own
			return finish(v)
		}
		if err := u.step(op); err != nil {
			return nil, u.bad(at, op, err)
		}
	}
}

// bad wraps err as a FormatError unless it already is one of our types.
func (u *unpickler) bad(at int64, op byte, err error) error {
	var format *FormatError
	var global *GlobalError
	var unsupported *UnsupportedError
	var limit *LimitError
	if errors.As(err, &format) || errors.As(err, &global) || errors.As(err, &unsupported) || errors.As(err, &limit) {
		return err
	}
	return &FormatError{Where: u.src.where, Offset: at, Reason: fmt.Sprintf("pickle instruction 0x%02x", op), Err: err}
}

func (u *unpickler) step(op byte) error {
	switch op {
	case opProto:
		v, err := u.src.byte()
		if err == nil && v > maxProtocol {
			err = &UnsupportedError{Feature: fmt.Sprintf("pickle protocol %d", v)}
		}
		return err
	case opFrame:
		_, err := u.src.next(8) // frames are a hint for buffering
		return err
	case opMark:
		u.marks = append(u.marks, len(u.stack))
		return u.charge(8)
	case opPop:
		if len(u.marks) > 0 && u.marks[len(u.marks)-1] == len(u.stack) {
			u.marks = u.marks[:len(u.marks)-1]
			return nil
		}
		_, err := u.pop()
		return err
	case opPopMark:
		_, err := u.popMark()
		return err
	case opDup:
		v, err := u.top()
		if err != nil {
			return err
		}
		return u.push(v)

	case opNone:
		return u.push(nil)
	case opNewTrue:
		return u.push(true)
	case opNewFalse:
		return u.push(false)
	case opBinInt:
		b, err := u.src.next(4)
		if err != nil {
			return err
		}
		return u.push(int64(int32(binary.LittleEndian.Uint32(b))))
	case opBinInt1:
		b, err := u.src.byte()
		if err != nil {
			return err
		}
		return u.push(int64(b))
	case opBinInt2:
		b, err := u.src.next(2)
		if err != nil {
			return err
		}
		return u.push(int64(binary.LittleEndian.Uint16(b)))
	case opLong1:
		n, err := u.src.byte()
		if err != nil {
			return err
		}
		return u.pushLong(int64(n))
	case opLong4:
		b, err := u.src.next(4)
		if err != nil {
			return err
		}
		return u.pushLong(int64(int32(binary.LittleEndian.Uint32(b))))
	case opInt, opLong:
		return u.pushDecimal(op)
	case opBinFloat:
		b, err := u.src.next(8)
		if err != nil {
			return err
		}
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case opFloat:
		b, err := u.src.line(maxLine)
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return err
		}
		return u.push(f)

	case opShortBinString, opShortBinUnicode:
		return u.pushText(1)
	case opBinString, opBinUnicode:
		return u.pushText(4)
	case opBinUnicode8:
		return u.pushText(8)
	case opUnicode:
		b, err := u.src.line(maxLine)
		if err != nil {
			return err
		}
		s, err := rawUnicodeEscape(b)
		if err != nil {
			return err
		}
		return u.push(s)
	case opShortBinBytes:
		return u.pushBytes(1)
	case opBinBytes:
		return u.pushBytes(4)
	case opBinBytes8, opByteArray8:
		return u.pushBytes(8)

	case opEmptyTuple:
		return u.push(Tuple(nil))
	case opTuple:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.pushTuple(items)
	case opTuple1, opTuple2, opTuple3:
		items, err := u.popN(int(op-opTuple1) + 1)
		if err != nil {
			return err
		}
		return u.pushTuple(items)
	case opEmptyList:
		return u.pushNew(&List{}, 24)
	case opList:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.pushNew(&List{Items: append([]any(nil), items...)}, 24+16*len(items))
	case opAppend, opAppends:
		return u.appendItems(op)
	case opEmptyDict:
		return u.pushNew(&Dict{}, 72)
	case opDict:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		d := &Dict{}
		if err := u.setItems(d, items); err != nil {
			return err
		}
		return u.pushNew(d, 72)
	case opSetItem, opSetItems:
		var items []any
		var err error
		if op == opSetItem {
			items, err = u.popN(2)
		} else {
			items, err = u.popMark()
		}
		if err != nil {
			return err
		}
		v, err := u.top()
		if err != nil {
			return err
		}
		d, ok := v.(*Dict)
		if !ok {
			return fmt.Errorf("items for a %T, want a dict", v)
		}
		return u.setItems(d, items)
	case opEmptySet:
		return u.pushNew(&Set{}, 64)
	case opAddItems:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		v, err := u.top()
		if err != nil {
			return err
		}
		s, ok := v.(*Set)
		if !ok || s.Frozen {
			return fmt.Errorf("items for a %T, want a set", v)
		}
		return u.addItems(s, items)
	case opFrozenSet:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		s := &Set{Frozen: true}
		if err := u.addItems(s, items); err != nil {
			return err
		}
		return u.pushNew(s, 64)

	case opPut:
		n, err := u.decimalIndex()
		if err != nil {
			return err
		}
		return u.put(n)
	case opBinPut:
		n, err := u.src.byte()
		if err != nil {
			return err
		}
		return u.put(uint32(n))
	case opLongBinPut:
		b, err := u.src.next(4)
		if err != nil {
			return err
		}
		return u.put(binary.LittleEndian.Uint32(b))
	case opMemoize:
		return u.put(u.puts)
	case opGet:
		n, err := u.decimalIndex()
		if err != nil {
			return err
		}
		return u.get(n)
	case opBinGet:
		n, err := u.src.byte()
		if err != nil {
			return err
		}
		return u.get(uint32(n))
	case opLongBinGet:
		b, err := u.src.next(4)
		if err != nil {
			return err
		}
		return u.get(binary.LittleEndian.Uint32(b))

	case opGlobal:
		module, err := u.src.line(maxLine)
		if err != nil {
			return err
		}
		name, err := u.src.line(maxLine)
		if err != nil {
			return err
		}
		return u.pushGlobal(string(module), string(name))
	case opStackGlobal:
		items, err := u.popN(2)
		if err != nil {
			return err
		}
		module, ok1 := items[0].(string)
		name, ok2 := items[1].(string)
		if !ok1 || !ok2 || len(module) > maxLine || len(name) > maxLine {
			return errors.New("a global without a name")
		}
		return u.pushGlobal(module, name)
	case opReduce, opNewObj:
		items, err := u.popN(2)
		if err != nil {
			return err
		}
		fn, ok := items[0].(*global)
		args, isTuple := items[1].(Tuple)
		if !ok || fn.call == nil || !isTuple {
			return fmt.Errorf("a call of a %T with a %T", items[0], items[1])
		}
		v, err := fn.call(u, args)
		if err != nil {
			return err
		}
		return u.push(v)
	case opBuild:
		return u.build()
	case opBinPersID:
		id, err := u.pop()
		if err != nil {
			return err
		}
		ref, err := u.persistent(id)
		if err != nil {
			return err
		}
		return u.push(ref)
	}
	return &UnsupportedError{Feature: fmt.Sprintf("pickle instruction 0x%02x", op)}
}

// charge draws n bytes from the budget.
func (u *unpickler) charge(n int) error {
	u.budget -= int64(n)
	if u.budget < 0 {
		return &LimitError{What: "bytes of objects in a pickle", Value: u.limit - u.budget, Limit: u.limit}
	}
	return nil
}

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return u.charge(16)
}

func (u *unpickler) pushNew(v any, size int) error {
	if err := u.charge(size); err != nil {
		return err
	}
	return u.push(v)
}

// floor is the height of the stack below which the instructions since the
// last mark may not reach.
func (u *unpickler) floor() int {
	if n := len(u.marks); n > 0 {
		return u.marks[n-1]
	}
	return 0
}

func (u *unpickler) top() (any, error) {
	if len(u.stack) <= u.floor() {
		return nil, errUnderflow
	}
	return u.stack[len(u.stack)-1], nil
}

func (u *unpickler) pop() (any, error) {
	v, err := u.top()
	if err == nil {
		u.stack = u.stack[:len(u.stack)-1]
	}
	return v, err
}

// popN takes n values off the stack; they are valid until the next push.
func (u *unpickler) popN(n int) ([]any, error) {
	at := len(u.stack) - n
	if at < u.floor() {
		return nil, errUnderflow
	}
	items := u.stack[at:]
	u.stack = u.stack[:at]
	return items, nil
}

// popMark takes the values down to the last mark; they are valid until the
// next push.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errNoMark
	}
	at := u.marks[len(u.marks)-1]
	u.marks = u.marks[:len(u.marks)-1]
	items := u.stack[at:]
	u.stack = u.stack[:at]
	return items, nil
}

func (u *unpickler) pushTuple(items []any) error {
	if err := u.charge(24 + 16*len(items)); err != nil {
		return err
	}
	return u.push(Tuple(append([]any(nil), items...)))
}

func (u *unpickler) appendItems(op byte) error {
	var items []any
	var err error
	if op == opAppend {
		items, err = u.popN(1)
	} else {
		items, err = u.popMark()
	}
	if err != nil {
		return err
	}
	v, err := u.top()
	if err != nil {
		return err
	}
	l, ok := v.(*List)
	if !ok {
		return fmt.Errorf("items for a %T, want a list", v)
	}
	l.Items = append(l.Items, items...)
	return u.charge(32 * len(items))
}

func (u *unpickler) setItems(d *Dict, items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		cost, err := d.set(items[i], items[i+1])
		if err != nil {
			return err
		}
		if err := u.charge(96 + cost); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpickler) addItems(s *Set, items []any) error {
	for _, v := range items {
		cost, err := s.add(v)
		if err != nil {
			return err
		}
		if err := u.charge(96 + cost); err != nil {
			return err
		}
	}
	return nil
}

// memoGap is how far past the dense part of the memo a number may lie and
// still extend it.
const memoGap = 64

func (u *unpickler) put(n uint32) error {
	v, err := u.top()
	if err != nil {
		return err
	}
	switch have := int64(len(u.memo)); {
	case int64(n) < have:
		if _, fresh := u.memo[n].(unset); fresh {
			u.puts++
		}
		u.memo[n] = v
		return nil
	case int64(n) < have+memoGap && u.sparse == nil:
		u.puts++
		for range int64(n) - have {
			u.memo = append(u.memo, unset{})
		}
		u.memo = append(u.memo, v)
		return u.charge(32 * int(int64(n)-have+1))
	}
	if u.sparse == nil {
		u.sparse = make(map[uint32]any)
	}
	if _, ok := u.sparse[n]; !ok {
		u.puts++
	}
	u.sparse[n] = v
	return u.charge(64)
}

func (u *unpickler) get(n uint32) error {
	var v any = unset{}
	if int64(n) < int64(len(u.memo)) {
		v = u.memo[n]
	} else if w, ok := u.sparse[n]; ok {
		v = w
	}
	if _, missing := v.(unset); missing {
		return fmt.Errorf("nothing was memoised as number %d", n)
	}
	return u.push(v)
}

func (u *unpickler) decimalIndex() (uint32, error) {
	b, err := u.src.line(16)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	return uint32(n), err
}

// pushLong pushes the integer of the next n bytes, little-endian two's
// complement.
func (u *unpickler) pushLong(n int64) error {
	if n < 0 {
		return errors.New("a negative length")
	}
	if n > maxLongBytes {
		return &LimitError{What: "bytes of an integer", Value: n, Limit: maxLongBytes}
	}
	b, err := u.src.next(n)
	if err != nil {
		return err
	}
	if n <= 8 {
		var x uint64
		for i, c := range b {
			x |= uint64(c) << (8 * i)
		}
		if n > 0 && n < 8 && b[n-1]&0x80 != 0 {
			x |= ^uint64(0) << (8 * n)
		}
		return u.push(int64(x))
	}
	be := make([]byte, n)
	for i, c := range b {
		be[int(n)-1-i] = c
	}
	x := new(big.Int).SetBytes(be)
	if be[0]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	return u.pushBig(x)
}

func (u *unpickler) pushBig(x *big.Int) error {
	if x.IsInt64() {
		return u.push(x.Int64())
	}
	return u.pushNew(x, 32+x.BitLen()/8)
}

// pushDecimal pushes the integer of a line of digits. "I00" and "I01" are the
// booleans of protocols 0 and 1.
func (u *unpickler) pushDecimal(op byte) error {
	b, err := u.src.line(maxLine / 2)
	if err != nil {
		return err
	}
	s := string(b)
	if op == opInt && (s == "00" || s == "01") {
		return u.push(s == "01")
	}
	if op == opLong {
		s = strings.TrimSuffix(s, "L")
	}
	x, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return fmt.Errorf("%.40q is not an integer", s)
	}
	return u.pushBig(x)
}

// length reads a little-endian length of width bytes.
func (u *unpickler) length(width int64) (int64, error) {
	b, err := u.src.next(width)
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	if n > 1<<62 {
		return 0, errors.New("a length past all bounds")
	}
	return int64(n), nil
}

func (u *unpickler) pushText(width int64) error {
	n, err := u.length(width)
	if err != nil {
		return err
	}
	b, err := u.src.next(n)
	if err != nil {
		return err
	}
	if !validText(b) {
		return errors.New("text that is not UTF-8")
	}
	return u.pushNew(string(b), 16+len(b))
}

func (u *unpickler) pushBytes(width int64) error {
	n, err := u.length(width)
	if err != nil {
		return err
	}
	b, err := u.src.next(n)
	if err != nil {
		return err
	}
	return u.pushNew(append([]byte{}, b...), 24+len(b))
}

// validText reports whether b is UTF-8 in which lone surrogates may stand, as
// Python's "surrogatepass" writes them.
func validText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if len(b) < 3 || b[0] != 0xed || b[1] < 0xa0 || b[1] > 0xbf || b[2] < 0x80 || b[2] > 0xbf {
				return false
			}
			n = 3
		}
		b = b[n:]
	}
	return true
}

// rawUnicodeEscape decodes the text of protocol 0: Latin-1 with \uXXXX and
// \UXXXXXXXX.
func rawUnicodeEscape(b []byte) (string, error) {
	var out []byte
	for i := 0; i < len(b); i++ {
		digits := 0
		if b[i] == '\\' && i+1 < len(b) {
			switch b[i+1] {
			case 'u':
				digits = 4
			case 'U':
				digits = 8
			}
		}
		if digits == 0 {
			out = utf8.AppendRune(out, rune(b[i]))
			continue
		}
		if len(b)-i-2 < digits {
			return "", errors.New("an escape is cut short")
		}
		n, err := strconv.ParseUint(string(b[i+2:i+2+digits]), 16, 32)
		ok := err == nil
		if ok {
			out, ok = appendChar(out, n)
		}
		if !ok {
			return "", errors.New("an escape that is no character")
		}
		i += 1 + digits
	}
	return string(out), nil
}

// appendChar appends a character as UTF-8, a lone surrogate as "surrogatepass"
// writes it; ok is false where n is past Unicode.
func appendChar(out []byte, n uint64) (_ []byte, ok bool) {
	switch {
	case n > utf8.MaxRune:
		return out, false
	case n >= 0xd800 && n < 0xe000:
		return append(out, 0xe0|byte(n>>12), 0x80|byte(n>>6)&0xbf, 0x80|byte(n)&0xbf), true
	}
	return utf8.AppendRune(out, rune(n)), true
}
