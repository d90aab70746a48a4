package pipeline

import (
	"errors"
	"fmt"
	"io"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// lines is an output of JSON Lines, compressed where its name says so.
type lines[T llmrouterdata.Record] struct {
	name    string // in errors
	file    *atomicfile.File
	text    io.WriteCloser // into file
	records *llmrouterdata.Writer[T]
}

// createLines adds a file of JSON Lines to outputs that appear together.
func createLines[T llmrouterdata.Record](out *atomicfile.Group, name string) (*lines[T], error) {
	f, err := out.Create(name)
	if err != nil {
		return nil, err
	}
	text, err := textfile.NewWriter(f, name)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %s: %w", name, err)
	}
	return &lines[T]{name, f, text, llmrouterdata.NewWriter[T](text)}, nil
}

func (l *lines[T]) write(record T) error { return l.named(l.records.Write(record)) }

// end completes the text. The file gets its name when the group is committed.
func (l *lines[T]) end() error { return l.named(errors.Join(l.records.Flush(), l.text.Close())) }

func (l *lines[T]) named(err error) error {
	if err != nil {
		return fmt.Errorf("pipeline: %s: %w", l.name, err)
	}
	return nil
}
