package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// lineDecoder decodes one line without its end, as [llmrouterdata.ParseLine]
// does.
type lineDecoder[T any] func(line []byte, file string, number int) (value T, ok bool, err error)

// decoded is what a line that is not blank was decoded to.
type decoded[T any] struct {
	value  T
	number int // from 1; within its block until it is yielded
	err    error
}

// block is a run of whole lines of a file.
type block[T any] struct {
	text  []byte
	count int // of lines, blank ones too
	lines []decoded[T]
	done  chan struct{} // closed when it is decoded
}

// readLines decodes the lines of a file with a number of workers and yields
// them in the order of the file, whatever the workers do. decoder makes the
// decoder of one worker. A line is valid until the next one. Lines end as for
// [llmrouterdata.Records]. A line that is none comes with a
// *llmrouterdata.LineError, after which the stream goes on; any other error,
// which a line far past llmrouterdata.DefaultMaxLine gives too, ends it.
func readLines[T any](ctx context.Context, name string, workers int, decoder func() lineDecoder[T]) iter.Seq2[*decoded[T], error] {
	return func(yield func(*decoded[T], error) bool) {
		f, err := textfile.Open(name)
		if err != nil {
			yield(nil, fmt.Errorf("dataset: %w", err))
			return
		}
		defer f.Close()
		inner, stop := context.WithCancel(ctx)
		var group errgroup.Group
		defer func() {
			stop()
			_ = group.Wait() // the first Wait below has its error
		}()
		todo := make(chan *block[T])
		inOrder := make(chan *block[T], workers)
		free := make(chan *block[T], 2*workers)
		group.Go(func() error {
			defer close(todo)
			defer close(inOrder)
			return cut(inner, f, name, free, inOrder, todo)
		})
		for range workers {
			group.Go(func() error {
				decode := decoder()
				for b := range todo {
					b.decode(name, decode)
					close(b.done)
				}
				return nil
			})
		}
		before := 0 // lines of earlier blocks
		for b := range inOrder {
			select {
			case <-b.done:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
			for i := range b.lines {
				line := &b.lines[i]
				line.number += before
				if at, ok := errors.AsType[*llmrouterdata.LineError](line.err); ok {
					at.Line += before
				}
				if !yield(line, line.err) {
					return
				}
			}
			before += b.count
			select {
			case free <- b:
			default:
			}
		}
		if err := group.Wait(); err != nil {
			yield(nil, err)
		}
	}
}

// cut reads a file in blocks of whole lines, each of which it sends to all of to.
// It takes over what free blocks have allocated.
func cut[T any](ctx context.Context, r io.Reader, name string, free <-chan *block[T], to ...chan<- *block[T]) error {
	var rest []byte // the beginning of a line
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := &block[T]{}
		select {
		case used := <-free:
			b.text, b.lines = used.text[:0], used.lines[:0]
		default:
		}
		b.done = make(chan struct{})
		b.text = append(b.text, rest...)
		rest = rest[:0]
		end, last := 0, false
		for end == 0 && !last {
			from := len(b.text)
			if from > llmrouterdata.DefaultMaxLine {
				return fmt.Errorf("dataset: %s: %w", name, tooLong())
			}
			b.text = append(b.text, make([]byte, blockSize)...)
			n, err := io.ReadFull(r, b.text[from:])
			b.text = b.text[:from+n]
			last = err == io.EOF || err == io.ErrUnexpectedEOF
			if err != nil && !last {
				return fmt.Errorf("dataset: reading %s: %w", name, err)
			}
			if first && from == 0 {
				if err := textfile.CheckLines(b.text); err != nil {
					return fmt.Errorf("dataset: %s: %w", name, err)
				}
			}
			end = endOfLines(b.text, last)
		}
		rest = append(rest, b.text[end:]...)
		if b.text = b.text[:end]; first {
			b.text = bytes.TrimPrefix(b.text, []byte("\ufeff"))
		}
		for _, to := range to {
			select {
			case to <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if last {
			return nil
		}
	}
}

func tooLong() error {
	return fmt.Errorf("%w: more than %d bytes", llmrouterdata.ErrLineTooLong, llmrouterdata.DefaultMaxLine)
}

// endOfLines returns where the last whole line of a text ends, 0 where there
// is none; in the last text of a file every line is whole.
func endOfLines(text []byte, last bool) int {
	if last {
		return len(text)
	}
	if end := bytes.LastIndexByte(text, '\n') + 1; end > 0 || len(text) == 0 {
		return end
	}
	// Without any LF, lines end with CR; behind the last byte an LF may follow.
	return bytes.LastIndexByte(text[:len(text)-1], '\r') + 1
}

// decode decodes the lines of a block.
func (b *block[T]) decode(name string, decode lineDecoder[T]) {
	for text := b.text; len(text) > 0; {
		var lines []byte // up to an LF; CR may end some within
		lines, text, _ = bytes.Cut(text, []byte("\n"))
		lines = bytes.TrimSuffix(lines, []byte("\r"))
		for more := true; more; {
			var line []byte
			line, lines, more = bytes.Cut(lines, []byte("\r"))
			b.count++
			if len(line) > llmrouterdata.DefaultMaxLine {
				b.lines = append(b.lines, decoded[T]{err: &llmrouterdata.LineError{File: name, Line: b.count, Err: tooLong()}})
			} else if value, ok, err := decode(line, name, b.count); ok || err != nil {
				b.lines = append(b.lines, decoded[T]{value, b.count, err})
			}
		}
	}
}
