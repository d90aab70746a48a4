package datasets

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// caseTable opens a benchmark of one file of the cases.
func caseTable(t *testing.T, task, name string) (*Table, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.CasesDir(t), filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Open(t.Context(), memory{filepath.Base(name), data}, onePart(t, task))
}

// The column choices became one of JSON, since one row had a key more.
func TestCasesChoicesOfJSON(t *testing.T) {
	table, err := caseTable(t, "commonsense_qa", "sets/c_datasets_jsonfeature.parquet")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	n := 0
	for rec, err := range table.All(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 && (!slices.Equal(rec.Choices.Labels(), strings.Split("ABCDE", "")) ||
			!slices.Equal(rec.Choices.Text(), []string{"x", "y", "z0", "w", "v"})) {
			t.Errorf("%v: %v", rec.Choices.Labels(), rec.Choices.Text())
		}
		if n++; len(rec.Choices.Labels()) == 0 || rec.Query == "" || rec.GroundTruth != "A" {
			t.Errorf("row %d: %+v", n-1, rec)
		}
	}
	if n != 7 || table.Len() != 7 {
		t.Errorf("%d rows of %d", n, table.Len())
	}
}

// Geometry is no text though nothing but the footer's key "geo" says so.
func TestCasesGeometryIsRefused(t *testing.T) {
	table, err := caseTable(t, "gsm8k", "sets/geometry_as_text/gsm8k/train-00000-of-00001.parquet")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	_, single := table.Records(t.Context(), []int{0}, nil)
	_, scanned := scanRecords(t.Context(), table)
	for _, err := range []error{single, scanned} {
		var column *ColumnError
		if !errors.As(err, &column) || column.Column != "question" || !strings.Contains(column.Found, "geometry") {
			t.Errorf("%v", err)
		}
	}
}

func TestCasesSignedFooterIsUnsupported(t *testing.T) {
	_, err := caseTable(t, "gsm8k", "sets/signed_footer/gsm8k/train-00000-of-00001.parquet")
	if !errors.Is(err, ErrUnsupported) || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "encryption") {
		t.Errorf("%v", err)
	}
}

// TestCasesCache opens a benchmark from a cache that has no listing.
func TestCasesCache(t *testing.T) {
	model := func(t *testing.T, _ golden.FileCase) { t.Skip("a case of package embedding") }
	rows := func(t *testing.T, c golden.FileCase) {
		m := regexp.MustCompile(`snapshots/COMMIT/([\w./-]+\.parquet)`).FindStringSubmatch(c.Setup)
		if m == nil {
			t.Fatalf("no file in: %s", c.Setup)
		}
		cacheHolds(t, m[1], strings.Contains(c.Setup, "refs/main"))
	}
	golden.RunFileCases(t, []string{"hub-cache-listing"}, map[string]func(*testing.T, golden.FileCase){
		"datasets.Open(FromHub, gsm8k)": rows,
		"embedding.*":                   model,
		"the same": func(t *testing.T, c golden.FileCase) {
			if strings.Contains(string(c.Expect), "rows") {
				rows(t, c)
				return
			}
			model(t, c)
		},
	})
}

// TestCacheWithoutListing does so with the files of other clients.
func TestCacheWithoutListing(t *testing.T) {
	for _, referenced := range []bool{true, false} {
		cacheHolds(t, "main/train-00000-of-00001.parquet", referenced)
	}
}

// cacheHolds makes a cache that holds one file of gsm8k, and opens that.
func cacheHolds(t *testing.T, name string, referenced bool) {
	t.Helper()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	cache := t.TempDir()
	files := map[string]string{"snapshots/" + commit + "/" + name: parquetOf(t, "gsm8k", 30)}
	if referenced {
		files["refs/main"] = commit
	}
	for name, text := range files {
		name = filepath.Join(cache, "datasets--openai--gsm8k", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	client, err := hub.New(&hub.Options{CacheDir: cache, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []Source{FromHub(client), FromHubRanges(client)} {
		if n, err := openLen(t, src, spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("referenced %v: %d rows, %v", referenced, n, err)
		}
	}
}
