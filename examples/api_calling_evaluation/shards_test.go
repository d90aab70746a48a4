package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

// work is the working folder of a setting.
func (s *setting) work() string { return filepath.Join(s.dir, "work") }

// ends runs the program on the working folder and demands its exit code.
func (s *setting) ends(t testing.TB, code int, more ...string) (stdout string, err error) {
	t.Helper()
	out, errs, err := s.run(t, nil, append([]string{"--work", s.work()}, more...)...)
	if got := cli.Code("program", err, io.Discard, false); got != code {
		t.Fatalf("%q: exit code %d, want %d: %v\n%s%s", more, got, code, err, out, errs)
	}
	return out, err
}

var responseTime = regexp.MustCompile(`"response_time": [0-9.e+-]+`)

// outputs returns the three files, response times taken out.
func (s *setting) outputs(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{s.c.DataPath.QueryEmbeddingData, s.c.DataPath.RoutingDataTrain, s.c.DataPath.RoutingDataTest} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = responseTime.ReplaceAllString(string(text), `"response_time": 0`)
	}
	return files
}

// oneRun returns the files of a run without shards.
func oneRun(t *testing.T, n int) map[string]string {
	t.Helper()
	s := set(t, n, chaos.Config{})
	if _, errs, err := s.run(t, nil); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return s.outputs(t)
}

// The files that shards are merged into are those of one run, however the shards
// were handed out, and no call is made twice.
func TestShards(t *testing.T) {
	want := oneRun(t, 20)
	for name, runs := range map[string][][]string{
		"two by number": {{"--shard", "0/2"}, {"--shard", "1/2"}},
		"next":          {{"--shard", "next"}, {"--shard", "next"}},
		"more than are": {{"--shard", "0/9"}, {"--shard", "8/9"}, {"--shard", "next"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t, 20, chaos.Config{})
			if out, _ := s.ends(t, 0, "--split", "--shard_size", "7"); !strings.Contains(out, "30 queries in 5 shards") {
				t.Errorf("says %q", out)
			}
			_, err := s.ends(t, 1, "--merge")
			if e, ok := errors.AsType[*shards.NotDoneError](err); !ok || len(e.NotDone) != 5 {
				t.Errorf("a merge of nothing: %v", err)
			}
			for _, args := range runs {
				s.ends(t, 0, append(args, "--workers", "3")...)
			}
			s.ends(t, 0, "--merge")
			if diff := cmp.Diff(want, s.outputs(t)); diff != "" {
				t.Errorf("the files differ from those of one run: %.2000s", diff)
			}
			if err := dataset.Check(t.Context(), s.c, nil); err != nil {
				t.Error(err)
			}
			if got := s.server.Stats(); got.Requests != 60 || got.MaxInFlight > 3 {
				t.Errorf("%d requests for 60 pairs, %d at once", got.Requests, got.MaxInFlight)
			}
			if out, _ := s.ends(t, 0, "--shard", "next"); !strings.Contains(out, "5 of 5 shards: 0 done, 5 were done before") {
				t.Errorf("then says %q", out)
			}
		})
	}
}

func TestShardStatus(t *testing.T) {
	s := set(t, 8, chaos.Config{})
	s.ends(t, 0, "--split", "--shard_size", "4")
	s.ends(t, 0, "--shard", "1/3")
	report := filepath.Join(s.dir, "status.json")
	out, _ := s.ends(t, 0, "--status", "--report", report)
	if !strings.Contains(out, "3 shards: 1 done, 0 running, 0 failed, 2 waiting\n8 of 24 calls, 0 failed, ") {
		t.Errorf("says %s", out)
	}
	var status shards.Status
	text, err := os.ReadFile(report)
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil || status.Calls != 24 || status.CallsDone != 8 || status.CostUSD <= 0 || len(status.States) != 3 {
		t.Errorf("%v: %+v", err, status)
	}
}

// A shard that another process holds is passed over, and the exit code says so.
func TestShardHeld(t *testing.T) {
	s := set(t, 8, chaos.Config{})
	s.ends(t, 0, "--split", "--shard_size", "4")
	folder, err := shards.Open(s.work())
	if err != nil {
		t.Fatal(err)
	}
	claim, err := folder.Claim(folder.Shards()[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{"1/3", "next"} {
		if _, err := s.ends(t, 75, "--shard", which); !strings.Contains(err.Error(), "train-00001 is held by another process") {
			t.Error(err)
		}
	}
	if n := s.server.Stats().Requests; n != 16 {
		t.Errorf("%d requests for two shards of 8", n)
	}
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	s.ends(t, 0, "--shard", "next")
	if n := s.server.Stats().Requests; n != 24 {
		t.Errorf("%d requests in all", n)
	}
}

// Queries that were cut anew, and candidates that are others, make a shard one
// that is not done; its journal knows the calls that are still asked for.
func TestShardsChange(t *testing.T) {
	s := set(t, 8, chaos.Config{})
	s.ends(t, 0, "--split", "--shard_size", "4")
	s.ends(t, 0, "--shard", "next")
	s.queries(t, "train", 9)
	s.ends(t, 0, "--split", "--shard_size", "4")
	s.ends(t, 1, "--merge")
	if out, _ := s.ends(t, 0, "--shard", "next"); !strings.Contains(out, "3 were done before") && !strings.Contains(out, "2 calls made") {
		t.Errorf("says %s", out)
	}
	s.ends(t, 0, "--merge")
	if n := s.server.Stats().Requests; n != 26 {
		t.Errorf("%d requests, want 24 and 2", n)
	}
	s.candidates(t, fmt.Sprintf(`{"first": {"model": "x/first", "api_endpoint": %q}, "third": {"model": "x/third", "api_endpoint": %[1]q}}`, s.url))
	s.ends(t, 0, "--shard", "0/4")
	if _, err := s.ends(t, 1, "--merge"); !strings.Contains(err.Error(), "were asked different things") {
		t.Error(err)
	}
	s.ends(t, 0, "--shard", "next")
	s.ends(t, 0, "--merge")
	if n := s.server.Stats().Requests; n != 26+13 {
		t.Errorf("%d requests, want 13 more", n)
	}
}

// Failed calls are rows; too many are an error, of the shards' calls together, and
// RetryFailed makes them again though the shards are done.
func TestShardsFail(t *testing.T) {
	refuse := map[string]int{"x/first": 400}
	s := set(t, 8, chaos.Config{Statuses: refuse})
	s.ends(t, 0, "--split", "--shard_size", "4")
	if _, err := s.ends(t, 1, "--shard", "next", "--max_failed", "0.1"); !strings.Contains(err.Error(), "12 of 24 calls failed") {
		t.Error(err)
	}
	s.ends(t, 0, "--merge")
	if _, err := s.ends(t, 1, "--merge", "--max_failed", "0.1"); !strings.Contains(err.Error(), "12 of 24 calls failed") {
		t.Error(err)
	}
	delete(refuse, "x/first")
	s.ends(t, 0, "--shard", "next", "--retry_failed")
	s.ends(t, 0, "--merge", "--max_failed", "0")
}

// A shard with a bad query is told of before any call, when the queries are cut;
// other trouble of one shard does not keep it from the others.
func TestShardTrouble(t *testing.T) {
	s := set(t, 8, chaos.Config{})
	name := filepath.Join(s.dir, "data/example_data/query_data/default_query_test.jsonl")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(good), "gsm8k", "no_task", 1)
	if err := os.WriteFile(name, []byte(bad+"{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = s.ends(t, 1, "--split")
	if !strings.Contains(err.Error(), `default_query_test.jsonl:1: chat: no prompt for task "no_task"`) || !strings.Contains(err.Error(), "default_query_test.jsonl:5:") {
		t.Error(err)
	}
	if err := os.WriteFile(name, good, 0o666); err != nil {
		t.Fatal(err)
	}
	s.ends(t, 0, "--split", "--shard_size", "4")
	clitest.Write(t, s.work(), "queries/train-00000.jsonl", "changed")
	if _, err := s.ends(t, 1, "--shard", "next"); !strings.Contains(err.Error(), "shard train-00000") || !strings.Contains(err.Error(), "has changed since it was cut") {
		t.Error(err)
	}
	if n := s.server.Stats().Requests; n != 16 {
		t.Errorf("%d requests for two good shards of 8", n)
	}
}

func TestShardUsage(t *testing.T) {
	s := set(t, 2, chaos.Config{})
	for _, args := range [][]string{
		{"--work", "w"}, {"--split"}, {"--work", "w", "--split", "--merge"}, {"--work", "w", "--shard", "2"}, {"--work", "w", "--shard", "2/2"},
		{"--work", "w", "--shard", "-1/2"}, {"--work", "w", "--shard", "next", "--fresh"}, {"--work", "w", "--shard", "next", "--candidate_order", "best"}, {"--work", "w", "--split", "--shard_size", "0"},
	} {
		if _, _, err := s.run(t, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := s.ends(t, 1, "--shard", "next"); !strings.Contains(err.Error(), "not cut yet") {
		t.Error(err)
	}
}

// Processes that share the keys have their part of what all may use.
func TestShardProcesses(t *testing.T) {
	s := set(t, 8, chaos.Config{Latency: chaos.Fixed(5 * time.Millisecond)})
	s.ends(t, 0, "--split", "--shard_size", "4")
	out, _ := s.ends(t, 0, "--shard", "next", "--processes", "3", "--workers", "7", "--requests_per_minute", "3001", "--candidate_tokens_per_minute", "900000")
	if want := "one of 3 processes: 2 calls at once, 1000 requests a minute for each key, 300000 tokens a minute for each candidate\n"; !strings.HasPrefix(out, want) {
		t.Errorf("says %q, want %q", out, want)
	}
	if n := s.server.Stats().MaxInFlight; n != 2 {
		t.Errorf("%d calls at once", n)
	}
	for _, wrong := range [][]string{{"--processes", "0"}, {"--processes", "9", "--workers", "8"}} {
		if _, err := s.ends(t, 2, append(wrong, "--shard", "next")...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for limit, says := range map[string]string{
		"--requests_per_minute": "Limits.RequestsPerMinute is 3, which cannot be divided among 4 processes",
		"--candidate_workers":   `candidate "first": field "workers": is 3, which cannot be divided`,
	} {
		if _, err := s.ends(t, 1, "--shard", "next", "--processes", "4", limit, "3"); !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", limit, err)
		}
	}
}

// processes run the program on the shards of a setting, as processes.
type processes struct {
	t       testing.TB
	s       *setting
	workers int
}

func (p *processes) start(args ...string) *exec.Cmd {
	p.t.Helper()
	all := append(slices.Clone(p.s.args), "--work", p.s.work(), "--workers", fmt.Sprint(p.workers))
	command := clitest.Command(p.t.Context(), p.t, append(all, args...)...)
	command.Stdout, command.Stderr = &bytes.Buffer{}, &bytes.Buffer{}
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	return command
}

// end waits for a process and returns its exit code.
func end(t testing.TB, c *exec.Cmd) int {
	t.Helper()
	if err := c.Wait(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			t.Fatal(err)
		}
	}
	return c.ProcessState.ExitCode()
}

// killed has n processes work on whatever is left, and kills one after the other,
// for which another begins, each after a wait.
func (p *processes) killed(n, kills int, wait func(*rand.Rand)) {
	p.t.Helper()
	var live []*exec.Cmd
	for range n {
		live = append(live, p.start("--shard", "next"))
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range kills {
		wait(r)
		i := r.IntN(len(live))
		if err := live[i].Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Fatal(err)
		}
		end(p.t, live[i])
		live[i] = p.start("--shard", "next")
	}
	for _, c := range live {
		if code := end(p.t, c); code != 0 && code != 75 {
			p.t.Errorf("exit code %d\n%s", code, c.Stderr)
		}
	}
}

// Of four processes one after the other is killed, 20 times, and another takes its
// place. In the end the files are those of one run, and what was called twice was
// under way at a kill.
func TestShardsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	const queries, workers, kills = 160, 4, 20
	want := oneRun(t, queries)
	var mu sync.Mutex
	asked := map[string]int{} // by answer
	s := set(t, queries, chaos.Config{Seed: 3, Latency: chaos.Uniform(10*time.Millisecond, 40*time.Millisecond), Answer: func(model, user string) string {
		answer := chaos.Answer(model, user)
		mu.Lock()
		asked[answer]++
		mu.Unlock()
		return answer
	}})
	count := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, times := range asked {
			n += times
		}
		return n
	}
	s.ends(t, 0, "--split", "--shard_size", "10")
	p := &processes{t, s, workers}
	p.killed(4, kills, func(r *rand.Rand) {
		for limit, until := count()+1+r.IntN(20), time.Now().Add(10*time.Second); count() < limit && count() < 3*queries && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
	})
	s.ends(t, 0, "--shard", "next")
	s.ends(t, 0, "--merge")
	if diff := cmp.Diff(want, s.outputs(t)); diff != "" {
		t.Errorf("the files differ from those of one run: %.2000s", diff)
	}
	entries := journaled(t, s.work())
	if len(entries) != 3*queries {
		t.Errorf("%d calls are journaled, of %d", len(entries), 3*queries)
	}
	for answer, times := range entries {
		if times != 1 {
			t.Errorf("journaled %d times: %s", times, answer)
		}
	}
	if again := count() - 3*queries; again > kills*workers {
		t.Errorf("%d calls were made again after %d kills of %d under way", again, kills, workers)
	} else {
		t.Logf("%d calls were made again", again)
	}
}

// Four processes, each of which is killed once, spend one budget together: to the
// last call that fits, and no more but what was under way at the kills. More money
// then completes the files.
func TestShardsBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	const queries, workers, processCount, budget = 160, 4, 4, 1.5
	var calls atomic.Int64
	s := set(t, queries, chaos.Config{Seed: 4, Latency: chaos.Uniform(5*time.Millisecond, 20*time.Millisecond), Answer: func(model, user string) string {
		calls.Add(1)
		return chaos.Answer(model, user)
	}})
	s.candidates(t, fmt.Sprintf(`{
		"first": {"model": "x/first", "input_price": 100, "output_price": 200, "api_endpoint": %q},
		"second": {"model": "x/second", "input_price": 100, "output_price": 200, "api_endpoint": %[1]q}
	}`, s.url))
	s.ends(t, 0, "--split", "--shard_size", "10")
	p := &processes{t, s, workers}
	begin := func() *exec.Cmd { return p.start("--shard", "next", "--budget", fmt.Sprint(budget)) }
	live := make([]*exec.Cmd, processCount)
	for i := range live {
		live[i] = begin()
	}
	for i := range live {
		for limit, until := calls.Load()+20, time.Now().Add(10*time.Second); calls.Load() < limit && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
		if err := live[i].Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		end(t, live[i])
		live[i] = begin()
	}
	spent := 0
	for _, c := range live {
		switch code := end(t, c); code {
		case 76:
			spent++
		case 75:
		default:
			t.Errorf("exit code %d\n%s", code, c.Stderr)
		}
	}
	if spent == 0 {
		t.Error("no process says that the budget is spent")
	}

	// The most that a call can cost: 512 tokens of answer, and a token for each of
	// less than 500 bytes of its prompt.
	s.checkSpent(t, budget, (512*200+500*100)*1e-6, int(calls.Load()), processCount*workers)

	_, err := s.ends(t, 76, "--shard", "next", "--budget", fmt.Sprint(budget))
	if !errors.Is(err, chat.ErrBudget) {
		t.Error(err)
	}
	s.ends(t, 0, "--shard", "next", "--budget", "100")
	s.ends(t, 0, "--merge")
}

// checkSpent demands that the journals have spent a budget to the last call, which
// costs no more than most, and that no more calls were made beside these than may
// have been lost.
func (s *setting) checkSpent(t *testing.T, budget, most float64, calls, mayBeLost int) {
	t.Helper()
	var sum float64
	lost := calls
	entries(t, s.work(), func(e *journal.Entry) {
		lost--
		sum += e.CostUSD
	})
	if lost > mayBeLost || sum > budget || sum < budget-most {
		t.Errorf("%v USD are journaled of %v, and %d calls are not", sum, budget, lost)
	}
	t.Logf("%v USD journaled of %v, %d calls lost", sum, budget, lost)
}

// A shard that is started again while its first process lives is refused, as
// schedulers do after a node was out of sight. SIGTERM lets its calls finish, and
// then it is free.
func TestShardStartedTwice(t *testing.T) {
	release := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	s := set(t, 8, chaos.Config{Answer: func(model, user string) string {
		<-release
		return chaos.Answer(model, user)
	}})
	s.ends(t, 0, "--split")
	p := &processes{t, s, 2}
	first := p.start("--shard", "0/2")
	for s.server.Stats().Requests < 2 {
		time.Sleep(time.Millisecond)
	}
	second := p.start("--shard", "0/2")
	if code := end(t, second); code != 75 || !strings.Contains(fmt.Sprint(second.Stderr), fmt.Sprint("pid ", first.Process.Pid)) {
		t.Errorf("exit code %d\n%s", code, second.Stderr)
	}
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	once.Do(func() { close(release) })
	if code := end(t, first); code != 130 {
		t.Errorf("exit code %d\n%s", code, first.Stderr)
	}
	s.ends(t, 0, "--shard", "0/2")
	if n := s.server.Stats().Requests; n != 16 {
		t.Errorf("%d requests for 16 pairs", n)
	}
}

// What a service refuses for good is a failure that the same command meets again.
func TestShardsWithoutKeys(t *testing.T) {
	s := set(t, 8, chaos.Config{RejectedKeys: []string{"k"}})
	s.ends(t, 0, "--split", "--shard_size", "4")
	_, _, err := s.run(t, map[string]string{"API_KEYS": "k"}, "--work", s.work(), "--shard", "next")
	if code := cli.Code("program", err, io.Discard, false); code != 1 {
		t.Errorf("exit code %d: %v", code, err)
	}
	if _, incomplete := errors.AsType[*pipeline.IncompleteError](err); !incomplete {
		t.Error(err)
	}
	s.ends(t, 1, "--merge")
	s.ends(t, 0, "--shard", "next")
	s.ends(t, 0, "--merge")
}

// entries gives each the entries of the journals of a working folder.
func entries(t *testing.T, work string, each func(*journal.Entry)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(work, "shards", "*", "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		j, err := journal.Peek(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = j.Scan(func(_ int64, e *journal.Entry) error {
			each(e)
			return nil
		})
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// journaled returns the answers in the journals of a working folder, and how often
// each is there.
func journaled(t *testing.T, work string) map[string]int {
	t.Helper()
	answers := map[string]int{}
	entries(t, work, func(e *journal.Entry) { answers[strings.Clone(e.Response)]++ })
	return answers
}
