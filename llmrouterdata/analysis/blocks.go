package analysis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// blockSize is how much of a file is decoded at a time. A block ends with a
// line, so it is longer where a line is.
const blockSize = 1 << 20

// block is a piece of a file and what was read from it.
type block struct {
	text  []byte
	lines int
	rows  []row
	errs  []error       // of lines, in order
	done  chan struct{} // closed when it is decoded
}

// readRows reads a routing file with a number of workers and gives its rows,
// and the errors of lines that are none, in the order of the file. The order
// does not depend on the workers.
func readRows(ctx context.Context, name string, workers int, row func(*row), bad func(error)) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("analysis: %w", err)
	}
	defer f.Close()
	group, ctx := errgroup.WithContext(ctx)
	todo := make(chan *block)
	inOrder := make(chan *block, 2*workers)
	free := make(chan *block, 4*workers)
	known := &heads{by: map[digest]common{}}
	group.Go(func() error {
		defer close(todo)
		defer close(inOrder)
		return cut(ctx, f, name, free, func(b *block) error {
			select {
			case inOrder <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case todo <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range workers {
		group.Go(func() error {
			for b := range todo {
				b.decode(name, known)
				close(b.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		lines := 0
		for b := range inOrder {
			select {
			case <-b.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			for i := range b.rows {
				b.rows[i].line += int32(lines)
				row(&b.rows[i])
			}
			for _, err := range b.errs {
				if at, ok := errors.AsType[*llmrouterdata.LineError](err); ok {
					moved := *at
					moved.Line += lines
					err = &moved
				}
				bad(err)
			}
			lines += b.lines
			select {
			case free <- b:
			default:
			}
		}
		return nil
	})
	return group.Wait()
}

// cut reads a file in blocks of whole lines. A line past llmrouterdata's cap
// ends it.
func cut(ctx context.Context, r io.Reader, name string, free <-chan *block, give func(*block) error) error {
	var rest []byte // the beginning of a line
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := &block{}
		select {
		case used := <-free:
			b.text, b.rows = used.text[:0], used.rows[:0]
		default:
		}
		b.done = make(chan struct{})
		b.text = append(b.text, rest...)
		rest = rest[:0]
		end := -1
		for end < 0 {
			from := len(b.text)
			if from > llmrouterdata.DefaultMaxLine {
				return fmt.Errorf("analysis: %s: %w: more than %d bytes", name, llmrouterdata.ErrLineTooLong, llmrouterdata.DefaultMaxLine)
			}
			b.text = append(b.text, make([]byte, blockSize)...)
			n, err := io.ReadFull(r, b.text[from:])
			b.text = b.text[:from+n]
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				end = len(b.text)
				break
			}
			if err != nil {
				return fmt.Errorf("analysis: reading %s: %w", name, err)
			}
			end = bytes.LastIndexByte(b.text, '\n') + 1
			if end == 0 {
				end = -1
			}
		}
		last := len(b.text) == end && (end == 0 || b.text[end-1] != '\n')
		rest = append(rest, b.text[end:]...)
		if b.text = b.text[:end]; first {
			b.text = bytes.TrimPrefix(b.text, []byte("\ufeff"))
		}
		if end == 0 {
			return nil
		}
		if err := give(b); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}

// decode reads the lines of a block.
func (b *block) decode(name string, known *heads) {
	d := newRowReader(known)
	for text := b.text; len(text) > 0; {
		line, after, _ := bytes.Cut(text, []byte("\n"))
		text = after
		at := b.lines
		b.lines += d.read(name, line, func(r row, err error) {
			if err != nil {
				if e, ok := errors.AsType[*llmrouterdata.LineError](err); ok {
					moved := *e
					moved.Line += at
					err = &moved
				}
				b.errs = append(b.errs, err)
				return
			}
			r.line = int32(at + 1)
			b.rows = append(b.rows, r)
		})
	}
}
