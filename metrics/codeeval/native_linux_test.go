//go:build amd64 || arm64

package codeeval

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func impatientNative(t *testing.T, sb Sandbox, limit time.Duration) Sandbox {
	n := sb.(*NativeSandbox)
	options := n.options
	options.TimeLimit = limit
	other := &NativeSandbox{options: options, setup: n.setup}
	other.slots = newSlots(options.Workers, other.start, (*zygote).stop)
	t.Cleanup(func() { other.Close() })
	return other
}

// childrenOf returns the processes below the sandbox's interpreters, as the
// host sees them.
func childrenOf(t *testing.T, sb Sandbox) []string {
	t.Helper()
	n, ok := sb.(*NativeSandbox)
	if !ok {
		return nil
	}
	n.slots.mu.Lock()
	parents := map[string]bool{}
	for z := range n.slots.live {
		parents[strconv.Itoa(z.cmd.Process.Pid)] = true
	}
	n.slots.mu.Unlock()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && parents[fields[1]] {
			found = append(found, string(text))
		}
	}
	return found
}

// TestUnprivileged runs the tests of the native sandbox once more as nobody,
// where user namespaces or Landlock have to do.
func TestUnprivileged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	if os.Geteuid() != 0 {
		t.Skip("not root: the other tests run unprivileged as it is")
	}
	dir, err := os.MkdirTemp("", "codeeval-unprivileged-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "codeeval.test")
	if err := os.WriteFile(name, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "-test.run", "^(TestAttacks|TestStrictValues|TestLimits|TestContext)$/^(namespaces|landlock)$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent"}
	if os.Getenv("LLMROUTER_REQUIRE_SANDBOX") != "" {
		cmd.Env = append(cmd.Env, "LLMROUTER_REQUIRE_SANDBOX=1")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !strings.Contains(text, "--- PASS: TestAttacks") {
		t.Errorf("the attacks did not run:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "SKIP: TestAttacks/") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// TestInterpretersEndWithTheirHost: the interpreters, and the programs they run, end when
// the process that started them is killed.
func TestInterpretersEndWithTheirHost(t *testing.T) {
	if os.Getenv("CODEEVAL_TEST_HOST") != "" {
		sb, err := backends[0].open()
		if err != nil {
			sb, err = backends[1].open()
		}
		if err != nil {
			t.Fatal(err)
		}
		n := impatientNative(t, sb, time.Hour).(*NativeSandbox)
		go n.Run(context.Background(), Program{Solution: "while True: pass", Tests: []string{"pass"}})
		for len(childrenOf(t, n)) == 0 {
			time.Sleep(time.Millisecond)
		}
		n.slots.mu.Lock()
		for z := range n.slots.live {
			os.Stdout.WriteString("pid " + strconv.Itoa(z.cmd.Process.Pid) + "\n")
		}
		n.slots.mu.Unlock()
		select {}
	}
	if _, err := backends[0].open(); err != nil {
		if _, err := backends[1].open(); err != nil {
			t.Skip(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestInterpretersEndWithTheirHost$")
	cmd.Env = append(os.Environ(), "CODEEVAL_TEST_HOST=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(strings.SplitN(string(buf[:n]), "\n", 2)[0], "pid ")))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for {
		// An interpreter that has ended may wait for its new parent.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("interpreter %d still runs: %s", pid, stat)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func busyNative(sb Sandbox) int {
	n := sb.(*NativeSandbox)
	n.slots.mu.Lock()
	defer n.slots.mu.Unlock()
	return len(n.slots.live)
}

// interpreters returns the processes of a native sandbox, or nil.
func interpreters(sb Sandbox) []int {
	n, ok := sb.(*NativeSandbox)
	if !ok {
		return nil
	}
	n.slots.mu.Lock()
	defer n.slots.mu.Unlock()
	var pids []int
	for z := range n.slots.live {
		pids = append(pids, z.cmd.Process.Pid)
	}
	return pids
}
