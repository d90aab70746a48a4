package torchio

import (
	"errors"
	"fmt"
	"strings"
)

// ErrClosed is returned by methods of a File or a Writer that was closed.
var ErrClosed = errors.New("torchio: closed")

// FormatError says that a file is not a torch file, is damaged, or
// contradicts itself.
type FormatError struct {
	// Where names the part of the file: a record of the archive, "zip
	// directory", "legacy header", ...
	Where string
	// Offset is the position in the file (or in the decompressed record), in
	// bytes, of the byte that could not be understood; -1 where none applies.
	Offset int64
	// Reason says what is wrong.
	Reason string
	// Err is the error underneath, or nil.
	Err error
}

func (e *FormatError) Error() string {
	s := "torchio: " + e.Where
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	s += ": " + e.Reason
	if e.Err != nil {
		s += ": " + bare(e.Err)
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

// GlobalError says that a pickle names a Python function or class that is not
// on the list of those that torch files need. Nothing of it was run.
type GlobalError struct {
	Module, Name string
}

func (e *GlobalError) Error() string {
	return fmt.Sprintf("torchio: the pickle asks for %.200q, which is not allowed", e.Module+"."+e.Name)
}

// UnsupportedError says that something is well formed as far as it was read
// but of a kind that this package does not read: a whole file, such as a
// big-endian one, or one value in a file, such as a sparse tensor. A value is
// reported when it is asked for; the rest of its file can be read.
type UnsupportedError struct {
	Feature string
}

func (e *UnsupportedError) Error() string { return "torchio: not supported: " + e.Feature }

// LimitError says that reading a file would exceed one of the limits of
// ReadOptions or of the format.
type LimitError struct {
	// What names the limited quantity and its unit.
	What string
	// Value is the quantity asked for (saturated where it overflows), Limit
	// the largest one allowed.
	Value, Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("torchio: %s: %d is past the limit of %d", e.What, e.Value, e.Limit)
}

// prefix begins the text of every error.
const prefix = "torchio: "

// bare gives the text of an error that stands within another of ours.
func bare(err error) string { return strings.TrimPrefix(err.Error(), prefix) }

// fileError says in which file an error arose.
type fileError struct {
	name string
	err  error
}

func (e *fileError) Error() string { return prefix + e.name + ": " + bare(e.err) }

func (e *fileError) Unwrap() error { return e.err }

func formatErr(where string, offset int64, format string, args ...any) error {
	return &FormatError{Where: where, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}
