package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// benchSet writes n training queries of a usual length, no two alike.
func benchSet(b *testing.B, n int, models []string) *llmrouterdata.Config {
	b.Helper()
	c := testConfig(b.TempDir())
	f, err := os.Create(b.TempDir() + "/queries")
	if err != nil {
		b.Fatal(err)
	}
	w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](f)
	for k := range n {
		q := llmrouterdata.StandardQueryData{
			TaskName: "gsm8k", Query: fmt.Sprintf("Question %d: %s", k, strings.Repeat("How many apples are there? ", 10)),
			GroundTruth: "so #### 42", Metric: "GSM8K",
		}
		if k%2 == 1 {
			q.TaskName, q.Metric, q.GroundTruth, q.Choices = "mmlu", "em_mc", "B", llmrouterdata.NewChoices([]string{"one of them", "two of them", "three of them", "four"})
		}
		if err := w.Write(q); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
	c.DataPath.QueryDataTrain = f.Name()
	writeFile(b, c.DataPath.QueryDataTest, "")
	writeCandidates(b, c.DataPath.LLMData, models)
	return c
}

func tenModels() []string {
	models := make([]string, 10)
	for i := range models {
		models[i] = fmt.Sprint("model-", i)
	}
	return models
}

// readyClient answers after a time.
type readyClient struct{ latency time.Duration }

var readyText = strings.Repeat("There are 42 apples, I think. ", 8) + "(B) 42"

func (c readyClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	if c.latency > 0 {
		time.Sleep(c.latency)
	}
	return chat.Response{Text: readyText, PromptTokens: 80, CompletionTokens: 60, TotalTokens: 140, ResponseTime: time.Second, Attempts: 1, KeyLabel: "key-1", CostUSD: 1e-4, FinishReason: "stop"}, nil
}

// BenchmarkEvaluate is a run whose calls take no time: what remains is the
// journal, the scores, the vectors, the files and their check.
func BenchmarkEvaluate(b *testing.B) {
	const pairs = 2000 * 10
	for b.Loop() {
		b.StopTimer()
		c := benchSet(b, pairs/10, tenModels())
		b.StartTimer()
		if _, err := evaluate(b, c, Options{Client: readyClient{}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*pairs), "µs/pair")
}

// BenchmarkScheduling is how much of the ideal throughput 200 workers reach when
// every call takes 50 ms, from the first call to the last.
func BenchmarkScheduling(b *testing.B) {
	const workers, latency, rounds = 200, 50 * time.Millisecond, 50
	ideal := latency * rounds
	var spent time.Duration
	for b.Loop() {
		c := benchSet(b, workers*rounds/10, tenModels())
		var mu sync.Mutex
		var first, last time.Time
		o := Options{Workers: workers, Client: timedClient{readyClient{latency}, func() {
			mu.Lock()
			last = time.Now()
			mu.Unlock()
		}, func() {
			mu.Lock()
			if first.IsZero() {
				first = time.Now()
			}
			mu.Unlock()
		}}}
		if _, err := evaluate(b, c, o); err != nil {
			b.Fatal(err)
		}
		spent += last.Sub(first)
	}
	b.ReportMetric(100*float64(ideal)*float64(b.N)/float64(spent), "%ideal")
}

type timedClient struct {
	readyClient
	ended, begun func()
}

func (c timedClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	c.begun()
	defer c.ended()
	return c.readyClient.Complete(ctx, r)
}

// writeFullJournal writes the journal of a run that made all its calls.
func writeFullJournal(b *testing.B, c *llmrouterdata.Config, o Options) {
	b.Helper()
	plan, err := NewPlan(b.Context(), c, &o)
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	text.WriteString(`{"journal": "llmrouter calls", "version": 1}` + "\n")
	encoder := json.NewEncoder(&text)
	for q := range plan.queries {
		prompt, err := plan.prompt(q)
		if err != nil {
			b.Fatal(err)
		}
		for t := range plan.targets {
			r, call := plan.request(q, t, prompt)
			if err := encoder.Encode(&journal.Entry{
				Call: call, Candidate: r.Target.Name, Task: plan.queries[q].TaskName, Response: readyText,
				TokenNum: 140, InputTokens: 80, OutputTokens: 60, ResponseTime: 1.25, Key: "key-1", Attempts: 1, CostUSD: 1e-4, FinishReason: "stop",
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll(strings.TrimSuffix(c.DataPath.RoutingDataTrain, "/train.jsonl"), 0o777); err != nil {
		b.Fatal(err)
	}
	writeFile(b, c.DataPath.RoutingDataTrain+".journal", text.String())
}

// BenchmarkResume takes up a run from a journal of 1,000,000 calls, up to the
// point where it would call: the queries, the prompts, the journal and the
// scores of its answers.
func BenchmarkResume(b *testing.B) {
	c := benchSet(b, 100000, tenModels())
	writeFullJournal(b, c, Options{})
	began := cpuTime()
	for b.Loop() {
		plan, err := NewPlan(b.Context(), c, nil)
		if err != nil {
			b.Fatal(err)
		}
		r := newRun(plan)
		if r.journal, err = journal.Open(plan.options.Journal, &journal.Options{Warn: func(text string) { b.Error(text) }}); err != nil {
			b.Fatal(err)
		}
		s := newScorer(b.Context(), r)
		if err := r.resume(b.Context(), readyClient{}, s); err != nil {
			b.Fatal(err)
		}
		s.wait()
		if n := r.schedule.Counts().Resumed; n != 1000000 {
			b.Fatalf("%d calls resumed", n)
		}
		r.journal.Close()
	}
	if cpu := cpuTime() - began; cpu > 0 { // the figure to go by where other processes take their share
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	}
}

// BenchmarkMemory is the most heap and the most resident memory that a run of
// 100,000 queries and 10 candidates takes, from the queries to the checked files.
func BenchmarkMemory(b *testing.B) {
	var heap uint64
	for b.Loop() {
		c := benchSet(b, 100000, tenModels())
		runtime.GC()
		stop := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					heap = max(heap, m.HeapInuse)
				}
			}
		})
		if _, err := evaluate(b, c, Options{Client: readyClient{}, Encoder: hashEncoder{dim: 768, name: "x", mu: &sync.Mutex{}, texts: &[]string{}}}); err != nil {
			b.Fatal(err)
		}
		close(stop)
		watch.Wait()
	}
	b.ReportMetric(float64(heap)/1e6, "MB-heap")
	if kb := peakRSS(); kb > 0 {
		b.ReportMetric(float64(kb)/1e3, "MB-rss")
	}
}

// cpuTime is what the process has used so far, of all its cores; 0 where that is
// not known.
func cpuTime() time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// peakRSS is the most resident memory of the process so far in kB, 0 where that
// is not known.
func peakRSS() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb
		}
	}
	return 0
}
