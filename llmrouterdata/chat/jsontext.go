package chat

import (
	"bytes"
	"encoding/json"
	"iter"
)

const jsonSpace = " \t\r\n"

// elements yields the members of an object, or of a list, of valid JSON: names
// with their quotes as they were read, nil in a list, and values. Nothing is copied,
// and nothing but the depth of the elements is looked at.
func elements(text json.RawMessage) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		named := text[0] == '{'
		rest := bytes.TrimLeft(text[1:], jsonSpace)
		for rest[0] != '}' && rest[0] != ']' {
			var name []byte
			if named {
				end := stringEnd(rest)
				name, rest = rest[:end:end], bytes.TrimLeft(rest[end:], jsonSpace+":")
			}
			end := valueEnd(rest)
			if !yield(name, rest[:end:end]) {
				return
			}
			rest = bytes.TrimLeft(rest[end:], jsonSpace+",")
		}
	}
}

// valueEnd returns where the value ends with which a text begins, which goes on
// behind it.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; ; {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:])
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			end := bytes.IndexAny(text[i:], jsonSpace+`",{}[]`)
			if depth == 0 { // a number or a word
				return i + end
			}
			i += max(end, 1)
		}
		if depth == 0 {
			return i
		}
	}
}

// stringEnd returns where the string ends with which a text begins, its quotes
// included.
func stringEnd(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// unquoted returns what a JSON string says, "" for any other value.
func unquoted(text []byte) string {
	var s string
	_ = json.Unmarshal(text, &s)
	return s
}

// blank reports whether a JSON text is missing or holds nothing.
func blank[T ~string | ~[]byte](raw T) bool {
	switch string(raw) {
	case "", "null", "{}", "[]", `""`, "false":
		return true
	}
	return false
}
