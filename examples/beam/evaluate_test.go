package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// lengths embeds a text as its length and refuses some.
type lengths struct {
	refuses func(text string) bool
	broken  bool
	calls   *int
}

func (lengths) Dim() int { return 1 }

func (lengths) Fingerprint() string { return "lengths" }

func (e lengths) Encode(_ context.Context, texts []string) ([][]float32, error) {
	if e.calls != nil {
		*e.calls++
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if e.broken || e.refuses != nil && e.refuses(text) {
			return nil, errors.New("no thanks")
		}
		vectors[i] = []float32{float32(len(text))}
	}
	return vectors, nil
}

func TestPicky(t *testing.T) {
	refuses := func(text string) bool { return strings.HasPrefix(text, "bad") }
	for _, tt := range []struct {
		name    string
		encoder lengths
		texts   []string
		refused []string
		fails   bool
	}{
		{"all good", lengths{refuses: refuses}, []string{"a", "bb"}, nil, false},
		{"one bad", lengths{refuses: refuses}, []string{"a", "bad 1", "bb"}, []string{"bad 1"}, true},
		{"all bad", lengths{refuses: refuses}, []string{"bad 1", "bad 2"}, []string{"bad 1", "bad 2"}, true},
		{"the encoder is broken", lengths{broken: true}, []string{"a", "bb"}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPicky(tt.encoder)
			vectors, err := p.Encode(t.Context(), tt.texts)
			if (err != nil) != tt.fails {
				t.Errorf("%v, %v", vectors, err)
			}
			var refused []string
			for _, text := range tt.texts {
				if p.all()[text] != nil {
					refused = append(refused, text)
				}
			}
			if diff := cmp.Diff(tt.refused, refused); diff != "" {
				t.Error(diff)
			}
		})
	}
	if f := newPicky(lengths{}).Fingerprint(); f != "lengths" {
		t.Errorf("fingerprint %q", f)
	}
	if f := newPicky(struct{ noName }{}).Fingerprint(); f != "" {
		t.Errorf("fingerprint %q of an encoder that has none", f)
	}
}

type noName struct{}

func (noName) Dim() int { return 1 }

func (noName) Encode(context.Context, []string) ([][]float32, error) { return nil, nil }

// TestPickyPasses has an encoder that fails once: a fault that has passed
// refuses nothing.
func TestPickyPasses(t *testing.T) {
	n := 0
	p := newPicky(lengths{calls: &n, refuses: func(string) bool { return n == 1 }})
	vectors, err := p.Encode(t.Context(), []string{"a", "bb"})
	if diff := cmp.Diff([][]float32{{1}, {2}}, vectors); diff != "" || err != nil || len(p.all()) > 0 {
		t.Errorf("%v, %v\n%s", err, p.all(), diff)
	}
}

// folderOf is a working folder of one shard with these queries.
func folderOf(t testing.TB, s shards.Shard, queries string) *shards.Folder {
	t.Helper()
	work := t.TempDir()
	s.Queries = "q.jsonl"
	clitest.Write(t, work, s.Queries, queries)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, work, "shards.jsonl", string(text)+"\n")
	f, err := shards.Open(work)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// testWorker is a worker with an encoder of its own.
func testWorker(t *testing.T, endpoint string, folder *shards.Folder, encoder lengths) *worker {
	t.Helper()
	client, err := chat.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &worker{
		settings: Settings{APIEndpoint: endpoint + "/v1", Calls: 4, Shards: 1, Candidates: `{"a": {"model": "a-1"}}`},
		folder:   folder, client: client, prompts: chat.BuiltinPrompts(), encoder: encoder,
		sandboxed: func(context.Context) (*metrics.Registry, error) { return new(metrics.Builtin()), nil },
	}
}

// TestRefusedTexts leaves out queries whose texts cannot be embedded, without
// calling anything twice.
func TestRefusedTexts(t *testing.T) {
	s := newService(t, 0)
	list := queries(0, 200)
	bad := func(text string) bool {
		return strings.Contains(text, "number 5 ") || strings.Contains(text, "number 150 ")
	}
	folder := folderOf(t, shards.Shard{Name: "test-00000", Split: "test", Source: "source.jsonl", FirstLine: 1001}, strings.Join(list, "\n"))
	w, shard := testWorker(t, s.URL, folder, lengths{refuses: bad}), folder.Shards()[0]
	report, letters, err := w.evaluate(t.Context(), shard, nil)
	if err != nil {
		t.Fatal(err)
	}
	var where []int
	for _, l := range letters {
		where = append(where, l.Line)
		if l.Stage != "embed" || l.Error != "no thanks" || l.File != "source.jsonl" || l.Task != "gsm8k" || !strings.HasPrefix(l.Record, `{"task_name"`) || strings.HasSuffix(l.Record, "\n") {
			t.Errorf("%+v", l)
		}
	}
	if diff := cmp.Diff([]int{1006, 1151}, where); diff != "" {
		t.Error(diff)
	}
	if report.Queries != 198 || report.DeadLetters != 2 || report.Rows != 198 || report.Called < 198 || report.Called > 200 || s.made() != report.Called {
		t.Errorf("%+v, %d calls", report, s.made())
	}
	c := datasetOf(folder, shard)
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(c.DataPath.RoutingDataTrain); err != nil || len(text) > 0 {
		t.Errorf("the other split: %q, %v", text, err)
	}
}

func TestBrokenEncoder(t *testing.T) {
	s := newService(t, 0)
	folder := folderOf(t, shards.Shard{Name: "train-00000", Split: "train", FirstLine: 1}, strings.Join(queries(0, 20), "\n"))
	w := testWorker(t, s.URL, folder, lengths{broken: true})
	_, letters, err := w.evaluate(t.Context(), folder.Shards()[0], nil)
	if err == nil || !strings.Contains(err.Error(), "shard train-00000: ") || !strings.Contains(err.Error(), "no thanks") || letters != nil {
		t.Errorf("%v, %v", letters, err)
	}
}

// TestNothingGood does a shard in which no query can have rows.
func TestNothingGood(t *testing.T) {
	s := newService(t, 0)
	folder := folderOf(t, shards.Shard{Name: "train-00000", Split: "train", FirstLine: 1}, "x\n\n{}\n")
	w, shard := testWorker(t, s.URL, folder, lengths{}), folder.Shards()[0]
	report, letters, err := w.evaluate(t.Context(), shard, nil)
	if err != nil || report.Queries != 0 || report.DeadLetters != 2 || len(letters) != 2 || letters[1].Line != 3 {
		t.Errorf("%+v, %+v, %v", report, letters, err)
	}
	into := datasetOf(folder, shards.Shard{Name: "merged", Split: "train"})
	clitest.Write(t, filepath.Dir(into.DataPath.LLMData), "llm_data.json", w.settings.Candidates)
	if r, err := dataset.Merge(t.Context(), into, []*llmrouterdata.Config{datasetOf(folder, shard)}, nil); err != nil || r.Rows != 0 {
		t.Errorf("merged: %+v, %v", r, err)
	}
}

// TestCode asks for a sandbox when there is code, and not before.
func TestCode(t *testing.T) {
	s := newService(t, 0)
	code := `{"task_name": "human_eval", "query": "def f():", "ground_truth": "def check(f): f()", "metric": "code_eval", "choices": null, "task_id": "HumanEval/2"}`
	opened := 0
	for i, text := range []string{queries(0, 1)[0], code} {
		folder := folderOf(t, shards.Shard{Name: "train-00000", Split: "train", FirstLine: 1}, text)
		w := testWorker(t, s.URL, folder, lengths{})
		w.sandboxed = func(context.Context) (*metrics.Registry, error) { opened++; return new(metrics.Builtin()), nil }
		_, letters, err := w.evaluate(t.Context(), folder.Shards()[0], nil)
		if opened != i || len(letters) > 0 {
			t.Errorf("query %d: %d sandboxes, dead letters %v", i, opened, letters)
		}
		if _, missing := errors.AsType[*pipeline.UnavailableMetricError](err); missing != (i == 1) {
			t.Errorf("query %d: %v", i, err)
		}
	}
}

func TestReadLine(t *testing.T) {
	r := bufio.NewReaderSize(strings.NewReader("ab\n"+strings.Repeat("x", 100)+"\n\nlast"), 16)
	type result struct {
		Text string
		Long bool
	}
	var got []result
	for {
		text, err := readLine(r, 20)
		if err == io.EOF {
			break
		}
		long := errors.Is(err, llmrouterdata.ErrLineTooLong)
		if err != nil && !long {
			t.Fatal(err)
		}
		got = append(got, result{string(text), long})
	}
	want := []result{{"ab\n", false}, {strings.Repeat("x", 20), true}, {"\n", false}, {"last", false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
