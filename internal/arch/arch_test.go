package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/llmrouter-go/llmrouter/"

// rules give, for each package, the packages of ours that it may import. The
// first rule whose pattern matches holds. "x/..." is x and everything below it.
var rules = []struct {
	pkg string
	may []string
}{
	// Public packages, from the leaves up.
	{"torchio", []string{"internal/..."}},
	{"metrics", []string{"internal/..."}},
	{"metrics/codeeval/...", []string{"metrics", "metrics/codeeval/...", "internal/..."}},
	{"datasets/hub", []string{"internal/..."}},
	{"llmrouterdata", []string{"internal/..."}},
	{"llmrouterdata/chat", []string{"llmrouterdata", "internal/..."}},
	{"datasets/...", []string{"llmrouterdata", "datasets/hub", "datasets/internal/...", "internal/..."}},
	{"embedding", []string{"torchio", "datasets/hub", "internal/..."}},
	{"embedding/...", []string{"embedding", "internal/..."}},
	{"llmrouterdata/dataset", []string{"llmrouterdata", "torchio", "internal/..."}},
	{"llmrouterdata/batch", []string{"llmrouterdata", "llmrouterdata/chat", "internal/..."}},
	{"llmrouterdata/pricing", []string{"llmrouterdata", "internal/..."}},
	{"llmrouterdata/exporting", []string{"llmrouterdata", "llmrouterdata/dataset", "datasets", "torchio", "internal/..."}},
	{"llmrouterdata/importing", []string{"llmrouterdata", "llmrouterdata/dataset", "metrics", "embedding", "torchio", "internal/..."}},
	{"llmrouterdata/pipeline", []string{
		"llmrouterdata", "llmrouterdata/chat", "llmrouterdata/batch", "llmrouterdata/dataset", "datasets", "metrics", "embedding", "torchio", "internal/...",
	}},
	{"llmrouterdata/pipeline/shards", []string{
		"llmrouterdata", "llmrouterdata/chat", "llmrouterdata/dataset", "llmrouterdata/pipeline", "llmrouterdata/pipeline/internal/...", "metrics", "embedding", "internal/...",
	}},
	{"llmrouterdata/pipeline/rounds", []string{
		"llmrouterdata", "llmrouterdata/chat", "llmrouterdata/dataset", "llmrouterdata/pipeline", "llmrouterdata/pipeline/internal/...", "llmrouterdata/routers", "internal/...",
	}},
	{"llmrouterdata/pipeline/internal/...", []string{"llmrouterdata/pipeline", "metrics", "embedding"}},
	{"llmrouterdata/analysis", []string{"llmrouterdata/dataset", "llmrouterdata/routers", "internal/..."}},
	{"llmrouterdata/routers", []string{"llmrouterdata/dataset", "internal/..."}},
	{"llmrouterdata/routers/serve", []string{"llmrouterdata/chat", "llmrouterdata/routers", "internal/..."}},
	// Examples use what a stranger can use.
	{"examples/...", []string{
		"llmrouterdata/...", "datasets", "datasets/hub", "metrics/...", "embedding/...", "torchio", "examples/internal/...",
	}},
	// Internal knows no public package. internal/bench, whose programs measure
	// public packages, is a module of its own.
	{"internal/...", []string{"internal/..."}},
}

// testKits are packages of internal that only tests and generators may import.
var testKits = []string{"examples/internal/clitest", "examples/internal/pagetest", "internal/arch", "internal/chaos", "internal/faultfs", "internal/fixtures", "internal/golden", "internal/hfrows", "internal/hubtest", "internal/peertest", "internal/scenario", "internal/smallencoder", "internal/wordhash"}

func matches(pattern, pkg string) bool {
	if stem, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == stem || strings.HasPrefix(pkg, stem+"/")
	}
	return pkg == pattern
}

func allowed(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

type listed struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func list(t *testing.T) []listed {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "./...")
	command.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	packages := list(t)
	if len(packages) < 20 {
		t.Fatalf("only %d packages were listed", len(packages))
	}
	for _, p := range packages {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		rule := slices.IndexFunc(rules, func(r struct {
			pkg string
			may []string
		}) bool {
			return matches(r.pkg, pkg)
		})
		if rule < 0 {
			t.Errorf("%s has no place in the architecture", pkg)
			continue
		}
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s uses cgo", pkg)
		}
		for _, path := range p.Imports {
			imported, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			if !allowed(rules[rule].may, imported) {
				t.Errorf("%s must not import %s", pkg, imported)
			}
			kit := slices.Contains(testKits, pkg) || strings.HasPrefix(pkg, "internal/fixtures/")
			if slices.Contains(testKits, imported) && !kit {
				t.Errorf("%s imports the test kit %s outside of its tests", pkg, imported)
			}
		}
	}
}

// TestHeavyDependenciesStayWhereTheyAre holds that a program links a large
// dependency only if it asks for the package that needs it.
func TestHeavyDependenciesStayWhereTheyAre(t *testing.T) {
	may := map[string][]string{
		"github.com/openai/openai-go":     {"llmrouterdata/chat", "embedding/openai"},
		"github.com/nlpodyssey/cybertron": {"embedding/cybertron"},
		"github.com/nlpodyssey/gopickle":  {},
		"github.com/google/go-cmp":        {},
		"github.com/tetratelabs/wazero":   {"metrics/codeeval/..."},
		"github.com/parquet-go":           {"datasets/...", "llmrouterdata/exporting", "internal/hfrows", "internal/fixtures/..."},
		"go.yaml.in/yaml":                 {"llmrouterdata"},
		"github.com/vbauerster/mpb":       {"examples/internal/progress"},
		"github.com/prometheus":           {"llmrouterdata/routers/serve"},
		"gonum.org/v1/plot":               {"examples/report", "examples/internal/page", "examples/internal/routerpage"},
	}
	for _, p := range list(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			for dependency, packages := range may {
				if strings.HasPrefix(path, dependency) && !allowed(packages, pkg) {
					t.Errorf("%s must not import %s", pkg, path)
				}
			}
		}
	}
}

// TestDatasetIsSmall holds that who only reads a data set links no network, no
// model and no sandbox.
func TestDatasetIsSmall(t *testing.T) {
	const most = 7_000_000 // bytes
	const source = "./testdata/mean"
	binary := filepath.Join(t.TempDir(), "mean")
	run := func(arguments ...string) string {
		t.Helper()
		command := exec.Command("go", arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", arguments[0], err, stderr.Bytes())
		}
		return string(out)
	}
	forbidden := []string{
		module + "llmrouterdata/chat", module + "embedding/...", module + "datasets/...", module + "metrics/codeeval/...", "net/http",
	}
	dependencies := strings.Fields(run("list", "-deps", source))
	if !slices.Contains(dependencies, module+"llmrouterdata/dataset") {
		t.Fatalf("%d dependencies, and dataset is not among them", len(dependencies))
	}
	for _, d := range dependencies {
		if allowed(forbidden, d) {
			t.Errorf("a program that reads a data set links %s", d)
		}
	}
	run("build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, source)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > most {
		t.Errorf("a program that reads a data set has %d bytes, more than %d", info.Size(), most)
	}
}

// TestScheduleHasNoIO holds that what decides about the next call cannot read a
// clock, a file or a channel of others: it imports next to nothing.
func TestScheduleHasNoIO(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath == module+"internal/schedule" && !slices.Equal(p.Imports, []string{"slices"}) {
			t.Errorf("internal/schedule imports %q", p.Imports)
		}
	}
}

// TestTopLevelFolders holds the shape that a newcomer sees first.
func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"datasets", "docs", "embedding", "examples", "findings", "internal", "llmrouterdata", "metrics", "torchio"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(known, e.Name()) && e.Name() != "llmrouter-data" {
			t.Errorf("the folder %s has no place at the top", e.Name())
		}
	}
}
