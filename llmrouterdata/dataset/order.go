package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// CandidateOrder is the order in which the rows of a query follow each other.
// Trainers that take the first of the best rows for the label of a query learn it
// too, since most queries have several best rows.
type CandidateOrder int

const (
	// OrderFile is that of llm_data.
	OrderFile CandidateOrder = iota
	// OrderCheapest begins with the lowest sum of both prices; equal ones are in
	// the order of llm_data.
	OrderCheapest
	// OrderBest begins with the highest mean performance of the training rows;
	// equal ones are in the order of llm_data.
	OrderBest
	// OrderSeeded is another for each query, drawn by its key: ties teach nothing.
	OrderSeeded
)

var orderNames = [...]string{"file", "cheapest", "best", "seeded"}

// String is the order's name: "file", "cheapest", "best" or "seeded".
func (o CandidateOrder) String() string {
	if o >= 0 && int(o) < len(orderNames) {
		return orderNames[o]
	}
	return fmt.Sprintf("CandidateOrder(%d)", int(o))
}

// ParseCandidateOrder returns the order of a name.
func ParseCandidateOrder(name string) (CandidateOrder, error) {
	if i := slices.Index(orderNames[:], name); i >= 0 {
		return CandidateOrder(i), nil
	}
	return 0, fmt.Errorf("dataset: there is no candidate order %q (there are %s)", name, strings.Join(orderNames[:], ", "))
}

// An Arrangement is the order of the candidates in the rows of each query.
type Arrangement struct {
	names []string // of the candidates that are called
	all   []int    // their order in every query; nil: drawn for each
}

// Arrange arranges the candidates that are called. means are their mean
// performances, in the same order, for [OrderBest]; nil for the others.
func (o CandidateOrder) Arrange(candidates []llmrouterdata.Candidate, means []float64) (*Arrangement, error) {
	called := slices.DeleteFunc(slices.Clone(candidates), func(c llmrouterdata.Candidate) bool { return !c.Called() })
	a := &Arrangement{names: llmrouterdata.CalledNames(candidates)}
	at := a.numbers()
	switch o {
	case OrderFile:
	case OrderSeeded:
		return a, nil
	case OrderCheapest:
		price := func(i int) float64 { return called[i].InputPrice + called[i].OutputPrice }
		slices.SortStableFunc(at, func(i, j int) int { return cmp.Compare(price(i), price(j)) })
	case OrderBest:
		if len(means) != len(called) {
			return nil, fmt.Errorf("dataset: %d means of %d candidates", len(means), len(called))
		}
		slices.SortStableFunc(at, func(i, j int) int { return cmp.Compare(means[j], means[i]) })
	default:
		return nil, fmt.Errorf("dataset: there is no candidate order %s", o)
	}
	a.all = at
	return a, nil
}

// numbers are those of the candidates that are called, from 0.
func (a *Arrangement) numbers() []int {
	list := make([]int, len(a.names))
	for i := range list {
		list[i] = i
	}
	return list
}

// Of gives the candidates in the order of a query's rows, by their numbers among
// those that are called. It is not to be changed.
func (a *Arrangement) Of(key llmrouterdata.QueryKey) []int {
	if a.all != nil {
		return a.all
	}
	sum := key.Hash()
	return a.drawn(digest(sum[:len(digest{})]))
}

// namesOf are the names of what Of gives.
func (a *Arrangement) namesOf(key llmrouterdata.QueryKey) []string {
	names := make([]string, len(a.names))
	for at, i := range a.Of(key) {
		names[at] = a.names[i]
	}
	return names
}

// drawn orders the candidates by hashes of the query and their names.
func (a *Arrangement) drawn(key digest) []int {
	lots := make([][sha256.Size]byte, len(a.names))
	for i, name := range a.names {
		lots[i] = sha256.Sum256(append(key[:], name...))
	}
	list := a.numbers()
	slices.SortFunc(list, func(i, j int) int { return bytes.Compare(lots[i][:], lots[j][:]) })
	return list
}

// tally adds up the performances of candidates over training rows, as the files have
// them; a row without one counts as 0.
type tally struct {
	sums   map[string]float64
	counts map[string]int
}

func newTally() *tally { return &tally{map[string]float64{}, map[string]int{}} }

func (y *tally) add(model string, score float64) {
	y.sums[model] += score
	y.counts[model]++
}

// addRows adds the training rows of a data set.
func (y *tally) addRows(ctx context.Context, d *Dataset) error {
	for line, err := range d.rawRows(ctx, Train) {
		if err != nil {
			return err
		}
		y.add(line.value.model, line.value.Score)
	}
	return nil
}

// means are those of candidates; one without rows has 0.
func (y *tally) means(names []string) []float64 {
	means := make([]float64, len(names))
	for i, name := range names {
		means[i] = y.sums[name] / float64(max(1, y.counts[name]))
	}
	return means
}

// arrangement arranges the candidates of the data set.
func (d *Dataset) arrangement(ctx context.Context, o CandidateOrder, candidates []llmrouterdata.Candidate) (*Arrangement, error) {
	y := newTally()
	if o == OrderBest {
		if err := y.addRows(ctx, d); err != nil {
			return nil, err
		}
	}
	return o.Arrange(candidates, y.means(llmrouterdata.CalledNames(candidates)))
}

// rawRow is a row with its line.
type rawRow struct {
	row
	text []byte
}

// rawRows yields the lines of a split.
func (d *Dataset) rawRows(ctx context.Context, split Split) iter.Seq2[*decoded[rawRow], error] {
	known := newHeads()
	return readLines(ctx, split.routingFile(d.paths), d.options.Workers, func() lineDecoder[rawRow] {
		reader := newRowReader(known)
		return func(line []byte, file string, number int) (rawRow, bool, error) {
			r, ok, err := reader.decode(line, file, number)
			return rawRow{r, line}, ok, err
		}
	})
}

// Reorder writes the routing files of a finished data set with the rows of each
// query in another order, to train and test, which may be the files themselves: both
// or none. To name another file of the set is an error. Lines are as they were, and so
// is the order of the queries; the other files of the data set stay as they are. The
// lines that a report of step 3 names are those of the files before. Rows of a query
// that do not follow each other, or are not one for every candidate, are an error.
func Reorder(ctx context.Context, d *Dataset, o CandidateOrder, train, test string) error {
	if err := d.reorderable(train, test); err != nil {
		return err
	}
	a, err := d.arrangement(ctx, o, d.Candidates)
	if err != nil {
		return err
	}
	var out atomicfile.Group
	defer out.Abort()
	for split, name := range []string{train, test} {
		f, err := out.Create(name)
		if err != nil {
			return err
		}
		text, err := textfile.NewWriter(f, name)
		if err != nil {
			return fmt.Errorf("dataset: %s: %w", name, err)
		}
		if err := errors.Join(d.reorderSplit(ctx, text, Split(split), a), text.Close()); err != nil {
			return err
		}
	}
	return out.Commit()
}

// reorderable demands that the files to be written are two, and no files of the set
// but its own routing files.
func (d *Dataset) reorderable(train, test string) error {
	written := []outputs.File{{Role: "routing_data_train", Path: train}, {Role: "routing_data_test", Path: test}}
	errs := []error{outputs.CheckDistinct(written, nil)}
	for split := range written {
		others := slices.DeleteFunc(d.files(), func(f outputs.File) bool { return f.Path == Split(split).routingFile(d.paths) })
		errs = append(errs, outputs.CheckDistinct(written[split:split+1], others))
	}
	return errors.Join(errs...)
}

// reorderSplit writes the lines of a split in order.
func (d *Dataset) reorderSplit(ctx context.Context, w io.Writer, split Split, a *Arrangement) error {
	g := reordering{w: w, a: a, lines: map[string][]byte{}}
	for line, err := range d.rawRows(ctx, split) {
		if err != nil {
			return err
		}
		if err := g.add(&line.value); err != nil {
			return fmt.Errorf("dataset: %s:%d: %w", split.routingFile(d.paths), line.number, err)
		}
	}
	if n := len(g.lines); n > 0 {
		return fmt.Errorf("dataset: %s: the last query has %d rows for %d candidates", split.routingFile(d.paths), n, len(a.names))
	}
	return nil
}

// reordering collects the lines of one query.
type reordering struct {
	w     io.Writer
	a     *Arrangement
	key   digest
	lines map[string][]byte // by candidate
}

func (g *reordering) add(r *rawRow) error {
	if len(g.lines) == 0 {
		g.key = r.key
	}
	_, twice := g.lines[r.model]
	switch {
	case twice || g.key != r.key:
		return fmt.Errorf("another query begins after %d rows of the one before, for %d candidates", len(g.lines), len(g.a.names))
	case !slices.Contains(g.a.names, r.model):
		return fmt.Errorf("the candidate %q is not in llm_data", r.model)
	}
	g.lines[r.model] = append(bytes.Clone(r.text), '\n')
	if len(g.lines) < len(g.a.names) {
		return nil
	}
	list := g.a.all
	if list == nil {
		list = g.a.drawn(g.key)
	}
	for _, i := range list {
		if _, err := g.w.Write(g.lines[g.a.names[i]]); err != nil {
			return err
		}
	}
	clear(g.lines)
	return nil
}
