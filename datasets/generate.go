package datasets

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// The defaults of GenerateOptions.
const (
	defaultSampleSize       = 500
	defaultTrainRatio       = 0.8
	defaultSeed       int64 = 42
)

// GenerateOptions tunes Generate. The zero value, and nil, do what the Python
// pipeline does without a configuration.
type GenerateOptions struct {
	// SampleSize is the number of rows drawn of each benchmark, 1 or more; a
	// benchmark of fewer rows is taken whole. Of one with several parts (math
	// has seven) SampleSize/parts+1 rows are drawn of each part. 0: 500.
	SampleSize int
	// TrainRatio is the share of the records that goes to training, 0 to 1;
	// the count is rounded down. nil: 0.8.
	TrainRatio *float64
	// Seed seeds the sampling and the split; every number is one. nil: 42, for
	// which the samples are those of the Python pipeline, whatever its seed: it
	// samples with 42 always.
	Seed *int64
	// Specs are the benchmarks known, each task once. nil: Catalog().
	Specs []Spec
	// Datasets names the tasks wanted, all of them in Specs. The benchmarks draw
	// from one generator, one after another, so leaving one out changes the
	// samples of the later ones; see KeepSamples. nil: all.
	Datasets []string
	// KeepSamples draws for the benchmarks that are left out or skipped too, as
	// if they had the rows that their Specs expect, so that the others' samples
	// are those of a complete run.
	KeepSamples bool
	// SkipFailed goes on without the benchmarks that cannot be opened, and
	// tells about them in Result.Datasets. Otherwise the first error ends it.
	SkipFailed bool
	// Stratified splits each task on its own, so that both sides hold every
	// task in the same proportion and a task's split does not depend on the
	// others. Otherwise all records are split at once, as in the Python
	// pipeline.
	Stratified bool
	// GroupSplit puts records of equal query text on one side. Without such
	// records it changes nothing.
	GroupSplit bool
	// Logger receives the warnings of the tables. nil: silent.
	Logger *slog.Logger
	// Progress is called after each benchmark is opened and after it is read;
	// never from two goroutines at once. nil: silent.
	Progress func(Progress)
}

// validate fills in the defaults.
func (o *GenerateOptions) validate() (GenerateOptions, error) {
	v, f := options.Begin(o, "datasets: GenerateOptions")
	options.Number(f, "SampleSize", &v.SampleSize, defaultSampleSize, 1, 0)
	options.Pointer(f, "TrainRatio", &v.TrainRatio, defaultTrainRatio, 0, 1)
	options.Pointer(f, "Seed", &v.Seed, defaultSeed, math.MinInt64, 0)
	if v.Specs == nil {
		v.Specs = Catalog()
	}
	for i, s := range v.Specs {
		if err := s.Validate(); err != nil {
			f.Add("Specs", "has an invalid one: %w", err)
		}
		if _, ok := Find(v.Specs[:i], s.Task); ok {
			f.Add("Specs", "has task %q more than once", s.Task)
		}
	}
	for _, name := range v.Datasets {
		if _, ok := Find(v.Specs, name); !ok {
			f.Add("Datasets", "has the unknown task %q; there are %q", name, tasks(v.Specs))
		}
	}
	return v, f.Err()
}

// Progress is a step of Generate.
type Progress struct {
	// Stage is "open" or "read".
	Stage string
	// Task is the benchmark that the step is about.
	Task string
	// Done of Total benchmarks have passed the stage.
	Done, Total int
}

// Result is what Generate made.
type Result struct {
	// Train and Test are the records in their shuffled order.
	Train, Test []llmrouterdata.StandardQueryData
	// Datasets tells about each benchmark wanted, in the order of the records.
	Datasets []DatasetResult
}

// DatasetResult tells what became of one benchmark.
type DatasetResult struct {
	Spec Spec
	// Rows is the number of rows found in each part.
	Rows []int
	// Samples are the row numbers drawn, within each part, in the order drawn.
	Samples [][]int
	// Warnings tells what is odd about the files.
	Warnings []string
	// Err says why the benchmark was skipped, nil if it was not.
	Err error
}

// Generate samples the benchmarks, makes records of the rows and splits them.
//
// The random numbers come from one generator, seeded with Seed, in this order:
// the samples of all benchmarks, in the order of Spec.DrawOrder; then what the
// records take, benchmark by benchmark in the order of Specs (of the catalogue
// only gpqa, which shuffles its options). The generator is then seeded afresh
// and shuffles all records; the first TrainRatio of them are for training.
func Generate(ctx context.Context, src Source, o *GenerateOptions) (*Result, error) {
	g, err := newGeneration(o)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := g.openAll(ctx, src); err != nil {
		return nil, err
	}
	return g.run(ctx)
}

// generation is one run of Generate.
type generation struct {
	o          GenerateOptions // validated
	sampleSeed int64
	specs      []Spec
	wanted     []bool
	tables     []*Table // nil where not wanted or failed
	errs       []error
}

func newGeneration(o *GenerateOptions) (*generation, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	g := &generation{o: v, sampleSeed: *v.Seed, specs: v.Specs}
	g.wanted = make([]bool, len(g.specs))
	g.tables = make([]*Table, len(g.specs))
	g.errs = make([]error, len(g.specs))
	for i, s := range g.specs {
		g.wanted[i] = v.Datasets == nil || slices.Contains(v.Datasets, s.Task)
	}
	return g, nil
}

func tasks(specs []Spec) []string {
	out := make([]string, len(specs))
	for i, s := range specs {
		out[i] = s.Task
	}
	return out
}

func (g *generation) close() {
	for _, t := range g.tables {
		if t != nil {
			_ = t.Close()
		}
	}
}

// openAll opens the tables, several at a time since files may be on their way
// from afar.
func (g *generation) openAll(ctx context.Context, src Source) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(maxOpening)
	total := 0
	for _, wanted := range g.wanted {
		if wanted {
			total++
		}
	}
	var mu sync.Mutex // of the progress
	done := 0
	for i, wanted := range g.wanted {
		if !wanted {
			continue
		}
		group.Go(func() error {
			t, err := Open(groupCtx, src, g.specs[i])
			g.tables[i], g.errs[i] = t, err
			if err != nil && (!g.o.SkipFailed || ctx.Err() != nil) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			g.progress("open", i, done, total)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (g *generation) progress(stage string, i, done, total int) {
	if g.o.Progress != nil {
		g.o.Progress(Progress{Stage: stage, Task: g.specs[i].Task, Done: done, Total: total})
	}
}

// run draws, reads and splits; the tables are open.
func (g *generation) run(ctx context.Context) (*Result, error) {
	rng := NewRand(g.sampleSeed)
	samples, err := g.draw(rng)
	if err != nil {
		return nil, err
	}
	res := new(Result)
	var records []llmrouterdata.StandardQueryData
	var counts []int // records of each task, for the split by task
	total := len(g.tables) - countNil(g.tables)
	done := 0
	for i, t := range g.tables {
		if !g.wanted[i] {
			continue
		}
		d := DatasetResult{Spec: g.specs[i], Err: g.errs[i]}
		if t != nil {
			if g.o.Logger != nil {
				t.log(g.o.Logger)
			}
			d.Rows, d.Samples, d.Warnings = t.PartLens(), samples[i], t.Warnings()
			recs, err := t.Records(ctx, t.flatten(samples[i]), rng)
			if err != nil {
				return nil, err
			}
			records = append(records, recs...)
			counts = append(counts, len(recs))
			done++
			g.progress("read", i, done, total)
		}
		res.Datasets = append(res.Datasets, d)
	}
	res.Train, res.Test = g.split(records, counts)
	return res, nil
}

func countNil(tables []*Table) int {
	n := 0
	for _, t := range tables {
		if t == nil {
			n++
		}
	}
	return n
}

// draw samples every benchmark and returns the row numbers by part.
func (g *generation) draw(rng *Rand) ([][][]int, error) {
	order := make([]int, len(g.specs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		rank := func(i int) uint { return uint(g.specs[i].DrawOrder) - 1 } // 0 comes last
		switch x, y := rank(a), rank(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	samples := make([][][]int, len(g.specs))
	for _, i := range order {
		sizes := g.sizes(i)
		quota := g.o.SampleSize
		if len(sizes) > 1 {
			quota = quota/len(sizes) + 1
		}
		for _, size := range sizes {
			rows, err := drawRows(rng, size, quota)
			if err != nil {
				return nil, fmt.Errorf("datasets: %s: %w", g.specs[i].Task, err)
			}
			samples[i] = append(samples[i], rows)
		}
	}
	return samples, nil
}

// sizes returns the rows of each part to draw from, nothing for a benchmark
// that is left out.
func (g *generation) sizes(i int) []int {
	if t := g.tables[i]; t != nil {
		return t.parts
	}
	if !g.o.KeepSamples {
		return nil
	}
	var sizes []int
	for _, p := range g.specs[i].Parts {
		sizes = append(sizes, p.Rows)
	}
	return sizes
}

// drawRows draws n of size rows, or all in order where there are fewer.
func drawRows(rng *Rand, size, n int) ([]int, error) {
	if size >= n {
		return rng.Sample(size, n)
	}
	rows := make([]int, size)
	for i := range rows {
		rows[i] = i
	}
	return rows, nil
}

// flatten turns row numbers within parts into row numbers of the table.
func (t *Table) flatten(samples [][]int) []int {
	var out []int
	before := 0
	for p, rows := range samples {
		for _, row := range rows {
			out = append(out, before+row)
		}
		before += t.parts[p]
	}
	return out
}

// split shuffles the records and divides them. counts are the numbers of
// records of each task, in order.
func (g *generation) split(records []llmrouterdata.StandardQueryData, counts []int) (train, test []llmrouterdata.StandardQueryData) {
	s := &splitter{records: records, inTrain: make([]bool, len(records))}
	if g.o.GroupSplit {
		s.side = map[string]bool{}
	}
	order := NewRand(*g.o.Seed).Perm(len(records))
	if g.o.Stratified {
		// Each task has a generator of its own, so that its division depends on
		// nothing but the seed and its own size. The order of the whole is then
		// that of all records shuffled.
		before := 0
		for _, n := range counts {
			own := NewRand(*g.o.Seed).Perm(n)
			for k := range own {
				own[k] += before
			}
			s.divide(own, g.cut(n))
			before += n
		}
	} else {
		s.divide(order, g.cut(len(order)))
	}
	for _, i := range order {
		if s.inTrain[i] {
			train = append(train, records[i])
		} else {
			test = append(test, records[i])
		}
	}
	return train, test
}

// splitter decides which records are for training.
type splitter struct {
	records []llmrouterdata.StandardQueryData
	inTrain []bool
	side    map[string]bool // by query, nil where equal queries may be parted
}

// divide gives the first n records in the order to training. Where equal
// queries stay together, the first of them decides for all, and training is
// full when it has n records with those that are yet to come.
func (s *splitter) divide(order []int, n int) {
	if s.side == nil {
		for _, i := range order[:n] {
			s.inTrain[i] = true
		}
		return
	}
	size := map[string]int{}
	for _, i := range order {
		size[s.records[i].Query]++
	}
	taken := 0
	for query, k := range size { // decided by an earlier task
		if s.side[query] {
			taken += k
		}
	}
	for _, i := range order {
		query := s.records[i].Query
		inTrain, decided := s.side[query]
		if !decided {
			if inTrain = taken < n; inTrain {
				taken += size[query]
			}
			s.side[query] = inTrain
		}
		s.inTrain[i] = inTrain
	}
}

// cut returns the number of training records among n, rounded down as Python's
// int(n * ratio) does.
func (g *generation) cut(n int) int { return int(float64(n) * *g.o.TrainRatio) }
