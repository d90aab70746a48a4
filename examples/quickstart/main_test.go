package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/smallencoder"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// outputs are the seven files, as users of the Python pipeline know them.
var outputs = []string{
	"llm_candidates/default_llm.json",
	"llm_candidates/default_llm_embeddings.json",
	"query_data/default_query_test.jsonl",
	"query_data/default_query_train.jsonl",
	"routing_data/default_routing_test_data.jsonl",
	"routing_data/default_routing_train_data.jsonl",
	"routing_data/query_embeddings_longformer.pt",
}

const journal = "routing_data/default_routing_train_data.jsonl.journal"

func quickstart(t *testing.T, dir string) (stdout string) {
	t.Helper()
	stdout, stderr, err := clitest.Run(t.Context(), run, nil, "--out", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if strings.ContainsAny(stdout+stderr, "\r\x1b") {
		t.Errorf("there is no terminal, and lines are drawn over:\n%q", stderr)
	}
	// Each stage ends with a line. How many come before depends on the time it
	// takes; TestInterrupted waits for one of those.
	for _, line := range []string{`reading benchmarks: done in [0-9.]+ s`, `embedding: \d+ in [0-9.]+ s`, `calls: \d+ in [0-9.]+ s, `, `writing rows: \d+ in [0-9.]+ s`} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(stderr) {
			t.Errorf("no progress line like %q in:\n%s", line, stderr)
		}
	}
	return stdout
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func routing(t *testing.T, dir string) []llmrouterdata.RoutingRecord {
	t.Helper()
	var rows []llmrouterdata.RoutingRecord
	for _, name := range outputs[4:6] {
		for row, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](filepath.Join(dir, name), nil) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

var responseTime = regexp.MustCompile(`"response_time": [0-9.e-]+`)

// timeless returns the outputs without what depends on the clock.
func timeless(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range outputs {
		files[name] = string(responseTime.ReplaceAll(read(t, dir, name), []byte(`"response_time": 0.0`)))
	}
	return files
}

func TestQuickstart(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "deep", "b")
	screen := quickstart(t, first)
	rows := routing(t, first)

	t.Run("files", func(t *testing.T) {
		var got []string
		for _, name := range clitest.Files(t, first) {
			if !strings.HasPrefix(name, "model/") && !strings.Contains(name, ".journal") && !strings.HasSuffix(name, ".cache") {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(append([]string{"README.md", configName}, outputs...), got); diff != "" {
			t.Error(diff)
		}
		for _, name := range append([]string{"README.md", configName}, outputs...) {
			if !strings.Contains(screen, filepath.Join(first, name)) {
				t.Errorf("the screen does not name %s", name)
			}
		}
	})
	t.Run("check", func(t *testing.T) {
		if err := dataset.Check(t.Context(), config(first, ""), nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("configuration", func(t *testing.T) { checkConfig(t, first, screen) })
	t.Run("no addresses and no keys", func(t *testing.T) {
		address := regexp.MustCompile(`127\.0\.0\.1|localhost|\[::1?\]|://|dial tcp|:[0-9]{4,5}/v1`)
		for _, name := range append(slices.Clone(outputs), journal) {
			if found := address.Find(read(t, first, name)); found != nil {
				t.Errorf("%s holds %q", name, found)
			}
		}
		for i, row := range rows {
			if row.APIKeyUsed != "" {
				t.Fatalf("row %d: api_key_used is %q", i+1, row.APIKeyUsed)
			}
		}
	})
	t.Run("rows", func(t *testing.T) { checkRows(t, rows) })
	t.Run("table", func(t *testing.T) { checkScreen(t, screen, rows) })
	t.Run("twice", func(t *testing.T) {
		quickstart(t, second)
		if diff := cmp.Diff(timeless(t, first), timeless(t, second)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("again in the same folder", func(t *testing.T) {
		calls, before := read(t, first, journal), maps.Collect(each(t, first))
		again := quickstart(t, first)
		want := fmt.Sprintf("%d rows: 0 calls made, %[1]d taken from the journal", len(rows))
		if !strings.Contains(again, want) {
			t.Errorf("no %q in:\n%s", want, again)
		}
		if !bytes.Equal(calls, read(t, first, journal)) {
			t.Error("the journal has grown")
		}
		if diff := cmp.Diff(before, maps.Collect(each(t, first))); diff != "" {
			t.Error(diff)
		}
	})
}

// each yields the outputs byte for byte.
func each(t *testing.T, dir string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, name := range outputs {
			if !yield(name, string(read(t, dir, name))) {
				return
			}
		}
	}
}

// checkConfig holds that the other programs find the files by config.yaml.
func checkConfig(t *testing.T, dir, screen string) {
	c, err := llmrouterdata.LoadConfig(filepath.Join(dir, configName), &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataPath != config(dir, "").DataPath || c.Embedding.Model != modelFolder || len(c.Warnings) > 0 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(screen, "./examples/report --config "+filepath.Join(dir, configName)) {
		t.Error("the screen does not name the report")
	}
}

func checkRows(t *testing.T, rows []llmrouterdata.RoutingRecord) {
	tasks, models := map[string]int{}, map[string]int{}
	right, wrong, failed := map[string]int{}, map[string]int{}, map[string]int{}
	for _, row := range rows {
		tasks[row.TaskName]++
		models[row.ModelName]++
		switch {
		case strings.HasPrefix(row.Response, "API Error: "):
			failed[row.ModelName]++
			if row.Performance != 0 || row.TokenNum != 0 {
				t.Errorf("a failed call has performance %v and %d tokens", row.Performance, row.TokenNum)
			}
		case row.Performance == 1:
			right[row.ModelName]++
		case row.Performance == 0:
			wrong[row.ModelName]++
		}
		if row.TokenNum != row.InputTokens+row.OutputTokens {
			t.Errorf("%d tokens are not %d and %d", row.TokenNum, row.InputTokens, row.OutputTokens)
		}
	}
	if len(tasks) != 11 {
		t.Errorf("tasks: %v", tasks)
	}
	for task, n := range tasks {
		if n < 20*len(personas) {
			t.Errorf("%s has %d rows, which are less than 20 queries", task, n)
		}
	}
	if len(models) != 4 {
		t.Errorf("models: %v", models)
	}
	for model, n := range models {
		if n != len(rows)/4 || right[model] == 0 || wrong[model] == 0 {
			t.Errorf("%s: %d rows, %d right, %d wrong", model, n, right[model], wrong[model])
		}
	}
	if len(failed) != 1 || failed["codewright-14b"] == 0 || failed["codewright-14b"] > models["codewright-14b"]/5 {
		t.Errorf("failed calls: %v", failed)
	}
}

func checkScreen(t *testing.T, screen string, rows []llmrouterdata.RoutingRecord) {
	header, rest, _ := strings.Cut(screen, "\n")
	for _, p := range personas {
		if !strings.Contains(header, p.candidate.Name) {
			t.Errorf("the table has no column for %s: %s", p.candidate.Name, header)
		}
	}
	tasks := map[string]bool{}
	for _, row := range rows {
		tasks[row.TaskName] = true
	}
	for task := range tasks {
		if !regexp.MustCompile(`(?m)^ *` + task + ` .*\d\.\d{3}`).MatchString(rest) {
			t.Errorf("the table has no line for %s", task)
		}
	}
	// The cost is that of the tokens in the files.
	prices := map[string]llmrouterdata.Candidate{}
	for _, c := range candidates() {
		prices[c.Name] = c
	}
	usd := 0.0
	for _, row := range rows {
		c := prices[row.ModelName]
		usd += (float64(row.InputTokens)*c.InputPrice + float64(row.OutputTokens)*c.OutputPrice) / 1e6
	}
	var total, spent float64
	m := regexp.MustCompile(`total cost ([0-9.]+) USD, of which this run ([0-9.]+) USD`).FindStringSubmatch(rest)
	if m == nil {
		t.Fatalf("no cost in:\n%s", rest)
	}
	if _, err := fmt.Sscan(m[1]+" "+m[2], &total, &spent); err != nil {
		t.Fatal(err)
	}
	if opt := cmpopts.EquateApprox(0, 1e-6); !cmp.Equal(usd, total, opt) || !cmp.Equal(usd, spent, opt) {
		t.Errorf("the screen says %v and %v USD, the rows %v", total, spent, usd)
	}
	for _, hint := range []string{"Real data:", "HF_TOKEN", "Real model:", "allenai/longformer-base-4096", "Real keys:", "API_KEYS"} {
		if !strings.Contains(rest, hint) {
			t.Errorf("no %q on the screen", hint)
		}
	}
}

// TestInterrupted stops a run in the middle of its calls and runs again.
// TestEncoder takes a model of sentence-transformers in the place of the small
// Longformer.
func TestEncoder(t *testing.T) {
	model := smallencoder.New(t, "roberta-mean")
	dir := filepath.Join(t.TempDir(), "out")
	if _, errs, err := clitest.Run(t.Context(), run, nil, "--out", dir, "--encoder", model.Dir); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	c, err := llmrouterdata.LoadConfig(filepath.Join(dir, configName), &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	if c.Embedding.Model != model.Dir {
		t.Errorf("the configuration names the model %s", c.Embedding.Model)
	}
	embedded, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMEmbeddingData)
	if err != nil {
		t.Fatal(err)
	}
	for _, candidate := range embedded {
		if len(candidate.Embedding) != model.Dim {
			t.Errorf("%s has %d numbers, not %d", candidate.Name, len(candidate.Embedding), model.Dim)
		}
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, modelFolder)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the small model is there (%v)", err)
	}
}

func TestInterrupted(t *testing.T) {
	for _, graceful := range []bool{true, false} {
		t.Run(map[bool]string{true: "once", false: "twice"}[graceful], func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			drain := make(chan struct{})
			// Which tenths show depends on the machine's speed.
			screen := &clitest.OnOutput{Text: regexp.MustCompile(`calls: \d+ %`), Call: cancel}
			if graceful {
				screen.Call = func() { close(drain) }
			}
			err := run(ctx, clitest.Env(nil, io.Discard, screen, drain, "--out", dir))
			if _, incomplete := errors.AsType[*pipeline.IncompleteError](err); graceful && !incomplete || !graceful && !errors.Is(err, context.Canceled) {
				t.Fatalf("the run ended with %v", err)
			}
			for _, name := range outputs[4:] {
				if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there after an interrupted run (%v)", name, err)
				}
			}
			if !graceful {
				return
			}
			var resumed, pairs int
			again := quickstart(t, dir)
			m := regexp.MustCompile(`(\d+) rows: \d+ calls made, (\d+) taken from the journal`).FindStringSubmatch(again)
			if m == nil {
				t.Fatal(again)
			}
			if _, err := fmt.Sscan(m[1]+" "+m[2], &pairs, &resumed); err != nil || resumed < pairs/10 || resumed >= pairs {
				t.Errorf("%d of %d calls were taken from the journal (%v)", resumed, pairs, err)
			}
			if err := dataset.Check(t.Context(), config(dir, ""), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWithoutSandbox holds that code is then not run at all, that this is said,
// and that such rows do not count as wrong answers.
func TestWithoutSandbox(t *testing.T) {
	dir := t.TempDir()
	var screen bytes.Buffer
	e := clitest.Env(nil, &screen, io.Discard, nil, "--out", dir)
	e.Sandbox = clitest.NoSandbox
	if err := run(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), config(dir, ""), nil); err != nil {
		t.Error(err)
	}
	code := 0
	for _, row := range routing(t, dir) {
		if row.Metric == "code_eval" {
			if row.Performance != 0 {
				t.Errorf("%s was scored: %v", *row.TaskID, row.Performance)
			}
			if !strings.HasPrefix(row.Response, "API Error: ") {
				code++
			}
		}
	}
	for _, text := range []string{"The code tasks were not evaluated", "none in this test", fmt.Sprintf(" %d not evaluated", code)} {
		if !strings.Contains(screen.String(), text) {
			t.Errorf("no %q in:\n%s", text, screen.String())
		}
	}
}

func TestCannotWrite(t *testing.T) {
	file := clitest.Write(t, t.TempDir(), "file", "in the way")
	strangers := t.TempDir()
	clitest.Write(t, strangers, "llm_candidates/default_llm.json", `{"somebody-7b": {}}`)
	model := t.TempDir()
	clitest.Write(t, model, "model/pytorch_model.bin", "weights")
	for _, tt := range []struct{ name, out, says string }{
		{"below a file", filepath.Join(file, "x"), file},
		{"other candidates", strangers, filepath.Join(strangers, "llm_candidates", "default_llm.json")},
		{"another model", model, filepath.Join(model, "model", "pytorch_model.bin")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before []string
			if tt.out != filepath.Join(file, "x") {
				before = clitest.Files(t, tt.out)
			}
			out, _, err := clitest.Run(t.Context(), run, nil, "--out", tt.out)
			if err == nil || !strings.Contains(err.Error(), tt.says) || cli.Code("quickstart", err, io.Discard, false) != 1 {
				t.Errorf("got %v, want an error that names %s", err, tt.says)
			}
			if out != "" {
				t.Errorf("printed %q", out)
			}
			for _, name := range before {
				if text := string(read(t, tt.out, name)); text != `{"somebody-7b": {}}` && text != "weights" {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, _, err := clitest.Run(ctx, run, nil, "--out", dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if files := clitest.Files(t, dir); slices.ContainsFunc(files, func(name string) bool { return strings.HasSuffix(name, ".jsonl") }) {
		t.Errorf("files: %q", files)
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

func TestBadWorkers(t *testing.T) {
	if _, _, err := clitest.Run(t.Context(), run, nil, "--workers", "-1", "--out", t.TempDir()); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("got %v", err)
	}
}

// TestPipelineHasNoAnswers holds that the answer book is out of the pipeline's
// reach: the data that it is given are the benchmarks' files alone, and main.go
// uses nothing of the server but how to start, reach and stop it.
func TestPipelineHasNoAnswers(t *testing.T) {
	parquet := 0
	err := fs.WalkDir(benchmarks, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if filepath.Ext(name) != ".parquet" {
				t.Errorf("the pipeline is given %s", name)
			}
			parquet++
		}
		return err
	})
	if err != nil || parquet < 11 {
		t.Errorf("%d parquet files, %v", parquet, err)
	}

	fset := token.NewFileSet()
	server, err := parser.ParseFile(fset, "server.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, d := range server.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			declared[d.Name.Name] = true
		case *ast.GenDecl:
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					declared[n.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range n.Names {
						declared[name.Name] = true
					}
				case *ast.Field:
					for _, name := range n.Names {
						if !name.IsExported() { // the others are out of reach without these
							declared[name.Name] = true
						}
					}
				}
				return true
			})
		}
	}
	if !declared["answerBook"] || !declared["book"] {
		t.Fatal("server.go declares no answer book")
	}
	main, err := parser.ParseFile(fset, "main.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"startServer", "server", "close", "url", "candidates"}
	ast.Inspect(main, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && declared[id.Name] && !slices.Contains(allowed, id.Name) {
			t.Errorf("%s: main.go uses %s of server.go", fset.Position(id.Pos()), id.Name)
		}
		return true
	})
}

// TestServerKnowsEveryQuery holds that no query is without an answer, and that
// the server tells queries apart.
func TestServerKnowsEveryQuery(t *testing.T) {
	s, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	source, err := fs.Sub(benchmarks, "fixtures")
	if err != nil {
		t.Fatal(err)
	}
	result, err := datasets.Generate(t.Context(), datasets.FromFS(source), &datasets.GenerateOptions{Specs: smallCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range append(result.Train, result.Test...) {
		if a := s.find("Question: " + q.Query + "\n"); a == nil || a.Task != q.TaskName {
			t.Errorf("%s: %.60q: the server finds %v", q.TaskName, q.Query, a)
		}
	}
}

// A folder with anything that is not of this program is left as it is.
func TestForeignFolders(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"anything":               {"notes.txt": "x"},
		"a data set":             {outputs[3]: "{}\n", outputs[5]: "{}\n"},
		"a configuration":        {configName: "data_path: {}\n"},
		"other candidates":       {configName: string(configText(modelFolder)), outputs[0]: "{}\n"},
		"something in a folder":  {configName: string(configText(modelFolder)), "query_data/mine.jsonl": "x"},
		"something beside model": {configName: string(configText(modelFolder)), "model.bin": "x"},
	} {
		dir := t.TempDir()
		for file, text := range files {
			clitest.Write(t, dir, file, text)
		}
		before := clitest.Files(t, dir)
		_, _, err := clitest.Run(t.Context(), run, nil, "--out", dir)
		if err == nil || !strings.Contains(err.Error(), "is not of this program") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, clitest.Files(t, dir)); diff != "" {
			t.Errorf("%s: files were written or removed:\n%s", name, diff)
		}
		for file, text := range files {
			if string(read(t, dir, file)) != text {
				t.Errorf("%s: %s was changed", name, file)
			}
		}
	}
}
