package hubtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// Python runs code in a Python environment of the peers with h as the hub and
// cache as huggingface_hub's cache folder, and returns what it printed. Its home
// is a new folder. settings are more variables ("HF_HUB_OFFLINE=1").
func (h *Hub) Python(t testing.TB, environment, cache, code string, settings ...string) string {
	t.Helper()
	cmd := h.PythonCommand(t, environment, cache, settings, "-c", code)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, stderr.String())
	}
	return string(out)
}

// PythonCommand makes the command that Python runs, with the arguments.
func (h *Hub) PythonCommand(t testing.TB, environment, cache string, settings []string, args ...string) *exec.Cmd {
	t.Helper()
	return h.command(t, peertest.Python(t, environment), cache, settings, args...)
}

// CLI runs huggingface_hub's program hf as Python does code, and returns what it
// printed and complained about.
func (h *Hub) CLI(t testing.TB, environment, cache string, args ...string) string {
	t.Helper()
	out, err := h.command(t, filepath.Join(peertest.Dir(t, environment), "bin", "hf"), cache, nil, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func (h *Hub) command(t testing.TB, program, cache string, settings []string, args ...string) *exec.Cmd {
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HF_") && !strings.HasPrefix(v, "TRANSFORMERS_") && !strings.Contains(strings.ToUpper(v), "_PROXY=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+home, "HF_HOME="+filepath.Join(home, "hf"), "HF_HUB_CACHE="+cache, "HF_ENDPOINT="+h.URL, "HF_DEBUG=",
		"HF_HUB_DISABLE_TELEMETRY=1", "HF_HUB_DISABLE_UPDATE_CHECK=1", "HF_HUB_DISABLE_PROGRESS_BARS=1", "NO_COLOR=1", "COLUMNS=1000")
	cmd.Env = append(cmd.Env, settings...)
	return cmd
}
