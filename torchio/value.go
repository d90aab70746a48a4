package torchio

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/big"
)

// List is a Python list.
type List struct {
	Items []any
}

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set or frozenset, its items in the order in which the file
// gives them.
type Set struct {
	Frozen bool
	Items  []any
	seen   index
}

// Size is a torch.Size.
type Size []int

// Device is a torch.device as torch prints it: "cpu", "cuda:0".
type Device string

// Dict is a Python dict or collections.OrderedDict: pairs in the order of
// their first insertion, one for each key. Keys compare as in Python, so that
// 1, 1.0 and True are one key.
type Dict struct {
	// Ordered says that it is a collections.OrderedDict, as state dicts are.
	Ordered bool
	// Attrs holds the attributes that an OrderedDict was given, by name, such
	// as the "_metadata" of a state dict; nil where there are none.
	Attrs *Dict

	entries []entry
	index   index
}

type entry struct{ key, value any }

// index finds the position of a key. Integers and strings, which are nearly
// all keys, have maps of their own.
type index struct {
	ints  map[int64]int32
	strs  map[string]int32
	other map[string]int32
}

// Len gives the number of pairs.
func (d *Dict) Len() int { return len(d.entries) }

// All yields the pairs in order.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		for _, e := range d.entries {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Get finds the value of key, which is of one of the types that keys have in
// Root's tree, or an int. ok is false where there is none or where no dict
// can have such a key.
func (d *Dict) Get(key any) (value any, ok bool) {
	if n, isInt := key.(int); isInt {
		key = int64(n)
	}
	i, ok, err := d.index.find(key)
	if err != nil || !ok {
		return nil, false
	}
	return d.entries[i].value, true
}

// set inserts or replaces a pair. cost is the number of bytes that were
// looked at to compare the key, for the caller's account.
func (d *Dict) set(key, value any) (cost int, err error) {
	at, ok, cost, err := d.index.add(key, len(d.entries))
	if err != nil {
		return cost, err
	}
	if ok {
		d.entries[at].value = value
		return cost, nil
	}
	d.entries = append(d.entries, entry{key, value})
	return cost, nil
}

func (s *Set) add(v any) (cost int, err error) {
	_, ok, cost, err := s.seen.add(v, len(s.Items))
	if err == nil && !ok {
		s.Items = append(s.Items, v)
	}
	return cost, err
}

func (x *index) find(key any) (at int, ok bool, err error) {
	var n int32
	switch k := key.(type) {
	case int64:
		n, ok = x.ints[k]
	case string:
		n, ok = x.strs[k]
	default:
		norm, text, err := normalKey(key)
		if err != nil {
			return 0, false, err
		}
		if text == "" {
			n, ok = x.ints[norm]
		} else {
			n, ok = x.other[text]
		}
	}
	return int(n), ok, nil
}

// add finds key, or enters it with position next.
func (x *index) add(key any, next int) (at int, found bool, cost int, err error) {
	switch k := key.(type) {
	case int64:
		n, ok := x.ints[k]
		if ok {
			return int(n), true, 0, nil
		}
		if x.ints == nil {
			x.ints = make(map[int64]int32)
		}
		x.ints[k] = int32(next)
		return next, false, 0, nil
	case string:
		n, ok := x.strs[k]
		if ok {
			return int(n), true, len(k), nil
		}
		if x.strs == nil {
			x.strs = make(map[string]int32)
		}
		x.strs[k] = int32(next)
		return next, false, len(k), nil
	}
	norm, text, err := normalKey(key)
	if err != nil {
		return 0, false, 0, err
	}
	if text == "" {
		return x.add(norm, next)
	}
	n, ok := x.other[text]
	if ok {
		return int(n), true, len(text), nil
	}
	if x.other == nil {
		x.other = make(map[string]int32)
	}
	x.other[text] = int32(next)
	return next, false, len(text), nil
}

// normalKey maps a key to an integer (text "") or to a text, equal for keys
// that are equal in Python.
func normalKey(key any) (n int64, text string, err error) {
	if n, ok := integerKey(key); ok {
		return n, "", nil
	}
	b, err := appendKey(nil, key)
	if err == nil && len(b) > maxKeyBytes {
		err = keyTooLong(len(b))
	}
	return 0, string(b), err
}

func integerKey(key any) (int64, bool) {
	switch k := key.(type) {
	case int64:
		return k, true
	case bool:
		if k {
			return 1, true
		}
		return 0, true
	case float64:
		if k == math.Trunc(k) && k >= -(1<<63) && k < 1<<63 {
			return int64(k), true
		}
	case complex128:
		if imag(k) == 0 {
			return integerKey(real(k))
		}
	}
	return 0, false
}

func appendKey(b []byte, key any) ([]byte, error) {
	if len(b) > maxKeyBytes {
		return b, keyTooLong(len(b))
	}
	if n, ok := integerKey(key); ok {
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(n)), nil
	}
	var err error
	switch k := standIn(key).(type) {
	case nil:
		b = append(b, 'N')
	case float64:
		b = binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(k))
	case complex128:
		b = binary.BigEndian.AppendUint64(append(b, 'c'), math.Float64bits(real(k)))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(imag(k)))
	case *big.Int:
		b = appendText(append(b, 'I'), k.Text(16))
	case string:
		if len(k) > maxKeyBytes {
			return b, keyTooLong(len(k))
		}
		b = appendText(append(b, 's'), k)
	case []byte:
		if len(k) > maxKeyBytes {
			return b, keyTooLong(len(k))
		}
		b = appendText(append(b, 'b'), string(k))
	case DType:
		b = append(b, 'd', byte(k))
	case Device:
		b = appendText(append(b, 'D'), string(k))
	case Size:
		// A torch.Size is a tuple and equal to one.
		b = binary.BigEndian.AppendUint32(append(b, '('), uint32(len(k)))
		for _, n := range k {
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(int64(n)))
		}
	case Tuple:
		b = binary.BigEndian.AppendUint32(append(b, '('), uint32(len(k)))
		for _, item := range k {
			if b, err = appendKey(b, item); err != nil {
				return b, err
			}
		}
	case *Tensor, *UnsupportedError:
		// As in Python, an object that does not compare is a key of its own.
		b = fmt.Appendf(append(b, 'p'), "%p", k)
	default:
		return b, &UnsupportedError{Feature: fmt.Sprintf("a key of type %T", key)}
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func keyTooLong(n int) error {
	return &LimitError{What: "bytes of a composite key", Value: int64(n), Limit: maxKeyBytes}
}

// Tensors is a dict whose keys are all of type K and whose values are all
// tensors, in the file's order.
type Tensors[K int64 | string] struct {
	keys    []K
	tensors []*Tensor
	index   map[K]int32
}

// Len gives the number of tensors.
func (t *Tensors[K]) Len() int { return len(t.keys) }

// Keys gives the keys in the file's order. The slice must not be changed.
func (t *Tensors[K]) Keys() []K { return t.keys }

// Get finds the tensor of key.
func (t *Tensors[K]) Get(key K) (*Tensor, bool) {
	i, ok := t.index[key]
	if !ok {
		return nil, false
	}
	return t.tensors[i], true
}

// All yields keys and tensors in the file's order.
func (t *Tensors[K]) All() iter.Seq2[K, *Tensor] {
	return func(yield func(K, *Tensor) bool) {
		for i, k := range t.keys {
			if !yield(k, t.tensors[i]) {
				return
			}
		}
	}
}

// StateDict gives d as tensors by name. It is an error (*FormatError) when a
// key is not a string or a value not a tensor; the error names the key.
func (d *Dict) StateDict() (*Tensors[string], error) {
	return tensorsOf(d, d.index.strs, func(key any) (string, bool) { s, ok := key.(string); return s, ok })
}

// IntDict gives d as tensors by number, such as embeddings by id. A float that
// is a whole number, which ids become in a table with gaps, counts as that
// number, as it does in Python. It is an error (*FormatError) when a key is
// not an integer of 64 bits or a value not a tensor; the error names the key.
func (d *Dict) IntDict() (*Tensors[int64], error) {
	return tensorsOf(d, d.index.ints, func(key any) (int64, bool) {
		if _, ok := key.(float64); ok {
			return integerKey(key)
		}
		n, ok := key.(int64)
		return n, ok
	})
}

func tensorsOf[K int64 | string](d *Dict, index map[K]int32, as func(key any) (K, bool)) (*Tensors[K], error) {
	t := &Tensors[K]{
		keys:    make([]K, len(d.entries)),
		tensors: make([]*Tensor, len(d.entries)),
		index:   index,
	}
	for i, e := range d.entries {
		k, ok := as(e.key)
		if !ok {
			return nil, formatErr("dict", -1, "the key %s, want one of type %T", describe(e.key), k)
		}
		v, ok := e.value.(*Tensor)
		if !ok {
			return nil, wrongType("dict", "the value of key "+describe(e.key), e.value, "tensor")
		}
		t.keys[i], t.tensors[i] = k, v
	}
	return t, nil
}

// describe names a key in an error; composite keys by their type alone, since
// they may be large.
func describe(key any) string {
	switch k := key.(type) {
	case int64, bool, float64, nil:
		return fmt.Sprint(k)
	case string:
		return fmt.Sprintf("%.100q", k)
	}
	return fmt.Sprintf("of type %T", key)
}
