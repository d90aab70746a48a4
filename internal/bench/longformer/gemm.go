package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// products are the shapes of the feed-forward layers of the base model, for a
// long text and for a short one: rows, inputs, outputs.
var products = [][3]int{{512, 768, 3072}, {512, 3072, 768}, {40, 768, 3072}, {40, 3072, 768}}

// measureProducts prints GFLOP/s for each shape, the median of repeat runs of
// about 50 ms each.
func measureProducts(w io.Writer, k *kernel.Set, workers, repeat int) error {
	for _, p := range products {
		rows, in, out := p[0], p[1], p[2]
		x, c := kernel.NewMatrix(rows, in), kernel.NewMatrix(rows, out)
		weights := kernel.NewWeights(out, in)
		for i := range x.Data {
			x.Data[i] = float32(i%17)/16 - 0.5
		}
		row := make([]float32, in)
		for o := range out {
			for i := range row {
				row[i] = float32((o+i)%13)/12 - 0.5
			}
			weights.SetRows(o, row)
		}
		flops := 2 * float64(rows) * float64(in) * float64(out)
		calls := max(1, int(5e9/flops))
		var rates []float64
		for range repeat {
			start := time.Now()
			multiply(k, &c, &x, weights, workers, calls)
			rates = append(rates, flops*float64(calls)/time.Since(start).Seconds()/1e9)
		}
		fmt.Fprintf(w, "gemm %dx%dx%d %s %d workers: %.1f GFLOP/s\n", rows, in, out, k.Name(), workers, median(rates))
	}
	return nil
}

// multiply computes the product calls times, as the encoder cuts it: each call
// begins when the last one has ended.
func multiply(k *kernel.Set, c, x *kernel.Matrix, w *kernel.Weights, workers, calls int) {
	grid := kernel.NewGrid(x.Rows, w, workers)
	counters := make([]atomic.Int64, calls)
	team := kernel.NewBarrier(workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for call := range calls {
				for {
					i := int(counters[call].Add(1)) - 1
					if i >= grid.Tasks() {
						break
					}
					r0, r1, p0, p1 := grid.Task(i)
					k.Linear(c.Data, c.Stride, kernel.Planes{}, x.Data, x.Stride, w, r0, r1, p0, p1)
				}
				team.Wait()
			}
		})
	}
	wg.Wait()
}
