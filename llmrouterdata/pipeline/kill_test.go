//go:build unix

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// buildProgram builds the program of step 3.
func buildProgram(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	program := filepath.Join(t.TempDir(), "api_calling_evaluation")
	out, err := exec.Command("go", "build", "-o", program, "github.com/llmrouter-go/llmrouter/examples/api_calling_evaluation").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// seededModel writes a small model's folder.
func seededModel(t *testing.T) string {
	t.Helper()
	c := embedding.LongformerBase()
	c.VocabSize, c.HiddenSize, c.Layers, c.Heads, c.IntermediateSize, c.MaxPositions = 512, 32, 1, 2, 64, 258
	c.AttentionWindow = embedding.Windows{16}
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, embedding.SeededModel(c, 1)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// programSet writes the inputs of a run of the program: n queries, no two of
// them alike, and a configuration file.
func programSet(t *testing.T, s *chaos.Server, model string, n int) (c *llmrouterdata.Config, file string) {
	t.Helper()
	url, stop, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c = testConfig(t.TempDir())
	var queries []llmrouterdata.StandardQueryData
	for k := range n {
		q := testQueries(4*k%28, 1)[0]
		q.Query = fmt.Sprintf("Question %d: how much is %d + 1?", k, k)
		queries = append(queries, q)
	}
	writeQueries(t, c.DataPath.QueryDataTrain, queries[:n*3/4])
	writeQueries(t, c.DataPath.QueryDataTest, queries[n*3/4:])
	writeCandidates(t, c.DataPath.LLMData, []string{"a", "b", "c"})
	candidates, err := os.ReadFile(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.DataPath.LLMData, strings.ReplaceAll(string(candidates), "http://127.0.0.1:1/v1", url))
	file = filepath.Join(filepath.Dir(c.DataPath.LLMData), "config.yaml")
	d := c.DataPath
	writeFile(t, file, fmt.Sprintf(`data_path:
  query_data_train: %s
  query_data_test: %s
  query_embedding_data: %s
  routing_data_train: %s
  routing_data_test: %s
  llm_data: %s
embedding:
  model: %s
`, d.QueryDataTrain, d.QueryDataTest, d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest, d.LLMData, model))
	return c, file
}

// process is a run of the program.
type process struct {
	*exec.Cmd
	output lockedBuffer
	ended  chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t *testing.T, program string, flags ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), program, flags...), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), "API_KEYS=")
	p.Stdout, p.Stderr = &p.output, &p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	return p
}

// end waits for the process and demands its exit code.
func (p *process) end(t *testing.T, code int) {
	t.Helper()
	<-p.ended
	if got := p.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, want %d:\n%s", got, code, p.output.String())
	}
}

// until waits for a condition or the end of the process, and reports whether the
// condition came first.
func (p *process) until(condition func() bool) bool {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for !condition() {
		select {
		case err := <-p.ended:
			p.ended <- err
			return false
		case <-tick.C:
		}
	}
	return true
}

// The program of step 3 is built once and run as it is.
func TestProgram(t *testing.T) {
	program, model := buildProgram(t), seededModel(t)
	t.Run("killed", func(t *testing.T) { testKill(t, program, model) })
	t.Run("killed in batches", func(t *testing.T) { testKillBatches(t, program, model) })
	t.Run("interrupted", func(t *testing.T) { testInterrupt(t, program, model) })
	t.Run("interrupted twice", func(t *testing.T) { testInterruptTwice(t, program, model) })
}

// The program is killed at 20 random instants: in its calls, before them, while
// it embeds and while it writes. In the end its files are those of a run that
// nothing disturbed, and no call that the journal held was made again.
func testKill(t *testing.T, program, model string) {
	const queries, models, workers = 160, 3, 8
	r := rand.New(rand.NewPCG(7, 8))

	undisturbed, file := programSet(t, chaos.New(chaos.Config{}), model, queries)
	start(t, program, "--config", file).end(t, 0)
	want := finalFiles(t, undisturbed)

	var mu sync.Mutex
	asked := map[string]int{} // by answer
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, times := range asked {
			n += times
		}
		return n
	}
	s := chaos.New(chaos.Config{Seed: 3, Latency: chaos.Uniform(0, 12*time.Millisecond), Answer: func(model, user string) string {
		answer := chaos.Answer(model, user)
		mu.Lock()
		asked[answer]++
		mu.Unlock()
		return answer
	}})
	c, file := programSet(t, s, model, queries)
	journal := c.DataPath.RoutingDataTrain + ".journal"
	settled := map[string]int{} // answers that were journaled at a kill, and how often they had been asked for
	kills, inCalls := 0, 0
	whole := false // the run came to its end once
	for kills < 20 {
		if kills == 15 && !whole { // the others are for runs that only read the journal and write
			start(t, program, "--config", file, "--workers", fmt.Sprint(workers)).end(t, 0)
			whole = true
		}
		before := count()
		p := start(t, program, "--config", file, "--workers", fmt.Sprint(workers))
		var reached bool
		if whole || kills%5 == 4 {
			at := time.Now().Add(time.Duration(r.IntN(120)) * time.Millisecond)
			reached = p.until(func() bool { return time.Now().After(at) })
		} else {
			calls := 1 + r.IntN(queries*models/30)
			reached = p.until(func() bool { return count() >= before+calls })
		}
		if reached {
			err := p.Process.Kill()
			if reached = err == nil; !reached && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		}
		if !reached {
			p.end(t, 0)
			whole = true
			continue
		}
		<-p.ended
		kills++
		if count() > before {
			inCalls++
		}
		if _, err := os.Stat(journal); errors.Is(err, os.ErrNotExist) {
			continue
		}
		mu.Lock()
		for _, e := range readJournal(t, journal) {
			if times, ok := settled[e.Response]; ok && times != asked[e.Response] {
				t.Errorf("a journaled call was made again: %s", e.Response)
			}
			settled[e.Response] = asked[e.Response]
		}
		mu.Unlock()
	}
	start(t, program, "--config", file).end(t, 0)
	if diff := cmp.Diff(want, finalFiles(t, c)); diff != "" {
		t.Errorf("the files differ from those of an undisturbed run: %.2000s", diff)
	}
	noTemporaries(t, filepath.Dir(file))
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	entries := len(readJournal(t, journal))
	repeated := count() - entries
	if entries != queries*models {
		t.Errorf("%d journal entries for %d pairs: a call was journaled twice", entries, queries*models)
	}
	if repeated < 0 || repeated > inCalls*workers {
		t.Errorf("%d calls repeated after %d kills with at most %d in flight", repeated, inCalls, workers)
	}
	for answer, times := range settled {
		if asked[answer] != times {
			t.Errorf("a journaled call was made again: %s", answer)
		}
	}
	if inCalls < 5 {
		t.Errorf("only %d of %d kills were during calls", inCalls, kills)
	}
	t.Logf("%d kills, %d of them during calls; %d of %d calls repeated", kills, inCalls, repeated, entries)
}

// Killed 20 times at random instants, many of them between the acceptance of a batch
// and what follows, the program pays no answer twice and loses no part.
func testKillBatches(t *testing.T, program, model string) {
	const queries, models = 160, 3
	r := rand.New(rand.NewPCG(9, 10))
	undisturbed, file := programSet(t, chaos.New(chaos.Config{}), model, queries)
	start(t, program, "--config", file).end(t, 0)
	want := finalFiles(t, undisturbed)

	s := chaos.New(chaos.Config{Seed: 3, Batches: chaos.Batches{Looks: 40, Doubled: 0.1, Ends: []string{"expired", "completed", "cancelled", "failed", "expired"}}})
	c, file := programSet(t, s, model, queries)
	text, err := os.ReadFile(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.DataPath.LLMData, strings.ReplaceAll(string(text), `"model": `, `"batch": true, "model": `))
	flags := []string{"--config", file, "--batch", "--batch_look", "0.002", "--batch_requests", "4"}
	kills, whole := 0, false
	for kills < 20 && !whole {
		p := start(t, program, flags...)
		before, at := s.Stats(), time.Now().Add(time.Duration(r.IntN(60))*time.Millisecond)
		more := 1 + r.IntN(3)
		due := []func() bool{
			func() bool { return s.Stats().Batches >= before.Batches+more },
			func() bool { return s.Stats().Requests >= before.Requests+more*10 },
			func() bool { return s.Stats().Answered >= before.Answered+more },
			func() bool { return time.Now().After(at) },
		}[kills%4]
		reached := p.until(func() bool { return due() || s.Stats().Requests >= before.Requests+100 })
		if reached {
			if err := p.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		}
		<-p.ended
		kills++
		whole = p.ProcessState.ExitCode() == 0
	}
	start(t, program, flags...).end(t, 0)
	if diff := cmp.Diff(want, finalFiles(t, c)); diff != "" {
		t.Errorf("the files differ from those of an undisturbed run: %.2000s", diff)
	}
	if n := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal")); n != queries*models {
		t.Errorf("%d journal entries for %d pairs", n, queries*models)
	}
	if n := s.Stats().Answered; n != queries*models {
		t.Errorf("%d answers were paid for %d pairs", n, queries*models)
	}
	if kills < 20 {
		t.Errorf("only %d kills before the end", kills)
	}
	t.Logf("%d kills, %d batches, %d requests", kills, s.Stats().Batches, s.Stats().Requests)
}

// The first interrupt lets the calls under way finish; a second run meanwhile is
// refused; and the next run goes on.
func testInterrupt(t *testing.T, program, model string) {
	const queries, models, workers = 100, 3, 20
	s := chaos.New(chaos.Config{Latency: chaos.Fixed(300 * time.Millisecond)})
	c, file := programSet(t, s, model, queries)
	flags := []string{"--config", file, "--workers", fmt.Sprint(workers)}
	p := start(t, program, flags...)
	if !p.until(func() bool { return s.Stats().Requests > workers }) {
		t.Fatal(p.output.String())
	}
	second := start(t, program, flags...)
	second.end(t, 75)
	if text := second.output.String(); !strings.Contains(text, fmt.Sprint("pid ", p.Process.Pid)) {
		t.Errorf("the second run says %q", text)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.end(t, 130)
	calls := s.Stats().Requests
	if n := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal")); n != calls || n >= queries*models {
		t.Errorf("%d of %d calls were journaled", n, calls)
	}
	if text := p.output.String(); !strings.Contains(text, askedToStop) || !strings.Contains(text, fmt.Sprintf("%d of %d calls were not made", queries*models-calls, queries*models)) {
		t.Errorf("the program says %s", text)
	}
	wantNoFiles(t, c)
	start(t, program, append(flags, "--workers", "200")...).end(t, 0)
	if n := s.Stats().Requests; n != queries*models {
		t.Errorf("%d calls in all", n)
	}
}

// The second interrupt stops at once.
func testInterruptTwice(t *testing.T, program, model string) {
	s := chaos.New(chaos.Config{Faults: []chaos.Fault{{Kind: chaos.Hang, Probability: 1}}})
	c, file := programSet(t, s, model, 20)
	p := start(t, program, "--config", file, "--workers", "4")
	if !p.until(func() bool { return s.Stats().Requests == 4 }) {
		t.Fatal(p.output.String())
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if !p.until(func() bool { return strings.Contains(p.output.String(), "interrupt again") }) {
		t.Fatalf("the first interrupt ended it: %s", p.output.String())
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.end(t, 130)
	if !strings.Contains(p.output.String(), context.Canceled.Error()) {
		t.Errorf("the program says %s", p.output.String())
	}
	wantNoFiles(t, c)
}
