//go:build amd64 || arm64

package codeeval

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNothingOutlivesItsHost kills a process that runs programs, at several
// moments, and also lets it close its sandbox: no process is left, no file and
// no mount.
//
// This test starts a reaper, which starts the host. The reaper is handed every
// process that loses its parent, so that none can hide.
func TestNothingOutlivesItsHost(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			setup, err := json.Marshal(hostSetup(b.forTest(t).(*NativeSandbox).setup))
			if err != nil {
				t.Fatal(err)
			}
			for _, after := range []int{1, 8, -8} {
				t.Run(fmt.Sprintf("after %d programs", after), func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run", "^TestReaper$", "-test.v")
					cmd.Env = append(os.Environ(), "CODEEVAL_TEST_ROLE=reaper", "CODEEVAL_TEST_SETUP="+string(setup),
						"CODEEVAL_TEST_AFTER="+strconv.Itoa(after), "TMPDIR="+t.TempDir())
					cmd.WaitDelay = time.Second
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
		})
	}
}

// hostSetup is a nativeSetup as it is told to another process.
func hostSetup(s nativeSetup) map[string]any {
	return map[string]any{"python": s.python, "namespaces": s.namespaces}
}

func TestReaper(t *testing.T) {
	if os.Getenv("CODEEVAL_TEST_ROLE") != "reaper" {
		t.Skip("a part of TestNothingOutlivesItsHost")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skip(err)
	}
	mounts := func() string {
		text, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := mounts()
	after, err := strconv.Atoi(os.Getenv("CODEEVAL_TEST_AFTER"))
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command("/proc/self/exe", "-test.run", "^TestHost$")
	host.Env = append(os.Environ(), "CODEEVAL_TEST_ROLE=host")
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { killDescendants(os.Getpid()) })
	lines := bufio.NewScanner(out)
	for n := 0; n < max(after, -after) && lines.Scan(); n++ {
		if lines.Text() != "program" {
			t.Fatalf("the host says %q", lines.Text())
		}
	}
	if after > 0 {
		host.Process.Kill()
	} else {
		host.Process.Signal(os.Interrupt) // upon which it closes the sandbox and ends
	}
	ended := make(chan int)
	go func() {
		for n := 0; ; {
			switch _, err := syscall.Wait4(-1, nil, 0, nil); err {
			case nil:
				n++
			case syscall.EINTR:
			default: // ECHILD
				ended <- n
				return
			}
		}
	}()
	select {
	case n := <-ended:
		if n < 1 {
			t.Error("not even the host has ended")
		}
	case <-time.After(20 * time.Second):
		t.Errorf("processes are left:%s", killDescendants(os.Getpid()))
	}
	if mounts() != before {
		t.Errorf("mounts have changed:\n%s\n%s", before, mounts())
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// killDescendants kills all processes below one and names them.
func killDescendants(pid int) (names string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			status, _ := os.ReadFile("/proc/" + field + "/status")
			names += "\n" + field + ": " + strings.Join(strings.SplitN(string(status), "\n", 4), ", ") + killDescendants(child)
			syscall.Kill(child, syscall.SIGKILL)
		}
	}
	return names
}

// TestHost runs programs until it is killed, and says so after each that
// passed: short ones, ones that would never end, ones that leave things about.
func TestHost(t *testing.T) {
	if os.Getenv("CODEEVAL_TEST_ROLE") != "host" {
		t.Skip("a part of TestNothingOutlivesItsHost")
	}
	var told struct {
		Python     string
		Namespaces bool
	}
	if err := json.Unmarshal([]byte(os.Getenv("CODEEVAL_TEST_SETUP")), &told); err != nil {
		t.Fatal(err)
	}
	options, err := (&NativeOptions{TimeLimit: time.Hour, Workers: 3}).validate()
	if err != nil {
		t.Fatal(err)
	}
	sb := &NativeSandbox{options: options, setup: nativeSetup{python: told.Python, namespaces: told.Namespaces, uid: asNobody()}}
	sb.slots = newSlots(options.Workers, sb.start, (*zygote).stop)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	var all sync.WaitGroup
	forever := Program{
		Solution: "import threading, time\ntry:\n    open('left', 'w').write('x' * 1000)\nexcept OSError:\n    pass\n" +
			"for _ in range(3):\n    threading.Thread(target=time.sleep, args=(3600,)).start()\ntime.sleep(3600)",
		Tests: []string{"pass"},
	}
	strict := forever
	strict.Strict = true
	for _, p := range []Program{forever, strict} {
		all.Go(func() { sb.Run(context.Background(), p) })
	}
	all.Go(func() {
		for i := 0; ; i++ {
			v, err := sb.Run(context.Background(), Program{Solution: "def f(): return 1", Tests: []string{"assert f() == 1"}, Strict: i%2 == 1})
			if err != nil || v.Outcome != Passed {
				fmt.Printf("%+v, %v\n", v, err)
				return
			}
			fmt.Println("program")
		}
	})
	<-interrupted
	sb.Close()
	os.Exit(0)
}
