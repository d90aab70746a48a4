package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Several files appear together: when one cannot be written, none does.
func TestGroup(t *testing.T) {
	dir := t.TempDir()
	targets := []string{dir + "/sub/a", dir + "/b", dir + "/c"}
	var g Group
	for i, name := range targets {
		f, err := g.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, i)
	}
	g.files[2].File.Close() // cannot be brought to the disk any more
	if err := g.Commit(); err == nil || !strings.Contains(err.Error(), targets[2]) {
		t.Errorf("got %v", err)
	}
	g.Abort()
	for _, name := range targets {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s appeared", name)
		}
	}
	if diff := cmp.Diff([]string{"sub"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, names(t, filepath.Join(dir, "sub"))); diff != "" {
		t.Error(diff)
	}
}
