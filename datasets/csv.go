package datasets

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

// csvRows reads a .csv file with a header, after RFC 4180. Unlike
// encoding/csv it leaves a carriage return within quotes as it is.
type csvRows struct {
	r       *bufio.Reader
	columns []string
	cells   []string
	buf     []byte
	ends    []int
	records int
}

func openCSV(r *bufio.Reader) (*csvRows, error) {
	c := &csvRows{r: r}
	if err := c.record(); err != nil {
		if err == io.EOF {
			err = fmt.Errorf("%w: no header", ErrCorrupt)
		}
		return nil, err
	}
	c.columns = c.cells
	seen := map[string]bool{}
	for _, name := range c.columns {
		if seen[name] && name != "" {
			return nil, fmt.Errorf("%w: two columns named %q", ErrCorrupt, name)
		}
		seen[name] = true
	}
	return c, nil
}

func (c *csvRows) next() error {
	if err := c.record(); err != nil {
		return err
	}
	if len(c.cells) != len(c.columns) {
		return fmt.Errorf("%w: %d cells under %d columns", ErrCorrupt, len(c.cells), len(c.columns))
	}
	return nil
}

// record reads one record, passing over empty lines.
func (c *csvRows) record() error {
	for {
		if err := c.scanRecord(); err != nil {
			return err
		}
		if len(c.ends) == 1 && c.ends[0] == 0 && !c.quotedEmpty() {
			continue
		}
		break
	}
	text := string(c.buf)
	c.cells = make([]string, len(c.ends))
	from := 0
	for i, end := range c.ends {
		c.cells[i] = text[from:end]
		from = end
	}
	c.records++
	return nil
}

// quotedEmpty reports whether an empty record stands for one empty cell, as in
// a file of one column.
func (c *csvRows) quotedEmpty() bool { return len(c.columns) == 1 }

// scanRecord reads the cells of a record into buf and ends.
func (c *csvRows) scanRecord() error {
	c.buf, c.ends = c.buf[:0], c.ends[:0]
	const (
		start  = iota // of a cell
		plain         // within a cell without quotes
		quoted        // within quotes
		closed        // after the closing quote
	)
	state, size := start, 0
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			if err != io.EOF {
				return corruptText(err)
			}
			if state == quoted {
				return fmt.Errorf("%w: a quote is not closed", ErrCorrupt)
			}
			if size == 0 {
				return io.EOF
			}
			c.ends = append(c.ends, len(c.buf))
			return nil
		}
		if size++; size > maxRowBytes {
			return fmt.Errorf("%w: a record of more than %d bytes", ErrLimit, maxRowBytes)
		}
		switch {
		case state == quoted:
			if b != '"' {
				c.buf = append(c.buf, b)
			} else if after, _ := c.r.Peek(1); len(after) == 1 && after[0] == '"' {
				_, _ = c.r.Discard(1)
				c.buf = append(c.buf, '"')
			} else {
				state = closed
			}
		case b == '"' && state == start:
			state = quoted
		case b == ',':
			c.ends = append(c.ends, len(c.buf))
			state = start
		case b == '\n':
			c.ends = append(c.ends, len(c.buf))
			return nil
		case b == '\r':
			after, err := c.r.Peek(1)
			if err == nil && after[0] == '\n' {
				continue
			}
			c.buf = append(c.buf, b)
		case state == closed:
			return fmt.Errorf("%w: record %d: text after a closing quote", ErrCorrupt, c.records)
		default:
			state = plain
			c.buf = append(c.buf, b)
		}
	}
}

func (c *csvRows) set(f *field, cell reflect.Value) error {
	at := -1
	for i, name := range c.columns {
		if name == f.name {
			at = i
		}
	}
	if at < 0 {
		if f.optional {
			return nil
		}
		names := make([]string, len(c.columns))
		for i, name := range c.columns {
			names[i] = strconv.Quote(name)
		}
		return &ColumnError{Columns: names}
	}
	text := c.cells[at]
	switch {
	case f.list:
		return &ColumnError{Found: "text of a cell"}
	case !utf8.ValidString(text):
		return ErrUTF8
	case text == "" && f.optional:
		return nil
	case text == "":
		return ErrNull
	}
	var err error
	switch f.kind {
	case parquetcol.KindString:
		cell.SetString(strings.Clone(text))
	case parquetcol.KindInt:
		var n int64
		if n, err = strconv.ParseInt(text, 10, f.elem.Bits()); err == nil {
			cell.SetInt(n)
		}
	case parquetcol.KindFloat:
		var x float64
		if x, err = strconv.ParseFloat(text, f.elem.Bits()); err == nil {
			cell.SetFloat(x)
		}
	case parquetcol.KindBool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			cell.SetBool(b)
		}
	}
	if err != nil {
		return &ColumnError{Found: strconv.Quote(clip(text))}
	}
	return nil
}

// clip shortens text for a message.
func clip(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "..."
	}
	return s
}
