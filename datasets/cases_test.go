package datasets

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
