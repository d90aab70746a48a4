// Package examples_test runs what README.md tells newcomers to run.
package examples_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/smallmodel"
)

// newcomer follows the README in a folder of his own, which has the files of the
// repository that the commands name.
type newcomer struct {
	dir, bin, model string
	env             []string
}

// TestREADME runs every command of the README as printed, in order. What would come
// from elsewhere is at hand: the benchmarks are those of the quickstart, the
// embedding model is a small one, and every candidate is a server of the test.
func TestREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the programs")
	}
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := arrive(t, string(text))
	for _, command := range commands(t, string(text)) {
		out := n.run(t, command)
		if strings.Contains(command, "examples/quickstart") {
			for _, printed := range regexp.MustCompile(`go run \S+( \S+)*`).FindAllString(out, -1) {
				if strings.Contains(printed, "llmrouter-data") {
					n.run(t, printed)
				}
			}
		}
		if strings.Contains(command, "llmrouter-data") && strings.Contains(command, "--dry_run") && !regexp.MustCompile(`(?m)^all +0 calls`).MatchString(out) {
			t.Errorf("%s would make calls:\n%s", command, out)
		}
	}
	for _, name := range []string{
		"report.html", "router.safetensors", "own-data/llm_embeddings.json", "own-data/query_embeddings.pt", "own-data/routing_train.jsonl",
		"own-data/routing_test.jsonl", "data/example_data/routing_data/default_routing_test_data.jsonl",
	} {
		if info, err := os.Stat(filepath.Join(n.dir, filepath.FromSlash(name))); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var program = regexp.MustCompile(`go run \./examples/(\w+)`)

// commands returns the commands of a README that run programs of the examples.
func commands(t *testing.T, readme string) (list []string) {
	t.Helper()
	for i, part := range strings.Split(readme, "```sh\n") {
		block, _, closed := strings.Cut(part, "```")
		if i == 0 || !closed {
			continue
		}
		for line := range strings.Lines(block) {
			switch line = strings.TrimSpace(line); {
			case program.MatchString(line), strings.HasPrefix(line, "export API_KEYS="):
				list = append(list, line)
			case strings.HasPrefix(line, "git clone "), line == "go test ./...", strings.HasPrefix(line, "go get "):
			default:
				t.Errorf("the test does not know what to make of the command %q", line)
			}
		}
	}
	if len(list) < 10 {
		t.Fatalf("the README has the commands %q", list)
	}
	return list
}

// arrive builds the programs that the README names and copies the files.
func arrive(t *testing.T, readme string) *newcomer {
	t.Helper()
	n := &newcomer{dir: t.TempDir(), bin: t.TempDir(), model: filepath.Join(t.TempDir(), "model")}
	args := []string{"build", "-o", n.bin + string(filepath.Separator)}
	seen := map[string]bool{}
	for _, m := range program.FindAllStringSubmatch(readme, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			args = append(args, "./"+m[1])
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := smallmodel.Write(n.model); err != nil {
		t.Fatal(err)
	}
	url := server(t)
	for _, pattern := range []string{"*.yaml", "*.json", "own/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(n.dir, "examples", name)
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				t.Fatal(err)
			}
			elsewhere := strings.NewReplacer("http://localhost:11434/v1", url, "https://integrate.api.nvidia.com/v1", url)
			if err := os.WriteFile(to, []byte(elsewhere.Replace(string(text))), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// run runs a command and returns what it printed.
func (n *newcomer) run(t *testing.T, command string) string {
	t.Helper()
	if variable, ok := strings.CutPrefix(command, "export "); ok {
		name, value, _ := strings.Cut(variable, "=")
		n.env = append(n.env, name+"="+strings.Trim(value, "'"))
		return ""
	}
	name := program.FindStringSubmatch(command)[1]
	args := strings.Fields(command)[3:]
	// What replaces the network.
	switch {
	case name == "data_generation":
		fixtures, err := filepath.Abs(filepath.Join("quickstart", "fixtures"))
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--source", fixtures)
	case name == "generate_llm_embeddings":
		args = append(args, "--encoder", n.model)
	case name == "api_calling_evaluation" && !strings.Contains(command, "llmrouter-data"):
		args = append(args, "--encoder", n.model, "--allow_not_evaluated")
	}
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	c := exec.CommandContext(t.Context(), filepath.Join(n.bin, file), args...)
	c.Dir, c.Env = n.dir, append(os.Environ(), n.env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// server answers every chat in the same words.
func server(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": "The answer is (B)."}}},
			"usage":   map[string]any{"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
		})
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}
