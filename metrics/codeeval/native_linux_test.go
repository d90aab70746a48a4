//go:build amd64 || arm64

package codeeval

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func impatientNative(t testing.TB, sb Sandbox, limit time.Duration, memory int64) Sandbox {
	n := sb.(*NativeSandbox)
	options := n.options
	options.TimeLimit = limit
	if memory != 0 {
		options.MemoryLimit = memory
	}
	other := &NativeSandbox{options: options, setup: n.setup}
	other.slots = newSlots(options.Workers, other.start, (*zygote).stop)
	t.Cleanup(func() { other.Close() })
	return other
}

// childrenOf returns the processes below the sandbox's interpreters and their
// templates, as the host sees them.
func childrenOf(t *testing.T, sb Sandbox) []string {
	t.Helper()
	n, ok := sb.(*NativeSandbox)
	if !ok {
		return nil
	}
	templates := childrenOfProcesses(supervisors(n))
	if len(templates) != len(supervisors(n)) {
		t.Errorf("%d templates of %d interpreters", len(templates), len(supervisors(n)))
	}
	var found []string
	for _, pid := range childrenOfProcesses(templates) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		found = append(found, string(text))
	}
	return found
}

// childrenOfProcesses returns the processes whose parents are pids.
func childrenOfProcesses(pids []int) (children []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		_, rest, _ := strings.Cut(string(text), ") ")
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && slices.Contains(pids, parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				children = append(children, pid)
			}
		}
	}
	return children
}

// TestUnprivileged runs the tests of the native sandbox once more as nobody,
// where user namespaces or Landlock have to do.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
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
	// Copied by another process: an interpreter that a test forks meanwhile would
	// hold a file of ours open for writing, and it could not be run.
	name := filepath.Join(dir, "codeeval.test")
	if out, err := exec.Command("cp", self, name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, path := range []string{dir, name} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
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

// refusedByKernel says why the kernel, or whoever set up this machine, refuses
// what a native backend is made of; nil when it does not.
func refusedByKernel(backend string) error {
	switch backend {
	case "namespaces":
		cmd := exec.Command("/proc/self/exe", "-test.run", "^$")
		cmd.SysProcAttr = (&nativeSetup{namespaces: true, uid: asNobody()}).process()
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("namespaces are refused: %w", err)
		}
	case "landlock":
		if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
			return fmt.Errorf("no Landlock: %w", errno)
		}
	}
	return nil
}

func busyNative(sb Sandbox) int {
	n := sb.(*NativeSandbox)
	n.slots.mu.Lock()
	defer n.slots.mu.Unlock()
	return len(n.slots.live)
}

// interpreters returns the processes of a native sandbox that stay, or nil.
func interpreters(sb Sandbox) []int {
	n, ok := sb.(*NativeSandbox)
	if !ok {
		return nil
	}
	first := supervisors(n)
	return append(first, childrenOfProcesses(first)...)
}

// supervisors returns the processes that the sandbox has started.
func supervisors(n *NativeSandbox) []int {
	n.slots.mu.Lock()
	defer n.slots.mu.Unlock()
	var pids []int
	for z := range n.slots.live {
		pids = append(pids, z.cmd.Process.Pid)
	}
	return pids
}
