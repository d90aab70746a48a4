//go:build unix

package rounds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/journal"
)

// program is the program of step 3, built, and the configuration of a set.
type program struct {
	*set
	path, config string
}

func newProgram(t *testing.T, path, model string) *program {
	t.Helper()
	p := &program{set: newSet(t, 160, 40), path: path}
	d := p.DataPath
	p.config = filepath.Join(filepath.Dir(d.LLMData), "config.yaml")
	write(t, p.config, fmt.Sprintf("data_path:\n  query_data_train: %s\n  query_data_test: %s\n  query_embedding_data: %s\n  routing_data_train: %s\n  routing_data_test: %s\n  llm_data: %s\nembedding:\n  model: %s\n",
		d.QueryDataTrain, d.QueryDataTest, d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest, d.LLMData, model))
	return p
}

// running is a run in rounds.
type running struct {
	*exec.Cmd
	ended chan error
}

func (p *program) start(t *testing.T) *running {
	t.Helper()
	r := &running{exec.CommandContext(t.Context(), p.path, "--config", p.config, "--workers", fmt.Sprint(workers), "--rounds", "--pilot", "50", "--min_gain", "0", "--drop_dominated"), make(chan error, 1)}
	r.Env = append(os.Environ(), "API_KEYS=")
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.Wait() }()
	return r
}

// until waits for a condition or the end of the run.
func (r *running) until(condition func() bool) {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for !condition() {
		select {
		case err := <-r.ended:
			r.ended <- err
			return
		case <-tick.C:
		}
	}
}

const workers = 4

// entries is how many calls the journal holds.
func (p *program) entries(t *testing.T) (n int) {
	t.Helper()
	j, err := journal.Peek(p.DataPath.RoutingDataTrain+journal.Suffix, nil)
	if err != nil {
		t.Fatal(err)
	}
	if j == nil {
		return 0
	}
	defer j.Close()
	if err := j.Scan(func(int64, *journal.Entry) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// build builds the program, and writes a small model.
func build(t *testing.T) (path, model string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	dir := t.TempDir()
	path, model = filepath.Join(dir, "api_calling_evaluation"), filepath.Join(dir, "model")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/llmrouter-go/llmrouter/examples/api_calling_evaluation").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	c := embedding.LongformerBase()
	c.VocabSize, c.HiddenSize, c.Layers, c.Heads, c.IntermediateSize, c.MaxPositions = 512, 32, 1, 2, 64, 258
	c.AttentionWindow = embedding.Windows{16}
	if err := os.CopyFS(model, embedding.SeededModel(c, 1)); err != nil {
		t.Fatal(err)
	}
	return path, model
}

// TestKill kills runs in rounds at 20 instants: in the calls of each round, between
// them, and while they write. In the end the files are those of a run that nothing
// disturbed, and what the journal held was not called again.
func TestKill(t *testing.T) {
	path, model := build(t)
	undisturbed := newProgram(t, path, model)
	if err := <-undisturbed.start(t).ended; err != nil {
		t.Fatal(err)
	}
	const calls = 50*3 + 150*2
	if n := undisturbed.entries(t); n != calls {
		t.Fatalf("%d calls, want %d", n, calls)
	}

	p := newProgram(t, path, model)
	r := rand.New(rand.NewPCG(9, 10))
	kills, inCalls := 0, 0
	for kills < 20 {
		before := p.server.Stats().Requests
		run := p.start(t)
		if calls := before + 1 + r.IntN(calls/8); kills%2 == 0 {
			run.until(func() bool { return p.server.Stats().Requests >= calls })
		} else { // by the clock, which may be when it fits, writes or has ended
			at := time.Now().Add(time.Duration(r.IntN(300)) * time.Millisecond)
			run.until(func() bool { return time.Now().After(at) })
		}
		if err := run.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		<-run.ended // killed, or before
		kills++
		if p.server.Stats().Requests > before {
			inCalls++
		}
	}
	if err := <-p.start(t).ended; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(undisturbed.files(t), p.files(t)); diff != "" {
		t.Errorf("the files differ from those of an undisturbed run: %.2000s", diff)
	}
	entries, requests := p.entries(t), p.server.Stats().Requests
	if entries != calls {
		t.Errorf("%d journal entries, want %d", entries, calls)
	}
	if again := requests - entries; again < 0 || again > inCalls*workers {
		t.Errorf("%d calls were repeated after %d kills with at most %d under way", again, inCalls, workers)
	}
	if inCalls < 4 {
		t.Errorf("only %d of %d kills were during calls", inCalls, kills)
	}
	t.Logf("%d kills, %d of them during calls; %d requests for %d calls", kills, inCalls, requests, calls)
}
