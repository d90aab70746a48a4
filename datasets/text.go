package datasets

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
)

// textShard is a .jsonl or .csv file, compressed or not. It is read from its
// start for each call, since these files are small and hold no index.
type textShard struct {
	task  string
	file  File
	kind  fileFormat
	count int
}

// textRows yields the rows of a text file.
type textRows interface {
	// next moves to the next row; io.EOF ends.
	next() error
	// set puts the row's value of a column into a field.
	set(f *field, cell reflect.Value) error
}

func openText(ctx context.Context, task string, f File, kind fileFormat) (shard, error) {
	s := &textShard{task: task, file: f, kind: kind}
	rows, text, err := s.open()
	if err != nil {
		return nil, err
	}
	defer text.Close()
	for ; ; s.count++ {
		if s.count%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := rows.next(); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("row %d: %w", s.count, err)
		}
	}
	if s.count == 0 {
		return nil, fmt.Errorf("%w: no rows", ErrCorrupt)
	}
	return s, nil
}

// open starts to read the file, whose text is closed after use.
func (s *textShard) open() (rows textRows, text io.Closer, err error) {
	r, err := textfile.NewReader(io.NewSectionReader(s.file, 0, s.file.Size()), s.file.Name())
	if err != nil {
		return nil, nil, corruptText(err)
	}
	br := bufio.NewReaderSize(r, textAhead)
	// A byte-order mark is not part of the first line.
	if mark, _ := br.Peek(3); string(mark) == "\ufeff" {
		_, _ = br.Discard(3)
	}
	if s.kind == formatJSONL {
		start, _ := br.Peek(br.Buffered())
		if err := textfile.CheckLines(start); err != nil {
			_ = r.Close() // it was only read
			return nil, nil, corruptText(err)
		}
		return &jsonRows{r: br}, r, nil
	}
	if rows, err = openCSV(br); err != nil {
		_ = r.Close() // it was only read
		return nil, nil, err
	}
	return rows, r, nil
}

// corruptText makes what is wrong with a text file an ErrCorrupt, without the
// file's name, which whoever reports it adds.
func corruptText(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

func (s *textShard) name() string { return s.file.Name() }

func (s *textShard) rows() int { return s.count }

func (s *textShard) rowError(row int, column string, err error) error {
	return &RowError{Task: s.task, File: s.name(), Row: int64(row), Column: column, Err: err}
}

// each calls want with the number of each row, and then, where it reports
// true, fill with a value that has the row's fields set.
func (s *textShard) each(ctx context.Context, b *binding, want func(row int) (dst reflect.Value, wanted, more bool)) error {
	rows, text, err := s.open()
	if err != nil {
		return &FileError{s.task, s.name(), err}
	}
	defer text.Close()
	for row := 0; ; row++ {
		if row%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		dst, wanted, more := want(row)
		if !more {
			return nil
		}
		if err := rows.next(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // fewer than were counted
			}
			return s.rowError(row, "", err)
		}
		if !wanted {
			continue
		}
		for i := range b.fields {
			f := &b.fields[i]
			if err := rows.set(f, dst.Field(f.index)); err != nil {
				if bad, ok := err.(*ColumnError); ok {
					bad.Task, bad.File, bad.Column, bad.Want = s.task, s.name(), f.name, f.typeName()
				}
				return s.rowError(row, f.name, err)
			}
		}
	}
}

func (s *textShard) read(ctx context.Context, b *binding, indices []int, dst reflect.Value) error {
	k := 0
	return s.each(ctx, b, func(row int) (reflect.Value, bool, bool) {
		if k == len(indices) {
			return reflect.Value{}, false, false
		}
		if row != indices[k] {
			return reflect.Value{}, false, true
		}
		k++
		return dst.Index(k - 1), true, true
	})
}

func (s *textShard) scan(ctx context.Context, b *binding, _ scanOptions, yield func(reflect.Value) bool) error {
	slice := reflect.SliceOf(b.typ)
	var batch reflect.Value
	stopped := false
	err := s.each(ctx, b, func(row int) (reflect.Value, bool, bool) {
		at := row % batchRows
		if at == 0 {
			if row > 0 && !yield(batch) {
				stopped = true
				return reflect.Value{}, false, false
			}
			batch = reflect.MakeSlice(slice, min(batchRows, s.count-row), min(batchRows, s.count-row))
		}
		if row == s.count {
			return reflect.Value{}, false, false
		}
		return batch.Index(at), true, true
	})
	if err == nil && !stopped && batch.Len() > 0 {
		yield(batch)
	}
	return err
}

// jsonRows reads one JSON object a line; blank lines count for nothing.
type jsonRows struct {
	r    *bufio.Reader
	line []byte
	row  *pyjson.Object
}

func (j *jsonRows) next() error {
	for {
		line, err := j.readLine()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		j.line, j.row = line, nil
		return nil
	}
}

// readLine returns the next line, valid until the next call.
func (j *jsonRows) readLine() ([]byte, error) {
	j.line = j.line[:0]
	for {
		part, err := j.r.ReadSlice('\n')
		if len(j.line)+len(part) > maxRowBytes {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrLimit, maxRowBytes)
		}
		j.line = append(j.line, part...)
		switch {
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(j.line) > 0, err == nil:
			return j.line, nil
		case err == io.EOF:
			return nil, err
		default:
			return nil, corruptText(err)
		}
	}
}

func (j *jsonRows) set(f *field, cell reflect.Value) error {
	if j.row == nil {
		v, err := pyjson.Parse(j.line)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		row, ok := v.(*pyjson.Object)
		if !ok {
			return fmt.Errorf("%w: expected a JSON object, found %s", ErrCorrupt, jsonType(v))
		}
		j.row = row
	}
	return setInside(f, cell, j.row, f.path)
}

// setInside puts what lies at a path in a JSON object into a field.
func setInside(f *field, cell reflect.Value, in *pyjson.Object, path []string) error {
	v, ok := lookup(in, path)
	if !ok && !f.optional {
		names := make([]string, in.Len())
		for i := range names {
			key, _ := in.At(i)
			names[i] = strconv.Quote(key)
		}
		return &ColumnError{Columns: names}
	}
	return setValue(f, cell, v)
}

// setValue puts a JSON value into a field.
func setValue(f *field, cell reflect.Value, v any) error {
	if v == nil {
		if !f.optional && !f.list {
			return ErrNull
		}
		return nil
	}
	if !f.list {
		return setJSON(f, cell, v)
	}
	items, ok := v.([]any)
	if !ok {
		return &ColumnError{Found: jsonType(v)}
	}
	if len(items) == 0 {
		return nil
	}
	list := reflect.MakeSlice(cell.Type(), len(items), len(items))
	for i, item := range items {
		switch {
		case item == nil && f.optional:
		case item == nil:
			return ErrNull
		default:
			if err := setJSON(f, list.Index(i), item); err != nil {
				return err
			}
		}
	}
	cell.Set(list)
	return nil
}

// lookup follows a path of keys. Keys that hold dots are found too.
func lookup(o *pyjson.Object, path []string) (any, bool) {
	for n := len(path); n > 0; n-- {
		v, ok := o.Get(strings.Join(path[:n], "."))
		if !ok {
			continue
		}
		if n == len(path) || v == nil {
			return v, true
		}
		if inner, isObject := v.(*pyjson.Object); isObject {
			return lookup(inner, path[n:])
		}
	}
	return nil, false
}

func setJSON(f *field, cell reflect.Value, v any) error {
	switch v := v.(type) {
	case string:
		if f.kind == parquetcol.KindString {
			if !utf8.ValidString(v) {
				return ErrUTF8
			}
			cell.SetString(v)
			return nil
		}
	case pyjson.Int:
		switch f.kind {
		case parquetcol.KindInt:
			n, fits := v.Int64()
			if !fits {
				return fmt.Errorf("%s is too large for %v", v, f.elem)
			}
			if err := f.overflow(n); err != nil {
				return err
			}
			cell.SetInt(n)
			return nil
		case parquetcol.KindFloat:
			cell.SetFloat(v.Float64())
			return nil
		}
	case float64:
		if f.kind == parquetcol.KindFloat {
			cell.SetFloat(v)
			return nil
		}
	case bool:
		if f.kind == parquetcol.KindBool {
			cell.SetBool(v)
			return nil
		}
	}
	return &ColumnError{Found: jsonType(v)}
}

func jsonType(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case pyjson.Int:
		return "integer"
	case float64:
		return "float"
	case bool:
		return "boolean"
	case []any:
		return "list"
	case *pyjson.Object:
		return "object"
	}
	return "null"
}
