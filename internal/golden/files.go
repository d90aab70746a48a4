package golden

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FileCase is an entry of files/expected.json of the cases: files that went
// wrong, and what is right.
type FileCase struct {
	ID, Group string
	// Files are paths below the folder files; see [FileCase.Path].
	Files []string
	// Call says in words what is to be done with them.
	Call   string
	Expect json.RawMessage
	// Setup says in words what a server answers or a cache holds, where Files are
	// not enough.
	Setup string

	dir string
}

// Path returns the path of one of the files.
func (c FileCase) Path(i int) string { return filepath.Join(c.dir, filepath.FromSlash(c.Files[i])) }

// RunFileCases runs the entries of some groups, each as a test by what its call
// says. An entry whose call is not among calls fails; one of these that ends in
// "*" stands for all that begin so.
func RunFileCases(t *testing.T, groups []string, calls map[string]func(t *testing.T, c FileCase)) {
	t.Helper()
	dir := filepath.Join(CasesDir(t), "files")
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []FileCase
	Unmarshal(t, "files/expected.json", text, &all)
	n := 0
	for _, c := range all {
		if !slices.Contains(groups, c.Group) {
			continue
		}
		n++
		c.dir = dir
		t.Run(c.ID, func(t *testing.T) {
			run, ok := calls[c.Call]
			for call, f := range calls {
				if begin, any := strings.CutSuffix(call, "*"); any && !ok && strings.HasPrefix(c.Call, begin) {
					run = f
				}
			}
			if run == nil {
				t.Fatalf("files/expected.json: the call of %s is unknown: %s", c.ID, c.Call)
			}
			run(t, c)
		})
	}
	if n == 0 {
		t.Fatalf("files/expected.json has no case of the groups %q", groups)
	}
}
