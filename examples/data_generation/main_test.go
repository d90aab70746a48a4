package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// fixtures holds the eleven benchmarks, small, in their real schemas.
var fixtures = filepath.Join("..", "quickstart", "fixtures")

// generate runs the program and fails the test with it.
func generate(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	out, errs, err := clitest.Run(t.Context(), run, nil, args...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, errs)
	}
	return out, errs
}

// byTask counts the queries of files by task.
func byTask(t *testing.T, names ...string) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, name := range names {
		for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
			if err = errors.Join(err, q.Validate()); err != nil {
				t.Fatal(err)
			}
			n[q.TaskName]++
		}
	}
	return n
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(text)))
}

// want gives n queries of each task, of math n a subject.
func want(n, math int, tasks ...string) map[string]int {
	if tasks == nil {
		for _, s := range datasets.Catalog() {
			tasks = append(tasks, s.Task)
		}
	}
	counts := map[string]int{}
	for _, task := range tasks {
		counts[task] = n
		if task == "math" {
			counts[task] = math
		}
	}
	return counts
}

func TestSampleSize(t *testing.T) {
	// By 5 a benchmark in the configuration; in the sample of math, which
	// consists of seven subjects, as many of each.
	const config = "data_path: {query_data_train: train.jsonl, query_data_test: test.jsonl}\ndata_generation: {sample_size: 5}\n"
	for _, tt := range []struct {
		name   string
		config string
		args   []string
		each   int
		math   int
	}{
		{"configuration", config, nil, 5, 0},
		{"the flag overrides it", config, []string{"--sample", "7"}, 7, 0},
		{"test run", config, []string{"--test"}, 10, 0},
		{"the flag overrides the test run", config, []string{"--test", "--sample", "3"}, 3, 0},
		{"test run without a configuration", "", []string{"--test"}, 10, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			train, test := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "test.jsonl")
			args := append([]string{"--source", fixtures}, tt.args...)
			if tt.config == "" {
				args = append(args, "--output_train", train, "--output_test", test)
			} else {
				args = append(args, "--root", dir, "--config", clitest.Write(t, dir, "config.yaml", tt.config))
			}
			screen, _ := generate(t, args...)
			if tt.config != "" && slices.Contains(tt.args, "--test") { // the configured names are for real data
				for _, name := range []*string{&train, &test} {
					if _, err := os.Stat(*name); !errors.Is(err, os.ErrNotExist) {
						t.Errorf("a test run wrote %s (%v)", *name, err)
					}
					if *name = cli.TestRunName(*name); !strings.Contains(screen, *name) {
						t.Errorf("%s is not named:\n%s", *name, screen)
					}
				}
			}
			got := byTask(t, train, test)
			expected := want(tt.each, got["math"])
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Error(diff)
			}
			if m := got["math"]; m < tt.each || m > 7*tt.each {
				t.Errorf("math has %d queries", m)
			}
			all := len(lines(t, train)) + len(lines(t, test))
			if n := len(lines(t, train)); n != int(0.8*float64(all)) {
				t.Errorf("%d of %d queries are for training", n, all)
			}
			for task, n := range got {
				if line := fmt.Sprintf("%-16s %d queries\n", task, n); !strings.Contains(screen, line) {
					t.Errorf("no %q in:\n%s", line, screen)
				}
			}
		})
	}
}

func TestFlagsGoBeforeConfiguration(t *testing.T) {
	dir := t.TempDir()
	config := clitest.SampleConfig(t, dir)
	train, test := filepath.Join(dir, "a", "b", "train.jsonl"), filepath.Join(dir, "c", "test.jsonl")
	generate(t, "--source", fixtures, "--root", dir, "--config", config, "--sample", "2", "--output_train", train)
	configured := filepath.Join(dir, "data", "example_data", "query_data")
	if _, err := os.Stat(filepath.Join(configured, "default_query_train.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the configured training file was written in spite of the flag (%v)", err)
	}
	if len(byTask(t, train)) == 0 || len(byTask(t, filepath.Join(configured, "default_query_test.jsonl"))) == 0 {
		t.Error("empty files")
	}
	generate(t, "--source", fixtures, "--root", dir, "--config", config, "--sample", "2", "--output_train", train, "--output_test", test)
	if diff := cmp.Diff(lines(t, filepath.Join(configured, "default_query_test.jsonl")), lines(t, test)); diff != "" {
		t.Error(diff)
	}
}

func TestDatasets(t *testing.T) {
	dir := t.TempDir()
	train, test := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "test.jsonl")
	args := []string{"--source", fixtures, "--output_train", train, "--output_test", test, "--sample", "4"}
	_, errs := generate(t, append(args, "--datasets", "gsm8k, mmlu")...)
	if diff := cmp.Diff(want(4, 0, "gsm8k", "mmlu"), byTask(t, train, test)); diff != "" {
		t.Error(diff)
	}
	if strings.ContainsAny(errs, "\r\x1b") {
		t.Errorf("there is no terminal, and lines are drawn over: %q", errs)
	}

	// With --keep_samples the benchmarks left out take their share of the random
	// numbers, for the rows that the published files have: only with those are
	// the samples those of a run over all.
	picked := lines(t, train)
	generate(t, append(args, "--datasets", "gsm8k,mmlu", "--keep_samples")...)
	if cmp.Equal(picked, lines(t, train)) {
		t.Error("--keep_samples changes nothing")
	}

	for _, names := range []string{"gsm8k,gsm9k", "gsm8k,", "GSM8K"} {
		before := lines(t, train)
		out, said, err := clitest.Run(t.Context(), run, nil, append(args, "--datasets", names)...)
		bad := strings.TrimPrefix(names, "gsm8k,")
		if !errors.Is(err, cli.ErrUsage) || !strings.HasPrefix(said, fmt.Sprintf("--datasets: there is no benchmark %q; there are natural_qa, ", bad)) || out != "" {
			t.Errorf("--datasets %s: %v, %q, %q", names, err, out, said)
		}
		if diff := cmp.Diff(before, lines(t, train)); diff != "" {
			t.Errorf("--datasets %s: the file was changed:\n%s", names, diff)
		}
	}
}

func TestSplits(t *testing.T) {
	dir := t.TempDir()
	train, test := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "test.jsonl")
	args := []string{"--source", fixtures, "--output_train", train, "--output_test", test, "--sample", "5", "--datasets", "gsm8k,mmlu,mbpp"}
	generate(t, append(args, "--stratified")...)
	if diff := cmp.Diff(want(4, 0, "gsm8k", "mmlu", "mbpp"), byTask(t, train)); diff != "" {
		t.Errorf("--stratified: %s", diff)
	}
	generate(t, append(args, "--group_split")...)
	if diff := cmp.Diff(want(5, 0, "gsm8k", "mmlu", "mbpp"), byTask(t, train, test)); diff != "" {
		t.Errorf("--group_split: %s", diff)
	}
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	config := clitest.SampleConfig(t, dir)
	for _, args := range [][]string{
		{},
		{"--output_train", "train.jsonl"},
		{"--output_test", "test.jsonl", "--sample", "3"},
		{"--config", config, "--sample", "0"},
		{"--config", config, "--sample", "-4"},
		{"--config", config, "--sample", "many"},
	} {
		out, errs, err := clitest.Run(t.Context(), run, nil, args...)
		if !errors.Is(err, cli.ErrUsage) || out != "" || !strings.Contains(errs, "Usage:") {
			t.Errorf("%q: %v, %q, %q", args, err, out, errs)
		}
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	train, test := filepath.Join(dir, "out", "train.jsonl"), filepath.Join(dir, "out", "test.jsonl")
	outputs := []string{"--output_train", train, "--output_test", test}
	file := clitest.Write(t, dir, "file", "in the way")
	half := filepath.Join(dir, "half")
	if err := os.CopyFS(filepath.Join(half, "gsm8k"), os.DirFS(filepath.Join(fixtures, "gsm8k"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		says string
	}{
		{"no such configuration", []string{"--config", filepath.Join(dir, "none.yaml")}, "none.yaml"},
		{"no outputs in the configuration", []string{"--config", clitest.Write(t, dir, "empty.yaml", "router: {}\n"), "--source", fixtures}, "query_data_train"},
		{"misspelt key", []string{"--config", clitest.Write(t, dir, "key.yaml", "data_generation:\n  sample_sise: 4\n"), "--source", fixtures}, "key.yaml:2: data_generation.sample_sise"},
		{"no such source", append(outputs, "--source", filepath.Join(dir, "none")), filepath.Join(dir, "none")},
		{"source that is a file", append(outputs, "--source", file), file + " is not a folder"},
		{"source with one benchmark", append(outputs, "--source", half), "no files found in " + half},
		{"output below a file", []string{"--source", fixtures, "--datasets", "gsm8k", "--output_train", filepath.Join(file, "x"), "--output_test", test}, file},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := clitest.Run(t.Context(), run, nil, tt.args...)
			if err == nil || errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
			if out != "" {
				t.Errorf("printed %q", out)
			}
			if files := clitest.Files(t, dir); slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, ".jsonl") }) {
				t.Errorf("files were written: %q", files)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := clitest.Run(ctx, run, nil, append(outputs, "--source", fixtures)...); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// What is missing is left out when that is asked for, and said.
	screen, _ := generate(t, append(outputs, "--source", half, "--skip_failed", "--sample", "4")...)
	if diff := cmp.Diff(want(4, 0, "gsm8k"), byTask(t, train, test)); diff != "" || strings.Count(screen, "skipped: ") != 10 {
		t.Errorf("%s\n%s", diff, screen)
	}
}

// pretendHub serves the benchmarks as the hub has them.
func pretendHub(t *testing.T) (*hubtest.Hub, map[string]*hubtest.Repo) {
	t.Helper()
	h := hubtest.New(t)
	repos := map[string]*hubtest.Repo{}
	for _, spec := range datasets.Catalog() {
		root := filepath.Join(fixtures, spec.Task)
		revisions := map[string]map[string]string{datasets.Main: {"README.md": "# " + spec.Task}}
		for _, name := range clitest.Files(t, root) {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, part := range spec.Parts {
				for _, l := range part.Files {
					if ok, _ := path.Match(l.Pattern, name); ok && found == "" {
						found = l.Revision
					}
				}
			}
			if found == "" {
				t.Fatalf("%s: %s is in no place of the catalogue", spec.Task, name)
			}
			if revisions[found] == nil {
				revisions[found] = map[string]string{}
			}
			revisions[found][name] = string(text)
		}
		repo := h.Dataset(spec.Repo, revisions[datasets.Main])
		for revision, files := range revisions {
			repo.Branch(revision, files)
		}
		if spec.Gated {
			repo.Gate("auto")
		}
		repos[spec.Task] = repo
	}
	return h, repos
}

func TestHub(t *testing.T) {
	h, repos := pretendHub(t)
	dir := t.TempDir()
	train, test := filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "test.jsonl")
	args := []string{"--output_train", train, "--output_test", test, "--sample", "6"}
	env := map[string]string{"HF_ENDPOINT": h.URL, "HF_HOME": filepath.Join(dir, "hf")}

	// GPQA is gated: without a token, and with one that has no access.
	for _, tt := range []struct{ token, says string }{{"", "HF_TOKEN"}, {hubtest.Token, "Idavidrein/gpqa"}} {
		env["HF_TOKEN"] = tt.token
		_, _, err := clitest.Run(t.Context(), run, env, args...)
		if !errors.Is(err, hub.ErrGated) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "gpqa") {
			t.Errorf("token %q: %v", tt.token, err)
		}
		if strings.Contains(fmt.Sprint(err), hubtest.Token) {
			t.Errorf("the error holds the token: %v", err)
		}
		if _, err := os.Stat(train); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file was written: %v", err)
		}
	}
	env["HF_TOKEN"] = ""
	screen, _, err := clitest.Run(t.Context(), run, env, append(args, "--skip_failed")...)
	if err != nil || !strings.Contains(screen, "gpqa             skipped: ") {
		t.Errorf("--skip_failed: %v\n%s", err, screen)
	}

	repos["gpqa"].Grant()
	env["HF_TOKEN"] = hubtest.Token
	_, errs, err := clitest.Run(t.Context(), run, env, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if !strings.Contains(errs, "download gpqa_main/") {
		t.Errorf("no line says what is downloaded:\n%s", errs)
	}
	fromHub := append(lines(t, train), lines(t, test)...)
	generate(t, append(args, "--source", fixtures)...)
	fromFolder := append(lines(t, train), lines(t, test)...)
	if diff := cmp.Diff(fromFolder, fromHub); diff != "" {
		t.Errorf("the hub gives other queries than the folder:\n%s", diff)
	}

	// What is in the cache needs no hub.
	h.Forget()
	env["HF_HUB_OFFLINE"] = "1"
	if _, errs, err := clitest.Run(t.Context(), run, env, args...); err != nil || strings.Contains(errs, "download ") {
		t.Errorf("offline: %v, %s", err, errs)
	}
	if n := len(h.Requests()); n != 0 {
		t.Errorf("offline: %d requests", n)
	}
	if diff := cmp.Diff(fromHub, append(lines(t, train), lines(t, test)...)); diff != "" {
		t.Errorf("offline: %s", diff)
	}
	if len(slices.Collect(maps.Keys(repos))) != 11 {
		t.Errorf("%d repositories", len(repos))
	}
}
