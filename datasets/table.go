package datasets

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Table is an open benchmark. Its rows are those of the parts, and of the
// parts' files, one after the other. It is safe for concurrent use.
type Table struct {
	spec   Spec
	parts  []int // rows of each part
	shards []shard
	starts []int // rows before each shard; the last entry counts all
	files  []File
	warn   []string
}

// shard is one file of a table, whatever its format.
type shard interface {
	name() string
	rows() int
	// read sets the fields of dst[i] from row indices[i]; indices ascend.
	read(ctx context.Context, b *binding, indices []int, dst reflect.Value) error
	// scan calls yield with slices of b's type until it reports false. A slice
	// is valid until yield returns; what its structs refer to may be kept, but
	// for lists that are used again.
	scan(ctx context.Context, b *binding, o scanOptions, yield func(batch reflect.Value) bool) error
}

type scanOptions struct {
	// reuseLists allows lists to be overwritten by those of the next batch,
	// though not their texts.
	reuseLists bool
}

// Open opens a benchmark. Files that are there but cannot be read are a
// *FileError, missing ones an ErrNotFound or ErrIncomplete, or the source's own
// error.
func Open(ctx context.Context, src Source, spec Spec) (*Table, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	t := &Table{spec: spec}
	if err := t.open(ctx, src); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Table) open(ctx context.Context, src Source) error {
	total := 0
	t.starts = []int{0}
	for _, part := range t.spec.Parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		files, want, err := src.Open(ctx, t.spec, part)
		if err != nil {
			return fmt.Errorf("datasets: %s: %s: %w", t.spec.Task, part.name(), err)
		}
		t.files = append(t.files, files...)
		rows := 0
		for _, f := range files {
			if err := lfs.Check(f, f.Size()); err != nil {
				return &FileError{t.spec.Task, f.Name(), fmt.Errorf("%w: %w", ErrCorrupt, err)}
			}
			s, err := openShard(ctx, t.spec.Task, f)
			if err != nil {
				return &FileError{t.spec.Task, f.Name(), err}
			}
			if s.rows() > math.MaxInt-total-rows {
				return &FileError{t.spec.Task, f.Name(), fmt.Errorf("%w: %d rows", ErrLimit, s.rows())}
			}
			t.shards = append(t.shards, s)
			rows += s.rows()
			t.starts = append(t.starts, total+rows)
		}
		total += rows
		t.parts = append(t.parts, rows)
		if want > 0 && rows != want {
			t.warn = append(t.warn, fmt.Sprintf("%s: %s holds %d rows, %d expected", t.spec.Task, part.name(), rows, want))
		}
	}
	return nil
}

// Close closes the files.
func (t *Table) Close() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	t.files = nil
	return errors.Join(errs...)
}

// Spec returns the benchmark's description.
func (t *Table) Spec() Spec { return t.spec }

// Len returns the number of rows.
func (t *Table) Len() int { return t.starts[len(t.starts)-1] }

// PartLens returns the number of rows of each part of the Spec.
func (t *Table) PartLens() []int { return slices.Clone(t.parts) }

// Warnings tells what is odd about the files without making them useless, such
// as another number of rows than the Spec expects.
func (t *Table) Warnings() []string { return slices.Clone(t.warn) }

// Files returns the names of the files.
func (t *Table) Files() []string {
	out := make([]string, len(t.shards))
	for i, s := range t.shards {
		out[i] = s.name()
	}
	return out
}

func (t *Table) log(l *slog.Logger) {
	for _, w := range t.warn {
		l.Warn("datasets: " + w)
	}
}

// shardOf returns the number of the shard that holds row i.
func (t *Table) shardOf(i int) int {
	return sort.Search(len(t.shards), func(k int) bool { return t.starts[k+1] > i })
}

// locate returns the file that holds row i and the row's number in it.
func (t *Table) locate(i int) (file string, row int64) {
	k := t.shardOf(i)
	return t.shards[k].name(), int64(i - t.starts[k])
}

// Records returns the records of the rows with the given numbers, from 0, in
// the order asked; a number may stand more than once. r draws the random
// numbers that a benchmark needs (of the catalogue only gpqa, for the order of
// its options); nil is a generator seeded with 42.
func (t *Table) Records(ctx context.Context, indices []int, r *Rand) ([]llmrouterdata.StandardQueryData, error) {
	if r == nil {
		r = NewRand(defaultSeed)
	}
	return t.spec.Decode.records(ctx, t, indices, r)
}

// All yields the records of all rows in order; an error ends it. r is as in
// Records.
func (t *Table) All(ctx context.Context, r *Rand) iter.Seq2[llmrouterdata.StandardQueryData, error] {
	if r == nil {
		r = NewRand(defaultSeed)
	}
	return t.spec.Decode.all(ctx, t, r)
}

// Rows reads the rows with the given numbers, from 0, into structs of the
// caller's, in the order asked; a number may stand more than once. T's tags
// choose the columns, as for Decode. Only the pages that the rows fall in are
// decoded, where the file allows for it.
func Rows[T any](ctx context.Context, t *Table, indices []int) ([]T, error) {
	b, err := bind(reflect.TypeFor[T]())
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	for _, i := range indices {
		if i < 0 || i >= t.Len() {
			return nil, fmt.Errorf("datasets: %s: row %d of %d", t.spec.Task, i, t.Len())
		}
	}
	// Read each row once, ascending, and hand them out in the order asked.
	sorted := slices.Clone(indices)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	rows := make([]T, len(sorted))
	for from := 0; from < len(sorted); {
		k := t.shardOf(sorted[from])
		to := from
		local := []int{}
		for ; to < len(sorted) && sorted[to] < t.starts[k+1]; to++ {
			local = append(local, sorted[to]-t.starts[k])
		}
		if err := t.shards[k].read(ctx, b, local, reflect.ValueOf(rows[from:to])); err != nil {
			return nil, err
		}
		from = to
	}
	out := make([]T, len(indices))
	for i, index := range indices {
		at, _ := slices.BinarySearch(sorted, index)
		out[i] = rows[at]
	}
	return out, nil
}

// All reads all rows in order into structs of the caller's, as Rows does. An
// error ends it.
func All[T any](ctx context.Context, t *Table) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for rows, err := range batches[T](ctx, t, scanOptions{}) {
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
		}
	}
}

// batches is All by the slice, which is valid until the next one comes; see
// shard.scan.
func batches[T any](ctx context.Context, t *Table, o scanOptions) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		b, err := bind(reflect.TypeFor[T]())
		if err != nil {
			yield(nil, fmt.Errorf("datasets: %w", err))
			return
		}
		for _, s := range t.shards {
			on := true
			err := s.scan(ctx, b, o, func(batch reflect.Value) bool {
				on = yield(batch.Interface().([]T), nil)
				return on
			})
			if !on {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// fileFormat is how a file holds its rows.
type fileFormat int

const (
	formatParquet fileFormat = iota
	formatJSONL
	formatCSV
)

func formatOf(name string) (fileFormat, error) {
	plain := strings.ToLower(name)
	if strings.HasSuffix(plain, ".parquet") {
		return formatParquet, nil
	}
	for _, packed := range packings {
		if text, ok := strings.CutSuffix(plain, packed); ok {
			plain = text
			break
		}
	}
	switch {
	case strings.HasSuffix(plain, ".jsonl"):
		return formatJSONL, nil
	case strings.HasSuffix(plain, ".csv"):
		return formatCSV, nil
	}
	return 0, fmt.Errorf("%w: %q ends in none of .parquet, .jsonl and .csv, and the latter two with .gz or .zst", ErrUnsupported, name)
}

func openShard(ctx context.Context, task string, f File) (shard, error) {
	kind, err := formatOf(f.Name())
	if err != nil {
		return nil, err
	}
	if kind == formatParquet {
		return openParquet(task, f)
	}
	return openText(ctx, task, f, kind)
}
