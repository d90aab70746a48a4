// Command longformer measures the Longformer encoder on lists of token ids.
//
//	go -C internal/bench run ./longformer -ids FILE.json [-model DIR] [-out FILE]
//
// FILE.json is a JSON list of lists of token ids, <s> and </s> included. The
// model is the base size with seeded weights unless -model names a folder. It
// prints seconds per query and tokens per second, and what share of the
// processor's multiply-add peak the linear layers alone account for, the peak
// being that of a loop on registers, measured before and after; with -out it
// writes the pooled embeddings as little-endian float32, [queries, dim].
//
// With -gemm it measures the linear layers' products instead; with -save it
// writes the seeded model for others to load.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/bench/internal/clock"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// seed is that of the weights behind the oracles.
const seed = 2001

func run(ctx context.Context, args []string, w io.Writer) error {
	f := flag.NewFlagSet("longformer", flag.ContinueOnError)
	ids := f.String("ids", "", "JSON `file` with a list of lists of token ids")
	model := f.String("model", "", "model `folder`; default: the base size with seeded weights")
	out := f.String("out", "", "`file` for the pooled embeddings, little-endian float32")
	mode := f.String("mode", "packed", "packed: all queries in one call; single: one call a query")
	tier := f.String("kernel", "", "kernel tier; default: the fastest")
	workers := f.Int("workers", 0, "goroutines; default: GOMAXPROCS")
	batch := f.Int("batch", 0, "tokens in a batch; default: the library's")
	repeat := f.Int("repeat", 1, "how often to measure; the median is printed")
	length := f.Int("length", 0, "instead of -ids: one text of this many tokens")
	gemm := f.Bool("gemm", false, "measure the products of the linear layers instead")
	save := f.String("save", "", "write the model with seeded weights into this new `folder` instead of measuring")
	profile := f.String("cpuprofile", "", "`file` for a CPU profile")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *workers == 0 {
		*workers = runtime.GOMAXPROCS(0)
	}
	kernels, err := kernel.Lookup(*tier)
	if err != nil {
		return err
	}
	if *save != "" {
		return os.CopyFS(*save, embedding.SeededModel(embedding.LongformerBase(), seed))
	}
	if *gemm {
		return measureProducts(w, kernels, *workers, *repeat)
	}
	queries, err := readQueries(*ids, *length)
	if err != nil {
		return err
	}

	options := &embedding.LongformerOptions{Kernel: *tier, Workers: *workers, BatchTokens: *batch}
	m, err := open(ctx, *model, options, w)
	if err != nil {
		return err
	}
	defer m.Close()

	tokens := 0
	for _, q := range queries {
		tokens += len(q.IDs)
	}
	encode := func() ([]embedding.Output, error) {
		if *mode == "packed" {
			return m.Forward(ctx, queries, nil)
		}
		var all []embedding.Output
		for i := range queries {
			one, err := m.Forward(ctx, queries[i:i+1], nil)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	if _, err := m.Forward(ctx, queries[:1], nil); err != nil { // pages and caches
		return err
	}
	stop, err := startProfile(*profile)
	if err != nil {
		return err
	}
	defer stop()
	flops := linearOperations(m.Config()) * float64(tokens)
	var seconds, processor, shares []float64
	var results []embedding.Output
	for range *repeat {
		before := peak(kernels, *workers)
		start, busy := time.Now(), clock.Processor()
		if results, err = encode(); err != nil {
			return err
		}
		s := time.Since(start).Seconds()
		processor = append(processor, clock.Processor()-busy)
		after := peak(kernels, *workers)
		seconds = append(seconds, s)
		if before+after > 0 {
			shares = append(shares, flops/s/((before+after)/2))
		}
	}
	s := median(seconds)
	fmt.Fprintf(w, "%d queries, %d tokens, %d workers, %s, %s: %.4f s/query, %.0f tokens/s, linear layers at %.1f GFLOP/s\n",
		len(queries), tokens, *workers, kernels.Name(), *mode, s/float64(len(queries)), float64(tokens)/s, flops/s/1e9)
	if len(shares) > 0 {
		fmt.Fprintf(w, "%.3f of the multiply-add peak\n", median(shares))
	}
	if p := median(processor); p > 0 {
		fmt.Fprintf(w, "%.4f s/query of processor time, linear layers at %.1f GFLOP/s of it\n", p/float64(len(queries)), flops/p/1e9)
	}
	if *out != "" {
		return writeEmbeddings(*out, results)
	}
	return nil
}

// open opens the model of a folder, or the one with seeded weights where the
// folder has no name, and prints how long that took.
func open(ctx context.Context, folder string, o *embedding.LongformerOptions, w io.Writer) (*embedding.Longformer, error) {
	start := time.Now()
	var m *embedding.Longformer
	var err error
	if folder != "" {
		m, err = embedding.OpenLongformer(ctx, folder, o)
	} else {
		m, err = embedding.OpenLongformerFS(ctx, embedding.SeededModel(embedding.LongformerBase(), seed), o)
	}
	if err == nil {
		fmt.Fprintf(w, "loaded in %.2f s: %s\n", time.Since(start).Seconds(), m.Fingerprint())
	}
	return m, err
}

// startProfile starts a CPU profile into the file, none where it has no name.
func startProfile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	p, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(p); err != nil {
		p.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		p.Close()
	}, nil
}

func readQueries(name string, length int) ([]embedding.Sequence, error) {
	if length > 0 {
		ids := make([]int32, length)
		for i := range ids {
			ids[i] = int32(1000 + i*7919%40000)
		}
		ids[0], ids[length-1] = 0, 2
		return []embedding.Sequence{{IDs: ids}}, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var lists [][]int32
	if err := json.Unmarshal(raw, &lists); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(lists) == 0 {
		return nil, fmt.Errorf("%s: no queries", name)
	}
	queries := make([]embedding.Sequence, len(lists))
	for i, l := range lists {
		queries[i].IDs = l
	}
	return queries, nil
}

// linearOperations counts the operations of the linear layers for one token:
// two for each weight.
func linearOperations(c embedding.Config) float64 {
	h, f := float64(c.HiddenSize), float64(c.IntermediateSize)
	return 2 * float64(c.Layers) * (4*h*h + 2*h*f)
}

// peak measures the multiply-add peak of all workers together, in operations a
// second, 0 where the tier has none.
func peak(k *kernel.Set, workers int) float64 {
	const steps = 2_000_000
	done := make([]int, workers)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range done {
		wg.Go(func() {
			for range 20 {
				done[i] += k.Peak(steps / 20)
			}
		})
	}
	wg.Wait()
	s := time.Since(start).Seconds()
	sum := 0
	for _, d := range done {
		sum += d
	}
	return float64(sum) / s
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}

func writeEmbeddings(name string, results []embedding.Output) error {
	var b []byte
	for _, r := range results {
		for _, v := range r.Pooled {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return os.WriteFile(name, b, 0o644)
}
