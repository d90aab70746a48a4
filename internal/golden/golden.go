// Package golden finds and reads the test vectors: golden vectors, which are
// outputs of the reference functions, oracles, which are outputs of torch and of
// the published tokenizer, and cases. Only tests import it.
//
// The folders are named by LLMROUTER_GOLDEN, LLMROUTER_ORACLE, LLMROUTER_DATA
// and LLMROUTER_CASES, by default ../shared/golden, oracle, data and cases beside
// the repository. A test skips when its folder is absent, unless
// LLMROUTER_REQUIRE_SHARED is set (as CI does): then it fails.
package golden

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// Vector is one line of a golden file.
type Vector struct {
	Fn   string          `json:"fn"`
	Args json.RawMessage `json:"args"`
	Out  json.RawMessage `json:"out"`
	// Where is "file:line", for messages.
	Where string `json:"-"`
}

// Unmarshal decodes raw into v with numbers kept as literals where v allows
// it, and fails the test when the form is not the expected one.
func Unmarshal(t testing.TB, where string, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: vector of another form: %v", where, err)
	}
}

// Dir returns the folder of the golden vectors.
func Dir(t testing.TB) string { return find(t, "LLMROUTER_GOLDEN", "golden") }

// OracleDir returns the folder of the oracles.
func OracleDir(t testing.TB) string { return find(t, "LLMROUTER_ORACLE", "oracle") }

// DataDir returns the folder of the published real data.
func DataDir(t testing.TB) string { return find(t, "LLMROUTER_DATA", "data") }

// CasesDir returns the folder of the cases: situations with the answer that is
// right, collected from others' reports and from measurements.
func CasesDir(t testing.TB) string { return find(t, "LLMROUTER_CASES", "cases") }

// Cases yields every line of a file of cases, such as "scores/mc_forms.jsonl",
// with where it stands, and skips the test where the folder has no such file.
func Cases[T any](t testing.TB, name string) func(yield func(where string, c T) bool) {
	t.Helper()
	f, err := os.Open(filepath.Join(CasesDir(t), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string, T) bool) {
		defer f.Close()
		scanner := bufio.NewScanner(f)
		scanner.Buffer(nil, 64<<20)
		for line := 1; scanner.Scan(); line++ {
			var c T
			where := fmt.Sprintf("%s:%d", name, line)
			Unmarshal(t, where, scanner.Bytes(), &c)
			if !yield(where, c) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// OracleSets returns the folders that match pattern below the oracle folder,
// sorted, and skips the test when there are none.
func OracleSets(t testing.TB, pattern string) []string {
	t.Helper()
	dir := OracleDir(t)
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skipf("%s holds nothing that matches %s", dir, pattern)
	}
	slices.Sort(found)
	return found
}

func find(t testing.TB, env, folder string) string {
	t.Helper()
	dir := os.Getenv(env)
	if dir == "" {
		_, file, _, ok := runtime.Caller(0)
		if !ok {
			t.Fatal("the path of the test's sources is unknown")
		}
		root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		dir = filepath.Join(root, "..", "shared", folder)
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return dir
	case err == nil:
		t.Fatalf("%s is not a folder", dir)
	case os.Getenv("LLMROUTER_REQUIRE_SHARED") != "" || os.Getenv(env) != "":
		t.Fatalf("no %s vectors: %v (set %s)", folder, err, env)
	default:
		t.Skipf("no %s vectors at %s: set %s to the folder that holds them", folder, dir, env)
	}
	return ""
}

// Run hands every vector of every *.jsonl file in the golden folder to the
// handler for its fn, one subtest an fn and file. Vectors of functions that
// other packages reproduce are skipped; a function that no package knows
// fails the test. Where the folder holds none of the handlers' functions, the
// test is skipped.
func Run(t *testing.T, handlers map[string]func(t *testing.T, v Vector)) {
	t.Helper()
	for fn := range handlers {
		if _, ok := Owners[fn]; !ok {
			t.Fatalf("golden.Owners does not list %q", fn)
		}
	}
	type group struct{ file, fn string }
	groups := map[group][]Vector{}
	var order []group
	for v := range All(t) {
		_, owned := Owners[v.Fn]
		_, skipped := NotReproduced[v.Fn]
		if !owned && !skipped {
			t.Errorf("%s: unknown fn %q", v.Where, v.Fn)
			continue
		}
		if handlers[v.Fn] == nil {
			continue
		}
		g := group{v.file(), v.Fn}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], v)
	}
	if len(order) == 0 && !t.Failed() {
		t.Skip("the golden folder holds no vectors for this test")
	}
	for _, g := range order {
		t.Run(g.file+"/"+g.fn, func(t *testing.T) {
			for _, v := range groups[g] {
				handlers[g.fn](t, v)
			}
		})
	}
}

func (v Vector) file() string {
	for i := len(v.Where) - 1; i >= 0; i-- {
		if v.Where[i] == ':' {
			return v.Where[:i]
		}
	}
	return v.Where
}

// All yields every vector of every *.jsonl file in the golden folder.
func All(t testing.TB) func(yield func(Vector) bool) {
	t.Helper()
	dir := Dir(t)
	names, err := fs.Glob(os.DirFS(dir), "*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return func(yield func(Vector) bool) {
		for _, name := range names {
			if !each(t, filepath.Join(dir, name), yield) {
				return
			}
		}
	}
}

func each(t testing.TB, path string, yield func(Vector) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 256<<20)
	for line := 1; sc.Scan(); line++ {
		if len(sc.Bytes()) == 0 {
			continue
		}
		where := fmt.Sprintf("%s:%d", filepath.Base(path), line)
		var v Vector
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		v.Where = where
		if !yield(v) {
			return false
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return true
}
