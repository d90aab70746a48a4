package routers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPeerHeavyDocumentedReader runs the Python code of docs/ROUTERS.md, which
// routes by a router's file, on every kind of router.
func TestPeerHeavyDocumentedReader(t *testing.T) {
	python := os.Getenv("LLMROUTER_PEER_HEAVY")
	if python == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with numpy and safetensors, is not set")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ROUTERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(page), "```python\n")
	code, _, end := strings.Cut(code, "```")
	if !ok || !end {
		t.Fatal("docs/ROUTERS.md has no Python code")
	}
	d := sampleData(t, 300, 8, 4, 0.1, 60)
	var jobs [][2]any // file and vector
	var want []string
	for i, trainer := range kinds() {
		r := fit(t, d, trainer, &FitOptions{Rule: Rule{Lambda: float64(i % 3)}})
		name := filepath.Join(t.TempDir(), "router.safetensors")
		if err := r.Save(name); err != nil {
			t.Fatal(err)
		}
		for q := range 25 {
			x, err := d.Vector(nil, q)
			if err != nil {
				t.Fatal(err)
			}
			c, err := r.Route(x)
			if err != nil {
				t.Fatal(err)
			}
			jobs, want = append(jobs, [2]any{name, x}), append(want, c.Name)
		}
	}
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	script := "import json, sys\nimport numpy as np\nfor name, x in json.load(sys.stdin):\n    x = np.array(x)\n    " +
		strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(code), `"router.safetensors"`, "name"), "\n", "\n    ")
	command := exec.CommandContext(t.Context(), python, "-c", script)
	command.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	got := strings.Fields(string(out))
	if len(got) != len(want) {
		t.Fatalf("%d choices, want %d", len(got), len(want))
	}
	for i, name := range got {
		if name != want[i] {
			t.Errorf("%v: %s, want %s", kinds()[i/25], name, want[i])
		}
	}
}
