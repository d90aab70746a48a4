package hub_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// The test binary plays a second program when these are set.
const (
	envEndpoint = "HUB_TEST_ENDPOINT"
	envCache    = "HUB_TEST_CACHE"
)

func TestMain(m *testing.M) {
	if os.Getenv(envEndpoint) != "" {
		os.Exit(otherProgram())
	}
	os.Exit(m.Run())
}

// otherProgram downloads what a line on standard input says, a revision and
// paths, and prints where it is. It says that it is ready before, so that several
// can start at one time.
func otherProgram() int {
	c, err := hub.New(&hub.Options{Endpoint: os.Getenv(envEndpoint), CacheDir: os.Getenv(envCache)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	asked := strings.Fields(line)
	dir, err := c.DownloadAll(context.Background(), hub.Dataset("o/d").At(asked[0]), asked[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(dir)
	return 0
}

type program struct {
	cmd    *exec.Cmd
	in     *os.File
	out    *bufio.Reader
	stderr bytes.Buffer
}

// startProgram starts one and waits until it is ready.
func startProgram(t *testing.T, endpoint, cache string) *program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), envEndpoint+"="+endpoint, envCache+"="+cache)
	p.cmd.Stderr = &p.stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdin, p.in = r, w
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	must(t, p.cmd.Start())
	r.Close()
	t.Cleanup(func() {
		w.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	p.out = bufio.NewReader(out)
	if line, err := p.out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v: %s", line, err, &p.stderr)
	}
	return p
}

func (p *program) goOn(t *testing.T, revision string, paths ...string) {
	t.Helper()
	if _, err := p.in.WriteString(revision + " " + strings.Join(paths, " ") + "\n"); err != nil {
		t.Fatal(err)
	}
}

func (p *program) wait(t *testing.T) (dir string) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("%v: %s", err, &p.stderr)
	}
	must(t, p.cmd.Wait())
	return strings.TrimSuffix(line, "\n")
}

func TestProcessesShareOneDownload(t *testing.T) {
	h := hubtest.New(t)
	large := content(3_000_000)
	h.Dataset("o/d", map[string]string{largeName: large})
	cache := filepath.Join(t.TempDir(), "cache")
	var programs []*program
	for range 4 {
		programs = append(programs, startProgram(t, h.URL, cache))
	}
	for _, p := range programs {
		p.goOn(t, "main", largeName)
	}
	for _, p := range programs {
		if got := readFile(t, filepath.Join(p.wait(t), largeName)); got != large {
			t.Errorf("a program got %d bytes that differ", len(got))
		}
	}
	if n := count(h, "cdn", "GET"); n != 1 {
		t.Errorf("%d transfers by four processes, want 1", n)
	}
}

// A process that is killed in mid-transfer leaves its lock and its part, and the
// next one goes on from there.
func TestKilledProcess(t *testing.T) {
	h := hubtest.New(t)
	large := content(1_000_000)
	h.Dataset("o/d", map[string]string{largeName: large})
	h.Inject(hubtest.Fault{Server: "cdn", Cut: 600_000, Stall: true})
	cache := filepath.Join(t.TempDir(), "cache")
	p := startProgram(t, h.URL, cache)
	p.goOn(t, "main", largeName)
	c := newClient(t, h, func(o *hub.Options) { o.CacheDir = cache })
	for ; ; runtime.Gosched() { // until all that is sent has reached the part
		parts, err := filepath.Glob(filepath.Join(cache, "datasets--o--d", "blobs", "*.incomplete"))
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) == 1 {
			if info, err := os.Stat(parts[0]); err == nil && info.Size() == 600_000 {
				break
			}
		}
	}
	must(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	h.Forget()
	local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
	if err != nil {
		t.Fatal(err)
	}
	if readFile(t, local) != large {
		t.Error("the content differs")
	}
	for _, r := range h.Requests() {
		if r.Server == "cdn" && r.Header.Get("Range") != "bytes=600000-" {
			t.Errorf("asked for range %q", r.Header.Get("Range"))
		}
	}
	if got := blobs(t, c); len(got) != 1 {
		t.Errorf("blobs hold %v", got)
	}
}
