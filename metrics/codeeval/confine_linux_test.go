//go:build amd64 || arm64

package codeeval

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// eachNative runs the test on the native backends of this machine.
func eachNative(t *testing.T, test func(t *testing.T, sb *NativeSandbox)) {
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		n, ok := sb.(*NativeSandbox)
		if !ok {
			t.Skip("not native")
		}
		test(t, n)
	})
}

// TestInheritedDescriptors: what this process was started with, and whoever
// opened it did not mark as its own, reaches no program, whatever its number.
func TestInheritedDescriptors(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(secret)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var copies []int
	for _, at := range []int{100, 4095, 4096, 5000} {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, at) // not marked to be closed
		if err != nil {
			t.Logf("descriptor %d: %v", at, err) // past the limit of this process
			continue
		}
		defer unix.Close(fd)
		copies = append(copies, fd)
	}
	if len(copies) == 0 {
		t.Skip("no descriptor to be had")
	}
	eachNative(t, func(t *testing.T, sb *NativeSandbox) {
		// An interpreter that is started now inherits them.
		fresh := impatientNative(t, sb, sb.options.TimeLimit, 0)
		for _, fd := range copies {
			v, err := fresh.Run(context.Background(), Program{
				Solution: fmt.Sprintf("import os\ndata = os.pread(%d, 3, 0)", fd),
				Tests:    []string{"assert data == b'key'"},
			})
			if err != nil || v.Outcome != Failed || !strings.Contains(v.Detail, "Bad file descriptor") {
				t.Errorf("descriptor %d: %s (%s), %v", fd, v.Outcome, v.Detail, err)
			}
		}
	})
}

// TestNotConfined: an interpreter or a child that cannot be confined is an error,
// not a verdict.
func TestNotConfined(t *testing.T) {
	t.Parallel()
	eachNative(t, func(t *testing.T, sb *NativeSandbox) {
		user, filter := sb.setup, sb.setup
		user.uid = new(-5)
		filter.filter = "00" // less than one instruction
		for want, setup := range map[string]nativeSetup{"did not get ready": user, "could not be confined": filter} {
			other := &NativeSandbox{options: sb.options, setup: setup}
			other.slots = newSlots(1, other.start, (*zygote).stop)
			v, err := other.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"assert x == 1"}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s (%s), %v, want %q", v.Outcome, v.Detail, err, want)
			}
			other.Close()
		}
	})
}

// TestPythonLeavesAProcess: a script in the place of an interpreter is not waited
// for longer than it runs.
func TestPythonLeavesAProcess(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "python3")
	// Written by another process, see TestUnprivileged.
	write := exec.Command("sh", "-c", `printf '#!/bin/sh\nsleep 20 &\n' > "$0" && chmod 755 "$0"`, script)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	start := time.Now()
	_, err := askPython(context.Background(), script)
	if took := time.Since(start); err == nil || took > 15*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}
