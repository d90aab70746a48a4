package textfile

import (
	"bytes"
	"errors"
)

// ErrArray is the error for a JSON array in the place of JSON Lines, and
// ErrSpread for objects that are spread over several lines.
var (
	ErrArray  = errors.New(`a JSON array, not JSON Lines, which has one object a line; jq -c '.[]' FILE makes such lines of it`)
	ErrSpread = errors.New(`an object over several lines, not JSON Lines, which has one object a line; jq -c . FILE makes such lines of it`)
)

// CheckLines says by the start of a text, as much of it as is at hand, that it is
// JSON but not JSON Lines. Each of its lines would be an error by itself.
func CheckLines(start []byte) error {
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\ufeff")))
	first, rest, more := bytes.Cut(start, []byte("\n"))
	first, rest = bytes.TrimSpace(first), bytes.TrimSpace(rest)
	element, array := bytes.CutPrefix(first, []byte("["))
	element = bytes.TrimSpace(element)
	switch {
	case array && (!more || len(element) == 0 || element[0] == '{'): // else a line of something else, as of a log
		return ErrArray
	case more && string(first) == "{" && !bytes.HasPrefix(rest, []byte("{")): // else a broken line
		return ErrSpread
	}
	return nil
}
