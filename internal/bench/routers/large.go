package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/bench/internal/clock"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/torchio"
)

const (
	largeModels = 10
	largeTasks  = 8
	largeDim    = 768
	largeTest   = 100 // test queries, which nothing is judged by
)

// large writes a data set of many queries, by ten candidates, below a folder
// unless it is there already, and prints what it takes to read it and to fit ridge
// and logistic routers to it: seconds, processor seconds, and the most memory that
// was resident beside the pages of the mapped vectors.
func large(ctx context.Context, dir string, queries int) error {
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		QueryEmbeddingData: filepath.Join(dir, "vectors.pt"), RoutingDataTrain: filepath.Join(dir, "train.jsonl"),
		RoutingDataTest: filepath.Join(dir, "test.jsonl"), LLMData: filepath.Join(dir, "llm.json"),
	}
	if _, err := os.Stat(c.DataPath.LLMData); err != nil {
		if err := writeLarge(c.DataPath, queries); err != nil {
			return err
		}
	}
	read := begin()
	d, err := dataset.Open(ctx, c, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	train, err := readTrain(ctx, d)
	if err != nil {
		return err
	}
	if train.Len() != queries {
		return fmt.Errorf("%s has %d queries, not %d", dir, train.Len(), queries)
	}
	read.print("read")
	fit := begin()
	trainers := []routers.Trainer{routers.Ridge{}, routers.Logistic{}}
	if _, err := routers.FitAll(ctx, train, trainers, nil); err != nil {
		return err
	}
	fit.print(fmt.Sprint(trainers))
	most, err := status("VmHWM")
	if err != nil {
		return err
	}
	fmt.Printf("highest resident memory, pages of the mapped vectors counted: %.0f MB\n", most)
	return nil
}

// readTrain reads the training queries of a data set, whose table is not kept.
func readTrain(ctx context.Context, d *dataset.Dataset) (*routers.Data, error) {
	table, err := d.Table(ctx)
	if err != nil {
		return nil, err
	}
	return routers.FromTable(ctx, table, dataset.Train)
}

// measurement is what something takes.
type measurement struct {
	clock     time.Time
	processor float64
	memory    func() float64
}

func begin() measurement { return measurement{time.Now(), clock.Processor(), ownMemory()} }

func (m measurement) print(what string) {
	fmt.Printf("%s: %.1f s, %.1f s of processor time, at most %.0f MB of its own\n", what, time.Since(m.clock).Seconds(), clock.Processor()-m.processor, m.memory())
}

// writeLarge writes a data set row by row. Candidates are good at some tasks, and
// where the vector points their way.
func writeLarge(paths llmrouterdata.DataPath, queries int) error {
	if err := os.MkdirAll(filepath.Dir(paths.LLMData), 0o777); err != nil {
		return err
	}
	err := create(paths.QueryEmbeddingData, func(w io.Writer) error {
		out := torchio.NewWriter(w, nil)
		for q := range queries + largeTest {
			_, vector, _ := largeQuery(q)
			if err := out.PutInt(int64(q), torchio.Of(vector, largeDim)); err != nil {
				return err
			}
		}
		return out.Close()
	})
	if err != nil {
		return err
	}
	for name, of := range map[string][2]int{paths.RoutingDataTrain: {0, queries}, paths.RoutingDataTest: {queries, queries + largeTest}} {
		err = create(name, func(w io.Writer) error {
			out := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](w)
			for q := of[0]; q < of[1]; q++ {
				if err := writeLargeRows(out, q); err != nil {
					return err
				}
			}
			return out.Flush()
		})
		if err != nil {
			return err
		}
	}
	return create(paths.LLMData, func(w io.Writer) error { // the last: with it the set is whole
		candidates := map[string]map[string]float64{}
		for m := range largeModels {
			candidates[fmt.Sprint("model-", m)] = map[string]float64{"input_price": float64(m+1) / 10, "output_price": float64(m+1) / 5}
		}
		return json.NewEncoder(w).Encode(candidates)
	})
}

func writeLargeRows(out *llmrouterdata.Writer[llmrouterdata.RoutingRecord], q int) error {
	task, vector, random := largeQuery(q)
	for m := range largeModels {
		row := llmrouterdata.NewRoutingRecord(llmrouterdata.StandardQueryData{
			TaskName: fmt.Sprint("task-", task), Query: fmt.Sprint("What is the answer to question ", q, "?"), GroundTruth: "42", Metric: "em",
		})
		row.ModelName, row.Response, row.EmbeddingID = fmt.Sprint("model-", m), "It is 42.", q
		if random.Float64() < 0.3+0.04*float64((m+task)%largeModels)+4*float64(vector[largeTasks+m]) {
			row.Performance = 1
		}
		row.InputTokens, row.OutputTokens = 20+random.IntN(30), 5+random.IntN(20)*(task+1)
		row.TokenNum, row.ResponseTime = row.InputTokens+row.OutputTokens, 0.1
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// largeQuery is query q: its task, its vector, and what draws the rest.
func largeQuery(q int) (task int, vector []float32, random *rand.Rand) {
	random = rand.New(rand.NewPCG(uint64(q), 4))
	task = random.IntN(largeTasks)
	vector = make([]float32, largeDim)
	for i := range vector {
		vector[i] = random.Float32()*0.1 - 0.05
	}
	vector[task] += 0.7
	return task, vector, random
}

// create writes a file through a buffer.
func create(name string, write func(w io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
