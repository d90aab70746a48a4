// Package peertest finds the peers: other people's clients and libraries that
// tests compare with or talk to. Only tests import it.
//
// .ci/install-peers installs them, each environment into a folder of its own
// below .peers of the repository, or below LLMROUTER_PEERS where that is set.
// A test whose environment is absent skips, unless LLMROUTER_REQUIRE_PEERS is
// set (as CI does): then it fails. Tests that use it are named TestPeer...
package peertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Python returns the interpreter of a Python environment.
func Python(t testing.TB, environment string) string {
	t.Helper()
	return filepath.Join(Dir(t, environment), "bin", "python")
}

// Node returns the folder that holds node_modules.
func Node(t testing.TB) string {
	t.Helper()
	return Dir(t, "node")
}

// Dir returns the folder of an environment, as an absolute path.
func Dir(t testing.TB, environment string) string {
	t.Helper()
	dir, err := find(os.Getenv, environment)
	switch {
	case err == nil:
		return dir
	case os.Getenv("LLMROUTER_REQUIRE_PEERS") != "":
		t.Fatalf("LLMROUTER_REQUIRE_PEERS is set, and %v", err)
	default:
		t.Skip(err)
	}
	return ""
}

func find(getenv func(string) string, environment string) (string, error) {
	root := getenv("LLMROUTER_PEERS")
	if root == "" {
		_, file, _, ok := runtime.Caller(0)
		if !ok {
			return "", fmt.Errorf("the path of the test's sources is unknown")
		}
		root = filepath.Join(filepath.Dir(file), "..", "..", ".peers")
	}
	dir, err := filepath.Abs(filepath.Join(root, environment))
	if err != nil {
		return "", err
	}
	// The installer writes the stamp last: without it the folder is half filled.
	if _, err := os.Stat(filepath.Join(dir, ".stamp")); err != nil {
		return "", fmt.Errorf("the peers %q are not installed: run .ci/install-peers %s (%w)", environment, environment, err)
	}
	return dir, nil
}

// Programs demands programs that Debian packages install.
func Programs(t testing.TB, packages string, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		switch {
		case err == nil:
		case os.Getenv("LLMROUTER_REQUIRE_PEERS") != "":
			t.Fatalf("LLMROUTER_REQUIRE_PEERS is set, and %v: apt-get install %s", err, packages)
		default:
			t.Skipf("%v: apt-get install %s", err, packages)
		}
	}
}
