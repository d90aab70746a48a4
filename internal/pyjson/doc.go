// Package pyjson reads and writes JSON exactly as Python's json module does:
// json.loads with its NaN, Infinity, big integers and lone surrogates, and
// json.dumps with its separators, escapes and number texts, which
// encoding/json cannot be made to produce.
//
// A value is nil, bool, [Int], float64, string, []any or *[Object]. A string
// is UTF-8; a lone surrogate, which Python's str can hold, stands in it as its
// three-byte generalised UTF-8 form (ED A0 80 to ED BF BF).
package pyjson
