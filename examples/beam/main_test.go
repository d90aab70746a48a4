package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/smallencoder"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

func TestHelp(t *testing.T) { clitest.Help(t, run) }

// service answers every call with a text that depends on what is asked alone,
// and counts.
type service struct {
	*httptest.Server
	mu      sync.Mutex
	calls   map[string]int // by model and user message
	total   int
	open    int
	barrier int           // calls that must be open at once before the first is answered; 0: none
	passed  chan struct{} // closed when they were
	at      map[int]func()
}

func newService(t testing.TB, barrier int) *service {
	s := &service{calls: map[string]int{}, barrier: barrier, passed: make(chan struct{}), at: map[int]func(){}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

// when has something done at the n-th call.
func (s *service) when(n int, act func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[n] = act
}

// made is how many calls have come.
func (s *service) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model    string
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user := request.Messages[len(request.Messages)-1].Content
	s.mu.Lock()
	s.calls[request.Model+"\x00"+user]++
	s.total++
	if act := s.at[s.total]; act != nil {
		act()
	}
	s.open++
	if s.open == s.barrier {
		close(s.passed)
	}
	wait := s.barrier > 0
	s.mu.Unlock()
	if wait {
		select {
		case <-s.passed:
		case <-r.Context().Done():
		}
	}
	s.mu.Lock()
	s.open--
	if s.open == 0 && wait {
		select {
		case <-s.passed:
			s.barrier = 0
		default:
		}
	}
	s.mu.Unlock()
	if strings.Contains(user, "number 76 ") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error": {"code": "context_length_exceeded", "message": "too long"}}`)
		return
	}
	h := fnv.New32a()
	h.Write([]byte(request.Model + user))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"choices": [{"message": {"content": "It is %d."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": %d, "completion_tokens": 4, "total_tokens": %d}}`,
		h.Sum32()%3, len(user), len(user)+4)
}

// queries returns n queries, some of them twice.
func queries(from, n int) []string {
	list := make([]string, n)
	for i := range list {
		k := from + i
		if k%13 == 12 {
			k -= 11
		}
		list[i] = fmt.Sprintf(`{"task_name": "gsm8k", "query": "Which is number %d here?", "ground_truth": "#### %d", "metric": "GSM8K", "choices": null, "task_id": null}`, k, k%3)
	}
	return list
}

// testSet writes the inputs of a run, where the service is the only endpoint,
// and returns the name of the configuration and what it says.
func testSet(t testing.TB, endpoint string, train, test []string) (string, *llmrouterdata.Config) {
	t.Helper()
	dir := t.TempDir()
	clitest.Write(t, dir, "train.jsonl", strings.Join(train, "\n")+"\n")
	clitest.Write(t, dir, "test.jsonl", strings.Join(test, "\n")+"\n")
	clitest.Write(t, dir, "llm.json", `{"small": {"model": "small-1", "input_price": 0.2, "output_price": 0.4}, "large": {"model": "large-1", "input_price": 2, "output_price": 4}}`)
	config := clitest.Write(t, dir, "config.yaml", fmt.Sprintf(`
data_path:
  query_data_train: train.jsonl
  query_data_test: test.jsonl
  query_embedding_data: out/embeddings.pt
  routing_data_train: out/routing_train.jsonl
  routing_data_test: out/routing_test.jsonl
  llm_data: llm.json
embedding: {model: '%s'}
api_endpoint: '%s/v1'
`, smallModel(t), endpoint))
	c, err := llmrouterdata.LoadConfig(config, &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	return config, c
}

// smallModel is the small model, written once for all tests.
var smallModel = func() func(t testing.TB) string {
	var dir string
	var once sync.Once
	return func(t testing.TB) string {
		once.Do(func() {
			var err error
			if dir, err = os.MkdirTemp("", "beam-model-"); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS(clitest.Model(t))); err != nil {
				t.Fatal(err)
			}
			removeAtEnd = append(removeAtEnd, dir)
		})
		return dir
	}
}()

var removeAtEnd []string

func TestMain(m *testing.M) {
	clitest.BeProgram("beam", run)
	code := m.Run()
	for _, dir := range removeAtEnd {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var responseTime = regexp.MustCompile(`"response_time": [0-9.e+-]+`)

// outputs returns the texts of the three files, response times taken out.
func outputs(t testing.TB, c *llmrouterdata.Config) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = responseTime.ReplaceAllString(string(text), `"response_time": 0`)
	}
	return files
}

// oneRun evaluates query files in one process and returns its outputs.
func oneRun(t testing.TB, endpoint string, train, test []string) map[string]string {
	t.Helper()
	_, c := testSet(t, endpoint, train, test)
	encoder, err := embedding.OpenLongformer(t.Context(), c.Embedding.Model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	plan, err := pipeline.NewPlan(t.Context(), c, &pipeline.Options{Encoder: encoder})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return outputs(t, c)
}

func deadLetters(t testing.TB, work string) []DeadLetter {
	t.Helper()
	text, err := os.ReadFile(deadLetterFile(work))
	if err != nil {
		t.Fatal(err)
	}
	var list []DeadLetter
	for line := range strings.Lines(string(text)) {
		var d DeadLetter
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

// TestEqualsOneRun runs 2,000 queries on the embedded runner, eight shards at
// once, with a line that is no query, a query without a metric and a call that
// fails.
func TestEqualsOneRun(t *testing.T) {
	train, test := queries(0, 1600), queries(1500, 400)
	// The service answers when more calls are open than one shard makes.
	s := newService(t, 20)
	broken := append([]string(nil), train...)
	broken[700] = `{"task_name": "gsm8k", "query": `
	broken[1234] = strings.Replace(broken[1234], "GSM8K", "GSM9K", 1)
	good := append(append(append([]string(nil), train[:700]...), train[701:1234]...), train[1235:]...)

	config, c := testSet(t, s.URL, broken, test)
	work := filepath.Join(t.TempDir(), "work")
	out, errs, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", filepath.Dir(config), "--work", work,
		"--shard_size", "100", "--shards_at_once", "8", "--workers", "64")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	for _, want := range []string{
		"20 shards, 1998 queries, 3996 rows: 3996 calls made, 0 taken from the journals, ", "2 queries have no rows", "merged 1598 training and 400 test queries: 3996 rows, ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	want := []DeadLetter{
		{Shard: "train-00007", File: c.DataPath.QueryDataTrain, Line: 701, Stage: "read", Error: "invalid JSON", Record: broken[700]},
		{Shard: "train-00012", File: c.DataPath.QueryDataTrain, Line: 1235, Stage: "check", Task: "gsm8k", Error: "GSM9K", Record: broken[1234]},
	}
	got := deadLetters(t, work)
	for i := range got {
		if i < len(want) && strings.Contains(got[i].Error, want[i].Error) {
			got[i].Error = want[i].Error
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters: %s", diff)
	}
	merged := outputs(t, c)
	if strings.Count(merged["routing_train.jsonl"], `"response": "API Error: `) == 0 {
		t.Error("no row of a failed call")
	}
	if diff := cmp.Diff(oneRun(t, newService(t, 0).URL, good, test), merged); diff != "" {
		t.Errorf("the files differ from those of one run:\n%.3000s", diff)
	}
	if err := dataset.Check(t.Context(), c, &dataset.CheckOptions{Subset: true}); err == nil || !strings.Contains(err.Error(), ":701:") {
		t.Errorf("the query file with the broken line: %v", err)
	}

	// Once more: everything is in the journals.
	calls := s.made()
	out, errs, err = clitest.Run(t.Context(), run, nil, "--config", config, "--root", filepath.Dir(config), "--work", work, "--shard_size", "100")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if s.made() != calls || !strings.Contains(out, " 0 calls made, 3996 taken from the journals") {
		t.Errorf("the second run made %d calls\n%s", s.made()-calls, out)
	}
	if diff := cmp.Diff(merged, outputs(t, c)); diff != "" {
		t.Errorf("the second run's files differ:\n%.3000s", diff)
	}
}

// TestEncoders runs shards with each architecture of sentence-transformers.
func TestEncoders(t *testing.T) {
	for _, name := range smallencoder.Names {
		model := smallencoder.New(t, name)
		train := clitest.QueryLines(t, model.Texts[1:])
		config, c := testSet(t, newService(t, 0).URL, train, train[:1])
		_, errs, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", filepath.Dir(config), "--work", filepath.Join(t.TempDir(), "work"),
			"--encoder", model.Dir, "--shard_size", "4")
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, errs)
		}
		clitest.CheckEmbeddings(t, c, 2*len(train), model.Check)
	}
}

// TestRestart asks a run to stop in the middle, which fails its bundle, and
// starts it again.
func TestRestart(t *testing.T) {
	train, test := queries(0, 300), queries(280, 100)
	s := newService(t, 0)
	config, c := testSet(t, s.URL, train, test)
	work := filepath.Join(t.TempDir(), "work")
	args := []string{"--config", config, "--root", filepath.Dir(config), "--work", work, "--shard_size", "50", "--shards_at_once", "3", "--workers", "12"}
	drain := make(chan struct{})
	s.when(250, func() { close(drain) })
	var out, errs bytes.Buffer
	err := run(t.Context(), clitest.Env(nil, &out, &errs, drain, args...))
	if err == nil || !strings.Contains(err.Error(), "asked to stop") {
		t.Fatalf("the run that was asked to stop: %v", err)
	}
	first := s.made()
	if first < 250 || first > 700 {
		t.Errorf("%d calls were made", first)
	}
	if _, err := os.Stat(c.DataPath.RoutingDataTrain); err == nil {
		t.Error("it was merged")
	}
	stdout, stderr, err := clitest.Run(t.Context(), run, nil, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if want := fmt.Sprintf("%d calls made, %d taken from the journals", 800-first, first); !strings.Contains(stdout, want) {
		t.Errorf("%q is not in\n%s", want, stdout)
	}
	if s.made() != 800 {
		t.Errorf("%d calls were made for 800 rows", s.made())
	}
	for call, n := range s.calls {
		rows := 0
		_, user, _ := strings.Cut(call, "\x00Question: ")
		for _, q := range append(train[:300:300], test...) {
			if strings.Contains(q, user) {
				rows++
			}
		}
		if n != rows {
			t.Errorf("%d calls of %q, which has %d rows", n, call, rows)
		}
	}
	if diff := cmp.Diff(oneRun(t, newService(t, 0).URL, train, test), outputs(t, c)); diff != "" {
		t.Errorf("the files differ from those of one run:\n%.3000s", diff)
	}
}

// TestKilled kills the program in the middle of its calls and starts it again:
// what was answered and journaled is not called again.
func TestKilled(t *testing.T) {
	const workers = 12
	train, test := queries(0, 150), queries(130, 50)
	s := newService(t, 0)
	config, c := testSet(t, s.URL, train, test)
	work := filepath.Join(t.TempDir(), "work")
	args := []string{"--config", config, "--root", filepath.Dir(config), "--work", work, "--shard_size", "50", "--shards_at_once", "3", "--workers", fmt.Sprint(workers)}
	command := clitest.Command(t.Context(), t, args...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	reached := make(chan struct{})
	s.when(200, func() { close(reached) })
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-reached:
		if err := command.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-ended
	case err := <-ended:
		t.Fatalf("the program ended before it was killed: %v\n%s", err, out.Bytes())
	}
	first := s.made()
	stdout, stderr, err := clitest.Run(t.Context(), run, nil, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if s.made() < 400 || s.made() > 400+workers {
		t.Errorf("%d calls were made for 400 rows, %d of them before the kill, with %d under way at once\n%s", s.made(), first, workers, stdout)
	}
	if diff := cmp.Diff(oneRun(t, newService(t, 0).URL, train, test), outputs(t, c)); diff != "" {
		t.Errorf("the files differ from those of one run:\n%.3000s", diff)
	}
}

// TestBundleAgain hands a shard to a second copy of the DoFn, as a runner does
// that has lost the first one's results.
func TestBundleAgain(t *testing.T) {
	s := newService(t, 0)
	_, c := testSet(t, s.URL, queries(0, 40), nil)
	work := filepath.Join(t.TempDir(), "work")
	list, err := shards.Split(t.Context(), c, work, &shards.SplitOptions{Size: 20})
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	text, err := candidates(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	bundle := func() []string {
		f := &evaluateFn{Settings: Settings{Work: work, Candidates: text, APIEndpoint: s.URL + "/v1", Encoder: smallModel(t), Calls: 4, Shards: 2}}
		if err := f.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer f.Teardown()
		var reports []string
		emit := func(text string) { reports = append(reports, text) }
		none := func(text string) { t.Errorf("dead letter %s", text) }
		f.StartBundle(t.Context(), emit, none)
		for _, shard := range list[:2] {
			if err := f.ProcessElement(t.Context(), shard, emit, none); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.FinishBundle(t.Context(), emit, none); err != nil {
			t.Fatal(err)
		}
		return reports
	}
	for i, want := range []string{`"called":40,"resumed":0,`, `"called":0,"resumed":40,`} {
		reports := bundle()
		if len(reports) != 2 {
			t.Fatalf("%d reports", len(reports))
		}
		for _, r := range reports {
			if !strings.Contains(r, want) {
				t.Errorf("bundle %d: %s is not in %s", i+1, want, r)
			}
		}
	}
	if s.made() != 80 {
		t.Errorf("%d calls for 80 rows", s.made())
	}
	if len(workers.by) != 0 {
		t.Errorf("%d workers are left open", len(workers.by))
	}
}

// All calls of a worker process are for one shard where only one is left, and no
// more than these are for two bundles that run side by side.
func TestCallsOfAWorker(t *testing.T) {
	for bundles := 1; bundles <= 2; bundles++ {
		server := chaos.New(chaos.Config{Latency: chaos.Fixed(50 * time.Millisecond)})
		url, stop, err := server.Listen()
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		_, c := testSet(t, strings.TrimSuffix(url, "/v1"), queries(0, 40), nil)
		work := filepath.Join(t.TempDir(), "work")
		list, err := shards.Split(t.Context(), c, work, &shards.SplitOptions{Size: 20})
		if err != nil {
			t.Fatal(err)
		}
		text, err := candidates(c.DataPath.LLMData)
		if err != nil {
			t.Fatal(err)
		}
		settings := Settings{Work: work, Candidates: text, APIEndpoint: url, Encoder: smallModel(t), Calls: 8, Shards: 4}
		var running sync.WaitGroup
		for _, shard := range list[:bundles] {
			running.Go(func() {
				f := &evaluateFn{Settings: settings}
				none := func(string) {}
				err := f.Setup(t.Context())
				if err == nil {
					f.StartBundle(t.Context(), none, none)
					err = errors.Join(f.ProcessElement(t.Context(), shard, none, none), f.FinishBundle(t.Context(), none, none))
					f.Teardown()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if got := server.Stats(); got.MaxInFlight != 8 || got.Requests != 40*bundles {
			t.Errorf("%d bundles: %d calls, %d at once, want 8", bundles, got.Requests, got.MaxInFlight)
		}
	}
}

func TestSettingsHoldNoKey(t *testing.T) {
	t.Setenv("API_KEYS", "sk-very-secret")
	s := newService(t, 0)
	_, c := testSet(t, s.URL, queries(0, 5), nil)
	work := filepath.Join(t.TempDir(), "work")
	if _, err := shards.Split(t.Context(), c, work, nil); err != nil {
		t.Fatal(err)
	}
	text, err := candidates(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	w, err := takeWorker(t.Context(), Settings{Work: work, Candidates: text, Encoder: smallModel(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer giveBack(w)
	if w.keys.Len() != 1 {
		t.Errorf("%v", w.keys)
	}
	shown, err := json.Marshal(&evaluateFn{Settings: w.settings, worker: w})
	if err != nil || strings.Contains(string(shown), "secret") {
		t.Errorf("%s, %v", shown, err)
	}
}

func TestUsage(t *testing.T) {
	t.Cleanup(func() { // Beam's flags are those of the process
		if err := errors.Join(flag.Set("runner", ""), flag.Set("async", "false")); err != nil {
			t.Error(err)
		}
	})
	s := newService(t, 0)
	config, _ := testSet(t, s.URL, queries(0, 5), nil)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no configuration", []string{"--work", "w"}, "--config is needed"},
		{"no working folder", []string{"--config", config}, "--work is needed"},
		{"unknown step", []string{"--config", config, "--work", "w", "--step", "walk"}, `--step is "walk"`},
		{"no size", []string{"--config", config, "--work", "w", "--shard_size", "0"}, "--shard_size is 0"},
		{"a store", []string{"--config", config, "--work", "gs://bucket/work"}, "gs:// is no file system"},
		{"an unknown runner", []string{"--config", config, "--work", "w", "--runner", "flnk"}, `--runner is "flnk"; it is one of prism, `},
		{"merging what is not there yet", []string{"--config", config, "--work", "w", "--runner", "universal", "--async"}, "--async does not go with --step all"},
		{"negative limit", []string{"--config", config, "--work", "w", "--requests_per_minute", "-1"}, "--requests_per_minute is -1"},
	} {
		_, errs, err := clitest.Run(t.Context(), run, nil, tt.args...)
		if cli.Code("beam", err, &bytes.Buffer{}, false) != 2 || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: %v, %s", tt.name, err, errs)
		}
	}
	work := filepath.Join(t.TempDir(), "work")
	args := []string{"--config", config, "--root", filepath.Dir(config), "--work", work}
	if _, _, err := clitest.Run(t.Context(), run, nil, append(args, "--step", "merge")...); err == nil || !strings.Contains(err.Error(), "shards.jsonl") {
		t.Errorf("a merge before the split: %v", err)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, append(args, "--step", "split")...); err != nil {
		t.Error(err)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, append(args, "--step", "merge")...); err == nil || !strings.Contains(err.Error(), "shard train-00000 is not done") {
		t.Errorf("a merge before the run: %v", err)
	}
}
