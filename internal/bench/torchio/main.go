// Command torchio compares this repository's reading and writing of torch
// files with torch's own and with dd, in one run:
//
//	go -C internal/bench run ./torchio [-n 100000] [-dim 768] [-rounds 5] [-dir DIR] [-python python3]
//
// Every operation runs in a process of its own, which gives its peak memory,
// and the operations take turns, so that a busy moment of the machine meets
// all of them. Files are written with fsync within the time and read from the
// page cache; to read means to sum every float. Without torch only the Go
// operations run. With -huge it also writes and reads back a file past 4 GiB.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	_ "embed"

	"github.com/llmrouter-go/llmrouter/torchio"
)

//go:embed torch_bench.py
var torchBench string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "torchio bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	n := flag.Int("n", 100_000, "vectors")
	dim := flag.Int("dim", 768, "floats of a vector")
	rounds := flag.Int("rounds", 5, "times that each operation runs")
	dir := flag.String("dir", "", "folder of the files (default: a temporary one)")
	python := flag.String("python", "python3", "an interpreter with torch")
	huge := flag.Bool("huge", false, "check a file past 4 GiB instead")
	op := flag.String("op", "", "run this one operation (for the program's own use)")
	file := flag.String("file", "", "the operation's file")
	flag.Parse()
	if *op != "" {
		return child(*op, *file, *n, *dim)
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "torchio-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	b := &bench{dir: *dir, n: *n, dim: *dim, python: *python}
	if *huge {
		return b.checkHuge(ctx)
	}
	return b.compare(ctx, *rounds)
}

// child runs one operation in this process and prints seconds and
// allocations.
func child(op, file string, n, dim int) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	if err := operate(op, file, n, dim); err != nil {
		return err
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	fmt.Println(took.Seconds(), after.Mallocs-before.Mallocs)
	return nil
}

// operate writes a file in one of the layouts, or reads one.
func operate(op, file string, n, dim int) error {
	switch op {
	case "write-shared":
		return writeDict(file, n, dim, torchio.LayoutShared)
	case "write-separate":
		return writeDict(file, n, dim, torchio.LayoutSeparate)
	case "write-stacked":
		return writeFile(file, nil, func(w *torchio.Writer) error {
			for i, row := range rows(n, dim) {
				if err := w.Append(torchio.Of(row)); err != nil {
					return fmt.Errorf("row %d: %w", i, err)
				}
			}
			return nil
		})
	case "read", "read-mapped":
		return read(file, op == "read-mapped")
	}
	return fmt.Errorf("unknown operation %q", op)
}

// rows yields n vectors out of a few that it changes, so that the data take
// no memory of their own.
func rows(n, dim int) func(yield func(int, []float32) bool) {
	pool := make([][]float32, 64)
	for i := range pool {
		pool[i] = make([]float32, dim)
		for j := range pool[i] {
			pool[i][j] = float32((i*131+j*31)%1000)/500 - 1
		}
	}
	return func(yield func(int, []float32) bool) {
		for i := range n {
			row := pool[i%len(pool)]
			row[0] = float32(i % 1000)
			if !yield(i, row) {
				return
			}
		}
	}
}

// wantSum is the sum of all that rows yields.
func wantSum(n, dim int) float64 {
	total := 0.0
	for _, row := range rows(n, dim) {
		total += sum(row)
	}
	return total
}

func writeDict(file string, n, dim int, layout torchio.Layout) error {
	return writeFile(file, &torchio.WriterOptions{Layout: layout}, func(w *torchio.Writer) error {
		for i, row := range rows(n, dim) {
			if err := w.PutInt(int64(i), torchio.Of(row)); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeFile(file string, o *torchio.WriterOptions, fill func(*torchio.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := torchio.NewWriter(f, o)
	if err := fill(w); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := w.Close(); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

func read(file string, mapped bool) error {
	f, err := torchio.OpenFile(file, &torchio.ReadOptions{MapFile: mapped})
	if err != nil {
		return err
	}
	defer f.Close()
	total := 0.0
	var vec []float32
	add := func(t *torchio.Tensor) error {
		if v, ok := t.View(); ok {
			total += sum(v)
			return nil
		}
		if len(vec) != t.NumElements() {
			vec = make([]float32, t.NumElements())
		}
		if err := t.CopyTo(vec); err != nil {
			return err
		}
		total += sum(vec)
		return nil
	}
	if t, ok := f.Root().(*torchio.Tensor); ok {
		if err := add(t); err != nil {
			return err
		}
	} else {
		d, err := f.IntDict()
		if err != nil {
			return err
		}
		for _, t := range d.All() {
			if err := add(t); err != nil {
				return err
			}
		}
	}
	sink = total
	return nil
}

var sink float64

// sum adds with several accumulators, which do not wait for one another.
func sum(v []float32) float64 {
	var a, b, c, d float64
	for len(v) >= 4 {
		a += float64(v[0])
		b += float64(v[1])
		c += float64(v[2])
		d += float64(v[3])
		v = v[4:]
	}
	for _, x := range v {
		a += float64(x)
	}
	return a + b + c + d
}

// sameSum allows for the order of addition.
func sameSum(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }

type bench struct {
	dir    string
	n, dim int
	python string
}

// operation is one line of the result.
type operation struct {
	name    string
	run     func(ctx context.Context, o *operation) error
	seconds []float64
	mallocs uint64
	peak    int64 // bytes
}

func (o *operation) best() float64 { return slices.Min(o.seconds) }

func (o *operation) median() float64 {
	s := slices.Sorted(slices.Values(o.seconds))
	return s[len(s)/2]
}

func (b *bench) compare(ctx context.Context, rounds int) error {
	megabytes := float64(b.n) * float64(b.dim) * 4 / 1e6
	goOp := func(op, file string) func(context.Context, *operation) error {
		return func(ctx context.Context, o *operation) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			return b.measure(ctx, o, exe, "-op", op, "-file", filepath.Join(b.dir, file), "-n", strconv.Itoa(b.n), "-dim", strconv.Itoa(b.dim))
		}
	}
	script := filepath.Join(b.dir, "torch_bench.py")
	if err := os.WriteFile(script, []byte(torchBench), 0o600); err != nil {
		return err
	}
	torchOp := func(op, file string) func(context.Context, *operation) error {
		return func(ctx context.Context, o *operation) error {
			return b.measure(ctx, o, b.python, script, op, filepath.Join(b.dir, file), strconv.Itoa(b.n), strconv.Itoa(b.dim))
		}
	}
	ops := []*operation{
		{name: "dd conv=fsync", run: b.dd},
		{name: "go write dict, shared", run: goOp("write-shared", "go-shared.pt")},
		{name: "go write dict, separate", run: goOp("write-separate", "go-separate.pt")},
		{name: "go write stacked", run: goOp("write-stacked", "go-stacked.pt")},
		{name: "go read dict, shared", run: goOp("read", "go-shared.pt")},
		{name: "go read dict, shared, mapped", run: goOp("read-mapped", "go-shared.pt")},
		{name: "go read dict, separate", run: goOp("read", "go-separate.pt")},
		{name: "go read dict, separate, mapped", run: goOp("read-mapped", "go-separate.pt")},
		{name: "go read stacked", run: goOp("read", "go-stacked.pt")},
		{name: "go read stacked, mapped", run: goOp("read-mapped", "go-stacked.pt")},
	}
	if err := exec.CommandContext(ctx, b.python, "-c", "import torch").Run(); err == nil {
		ops = append(ops, []*operation{
			{name: "torch save dict, separate", run: torchOp("save-separate", "torch-separate.pt")},
			{name: "torch save dict, views", run: torchOp("save-views", "torch-views.pt")},
			{name: "torch save stacked", run: torchOp("save-stacked", "torch-stacked.pt")},
			{name: "torch load dict, separate (no sum)", run: torchOp("load", "torch-separate.pt")},
			{name: "torch load dict, views (no sum)", run: torchOp("load", "torch-views.pt")},
			{name: "torch load stacked, sum", run: torchOp("load-sum", "torch-stacked.pt")},
			{name: "torch load go's shared (no sum)", run: torchOp("load", "go-shared.pt")},
			{name: "torch load go's separate (no sum)", run: torchOp("load", "go-separate.pt")},
		}...)
	} else {
		fmt.Printf("no torch in %s: %v\n", b.python, err)
	}
	for range rounds {
		for _, o := range ops {
			if err := o.run(ctx, o); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d x %d float32, %.0f MB, %d rounds, %d processors\t\t\t\t\t\n", b.n, b.dim, megabytes, rounds, runtime.NumCPU())
	fmt.Fprintln(w, "operation\tbest s\tmedian s\tmedian MB/s\tpeak MiB\tallocations\t")
	for _, o := range ops {
		allocs := ""
		if o.mallocs > 0 {
			allocs = strconv.FormatUint(o.mallocs, 10)
		}
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.0f\t%.0f\t%s\t\n", o.name, o.best(), o.median(), megabytes/o.median(), float64(o.peak)/(1<<20), allocs)
	}
	return w.Flush()
}

// measure runs a command that prints seconds and perhaps allocations.
func (b *bench) measure(ctx context.Context, o *operation, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	fields := strings.Fields(string(out))
	if len(fields) == 0 {
		return errors.New("the operation printed nothing")
	}
	s, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return err
	}
	o.seconds = append(o.seconds, s)
	if len(fields) > 1 {
		if o.mallocs, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
			return err
		}
	}
	o.peak = max(o.peak, peakMemory(cmd.ProcessState))
	return nil
}

// dd writes as many zeros as the vectors have bytes.
func (b *bench) dd(ctx context.Context, o *operation) error {
	const block = 1 << 20
	count := b.n * b.dim * 4 / block
	begin := time.Now()
	cmd := exec.CommandContext(ctx, "dd", "if=/dev/zero", "of="+filepath.Join(b.dir, "dd"), "bs=1M", "count="+strconv.Itoa(count), "conv=fsync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	o.seconds = append(o.seconds, time.Since(begin).Seconds())
	o.peak = max(o.peak, peakMemory(cmd.ProcessState))
	return nil
}

// checkHuge writes files past 4 GiB in each layout, reads them back and, if
// torch is there, loads them with it.
func (b *bench) checkHuge(ctx context.Context) error {
	const dim = 1 << 16
	const n = 4<<30/(4*dim) + 100
	file := filepath.Join(b.dir, "huge.pt")
	defer os.Remove(file)
	// The first and the last vector, for torch to compare.
	args := []string{"-c", hugeCheck, file, strconv.Itoa(n)}
	for i, row := range rows(n, dim) {
		if i == 0 || i == n-1 {
			for _, v := range row[:3] {
				args = append(args, strconv.FormatFloat(float64(v), 'g', -1, 64))
			}
		}
	}
	hasTorch := exec.CommandContext(ctx, b.python, "-c", "import torch").Run() == nil
	for _, kind := range []string{"shared", "separate", "stacked"} {
		if err := operate("write-"+kind, file, n, dim); err != nil {
			return err
		}
		if kind != "stacked" { // which would take 4 GiB of memory
			if err := read(file, false); err != nil {
				return err
			}
			if want := wantSum(n, dim); !sameSum(sink, want) {
				return fmt.Errorf("%s: the sum is %v, want %v", kind, sink, want)
			}
		}
		if hasTorch {
			if out, err := exec.CommandContext(ctx, b.python, args...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: torch: %w: %s", kind, err, bytes.TrimSpace(out))
			}
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d vectors of %d, %d bytes, read back, torch compared: %v\n", kind, n, dim, info.Size(), hasTorch)
	}
	return nil
}

// hugeCheck compares the number of vectors and the beginnings of the first
// and the last one.
const hugeCheck = `
import sys, torch
v = torch.load(sys.argv[1])
n = int(sys.argv[2])
want = [float(x) for x in sys.argv[3:]]
got = [float(x) for x in v[0][:3]] + [float(x) for x in v[n-1][:3]]
if len(v) != n or got != want:
    sys.exit("%d vectors, %s, want %d, %s" % (len(v), got, n, want))
`
