package pipeline

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// parted evaluates a set in parts of n queries and returns their
// configurations. Parts of one split have an empty file for the other; one part
// has no query at all.
func parted(t testing.TB, c *llmrouterdata.Config, n int) []*llmrouterdata.Config {
	t.Helper()
	var parts []*llmrouterdata.Config
	add := func(split int, queries []llmrouterdata.StandardQueryData) *llmrouterdata.Config {
		part := testConfig(t.TempDir())
		part.DataPath.LLMData = c.DataPath.LLMData
		files := [2][]llmrouterdata.StandardQueryData{}
		files[split] = queries
		writeQueries(t, part.DataPath.QueryDataTrain, files[0])
		writeQueries(t, part.DataPath.QueryDataTest, files[1])
		parts = append(parts, part)
		return part
	}
	for split, name := range []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest} {
		queries, err := dataset.ReadQueries(t.Context(), name, 0)
		if err != nil {
			t.Fatal(err)
		}
		add(split, nil)
		for len(queries) > 0 {
			size := min(n, len(queries))
			part := add(split, queries[:size])
			queries = queries[size:]
			if _, err := evaluate(t, part, Options{Client: &fakeClient{}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return parts
}

func TestMergeEqualsOneRun(t *testing.T) {
	c := testSet(t, 240, 60, "a", "b", "c")
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	want := finalFiles(t, c)
	for _, size := range []int{1000, 37} {
		t.Run(fmt.Sprintf("parts of %d", size), func(t *testing.T) {
			into := testConfig(t.TempDir())
			into.DataPath.QueryDataTrain, into.DataPath.QueryDataTest, into.DataPath.LLMData = c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest, c.DataPath.LLMData
			temp := t.TempDir()
			report, err := dataset.Merge(t.Context(), into, parted(t, c, size), &dataset.MergeOptions{TempDir: temp})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, finalFiles(t, into)); diff != "" {
				t.Errorf("the merged files differ from those of one run:\n%.2000s", diff)
			}
			if err := dataset.Check(t.Context(), into, nil); err != nil {
				t.Error(err)
			}
			data, err := dataset.Open(t.Context(), into, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer data.Close()
			if diff := cmp.Diff(&dataset.MergeReport{TrainQueries: 240, TestQueries: 60, Rows: 900, Embeddings: data.Embeddings()}, report); diff != "" {
				t.Error(diff)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestMergeOfWholeSets merges sets that have both splits each.
func TestMergeOfWholeSets(t *testing.T) {
	whole := testConfig(t.TempDir())
	writeCandidates(t, whole.DataPath.LLMData, []string{"a"})
	var parts []*llmrouterdata.Config
	var train, test []llmrouterdata.StandardQueryData
	for i := range 3 {
		part := testConfig(t.TempDir())
		part.DataPath.LLMData = whole.DataPath.LLMData
		of := [2][]llmrouterdata.StandardQueryData{testQueries(10*i, 20), testQueries(5*i, 10)}
		writeQueries(t, part.DataPath.QueryDataTrain, of[0])
		writeQueries(t, part.DataPath.QueryDataTest, of[1])
		train, test = append(train, of[0]...), append(test, of[1]...)
		if _, err := evaluate(t, part, Options{Client: &fakeClient{}}); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	writeQueries(t, whole.DataPath.QueryDataTrain, train)
	writeQueries(t, whole.DataPath.QueryDataTest, test)
	if _, err := dataset.Merge(t.Context(), whole, parts, nil); err != nil {
		t.Fatal(err)
	}
	got := finalFiles(t, whole)
	if _, err := evaluate(t, whole, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(finalFiles(t, whole), got); diff != "" {
		t.Errorf("the merged files differ from those of one run:\n%.2000s", diff)
	}
}

// TestSharedClient holds that runs can share a client and that it stays open.
func TestSharedClient(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": "4"}}}})
	}))
	defer service.Close()
	client, err := chat.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 2 {
		c := testSet(t, 10, 5, "a")
		writeFile(t, c.DataPath.LLMData, fmt.Sprintf(`{"a": {"model": "a", "api_endpoint": %q}}`, service.URL+"/v1"))
		report, err := evaluate(t, c, Options{Client: client})
		if err != nil || report.Failed > 0 {
			t.Fatalf("%d calls failed, %v", report.Failed, err)
		}
		stats := client.Stats().Candidates
		if len(stats) != 1 || stats[0].Calls != 15*(i+1) {
			t.Errorf("after run %d: %+v", i+1, stats)
		}
	}
}
