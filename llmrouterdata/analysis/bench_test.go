package analysis

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// large writes a data set of n queries by 10 candidates, with questions of some
// 300 bytes, answers of some 600 and embeddings of 768 numbers.
func large(b *testing.B, n int) (c *llmrouterdata.Config, bytes int64) {
	dir := b.TempDir()
	c = llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		RoutingDataTrain: filepath.Join(dir, "train.jsonl"), RoutingDataTest: filepath.Join(dir, "test.jsonl"),
		LLMData: filepath.Join(dir, "llm.json"), QueryEmbeddingData: filepath.Join(dir, "vectors.pt"),
	}
	r := rand.New(rand.NewPCG(1, 2))
	create := func(name string) (*os.File, *bufio.Writer) {
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		return f, bufio.NewWriterSize(f, 1<<20)
	}
	finish := func(f *os.File, w *bufio.Writer, err error) {
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(f.Name())
		if err != nil {
			b.Fatal(err)
		}
		bytes += info.Size()
	}
	var candidates []llmrouterdata.Candidate
	for m := range 10 {
		candidates = append(candidates, llmrouterdata.Candidate{Name: fmt.Sprintf("model-%d", m), Feature: "f", InputPrice: 0.1 * float64(m+1), OutputPrice: 0.2 * float64(m+1)})
	}
	f, w := create(c.DataPath.LLMData)
	finish(f, w, llmrouterdata.WriteCandidates(w, candidates))
	words := strings.Repeat("Let me think about \"this\" step by step: the café has 3 tables.\n", 10)
	for at, name := range []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		f, w := create(name)
		rows := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](w)
		from, to := 0, n*4/5
		if at == 1 {
			from, to = to, n
		}
		for q := from; q < to; q++ {
			query := fmt.Sprintf("%d. %s", q, strings.ToValidUTF8(words[:200+r.IntN(200)], ""))
			for m := range 10 {
				row := answer(fmt.Sprint("task-", q%11), query, candidates[m].Name, 0)
				row.Response, row.EmbeddingID = strings.ToValidUTF8(words[:400+r.IntN(230)], ""), q
				row.InputTokens, row.OutputTokens, row.ResponseTime = 50+r.IntN(100), 10+r.IntN(400), r.ExpFloat64()
				if r.IntN(12) > m {
					row.Performance = 1
				}
				if err := rows.Write(row); err != nil {
					b.Fatal(err)
				}
			}
		}
		finish(f, w, rows.Flush())
	}
	f, w = create(c.DataPath.QueryEmbeddingData)
	vectors := torchio.NewWriter(w, nil)
	vector := make([]float32, 768)
	for q := range n {
		for j := range vector {
			vector[j] = float32(r.NormFloat64()) + float32(q%11)*float32(j%7)/7
		}
		if err := vectors.PutInt(int64(q), torchio.Of(vector, len(vector))); err != nil {
			b.Fatal(err)
		}
	}
	finish(f, w, vectors.Close())
	return c, bytes
}

// BenchmarkReport reads and analyses 100,000 queries by 10 candidates.
func BenchmarkReport(b *testing.B) {
	n := 100_000
	if testing.Short() {
		n = 1000
	}
	c, bytes := large(b, n)
	b.SetBytes(bytes)
	for b.Loop() {
		data, err := dataset.Open(b.Context(), c, nil)
		if err != nil {
			b.Fatal(err)
		}
		table, err := data.Table(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		r, err := NewReport(b.Context(), table, nil)
		if err := errors.Join(err, data.Close()); err != nil {
			b.Fatal(err)
		}
		if r.Queries != n || r.Map == nil {
			b.Fatalf("%d queries", r.Queries)
		}
	}
}
