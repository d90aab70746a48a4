package hub_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// kills is how often a program of ours is killed beside one of each generation,
// in at most maxRounds.
const (
	kills     = 20
	maxRounds = 4 * kills
)

// TestPeerBesideKilledProgram kills a program of ours at a random moment of its
// download, while huggingface_hub downloads the same files into the same cache:
// whatever the moment, huggingface_hub and who comes next get them whole.
func TestPeerBesideKilledProgram(t *testing.T) {
	slow(t)
	for _, generation := range generations {
		t.Run(generation, func(t *testing.T) {
			h := hubtest.New(t)
			repo := h.Dataset("o/d", map[string]string{smallName: "s"})
			c := newClient(t, h, nil)
			theirs := startPython(t, h, generation, c.CacheDir())
			var whole time.Duration // of a download that nobody ends
			ended := 0
			for round := 0; ended < kills && round < maxRounds; round++ {
				files := map[string]string{
					smallName: fmt.Sprintf("round %d of %s\n", round, generation), "config.json": fmt.Sprintf(`{"round": %d}`, round),
					largeName: content(4<<20 + round), "b.bin": content(1<<20 + 1000*round),
				}
				branch := fmt.Sprintf("round-%d", round)
				repo.Branch(branch, files)
				killed := startProgram(t, h.URL, c.CacheDir())
				began := time.Now()
				theirs.download(t, branch)
				killed.goOn(t, branch, paths(files)...)
				if round == 0 {
					killed.wait(t)
					whole = time.Since(began)
				} else {
					// A moment, not a wait: what follows holds at any.
					timer := time.NewTimer(rand.N(whole + 1))
					<-timer.C
					_ = killed.cmd.Process.Kill() // it may have ended
					err := killed.cmd.Wait()
					if code := killed.cmd.ProcessState.ExitCode(); code > 0 {
						t.Errorf("%v: %s", err, &killed.stderr)
					} else if code < 0 {
						ended++
					}
				}
				checkFiles(t, theirs.answer(t), files)
				dir, err := c.DownloadAll(t.Context(), hub.Dataset("o/d").At(branch), paths(files))
				if err != nil {
					t.Fatal(err)
				}
				checkFiles(t, dir, files)
			}
			t.Logf("%d programs were killed before they had ended, of %v each", ended, whole)
			for _, name := range blobs(t, c) {
				b := readFile(t, filepath.Join(c.CacheDir(), "datasets--o--d", "blobs", name))
				if !strings.HasSuffix(name, ".incomplete") && name != hubtest.SHA256(b) && name != hubtest.GitSHA1(b) {
					t.Errorf("the blob %s holds %d other bytes", name, len(b))
				}
			}
		})
	}
}

func paths(files map[string]string) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	return names
}

func checkFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name := range files {
		got[name] = hubtest.SHA256(readFile(t, filepath.Join(dir, filepath.FromSlash(name))))
	}
	want := map[string]string{}
	for name, text := range files {
		want[name] = hubtest.SHA256(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in %s: %s", dir, diff)
	}
}

// pythonProgram is a program of huggingface_hub that downloads one revision after
// another.
type pythonProgram struct {
	in  io.WriteCloser
	out *bufio.Reader
	err *strings.Builder
}

func startPython(t *testing.T, h *hubtest.Hub, generation, cache string) *pythonProgram {
	t.Helper()
	cmd := h.PythonCommand(t, generation, cache, nil, "-u", "-c", `
import json, sys
from huggingface_hub import snapshot_download
print("ready")
for line in sys.stdin:
    print(json.dumps(snapshot_download("o/d", repo_type="dataset", revision=line.strip())))`)
	p := &pythonProgram{err: &strings.Builder{}}
	cmd.Stderr = p.err
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	p.in, p.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		p.in.Close()
		_ = cmd.Wait() // the test's context has ended it
	})
	p.line(t)
	return p
}

func (p *pythonProgram) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, p.err)
	}
	return line
}

func (p *pythonProgram) download(t *testing.T, revision string) {
	t.Helper()
	_, err := io.WriteString(p.in, revision+"\n")
	must(t, err)
}

func (p *pythonProgram) answer(t *testing.T) (dir string) {
	t.Helper()
	must(t, json.Unmarshal([]byte(p.line(t)), &dir))
	return dir
}
