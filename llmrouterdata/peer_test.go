package llmrouterdata_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

var readers = []string{"pandas", "polars", "duckdb", "pyarrow", "datasets"}

// readerCode gives the code of docs/READERS.md: that of the types, then that of
// a reader, which for datasets goes on from that of pyarrow.
func readerCode(t *testing.T, reader string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "READERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	blocks := []string{"types", reader}
	if reader == "datasets" {
		blocks = []string{"types", "pyarrow", reader}
	}
	for _, name := range blocks {
		block := regexp.MustCompile("(?s)<!-- reader: " + name + " -->\n```python\n(.*?)```").FindSubmatch(page)
		if block == nil {
			t.Fatalf("docs/READERS.md has no code for %q", name)
		}
		code += string(block[1])
	}
	return code
}

// shape makes the i-th record of a pair of files.
type shape struct {
	rows int
	make func(i int, r *llmrouterdata.RoutingRecord)
	// traps are the readers that, without an option, give other values or an
	// error.
	traps []string
}

func ptr(s string) *string { return &s }

// shapes are what files of ours can look like to a reader that guesses types.
func shapes() map[string]shape {
	rng := rand.New(rand.NewPCG(1, 2))
	long := strings.Repeat("All work and no play. ", 27)
	texts := []string{
		"line\u2028separator\u2029and \u0085 \u000b \u001c \u001e", "a \"quoted\" \\ text\nof two\tlines\r\n", "\u0000", "😀 grüße 你好 \ufeff", "",
		"null", "NaN", "None", "true", "007", "1e5", "-0", "2012-05-01", "2012-05-01T10:00:00Z", "123e4567-e89b-12d3-a456-426614174000", "{\"a\": 1}", "[1, 2]", " ",
	}
	floats := []float64{0.30000000000000004, 0.3, 2.2250738585072014e-308, 1.7976931348623157e308, 1, 0, 1e16, 123456789.12345679, 1e22, 1e-7, 2.5}
	integers := []int{0, 1, 1<<31 + 1, 1<<53 + 1, math.MaxInt64, 9007199254740993}
	choices := llmrouterdata.NewChoices([]string{"one", "zwei", "三", "2012-05-01"})
	return map[string]shape{
		// More rows than any reader looks at to guess a type, and more bytes.
		"late": {21_000, func(i int, r *llmrouterdata.RoutingRecord) {
			r.Query = fmt.Sprint(i, " ", long)
			if i >= 20_900 {
				r.Choices, r.TaskID, r.UserID = choices, ptr(fmt.Sprint("Task/", i)), ptr("someone")
			}
		}, []string{"polars", "duckdb", "datasets"}},
		"null": {300, func(int, *llmrouterdata.RoutingRecord) {}, nil},
		"values": {360, func(i int, r *llmrouterdata.RoutingRecord) {
			text := texts[i%len(texts)]
			r.Query, r.GroundTruth, r.Response, r.TaskID = text, text, text, ptr(text)
			r.Choices = llmrouterdata.NewChoices([]string{text, "b"})
			r.ResponseTime, r.Performance = floats[i%len(floats)], floats[(i+3)%len(floats)]
			r.TokenNum, r.EmbeddingID = integers[i%len(integers)], integers[(i+1)%len(integers)]
			r.UserID = ptr(text)
		}, []string{"pandas"}},
		"floats": {1000, func(_ int, r *llmrouterdata.RoutingRecord) {
			r.ResponseTime, r.Performance = rng.ExpFloat64(), rng.Float64()
		}, []string{"pandas"}},
		"digits": {300, func(i int, r *llmrouterdata.RoutingRecord) {
			r.GroundTruth, r.Response, r.TaskID = fmt.Sprintf("%03d", i), fmt.Sprintf("%de5", i), ptr(fmt.Sprint(i))
		}, []string{"pandas"}},
		"dates": {300, func(i int, r *llmrouterdata.RoutingRecord) {
			r.GroundTruth, r.Response = fmt.Sprintf("2012-05-%02d", i%28+1), fmt.Sprintf("2012-05-01T10:00:%02dZ", i%60)
			r.TaskID = ptr(fmt.Sprintf("123e4567-e89b-12d3-a456-4266141740%02d", i%100))
		}, []string{"duckdb", "pyarrow", "datasets"}},
		"whole": {300, func(i int, r *llmrouterdata.RoutingRecord) {
			r.ResponseTime, r.Performance = 2, float64(i%2)
		}, []string{"pandas"}},
		"long line": {3, func(i int, r *llmrouterdata.RoutingRecord) {
			r.Response = strings.Repeat("x", i*3<<20)
		}, []string{"pyarrow"}},
	}
}

// writeShape writes the pair of files of a shape.
func writeShape(t *testing.T, dir string, s shape) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var queries, routing bytes.Buffer
	q, r := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](&queries), llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](&routing)
	for i := range s.rows {
		record := llmrouterdata.RoutingRecord{
			TaskName: "gsm8k", Query: fmt.Sprint("query ", i), GroundTruth: "answer", Metric: "GSM8K",
			ModelName: "model", Response: "response", TokenNum: i, InputTokens: i, ResponseTime: 1.5, Performance: 0.5, EmbeddingID: i,
		}
		s.make(i, &record)
		if err := errors.Join(q.Write(record.QueryData()), r.Write(record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(q.Flush(), r.Flush()); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*bytes.Buffer{"query_data.jsonl": &queries, "routing_data.jsonl": &routing} {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// differs says in what the files in dir/way, what a reader made of those in
// dir, are others.
func differs(t *testing.T, dir, way string) error {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(dir, way, "error")); err == nil {
		return fmt.Errorf("an error: %s", text)
	}
	for _, name := range []string{"query_data.jsonl", "routing_data.jsonl"} {
		want, err1 := os.ReadFile(filepath.Join(dir, name))
		got, err2 := os.ReadFile(filepath.Join(dir, way, name))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if err := sameLines(want, got); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func sameLines(want, got []byte) error {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	differ, first := 0, -1
	for i := range min(len(w), len(g)) {
		if !bytes.Equal(w[i], g[i]) {
			if differ++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case len(w) != len(g):
		return fmt.Errorf("%d lines, want %d", len(g)-1, len(w)-1)
	case first >= 0:
		return fmt.Errorf("%d of %d lines differ, the first being line %d:\nread  %.600s\nwrote %.600s", differ, len(w)-1, first+1, g[first], w[first])
	}
	return nil
}

// TestPeerReaders lets each reader of docs/READERS.md read files of every shape,
// as the page says. A trap that the page names and that is no longer one is
// logged.
func TestPeerReaders(t *testing.T) {
	python := peertest.Python(t, "data")
	script, err := filepath.Abs(filepath.Join("testdata", "readers.py"))
	if err != nil {
		t.Fatal(err)
	}
	for _, reader := range readers {
		t.Run(reader, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{script, reader}
			all := shapes()
			for name, s := range all {
				args = append(args, filepath.Join(dir, name))
				writeShape(t, filepath.Join(dir, name), s)
			}
			cmd := exec.CommandContext(t.Context(), python, args...)
			cmd.Stdin = strings.NewReader(readerCode(t, reader))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for name, s := range all {
				if err := differs(t, filepath.Join(dir, name), "right"); err != nil {
					t.Errorf("%s, as docs/READERS.md says: %v", name, err)
				}
				err := differs(t, filepath.Join(dir, name), "plain")
				if trap := slices.Contains(s.traps, reader); trap != (err != nil) {
					t.Logf("note: docs/READERS.md says of %s that it is a trap: %v; without options: %v", name, trap, err)
				}
			}
		})
	}
}
