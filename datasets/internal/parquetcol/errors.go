package parquetcol

import (
	"errors"
	"fmt"
)

var (
	// ErrCorrupt reports bytes that are not what the format demands.
	ErrCorrupt = errors.New("corrupt file")
	// ErrUnsupported reports a feature of the format that is not read.
	ErrUnsupported = errors.New("unsupported")
	// ErrLimit reports a size beyond one of Limits.
	ErrLimit = errors.New("beyond the limit")
	// ErrNoColumn reports a path that leads to no column.
	ErrNoColumn = errors.New("no such column")
)

// ErrNull reports a null where a value is required.
var ErrNull = errors.New("null where a value is required")

// ErrUTF8 reports text that is not valid UTF-8.
var ErrUTF8 = errors.New("invalid UTF-8")

var errNUL = fmt.Errorf("%w: a NUL byte in a column that is not annotated as text", ErrUnsupported)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}

// Guard turns a panic of a third-party decoder into an error.
func Guard(err *error) {
	if p := recover(); p != nil {
		*err = corrupt("decoder panicked: %v", p)
	}
}
