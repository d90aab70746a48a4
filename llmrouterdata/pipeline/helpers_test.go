package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// testQueries returns n queries of several tasks and metrics. Every seventh is
// a repetition of an earlier one, every eleventh asks the same as an earlier one
// but has another ground truth.
func testQueries(from, n int) []llmrouterdata.StandardQueryData {
	list := make([]llmrouterdata.StandardQueryData, n)
	for i := range list {
		k := from + i
		switch {
		case k%7 == 6:
			k -= 6
		case k%11 == 10:
			k -= 10
		}
		var q llmrouterdata.StandardQueryData
		switch k % 4 {
		case 0:
			q = llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: fmt.Sprintf("How much is %d + 1?", k), GroundTruth: fmt.Sprintf("so #### %d", k+1), Metric: "GSM8K"}
		case 1:
			q = llmrouterdata.StandardQueryData{
				TaskName: "mmlu", Query: fmt.Sprintf("Which is number %d?", k), GroundTruth: string(rune('A' + k%3)), Metric: "em_mc",
				Choices: llmrouterdata.NewChoices([]string{"one", "two", "three"}),
			}
		case 2:
			q = llmrouterdata.StandardQueryData{TaskName: "natural_qa", Query: fmt.Sprintf("Who made the café number %d “here”?\n", k), GroundTruth: fmt.Sprintf("person %d", k), Metric: "f1_score"}
		case 3:
			q = llmrouterdata.StandardQueryData{TaskName: "math", Query: fmt.Sprintf("What is %d times 2?", k), GroundTruth: fmt.Sprintf(`\boxed{%d}`, 2*k), Metric: "MATH"}
		}
		if (from+i)%11 == 10 {
			q.GroundTruth += "0"
		}
		list[i] = q
	}
	return list
}

// testSet writes the inputs of step 3 and returns their configuration.
func testSet(t testing.TB, train, test int, models ...string) *llmrouterdata.Config {
	t.Helper()
	c := testConfig(t.TempDir())
	writeQueries(t, c.DataPath.QueryDataTrain, testQueries(0, train))
	writeQueries(t, c.DataPath.QueryDataTest, testQueries(train-train/5, test))
	writeCandidates(t, c.DataPath.LLMData, models)
	return c
}

func writeQueries(t testing.TB, name string, queries []llmrouterdata.StandardQueryData) {
	t.Helper()
	var b strings.Builder
	w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](&b)
	for _, q := range queries {
		if err := w.Write(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, b.String())
}

// hashEncoder makes a vector of each text from its hash.
type hashEncoder struct {
	dim   int
	name  string // the fingerprint
	mu    *sync.Mutex
	texts *[]string // embedded so far
	err   error
	spoil func([][]float32) [][]float32
}

func newEncoder() hashEncoder {
	return hashEncoder{dim: 4, name: "hash 4", mu: &sync.Mutex{}, texts: &[]string{}}
}

func (e hashEncoder) Dim() int            { return e.dim }
func (e hashEncoder) Fingerprint() string { return e.name }

func (e hashEncoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	if e.err != nil {
		return nil, e.err
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		h := fnv.New64a()
		h.Write([]byte(text))
		vectors[i] = make([]float32, e.dim)
		for j := range vectors[i] {
			vectors[i][j] = float32(h.Sum64()>>(8*j)&0xff) / 7
		}
	}
	e.mu.Lock()
	*e.texts = append(*e.texts, texts...)
	e.mu.Unlock()
	if e.spoil != nil {
		vectors = e.spoil(vectors)
	}
	return vectors, ctx.Err()
}

// fakeClient answers by itself: right for about half of the queries.
type fakeClient struct {
	// before is called with each request; its error is that of the call.
	before func(ctx context.Context, r chat.Request) error

	mu    sync.Mutex
	calls map[string]int // by candidate, system and user message
	total int
}

func (c *fakeClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	c.mu.Lock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[r.Target.Name+"\x00"+r.Prompt.System+"\x00"+r.Prompt.User]++
	c.total++
	c.mu.Unlock()
	response := chat.Response{
		PromptTokens: len(r.Prompt.User), CompletionTokens: 5, TotalTokens: len(r.Prompt.User) + 5,
		ResponseTime: time.Duration(len(r.Prompt.User)) * time.Millisecond, KeyLabel: "key-1", Attempts: 1,
	}
	if c.before != nil {
		if err := c.before(ctx, r); err != nil {
			return chat.Response{ResponseTime: time.Second, Attempts: 8, KeyLabel: "key-2"}, err
		}
	}
	response.CostUSD = r.Target.Cost(response.PromptTokens, response.CompletionTokens)
	response.Text = fakeAnswer(r.Target.Model, r.Prompt.User)
	return response, nil
}

var digits = regexp.MustCompile(`\d+`)

// fakeAnswer is right for about half of testQueries.
func fakeAnswer(model, user string) string {
	h := fnv.New32a()
	h.Write([]byte(model + user))
	k := 0
	fmt.Sscan(digits.FindString(user), &k)
	if h.Sum32()%2 == 0 {
		k += 5
	}
	return fmt.Sprintf(`I say "%d", \boxed{%d}, person %d: %d (%c) <&>`, k, 2*k, k, k+1, 'A'+k%3)
}

// evaluate plans and runs step 3, with a fake encoder where none is given.
func evaluate(t testing.TB, c *llmrouterdata.Config, o Options) (*Report, error) {
	t.Helper()
	if o.Encoder == nil {
		o.Encoder = newEncoder()
	}
	return planAndRun(t.Context(), c, o)
}

func planAndRun(ctx context.Context, c *llmrouterdata.Config, o Options) (*Report, error) {
	plan, err := NewPlan(ctx, c, &o)
	if err != nil {
		return nil, err
	}
	return plan.Run(ctx)
}

func estimate(t testing.TB, c *llmrouterdata.Config, o Options) (*Estimate, error) {
	t.Helper()
	plan, err := NewPlan(t.Context(), c, &o)
	if err != nil {
		return nil, err
	}
	return plan.Estimate(t.Context())
}

// newClient returns a client that lives as long as the test.
func newClient(t testing.TB, o chat.Options) *chat.Client {
	t.Helper()
	client, err := chat.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

var responseTime = regexp.MustCompile(`"response_time": [0-9.e+-]+`)

// finalFiles returns the texts of the three outputs, response times taken out;
// "" stands for a file that is not there.
func finalFiles(t testing.TB, c *llmrouterdata.Config) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = responseTime.ReplaceAllString(string(text), `"response_time": 0`)
	}
	return files
}

func wantNoFiles(t testing.TB, c *llmrouterdata.Config) {
	t.Helper()
	for name, text := range finalFiles(t, c) {
		if text != "" {
			t.Errorf("%s was published", name)
		}
	}
}

// readRows returns all rows of the routing files.
func readRows(t testing.TB, c *llmrouterdata.Config) []llmrouterdata.RoutingRecord {
	t.Helper()
	var rows []llmrouterdata.RoutingRecord
	for _, name := range []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		for row, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](name, nil) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// readJournal returns the entries of a journal that no run holds.
func readJournal(t testing.TB, name string) []journal.Entry {
	t.Helper()
	j, err := journal.Peek(name, &journal.Options{Warn: func(text string) { t.Error(text) }})
	if err != nil || j == nil {
		t.Fatalf("journal %s: %v", name, err)
	}
	defer j.Close()
	var list []journal.Entry
	if err := j.Scan(func(_ int64, e *journal.Entry) error {
		list = append(list, *e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// noTemporaries fails when a temporary file is left below dir.
func noTemporaries(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "llmrouter-tmp") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func wantError(t testing.TB, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error %q does not hold %q", err, text)
		}
	}
}
