package datasets

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"sync"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

// A scan of a parquet file reads batches of rows, each of one row group, and of
// each batch one column after the other. Where there is more than one
// processor, each column has a goroutine that reads the batches in their order,
// a few ahead of the caller, and a column that is more than half of the bytes
// has one more, which unpacks its pages. The caller gets whole batches in
// order, so that neither the rows nor the error that ends them depend on which
// goroutine was faster.

// span is a batch: n rows of a row group. fresh tells that it starts the group.
type span struct {
	group int
	first int64
	n     int
	fresh bool
}

// spans cuts a file into batches.
type spans struct {
	pq    *parquetcol.File
	group int
	row   int64 // of the next batch
}

// next returns the next batch, if there is one.
func (s *spans) next() (span, bool) {
	for ; s.group < s.pq.NumRowGroups(); s.group++ {
		first, end := s.pq.RowGroup(s.group)
		if s.row < end {
			at := span{s.group, s.row, int(min(batchRows, end-s.row)), s.row == first}
			s.row += int64(at.n)
			return at, true
		}
	}
	return span{}, false
}

// scanner is a scan in progress.
type scanner struct {
	shard   *parquetShard
	spans   spans
	columns []*scanColumn
	slots   []reflect.Value // for batches
}

// scanColumn is a column of a scan.
type scanColumn struct {
	*column
	shard *parquetShard
	// lists are the buffers of each slot's lists, where these are used again.
	lists []*buffers
	tasks chan task
	done  chan failure
}

// task is a batch to be read into a slot.
type task struct {
	span
	slot int
}

// failure is an error of a batch, and the row that it is about; the zero value
// is none.
type failure struct {
	row int64
	err error
}

// first returns the failure of the earlier row, f where they are of one.
func (f failure) first(g failure) failure {
	if f.err == nil || g.err != nil && g.row < f.row {
		return g
	}
	return f
}

func (s *parquetShard) scan(ctx context.Context, b *binding, o scanOptions, yield func(reflect.Value) bool) error {
	leaves, err := s.leaves(b)
	if err != nil {
		return err
	}
	alone := runtime.GOMAXPROCS(0) == 1 || s.pq.NumRows() <= batchRows
	all := 0.0 // bytes that are to be decoded, as the file states them
	for _, l := range leaves {
		all += s.pq.UnpackedBytes(l.leaf)
	}
	slots := 1
	if !alone {
		batch := max(1, all/float64(s.pq.NumRows())*batchRows)
		slots = int(min(max(aheadBytes/batch, minAhead), maxAhead))
	}
	c := &scanner{shard: s, spans: spans{pq: s.pq}}
	for range slots {
		c.slots = append(c.slots, reflect.MakeSlice(reflect.SliceOf(b.typ), batchRows, batchRows))
	}
	for _, l := range leaves {
		how := parquetcol.ColumnOptions{ReadBytes: scanAhead, ShareBytes: shareBytes, Ahead: !alone && s.pq.UnpackedBytes(l.leaf) > all/2}
		col := &scanColumn{column: s.column(l, how), shard: s}
		if col.reuseLists = o.reuseLists && col.f.list; col.reuseLists {
			for range slots {
				col.lists = append(col.lists, new(buffers))
			}
		}
		c.columns = append(c.columns, col)
	}
	if alone {
		return c.alone(ctx, yield)
	}
	return c.ahead(ctx, yield)
}

// alone reads the batches one by one.
func (c *scanner) alone(ctx context.Context, yield func(reflect.Value) bool) error {
	for {
		at, ok := c.spans.next()
		if !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var bad failure
		for _, col := range c.columns {
			bad = bad.first(col.readBatch(task{at, 0}, c.slots[0]))
		}
		if bad.err != nil {
			return bad.err
		}
		if !yield(c.slots[0].Slice(0, at.n)) {
			return nil
		}
	}
}

// ahead reads the batches with a goroutine for each column. All have ended when
// it returns.
func (c *scanner) ahead(ctx context.Context, yield func(reflect.Value) bool) error {
	quit := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	defer close(quit)
	for _, col := range c.columns {
		// No sender has to wait: there are no more tasks than slots.
		col.tasks, col.done = make(chan task, len(c.slots)), make(chan failure, len(c.slots))
		running.Go(func() {
			defer col.Close()
			col.readBatches(c.slots, quit)
		})
	}
	queue := make([]task, 0, len(c.slots))
	give := func(slot int) {
		at, ok := c.spans.next()
		if !ok {
			return
		}
		queue = append(queue, task{at, slot})
		for _, col := range c.columns {
			col.tasks <- task{at, slot}
		}
	}
	for slot := range c.slots {
		give(slot)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = append(queue[:0], queue[1:]...)
		var bad failure
		for _, col := range c.columns {
			select {
			case f := <-col.done:
				bad = bad.first(f)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if bad.err != nil {
			return bad.err
		}
		if !yield(c.slots[at.slot].Slice(0, at.n)) {
			return nil
		}
		give(at.slot)
	}
	return nil
}

// readBatches reads batches until told to stop, or one fails.
func (c *scanColumn) readBatches(slots []reflect.Value, quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		case t := <-c.tasks:
			f := c.readBatch(t, slots[t.slot])
			c.done <- f
			if f.err != nil {
				return
			}
		}
	}
}

// readBatch reads the column's part of a batch.
func (c *scanColumn) readBatch(t task, rows reflect.Value) failure {
	if c.reuseLists {
		c.buffers = c.lists[t.slot]
	}
	var err error
	if t.fresh {
		err = c.Start(t.group)
	}
	if err == nil {
		err = c.read(cellsOf(c.f, rows, 0, t.n))
	}
	if err == nil {
		return failure{}
	}
	row := c.shard.badRow(c.column, t.span, rows.Type(), &err)
	return failure{row, c.shard.rowError(c.f, row, err)}
}

// badRow reads the rows of a batch that has failed one by one, and returns the
// first that fails by itself, with its error in place of the batch's.
func (s *parquetShard) badRow(c *column, at span, rows reflect.Type, err *error) int64 {
	if errors.Is(*err, context.Canceled) || errors.Is(*err, context.DeadlineExceeded) {
		return at.first
	}
	single := s.column(c.boundLeaf, parquetcol.ColumnOptions{ReadBytes: scanAhead})
	to := cellsOf(c.f, reflect.MakeSlice(rows, 1, 1), 0, 1)
	bad := single.Start(at.group)
	for i := range int64(at.n) {
		if bad == nil {
			bad = single.SeekRow(at.first + i)
		}
		if bad == nil {
			bad = single.read(to)
		}
		if bad != nil {
			*err = bad
			return at.first + i
		}
	}
	return at.first
}
