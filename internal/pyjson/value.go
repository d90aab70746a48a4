package pyjson

import (
	"math/big"
	"strconv"
)

// Int is an integer of any size in canonical decimal text: no leading zeros,
// no plus sign, zero is "0".
type Int string

// NewInt returns n.
func NewInt(n int64) Int { return Int(strconv.FormatInt(n, 10)) }

// BigInt returns n.
func BigInt(n *big.Int) Int { return Int(n.String()) }

// Int64 returns the value, and false where it does not fit.
func (n Int) Int64() (int64, bool) {
	v, err := strconv.ParseInt(string(n), 10, 64)
	return v, err == nil
}

// Float64 returns the nearest float64, infinite past its range.
func (n Int) Float64() float64 {
	f, _ := strconv.ParseFloat(string(n), 64) // an error means out of range: ±Inf
	return f
}

// Object is a JSON object in the order of its keys. As in a Python dict, a key
// that is set again keeps its place and takes the new value. The zero value is
// empty and ready; a nil *Object reads as empty.
type Object struct {
	keys   []string
	values []any
	index  map[string]int // built past linearMax keys
}

// linearMax is the size up to which a scan over the keys beats a map.
const linearMax = 16

// Len returns the number of keys.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.keys)
}

// At returns the i-th key and its value.
func (o *Object) At(i int) (key string, value any) { return o.keys[i], o.values[i] }

// Get returns the value of key.
func (o *Object) Get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.values[i], true
	}
	return nil, false
}

// Set sets key to value, at the end where it is new.
func (o *Object) Set(key string, value any) {
	if i := o.find(key); i >= 0 {
		o.values[i] = value
		return
	}
	o.keys = append(o.keys, key)
	o.values = append(o.values, value)
	switch {
	case o.index != nil:
		o.index[key] = len(o.keys) - 1
	case len(o.keys) > linearMax:
		o.index = make(map[string]int, 2*len(o.keys))
		for i, k := range o.keys {
			o.index[k] = i
		}
	}
}

func (o *Object) find(key string) int {
	if o == nil {
		return -1
	}
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.keys {
		if k == key {
			return i
		}
	}
	return -1
}
