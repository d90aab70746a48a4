package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
)

// jobServer is Prism as a process of its own, which starts a worker process for
// each job.
type jobServer struct {
	t        *testing.T
	endpoint string
	dir      string
}

// newJobServer starts Prism, which ends with the test.
func newJobServer(t *testing.T) *jobServer {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a job server")
	}
	s := &jobServer{t: t, dir: t.TempDir()}
	prism := filepath.Join(s.dir, "prism")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", prism, "github.com/apache/beam/sdks/v2/go/cmd/prism").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.endpoint = l.Addr().String()
	_ = l.Close()
	_, port, _ := strings.Cut(s.endpoint, ":")
	server := exec.Command(prism, "--job_port", port, "--serve_http=false")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("Prism: %s", log.Bytes()[max(0, log.Len()-3000):])
		}
	})
	s.until("a job server", func() bool {
		conn, err := net.Dial("tcp4", s.endpoint)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	s.writeBoot()
	return s
}

// writeBoot writes what the server starts workers by. As the programs of Beam's
// containers it turns the server's flags into those of a worker; its process becomes
// the worker, whose pid it adds to a list.
func (s *jobServer) writeBoot() {
	s.t.Helper()
	binary, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	boot := clitest.Write(s.t, s.dir, "boot", fmt.Sprintf(`#!/bin/bash
for flag; do
	case $flag in
	--id=*) id=${flag#--id=} id=${id//\'/} ;;
	--provision_endpoint=*) endpoint=${flag#*=} ;;
	esac
done
echo $$ >>%s
export LLMROUTER_TEST_PROGRAM=$(printf '%%s\n' --worker=true --id="$id" --logging_endpoint="$endpoint" --control_endpoint="$endpoint")
exec %s
`, filepath.Join(s.dir, "pids"), binary))
	if err := os.Chmod(boot, 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for something to be so.
func (s *jobServer) until(what string, isSo func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("there is not: %s", what)
		}
	}
}

// workers returns the pids of the workers that were started.
func (s *jobServer) workers() (pids []int) {
	text, _ := os.ReadFile(filepath.Join(s.dir, "pids"))
	for _, line := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(line)
		pids = append(pids, pid)
	}
	return pids
}

// signal sends a worker a signal.
func (s *jobServer) signal(worker int, signal os.Signal) {
	s.t.Helper()
	p, err := os.FindProcess(s.workers()[worker])
	if err == nil {
		err = p.Signal(signal)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// gone reports whether a worker has ended.
func (s *jobServer) gone(worker int) bool {
	p, err := os.FindProcess(s.workers()[worker])
	return err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// launch starts the program for a job at the server.
func (s *jobServer) launch(args ...string) (launcher *exec.Cmd, said *bytes.Buffer) {
	s.t.Helper()
	environment, err := json.Marshal(map[string]string{"command": filepath.Join(s.dir, "boot")})
	if err != nil {
		s.t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	said = &bytes.Buffer{}
	launcher = clitest.Command(s.t.Context(), s.t, append(args, "--runner", "universal", "--endpoint", s.endpoint,
		"--environment_type", "PROCESS", "--environment_config", string(environment), "--worker_binary", binary)...)
	launcher.Stdout, launcher.Stderr = said, said
	if err := launcher.Start(); err != nil {
		s.t.Fatal(err)
	}
	return launcher, said
}

// At a job server of its own, whose workers are processes: a worker is killed, for
// which Prism fails the job, or waits until the launcher is interrupted; the launcher of the next job is
// interrupted at once; a third worker is told to stop. The same command goes on each
// time, and makes only calls again that were under way when a worker was killed.
func TestPrism(t *testing.T) {
	const workers = 8
	train, test := queries(0, 400), queries(380, 100)
	service := newService(t, 0)
	config, c := testSet(t, service.URL, train, test)
	work := filepath.Join(t.TempDir(), "work")
	args := []string{"--config", config, "--root", filepath.Dir(config), "--work", work, "--shard_size", "100", "--workers", fmt.Sprint(workers)}
	server := newJobServer(t)
	for i, stop := range []struct {
		calls int
		by    func(*exec.Cmd)
		says  []string // one of these
	}{
		{200, func(launcher *exec.Cmd) {
			server.signal(0, os.Kill)
			server.until("an end of the worker", func() bool { return server.gone(0) })
			_ = launcher.Process.Signal(syscall.SIGTERM)
		}, []string{"was cancelled ([", "the pipeline failed"}},
		{400, func(launcher *exec.Cmd) { _ = launcher.Process.Signal(syscall.SIGTERM) }, []string{"was cancelled (["}},
		{600, func(*exec.Cmd) { server.signal(2, syscall.SIGTERM) }, []string{"the pipeline failed"}},
	} {
		reached := make(chan struct{})
		service.when(stop.calls, func() { close(reached) })
		launcher, said := server.launch(args...)
		ended := make(chan error, 1)
		go func() { ended <- launcher.Wait() }()
		select {
		case <-reached:
		case err := <-ended:
			t.Fatalf("job %d: %v\n%s", i, err, said)
		}
		stop.by(launcher)
		select {
		case err := <-ended:
			if err == nil || !slices.ContainsFunc(stop.says, func(says string) bool { return strings.Contains(said.String(), says) }) {
				t.Errorf("job %d: %v\n%s", i, err, said)
			}
		case <-time.After(time.Minute):
			_ = launcher.Process.Kill()
			t.Fatalf("job %d does not end\n%s", i, said)
		}
		server.until("an end of the worker", func() bool { return server.gone(i) })
	}
	before := service.made()
	launcher, said := server.launch(args...)
	if err := launcher.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if again := service.made() - 1000; again < 0 || again > 2*workers {
		t.Errorf("%d calls were made again", again)
	} else {
		t.Logf("%d calls were made again", again)
	}
	if diff := cmp.Diff(oneRun(t, newService(t, 0).URL, train, test), outputs(t, c)); diff != "" {
		t.Errorf("the files differ from those of one run:\n%.3000s", diff)
	}
	checkSums(t, said.String(), service.made()-before)
}

// checkSums demands that a run of 1,000 rows says how many calls it made.
func checkSums(t *testing.T, said string, made int) {
	t.Helper()
	var shards, queries, rows, called, resumed int
	at := strings.Index(said, "5 shards, ")
	if at < 0 {
		t.Fatalf("no sums in %s", said)
	}
	if _, err := fmt.Sscanf(said[at:], "%d shards, %d queries, %d rows: %d calls made, %d taken from the journals", &shards, &queries, &rows, &called, &resumed); err != nil {
		t.Fatal(err)
	}
	if rows != 1000 || called != made || resumed != rows-made {
		t.Errorf("says %d calls made and %d taken from the journals, of %d rows; %d were made", called, resumed, rows, made)
	}
}
