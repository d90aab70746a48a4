// Command sentences measures an encoder on texts: ours, or cybertron's.
//
//	go -C internal/bench run ./sentences -model DIR -texts FILE.json [-peer cybertron] [-out FILE]
//
// FILE.json is a JSON list of texts. It encodes them once to warm up, then
// -repeat times, and prints the median of the seconds a text by the clock and of
// the processor; with -out it writes the vectors as little-endian float32,
// [texts, dim]. cybertron's model is made from the folder's pytorch_model.bin and
// kept there; a text that it refuses gets zeros.
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
	"slices"
	"time"

	"github.com/nlpodyssey/cybertron/pkg/converter/bert"
	textencoding "github.com/nlpodyssey/cybertron/pkg/tasks/textencoding/bert"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/embedding/cybertron"
	"github.com/llmrouter-go/llmrouter/internal/bench/internal/clock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	f := flag.NewFlagSet("sentences", flag.ContinueOnError)
	model := f.String("model", "", "model `folder`")
	name := f.String("texts", "", "JSON `file` with a list of texts")
	peer := f.String("peer", "", `"cybertron" to measure that instead`)
	out := f.String("out", "", "`file` for the vectors, little-endian float32")
	tier := f.String("kernel", "", "kernel tier; default: the fastest")
	workers := f.Int("workers", runtime.GOMAXPROCS(0), "goroutines")
	repeat := f.Int("repeat", 3, "how often to measure; the median is printed")
	if err := f.Parse(args); err != nil {
		return err
	}
	raw, err := os.ReadFile(*name)
	if err != nil {
		return err
	}
	var texts []string
	if err := json.Unmarshal(raw, &texts); err != nil {
		return fmt.Errorf("%s: %w", *name, err)
	}
	if len(texts) == 0 || *repeat < 1 {
		return fmt.Errorf("%s: %d texts, measured %d times", *name, len(texts), *repeat)
	}
	var encode func() ([][]float32, error)
	if *peer == "cybertron" {
		encode, err = openCybertron(ctx, *model, *workers, texts)
	} else {
		encode, err = openOurs(ctx, *model, &embedding.Options{Kernel: *tier, Workers: *workers}, texts)
	}
	if err != nil {
		return err
	}
	vectors, err := encode()
	if err != nil {
		return err
	}
	var seconds, processor []float64
	for range *repeat {
		start, busy := time.Now(), clock.Processor()
		if _, err := encode(); err != nil {
			return err
		}
		seconds = append(seconds, time.Since(start).Seconds())
		processor = append(processor, clock.Processor()-busy)
	}
	n := float64(len(texts))
	fmt.Fprintf(w, "%.6f s/text, %.6f s/text of processor time\n", median(seconds)/n, median(processor)/n)
	if *out == "" {
		return nil
	}
	var b []byte
	for _, v := range vectors {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return os.WriteFile(*out, b, 0o644)
}

func openOurs(ctx context.Context, dir string, o *embedding.Options, texts []string) (func() ([][]float32, error), error) {
	m, err := embedding.Open(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	return func() ([][]float32, error) { return m.Encode(ctx, texts) }, nil
}

// openCybertron encodes several texts at once, and leaves those out that it
// refuses.
func openCybertron(ctx context.Context, dir string, workers int, texts []string) (func() ([][]float32, error), error) {
	if err := bert.Convert[float32](dir, false); err != nil {
		return nil, err
	}
	model, err := textencoding.LoadTextEncoding(dir)
	if err != nil {
		return nil, err
	}
	m, err := cybertron.New(ctx, model, &cybertron.Options{Name: dir, Pooling: 1, Workers: workers})
	if err != nil {
		return nil, err
	}
	vectors := make([][]float32, len(texts))
	var taken []string
	var places []int
	for i, text := range texts {
		if _, err := m.Encode(ctx, []string{text}); err != nil {
			vectors[i] = make([]float32, m.Dim())
			continue
		}
		taken, places = append(taken, text), append(places, i)
	}
	return func() ([][]float32, error) {
		some, err := m.Encode(ctx, taken)
		for i := range some {
			vectors[places[i]] = some[i]
		}
		return vectors, err
	}, nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}
