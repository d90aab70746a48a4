package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// TestCasesFiles runs the cases of query files none or few of whose queries can
// have rows.
func TestCasesFiles(t *testing.T) {
	golden.RunFileCases(t, []string{"beam-dead-letters"}, map[string]func(*testing.T, golden.FileCase){
		"examples/beam with query_data_train set to the file, query_data_test to test.jsonl beside it, model/plain as encoder, two candidates on a loopback server": caseOfDead,
	})
}

func caseOfDead(t *testing.T, c golden.FileCase) {
	var want struct {
		Code any `json:"exit_code"`
	}
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	config, set := testSet(t, newService(t, 0).URL, nil, nil)
	for from, to := range map[string]string{c.Path(0): set.DataPath.QueryDataTrain, filepath.Join(filepath.Dir(c.Path(0)), "test.jsonl"): set.DataPath.QueryDataTest} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	model := filepath.Join(filepath.Dir(c.Path(0)), "..", "model", "plain")
	_, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", filepath.Dir(config), "--work", filepath.Join(t.TempDir(), "work"), "--encoder", model)
	var said bytes.Buffer
	code := cli.Code("beam", err, &said, false)
	_, statErr := os.Stat(set.DataPath.RoutingDataTrain)
	switch want.Code {
	case "not 0":
		if code != 1 || !strings.Contains(said.String(), "queries of the train split") || !strings.Contains(said.String(), " because of ") {
			t.Errorf("code %d: %s", code, &said)
		}
		if statErr == nil {
			t.Error("a routing file was published")
		}
	case 0.0:
		if code != 0 || statErr != nil {
			t.Errorf("code %d: %s; %v", code, &said, statErr)
		}
	default:
		t.Fatalf("the case expects the code %v", want.Code)
	}
}

func TestCheckDead(t *testing.T) {
	work := t.TempDir()
	if err := checkDead(work, 0); err != nil {
		t.Errorf("without reports: %v", err)
	}
	letters := ""
	for i := range 7 {
		letters += fmt.Sprintf(`{"shard": "train-00000", "file": "a.jsonl", "line": %d, "stage": "check", "error": "cause %d"}`+"\n", 9-i, i/2)
	}
	clitest.Write(t, work, "dead_letters.jsonl", letters)
	for _, tt := range []struct {
		reports string
		most    float64
		want    string
	}{
		{`{"split": "train", "queries": 99, "dead_letters": 1}`, 0.01, ""},
		{`{"split": "train", "queries": 98, "dead_letters": 1}`, 0.01, "1 of 99 queries of the train split have no rows"},
		{`{"split": "train", "queries": 99, "dead_letters": 0}`, 0, ""},
		{`{"split": "train", "queries": 99, "dead_letters": 1}`, 0, "1 of 100"},
		{`{"split": "train", "queries": 1, "dead_letters": 6} {"split": "train", "queries": 1, "dead_letters": 0}`, 0.75, ""},
		{`{"split": "train", "queries": 9} {"split": "test", "queries": 0, "dead_letters": 7}`, 1, "7 of 7 queries of the test split"},
		{`{"split": "train", "dead_letters": 3} {"split": "test", "dead_letters": 4}`, 1,
			"3 of 3 queries of the train split and 4 of 4 queries of the test split have no rows, more than --max_dead 1 allows, or all of them; nothing is merged. They are in " +
				deadLetterFile(work) + ": 2 because of cause 2 (first a.jsonl:4); 2 because of cause 1 (first a.jsonl:6); 2 because of cause 0 (first a.jsonl:8); 1 because of cause 3 (first a.jsonl:3)"},
	} {
		clitest.Write(t, work, "reports.jsonl", tt.reports)
		err := checkDead(work, tt.most)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, at most %v: %v", tt.reports, tt.most, err)
		}
	}
}

// TestDeadBeforeCalls: where no query of a split can have rows, that is said
// before anything is called; one good query is enough to go on.
func TestDeadBeforeCalls(t *testing.T) {
	for _, tt := range []struct {
		name  string
		test  []string
		calls bool
	}{
		{"none", []string{"{", `{"task_name": "x", "query": "q", "ground_truth": "1", "metric": "MATH"}`, "["}, false},
		{"one of the second shard", append([]string{"{", "["}, queries(0, 1)...), true},
		{"no line", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, 0)
			config, c := testSet(t, s.URL, queries(0, 4), tt.test)
			_, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", filepath.Dir(config), "--work", filepath.Join(t.TempDir(), "work"), "--shard_size", "2", "--max_dead", "1")
			if tt.calls != (s.made() > 0) || tt.calls != (err == nil) {
				t.Fatalf("%d calls, %v", s.made(), err)
			}
			if !tt.calls && !strings.Contains(err.Error(), "3 of 3 queries of the test split can have no rows") {
				t.Error(err)
			}
			if !tt.calls && !strings.Contains(err.Error(), c.DataPath.QueryDataTest+":1") {
				t.Error(err)
			}
		})
	}
}

// pack writes lines to a file, compressed as its name says.
func pack(t testing.TB, name string, lines []string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := textfile.NewWriter(f, name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, strings.Join(lines, "\n")+"\n")
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// unpack returns the text of a file.
func unpack(t testing.TB, name string) string {
	t.Helper()
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCompressed splits compressed query files, takes others as shards, and
// writes compressed routing files.
func TestCompressed(t *testing.T) {
	train, test := queries(0, 60), queries(50, 20)
	s := newService(t, 0)
	want := oneRun(t, s.URL, train, test)
	config, c := testSet(t, s.URL, nil, nil)
	dir := filepath.Dir(config)
	for _, suffix := range []string{".gz", ".zst"} {
		pack(t, c.DataPath.QueryDataTrain+suffix, train)
		for i, part := range slices.Collect(slices.Chunk(test, 7)) {
			pack(t, filepath.Join(dir, fmt.Sprintf("part%d.jsonl%s", i, suffix)), part)
		}
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		packed := clitest.Write(t, dir, "config"+suffix+".yaml", strings.NewReplacer(
			"routing_test.jsonl\n", "routing_test.jsonl"+suffix+"\n", "train.jsonl\n", "train.jsonl"+suffix+"\n", "test.jsonl\n", "part*.jsonl"+suffix+"\n").Replace(string(text)))
		work := filepath.Join(t.TempDir(), "work")
		out, errs, err := clitest.Run(t.Context(), run, nil, "--config", packed, "--root", dir, "--work", work, "--shard_size", "25")
		if err != nil || !strings.Contains(out, "merged 60 training and 20 test queries") {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
		merged, err := llmrouterdata.LoadConfig(packed, &llmrouterdata.ConfigOptions{Root: dir})
		if err != nil {
			t.Fatal(err)
		}
		if got := responseTime.ReplaceAllString(unpack(t, merged.DataPath.RoutingDataTrain), `"response_time": 0`); got != want["routing_train.jsonl"] {
			t.Errorf("%s: the file differs from that of one run", suffix)
		}
		text, err = os.ReadFile(c.DataPath.QueryDataTrain + suffix)
		if err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, dir, "train.jsonl"+suffix, string(text[:len(text)-3]))
		_, _, err = clitest.Run(t.Context(), run, nil, "--config", packed, "--root", dir, "--work", work, "--step", "split")
		if cli.Code("beam", err, &bytes.Buffer{}, false) != 1 || !strings.Contains(fmt.Sprint(err), "train.jsonl"+suffix) {
			t.Errorf("a file that is cut short: %v", err)
		}
	}
}
