package peertest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnEnvironmentIsThereOnceItsStampIs(t *testing.T) {
	root := t.TempDir()
	getenv := func(name string) string {
		if name != "LLMROUTER_PEERS" {
			t.Errorf("read %s", name)
		}
		return root
	}
	folder := filepath.Join(root, "data")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := find(getenv, "data")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), ".ci/install-peers data") {
		t.Errorf("half installed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".stamp"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := find(getenv, "data"); got != folder || err != nil {
		t.Errorf("installed: %q, %v", got, err)
	}
}
