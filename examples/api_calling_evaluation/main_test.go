package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/smallencoder"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// setting is a folder with everything that the program needs.
type setting struct {
	dir, config string
	c           *llmrouterdata.Config
	server      *chaos.Server
	url         string
	args        []string
}

// set makes n training queries, n/2 test queries and two candidates at a server
// of its own.
func set(t testing.TB, n int, behaviour chaos.Config) *setting {
	t.Helper()
	s := &setting{dir: t.TempDir(), server: chaos.New(behaviour)}
	url, stop, err := s.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.url = url
	s.config = clitest.SampleConfig(t, s.dir)
	if s.c, err = llmrouterdata.LoadConfig(s.config, &llmrouterdata.ConfigOptions{Root: s.dir}); err != nil {
		t.Fatal(err)
	}
	s.queries(t, "train", n)
	s.queries(t, "test", n/2)
	s.candidates(t, fmt.Sprintf(`{
		"first": {"model": "x/first", "service": "X", "input_price": 100, "output_price": 200, "api_endpoint": %q},
		"second": {"model": "x/second", "service": "X", "input_price": 1, "output_price": 1, "api_endpoint": %[1]q}
	}`, url))
	s.args = []string{"--config", s.config, "--root", s.dir, "--encoder", clitest.Model(t)}
	return s
}

func (s *setting) queries(t testing.TB, split string, n int) {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"task_name": "gsm8k", "query": "What is %d + %s?", "ground_truth": "%d", "metric": "GSM8K", "choices": null, "task_id": null}`+"\n",
			i, split, i)
	}
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_"+split+".jsonl", text.String())
}

func (s *setting) candidates(t testing.TB, text string) {
	t.Helper()
	clitest.Write(t, s.dir, "examples/candidates.json", text)
}

func (s *setting) run(t testing.TB, env map[string]string, more ...string) (stdout, stderr string, err error) {
	t.Helper()
	return clitest.Run(t.Context(), run, env, append(slices.Clone(s.args), more...)...)
}

func (s *setting) rows(t *testing.T) []llmrouterdata.RoutingRecord {
	t.Helper()
	var rows []llmrouterdata.RoutingRecord
	for _, name := range []string{s.c.DataPath.RoutingDataTrain, s.c.DataPath.RoutingDataTest} {
		for row, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](name, nil) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// nothingWritten checks that nothing was called and that there is no output.
func (s *setting) nothingWritten(t *testing.T) {
	t.Helper()
	if n := s.server.Stats().Requests; n != 0 {
		t.Errorf("%d requests were made", n)
	}
	s.nothingPublished(t)
}

// nothingPublished checks that the configured outputs are not there.
func (s *setting) nothingPublished(t *testing.T) {
	t.Helper()
	for _, name := range []string{s.c.DataPath.QueryEmbeddingData, s.c.DataPath.RoutingDataTrain, s.c.DataPath.RoutingDataTest} {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there (%v)", name, err)
		}
	}
}

// TestEncoders embeds with each architecture of sentence-transformers, named by
// the flag and by the configuration.
func TestEncoders(t *testing.T) {
	for i, name := range smallencoder.Names {
		model := smallencoder.New(t, name)
		s := set(t, 2, chaos.Config{})
		queries := clitest.QueryLines(t, model.Texts[1:])
		clitest.Write(t, s.dir, "data/example_data/query_data/default_query_train.jsonl", strings.Join(queries, "\n")+"\n")
		s.args = []string{"--config", s.config, "--root", s.dir, "--encoder", model.Dir}
		if i == 0 {
			config, err := os.ReadFile(s.config)
			if err != nil {
				t.Fatal(err)
			}
			named := strings.Replace(string(config), llmrouterdata.DefaultEmbeddingModel, model.Dir, 1)
			s.args = []string{"--config", clitest.Write(t, s.dir, "named.yaml", named), "--root", s.dir}
		}
		if _, errs, err := s.run(t, nil); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, errs)
		}
		clitest.CheckEmbeddings(t, s.c, 2*len(queries), model.Check)
	}
}

func TestRun(t *testing.T) {
	s := set(t, 8, chaos.Config{Answer: func(model, user string) string { return "The answer is 3." }})
	report := filepath.Join(s.dir, "new", "report.json")
	out, errs, err := s.run(t, nil, "--report", report)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if err := dataset.Check(t.Context(), s.c, nil); err != nil {
		t.Error(err)
	}
	rows := s.rows(t)
	if len(rows) != 24 || s.server.Stats().Requests != 24 {
		t.Errorf("%d rows after %d requests, want 24", len(rows), s.server.Stats().Requests)
	}
	cost := 0.0
	for i, row := range rows {
		want := 0.0
		if row.GroundTruth == "3" {
			want = 1
		}
		if row.Performance != want || row.Response != "The answer is 3." || row.APIKeyUsed != "" || row.ModelName != []string{"first", "second"}[i%2] {
			t.Errorf("row %d: %+v", i+1, row)
		}
		price := []float64{100e-6, 1e-6}[i%2]
		cost += price*float64(row.InputTokens) + price*float64(1+(i+1)%2)*float64(row.OutputTokens)
	}
	for _, text := range []string{"first", "second", "gsm8k", "24 rows: 24 calls made", fmt.Sprintf("total cost %.6f USD", cost)} {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in:\n%s", text, out)
		}
	}
	for _, text := range []string{"calls: 24 in ", "embedding: 12 in ", "writing rows: 24 in "} {
		if !strings.Contains(errs, text) {
			t.Errorf("no %q in:\n%s", text, errs)
		}
	}
	if strings.ContainsAny(errs, "\r\x1b") {
		t.Errorf("there is no terminal, and lines are drawn over: %q", errs)
	}
	var summary pipeline.Report
	text, err := os.ReadFile(report)
	if err == nil {
		err = json.Unmarshal(text, &summary)
	}
	if err != nil || summary.Pairs != 24 || summary.Called != 24 || summary.Failed != 0 || summary.All.Performance != 4.0/24 || len(summary.Models) != 2 {
		t.Errorf("report: %v\n%s", err, text)
	}

	// Again: all is in the journal. Fresh: it is moved aside.
	if out, _, err := s.run(t, nil); err != nil || !strings.Contains(out, "24 rows: 0 calls made, 24 taken from the journal") || s.server.Stats().Requests != 24 {
		t.Errorf("again: %v, %d requests\n%s", err, s.server.Stats().Requests, out)
	}
	if out, _, err := s.run(t, nil, "--fresh"); err != nil || !strings.Contains(out, "24 rows: 24 calls made") || s.server.Stats().Requests != 48 {
		t.Errorf("--fresh: %v, %d requests\n%s", err, s.server.Stats().Requests, out)
	}
}

func TestTestRun(t *testing.T) {
	s := set(t, 120, chaos.Config{})
	out, errs, err := s.run(t, nil, "--test", "--workers", "8")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	s.nothingPublished(t) // the configured names are for real data
	if err := cli.TestRunOutputs(&s.c.DataPath); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "140 rows: 140 calls made") || len(s.rows(t)) != 140 {
		t.Errorf("want 50 and 20 queries for two candidates:\n%s", out)
	}
	for _, name := range []string{s.c.DataPath.RoutingDataTrain, s.c.DataPath.RoutingDataTest, s.c.DataPath.QueryEmbeddingData, s.c.DataPath.QueryDataTrain} {
		if !strings.Contains(out, name) {
			t.Errorf("%s is not named:\n%s", name, out)
		}
	}
	if m := s.server.Stats().MaxInFlight; m > 8 {
		t.Errorf("%d calls under way at once", m)
	}
	if err := dataset.Check(t.Context(), s.c, &dataset.CheckOptions{Subset: true}); err != nil {
		t.Error(err)
	}
	train := s.rows(t)[99]
	if train.Query != "What is 49 + train?" {
		t.Errorf("the last training query is %q", train.Query)
	}

	// What a test run of step 2a has written goes before what is configured.
	for _, split := range []string{"train", "test"} {
		s.queries(t, split+"_testrun", 3)
	}
	if out, errs, err = s.run(t, nil, "--test"); err != nil || !strings.Contains(out, "12 rows: 12 calls made") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
}

func TestDryRun(t *testing.T) {
	s := set(t, 10, chaos.Config{})
	s.args[len(s.args)-1] = filepath.Join(s.dir, "none") // no model is needed
	out, errs, err := s.run(t, nil, "--dry_run")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	for _, line := range []string{"first ", "second ", "all "} {
		i := strings.Index(out, line)
		if i < 0 || !strings.Contains(out[i:], " calls ") || !strings.Contains(out[i:], " USD") {
			t.Errorf("no line of %s:\n%s", line, out)
		}
	}
	if !strings.Contains(out, "15 calls") || !strings.Contains(out, "30 calls") {
		t.Errorf("want 15 calls for each and 30 in all:\n%s", out)
	}
	s.nothingWritten(t)
	env := clitest.Env(nil, io.Discard, io.Discard, nil, append(slices.Clone(s.args), "--dry_run")...)
	env.Drain = func(time.Duration) <-chan struct{} {
		t.Error("the first interrupt does not end an estimate")
		return nil
	}
	if err := run(t.Context(), env); err != nil {
		t.Error(err)
	}
}

// TestMissing holds that what is missing is told before the first call.
func TestMissing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, s *setting) []string
		env     map[string]string
		says    []string
	}{
		{"keys", func(t *testing.T, s *setting) []string {
			s.candidates(t, fmt.Sprintf(`{"near": {"model": "x/near", "api_endpoint": %q},
				"far": {"model": "x/far", "service": "X", "api_endpoint": "https://far.invalid/v1"}}`, s.url))
			return nil
		}, nil, []string{`"far"`, "no API key"}},
		{"keys of a service", func(t *testing.T, s *setting) []string {
			s.candidates(t, fmt.Sprintf(`{"near": {"model": "x/near", "api_endpoint": %q},
				"far": {"model": "x/far", "service": "X", "api_endpoint": "https://far.invalid/v1"}}`, s.url))
			return nil
		}, map[string]string{"API_KEYS": `{"Y": ["sk-secretOfTheTest"]}`}, []string{`"far"`, `"X"`}},
		{"malformed keys", nil, map[string]string{"API_KEYS": `["sk-secretOfTheTest"`}, []string{"API_KEYS"}},
		{"endpoint", func(t *testing.T, s *setting) []string {
			s.candidates(t, `{"a": {"model": "x/a"}}`)
			return nil
		}, nil, []string{`"a"`, "api_endpoint"}},
		{"model id", func(t *testing.T, s *setting) []string {
			s.candidates(t, fmt.Sprintf(`{"a": {"api_endpoint": %q}}`, s.url))
			return nil
		}, nil, []string{`"a"`, `"model"`}},
		{"candidates", func(t *testing.T, s *setting) []string {
			remove(t, s.c.DataPath.LLMData)
			return nil
		}, nil, []string{"candidates.json"}},
		{"training queries", func(t *testing.T, s *setting) []string {
			remove(t, s.c.DataPath.QueryDataTrain)
			return nil
		}, nil, []string{"default_query_train.jsonl"}},
		{"test queries", func(t *testing.T, s *setting) []string {
			remove(t, s.c.DataPath.QueryDataTest)
			return nil
		}, nil, []string{"default_query_test.jsonl"}},
		{"a field of a query", func(t *testing.T, s *setting) []string {
			clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl", `{"task_name": "gsm8k", "ground_truth": "1", "metric": "GSM8K"}`)
			return nil
		}, nil, []string{"default_query_test.jsonl", `"query"`}},
		{"metric", func(t *testing.T, s *setting) []string {
			clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl", `{"task_name": "gsm8k", "query": "q", "ground_truth": "1", "metric": "em_nc"}`)
			return nil
		}, nil, []string{`"em_nc"`, "em_mc"}},
		{"embedding model", func(t *testing.T, s *setting) []string {
			return []string{"--encoder", filepath.Join(s.dir, "none")}
		}, nil, []string{"none"}},
		{"outputs in the configuration", func(t *testing.T, s *setting) []string {
			return []string{"--config", clitest.Write(t, s.dir, "half.yaml", "data_path: {query_data_train: a, query_data_test: b, llm_data: c}\n")}
		}, nil, []string{"query_embedding_data", "routing_data_train", "routing_data_test"}},
		{"configuration", func(t *testing.T, s *setting) []string {
			return []string{"--config", filepath.Join(s.dir, "none.yaml")}
		}, nil, []string{"none.yaml"}},
		{"way to write", func(t *testing.T, s *setting) []string {
			file := clitest.Write(t, s.dir, "file", "in the way")
			config := fmt.Sprintf("data_path:\n  query_data_train: %q\n  query_data_test: %q\n  llm_data: %q\n  query_embedding_data: %q\n  routing_data_train: %[4]q\n  routing_data_test: %[4]q\n",
				s.c.DataPath.QueryDataTrain, s.c.DataPath.QueryDataTest, s.c.DataPath.LLMData, filepath.Join(file, "x"))
			return []string{"--config", clitest.Write(t, s.dir, "unwritable.yaml", config)}
		}, nil, []string{"file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := set(t, 4, chaos.Config{})
			var more []string
			if tt.prepare != nil {
				more = tt.prepare(t, s)
			}
			env := map[string]string{"HF_HOME": t.TempDir(), "HF_HUB_OFFLINE": "1"}
			for k, v := range tt.env {
				env[k] = v
			}
			out, errs, err := s.run(t, env, more...)
			if err == nil || cli.Code("program", err, io.Discard, false) != 1 {
				t.Fatalf("got %v", err)
			}
			for _, says := range tt.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v does not say %s", err, says)
				}
			}
			if strings.Contains(err.Error()+errs+out, "secretOfTheTest") {
				t.Errorf("a key is shown: %v", err)
			}
			s.nothingWritten(t)
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAndLabels(t *testing.T) {
	const key = "sk-theSecretKeyOfThisTest0123"
	s := set(t, 4, chaos.Config{})
	env := map[string]string{"API_KEYS": fmt.Sprintf("[%q]", key)}
	report := filepath.Join(s.dir, "report.json")
	out, errs, err := s.run(t, env, "--key_labels", "--report", report)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.server.Stats().ByKey[key]; n != 12 {
		t.Errorf("%d requests with the key", n)
	}
	for _, row := range s.rows(t) {
		if row.APIKeyUsed == "" {
			t.Errorf("no label: %+v", row)
		}
	}
	all := out + errs
	for _, name := range clitest.Files(t, s.dir) {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	if strings.Contains(all, key) || strings.Contains(all, key[3:]) {
		t.Error("the key is in a file or on the screen")
	}
}

// TestCodeWithoutSandbox holds that queries for programs are not paid for where
// the answers cannot be evaluated, unless that is asked for.
func TestCodeWithoutSandbox(t *testing.T) {
	s := set(t, 2, chaos.Config{Answer: answer})
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl",
		`{"task_name": "human_eval", "query": "def guess():\n", "ground_truth": "def check(f):\n    assert f() >= 0", "metric": "code_eval", "task_id": "HumanEval/7"}`)
	without := func(more ...string) (string, string, error) {
		var out, errs bytes.Buffer
		e := clitest.Env(nil, &out, &errs, nil, append(slices.Clone(s.args), more...)...)
		e.Sandbox = clitest.NoSandbox
		err := run(t.Context(), e)
		return out.String(), errs.String(), err
	}
	_, errs, err := without()
	if _, unavailable := errors.AsType[*pipeline.UnavailableMetricError](err); !unavailable || !strings.Contains(errs, "none in this test") {
		t.Errorf("got %v, %s", err, errs)
	}
	s.nothingWritten(t)
	out, _, err := without("--allow_not_evaluated")
	if err != nil || !strings.Contains(out, "6 rows: 6 calls made") || !strings.Contains(out, " 2 not evaluated") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFailedCalls runs against a candidate whose service refuses every call.
func TestFailedCalls(t *testing.T) {
	s := set(t, 2, chaos.Config{Statuses: map[string]int{"x/second": 400}})
	out, _, err := s.run(t, nil, "--max_failed", "0.1", "--publish_incomplete", "--workers", "1")
	if err == nil || cli.Code("program", err, io.Discard, false) != 1 {
		t.Fatalf("got %v", err)
	}
	if _, failed := errors.AsType[*pipeline.FailedCallsError](err); !failed {
		t.Errorf("got %v, want too many failed calls", err)
	}
	if !strings.Contains(out, "6 rows: ") {
		t.Errorf("no summary:\n%s", out)
	}
	if rows := s.rows(t); len(rows) != 6 || !strings.HasPrefix(rows[1].Response, "API Error: ") || strings.Contains(rows[1].Response, "127.0.0.1") {
		t.Errorf("rows: %+v", rows)
	}
	if err := dataset.Check(t.Context(), s.c, nil); err != nil {
		t.Error(err)
	}
}

// TestMostFail holds that a run most of whose calls fail does not end well, and
// that its calls can be made again when the service is better.
func TestMostFail(t *testing.T) {
	s := set(t, 2, chaos.Config{Statuses: map[string]int{"x/first": 400, "x/second": 400}})
	out, _, err := s.run(t, nil)
	if _, failed := errors.AsType[*pipeline.FailedCallsError](err); !failed || !strings.Contains(out, "--retry_failed") {
		t.Fatalf("%v\n%s", err, out)
	}
	better := chaos.New(chaos.Config{})
	url, stop, err := better.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.candidates(t, fmt.Sprintf(`{"first": {"model": "x/first", "api_endpoint": %q}, "second": {"model": "x/second", "api_endpoint": %[1]q}}`, url))
	if _, _, err := s.run(t, nil); err == nil || better.Stats().Requests != 0 {
		t.Errorf("failed calls were made again unasked: %v", err)
	}
	if out, _, err := s.run(t, nil, "--retry_failed"); err != nil || strings.Contains(out, "--retry_failed") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, row := range s.rows(t) {
		if strings.HasPrefix(row.Response, "API Error") {
			t.Errorf("an error row: %+v", row)
		}
	}
}

// TestBudget stops before the calls cost more than they may; the next run goes
// on from there.
func TestBudget(t *testing.T) {
	s := set(t, 20, chaos.Config{})
	out, _, err := s.run(t, nil, "--budget", "0.2", "--workers", "1")
	incomplete, ok := errors.AsType[*pipeline.IncompleteError](err)
	if !ok || cli.Code("program", err, io.Discard, false) != 76 || !strings.Contains(out, "run the same command again") {
		t.Fatalf("got %v\n%s", err, out)
	}
	made := s.server.Stats().Requests
	if made == 0 || made >= 60 || incomplete.Missing != 60-made {
		t.Errorf("%d calls, %d missing", made, incomplete.Missing)
	}
	if _, err := os.Stat(s.c.DataPath.RoutingDataTrain); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an incomplete file has its name (%v)", err)
	}
	if out, _, err := s.run(t, nil); err != nil || !strings.Contains(out, fmt.Sprintf("60 rows: %d calls made, %d taken", 60-made, made)) {
		t.Errorf("%v\n%s", err, out)
	}
	if s.server.Stats().Requests != 60 {
		t.Errorf("%d requests in all", s.server.Stats().Requests)
	}
}

// TestDrain lets the calls under way finish at the first interrupt.
func TestDrain(t *testing.T) {
	drain := make(chan struct{})
	var asked atomic.Int32
	s := set(t, 40, chaos.Config{Answer: func(model, user string) string {
		if asked.Add(1) == 10 {
			close(drain)
		}
		return chaos.Answer(model, user)
	}})
	err := run(t.Context(), clitest.Env(nil, io.Discard, io.Discard, drain, append(s.args, "--workers", "4")...))
	incomplete, ok := errors.AsType[*pipeline.IncompleteError](err)
	if !ok || cli.Code("program", err, io.Discard, true) != 130 {
		t.Fatalf("got %v", err)
	}
	s.server.Wait()
	made := s.server.Stats().Requests
	if made < 10 || made >= 120 || incomplete.Missing != 120-made {
		t.Errorf("%d calls, %d missing", made, incomplete.Missing)
	}
	out, _, err := s.run(t, nil)
	if err != nil || s.server.Stats().Requests != 120 {
		t.Errorf("then %v, %d requests\n%s", err, s.server.Stats().Requests, out)
	}
	if err := dataset.Check(t.Context(), s.c, nil); err != nil {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	s := set(t, 40, chaos.Config{Answer: func(model, user string) string {
		if asked.Add(1) == 10 {
			cancel()
		}
		return chaos.Answer(model, user)
	}})
	if _, _, err := clitest.Run(ctx, run, nil, append(s.args, "--workers", "4")...); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := s.run(t, nil); err != nil {
		t.Error(err)
	}
	if err := dataset.Check(t.Context(), s.c, nil); err != nil {
		t.Error(err)
	}
}

// TestStreamAndBalance runs with the other ways of calling.
func TestStreamAndBalance(t *testing.T) {
	for _, more := range [][]string{{"--stream"}, {"--balance", "least_busy"}, {"--balance", "lowest_latency"}} {
		s := set(t, 4, chaos.Config{})
		if _, errs, err := s.run(t, map[string]string{"API_KEYS": "a,b"}, more...); err != nil {
			t.Errorf("%q: %v\n%s", more, err, errs)
		}
		if err := dataset.Check(t.Context(), s.c, nil); err != nil {
			t.Errorf("%q: %v", more, err)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	s := set(t, 2, chaos.Config{})
	for _, args := range [][]string{{}, {"--workers", "4"}, append(slices.Clone(s.args), "--workers", "0"), append(slices.Clone(s.args), "--workers", "-3"),
		append(slices.Clone(s.args), "--requests_per_minute", "-1"), append(slices.Clone(s.args), "--tokens_per_minute", "-1"),
		append(slices.Clone(s.args), "--budget", "-1"), append(slices.Clone(s.args), "--max_failed", "1.5"), append(slices.Clone(s.args), "--balance", "fastest")} {
		out, errs, err := clitest.Run(t.Context(), run, nil, args...)
		if !errors.Is(err, cli.ErrUsage) || out != "" || !strings.Contains(errs, "Usage:") {
			t.Errorf("%q: %v, %q, %q", args, err, out, errs)
		}
	}
	s.nothingWritten(t)
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

// TestRealInput runs over the published training queries and candidates, which
// are pointed at a server of this test. By default every twentieth query is
// taken; LLMROUTER_FULL takes all.
func TestRealInput(t *testing.T) {
	data := golden.DataDir(t)
	step := 20
	if os.Getenv("LLMROUTER_FULL") != "" {
		step = 1
	}
	s := set(t, 0, chaos.Config{Answer: answer})
	var train, test strings.Builder
	n := 0
	text, err := os.ReadFile(filepath.Join(data, "query_data", "default_query_train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n%step == 0 {
			train.WriteString(line)
		}
		if n%(50*step) == 0 { // some queries on both sides
			test.WriteString(line)
		}
		n++
	}
	queries := strings.Count(train.String(), "\n") + strings.Count(test.String(), "\n")
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_train.jsonl", train.String())
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl", test.String())
	candidates, err := llmrouterdata.ReadCandidatesFile(filepath.Join(data, "llm_candidates", "default_llm.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range candidates {
		candidates[i].APIEndpoint = s.url
	}
	var file strings.Builder
	if err := llmrouterdata.WriteCandidates(&file, candidates); err != nil {
		t.Fatal(err)
	}
	s.candidates(t, file.String())

	report := filepath.Join(s.dir, "report.json")
	out, errs, err := s.run(t, nil, "--report", report, "--allow_not_evaluated")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	t.Logf("\n%s", out)
	if err := dataset.Check(t.Context(), s.c, nil); err != nil {
		t.Error(err)
	}
	pairs := queries * len(candidates)
	if requests := s.server.Stats().Requests; requests != pairs {
		t.Errorf("%d requests for %d pairs", requests, pairs)
	}
	var summary pipeline.Report
	if text, err = os.ReadFile(report); err == nil {
		err = json.Unmarshal(text, &summary)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := [...]int{queries, len(candidates), pairs, pairs, 0, 0, 0}
	got := [...]int{summary.Queries, summary.Candidates, summary.Pairs, summary.Called, summary.Failed, summary.Missing, summary.ScoreErrors}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries, candidates, pairs, called, failed, missing, scoring errors:\n%s", diff)
	}
	if summary.NotEvaluated != 0 && !strings.Contains(errs, "code cannot be evaluated here") {
		t.Errorf("%d answers were not evaluated", summary.NotEvaluated)
	}

	// Every row has the answer that the server gave to its prompt.
	prompts := chat.BuiltinPrompts()
	models := map[string]string{}
	for _, c := range candidates {
		models[c.Name] = c.Model
	}
	rows, right := s.rows(t), 0
	if len(rows) != pairs {
		t.Fatalf("%d rows for %d pairs", len(rows), pairs)
	}
	for i, row := range rows {
		prompt, err := prompts.For(row.QueryData())
		if err != nil {
			t.Fatal(err)
		}
		if row.Response != answer(models[row.ModelName], prompt.User) {
			t.Fatalf("row %d: %s answers %q to\n%s", i+1, row.ModelName, row.Response, prompt.User)
		}
		if row.Performance == 1 {
			right++
		}
	}
	if right == 0 || right > pairs/2 {
		t.Errorf("%d of %d answers are right", right, pairs)
	}
}

// answer guesses, in another way for each model and prompt.
func answer(model, user string) string {
	n := len(model) + len(user)
	return fmt.Sprintf("I guess (%c), that is \\boxed{%d}.\n```python\ndef guess():\n    return %d\n```\nThe answer is %d", 'A'+n%5, n%9, n, n%9)
}

// What all candidates ask for is sent, from flags as from the candidate file, and
// stands in no file that is written.
func TestCallingFlags(t *testing.T) {
	s := set(t, 4, chaos.Config{})
	out, errs, err := s.run(t, map[string]string{"TEAM_TOKEN": "s3cr3t-0123456789"}, "--header", "X-Team: ${TEAM_TOKEN}", "--header", "X-Run: one",
		"--params", `{"reasoning_effort": "low"}`, "--order", "by_query", "--timeout", "20.5", "--connect_timeout", "5", "--candidate_workers", "2")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	for _, name := range clitest.Files(t, s.dir) {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"s3cr3t-0123456789", "TEAM_TOKEN", "reasoning_effort"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	for _, wrong := range [][]string{
		{"--header", "no colon"}, {"--params", "[1]"}, {"--timeout", "0"}, {"--timeout", "soon"}, {"--order", "by_luck"}, {"--candidate_workers", "-1"},
		{"--candidate_requests_per_minute", "-1"}, {"--candidate_tokens_per_minute", "-1"},
	} {
		if _, _, err := s.run(t, nil, wrong...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, _, err := s.run(t, nil, "--header", "X-Team: ${ABSENT_TOKEN}"); err == nil || !strings.Contains(err.Error(), "ABSENT_TOKEN") {
		t.Errorf("a variable that is not set: %v", err)
	}
}

// A limit for candidates bounds each of them and not the key that they share.
func TestCandidateLimits(t *testing.T) {
	for _, flag := range []string{"--candidate_requests_per_minute", "--candidate_tokens_per_minute"} {
		drain := make(chan struct{})
		var asked atomic.Int32
		s := set(t, 4, chaos.Config{Answer: func(model, user string) string {
			if asked.Add(1) == 2 { // one of each candidate, which then waits for its minute to pass
				close(drain)
			}
			return chaos.Answer(model, user)
		}})
		var errs bytes.Buffer
		err := run(t.Context(), clitest.Env(nil, io.Discard, &errs, drain, append(s.args, flag, "1", "--workers", "8")...))
		incomplete, ok := errors.AsType[*pipeline.IncompleteError](err)
		if !ok || incomplete.Missing != 10 {
			t.Errorf("%s: %v\n%s", flag, err, errs.String())
		}
		s.server.Wait()
		if got := s.server.Stats().Requests; got != 2 {
			t.Errorf("%s: %d requests, want one for each candidate", flag, got)
		}
	}
}

// A graceful shutdown does not wait for a sandbox that is being opened, and calls
// nobody.
func TestDrainWhileTheSandboxOpens(t *testing.T) {
	s := set(t, 2, chaos.Config{})
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl",
		`{"task_name": "human_eval", "query": "def guess():\n", "ground_truth": "def check(f):\n    assert f() >= 0", "metric": "code_eval", "task_id": "HumanEval/7"}`)
	drain := make(chan struct{})
	var errs bytes.Buffer
	e := clitest.Env(nil, io.Discard, &errs, drain, s.args...)
	opened := 0
	e.Sandbox = func(ctx context.Context) (codeeval.Sandbox, error) {
		opened++
		close(drain)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	err := run(t.Context(), e)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "asked to stop") || cli.Code("program", err, io.Discard, true) != 130 {
		t.Errorf("got %v\n%s", err, errs.String())
	}
	if n := s.server.Stats().Requests; opened != 1 || n != 0 {
		t.Errorf("opened %d times, %d requests", opened, n)
	}
	s.nothingWritten(t)
}

func TestUnpricedBudget(t *testing.T) {
	s := set(t, 4, chaos.Config{})
	s.candidates(t, `{"paid": {"model": "m", "service": "X", "api_endpoint": "https://x.example/v1", "input_price": 1}}`)
	keys := map[string]string{"API_KEYS": "k-1"}
	_, errs, err := s.run(t, keys, "--dry_run", "--budget", "1")
	if !errors.Is(err, pipeline.ErrUnpriced) || !strings.Contains(errs, "--unpriced_ok") {
		t.Errorf("%v\n%s", err, errs)
	}
	if _, errs, err := s.run(t, keys, "--dry_run", "--budget", "1", "--unpriced_ok"); err != nil {
		t.Errorf("%v\n%s", err, errs)
	}
	s.candidates(t, `{"paid": {"model": "m", "service": "X", "api_endpoint": "https://x.example/v1", "input_price": 1000, "output_price": 1000}}`)
	for budget, words := range map[string]string{"0.001": "the budget is too small", "0.5": "the budget may be too small", "1000": "buys all rows of 6 to 6 of the 6 queries"} {
		if out, errs, err := s.run(t, keys, "--dry_run", "--budget", budget); err != nil || !strings.Contains(out, words) {
			t.Errorf("%s USD: no %q in\n%s%s%v", budget, words, out, errs, err)
		}
	}
}
