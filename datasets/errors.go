package datasets

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

var (
	// ErrCorrupt reports a file whose bytes are not what its format demands:
	// not a parquet file, a truncated one, a broken line.
	ErrCorrupt = parquetcol.ErrCorrupt
	// ErrUnsupported reports a file that uses a feature which is not read, for
	// example encryption, or binary where text is expected.
	ErrUnsupported = parquetcol.ErrUnsupported
	// ErrLimit reports a file that asks for more memory than is granted.
	ErrLimit = parquetcol.ErrLimit
	// ErrNull reports a null in a column that must have a value.
	ErrNull = parquetcol.ErrNull
	// ErrUTF8 reports text that is not valid UTF-8.
	ErrUTF8 = parquetcol.ErrUTF8
	// ErrNotFound reports that a source has no files of a part. It is an
	// fs.ErrNotExist too.
	ErrNotFound error = notFound{}
	// ErrIncomplete reports that some of the files of a part are missing.
	ErrIncomplete = hub.ErrIncomplete
)

type notFound struct{}

func (notFound) Error() string { return "no files found" }

func (notFound) Is(target error) bool { return target == fs.ErrNotExist }

// FileError is an error about one file of a benchmark.
type FileError struct {
	Task, File string
	Err        error
}

// Error implements error.
func (e *FileError) Error() string {
	return fmt.Sprintf("datasets: %s: %s: %v", e.Task, e.File, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ColumnError is a column that a file lacks or has in another type.
type ColumnError struct {
	Task, File, Column string
	// Want is the type expected, as in Column.Type.
	Want string
	// Found is the file's type, empty where there is no such column.
	Found string
	// Columns are the file's columns where it lacks the one looked for.
	Columns []string
}

// Error implements error.
func (e *ColumnError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("datasets: %s: %s: column %q: expected %s, found no such column; there are %s",
			e.Task, e.File, e.Column, e.Want, strings.Join(e.Columns, ", "))
	}
	return fmt.Sprintf("datasets: %s: %s: column %q: expected %s, found %s", e.Task, e.File, e.Column, e.Want, e.Found)
}

// RowError is an error about one row of a file.
type RowError struct {
	Task, File string
	// Row counts from 0 within the file.
	Row int64
	// Column is empty when the error is about the row as a whole.
	Column string
	Err    error
}

// Error implements error.
func (e *RowError) Error() string {
	column := ""
	if e.Column != "" {
		column = fmt.Sprintf(" column %q:", e.Column)
	}
	return fmt.Sprintf("datasets: %s: %s: row %d:%s %v", e.Task, e.File, e.Row, column, e.Err)
}

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.Err }
