package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
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
		parts := parted(t, c, size)
		for _, run := range []int{0, 16, 1} {
			t.Run(fmt.Sprintf("parts of %d, runs of %d", size, run), func(t *testing.T) {
				into := testConfig(t.TempDir())
				into.DataPath.QueryDataTrain, into.DataPath.QueryDataTest, into.DataPath.LLMData = c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest, c.DataPath.LLMData
				temp := t.TempDir()
				report, err := Merge(t.Context(), into, parts, &MergeOptions{TempDir: temp, runLength: run})
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
				if diff := cmp.Diff(&MergeReport{TrainQueries: 240, TestQueries: 60, Rows: 900, Embeddings: data.Embeddings()}, report); diff != "" {
					t.Error(diff)
				}
				if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
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
	if _, err := Merge(t.Context(), whole, parts, nil); err != nil {
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

func TestMergeRefuses(t *testing.T) {
	edit := func(name string, change func(rows []string) []string) func(t *testing.T, into, part *llmrouterdata.Config) {
		return func(t *testing.T, _, part *llmrouterdata.Config) {
			name := map[string]string{"train": part.DataPath.RoutingDataTrain, "queries": part.DataPath.QueryDataTrain}[name]
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rows := change(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
			writeFile(t, name, strings.Join(rows, "\n")+"\n")
		}
	}
	vectors := func(values ...float32) func(t *testing.T, into, part *llmrouterdata.Config) {
		return func(t *testing.T, _, part *llmrouterdata.Config) {
			f, err := os.Create(part.DataPath.QueryEmbeddingData)
			if err != nil {
				t.Fatal(err)
			}
			w := torchio.NewWriter(f, nil)
			for id := range 40 {
				if err := w.PutInt(int64(id), torchio.Of(values, len(values))); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(w.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, into, part *llmrouterdata.Config)
		want  []string
	}{
		{"a row is missing", edit("train", func(r []string) []string { return append(r[:4:4], r[5:]...) }), []string{"train.jsonl: row 5 ", "the candidate is \"b\", want \"a\""}},
		{"the last row is missing", edit("train", func(r []string) []string { return r[:len(r)-1] }), []string{"there is none, of candidate \"b\""}},
		{"a row too many", edit("train", func(r []string) []string { return append(r, r[0]) }), []string{"rows behind those of the last query"}},
		{"candidates in another order", edit("train", func(r []string) []string { r[0], r[1] = r[1], r[0]; return r }), []string{"row 1 ", "the candidate is \"b\", want \"a\""}},
		{"rows of another query", edit("queries", func(r []string) []string { return r[1:] }), []string{"row 1 ", "not of the query that is due"}},
		{"a query too many", edit("queries", func(r []string) []string { return append(r, r[0]) }), []string{"there is none"}},
		{"a line that is no record", edit("train", func(r []string) []string { r[2] = "{"; return r }), []string{"train.jsonl:3"}},
		{"two embedding ids", edit("train", func(r []string) []string {
			r[0] = strings.Replace(r[0], `"embedding_id": 0`, `"embedding_id": 1`, 1)
			return r
		}), []string{"row 2 ", "the embedding id is 0, in the row before 1"}},
		{"a performance out of range", edit("train", func(r []string) []string {
			for i := range r {
				r[i] = strings.Replace(r[i], `"performance": `, `"performance": 2`, 1)
			}
			return r
		}), []string{"row 1", "performance"}},
		{"no vector of an id", edit("train", func(r []string) []string {
			for i := range r {
				r[i] = strings.Replace(r[i], `"embedding_id": `, `"embedding_id": 7`, 1)
			}
			return r
		}), []string{"no vector of embedding id 71"}},
		{"vectors that are not finite", vectors(1, 2, 3, float32(math.NaN())), []string{"holds NaN"}},
		{"vectors of another length", vectors(1, 2), []string{"2 numbers, those of earlier parts 4"}},
		{"no vectors", func(t *testing.T, _, part *llmrouterdata.Config) {
			if err := os.Remove(part.DataPath.QueryEmbeddingData); err != nil {
				t.Fatal(err)
			}
		}, []string{"embeddings.pt"}},
		{"an output that is an input", func(t *testing.T, into, part *llmrouterdata.Config) {
			into.DataPath.RoutingDataTest = part.DataPath.RoutingDataTrain
		}, []string{"a file of part 2 and routing_data_test are the same file"}},
		{"a path is not given", func(t *testing.T, _, part *llmrouterdata.Config) { part.DataPath.QueryEmbeddingData = "" }, []string{"part 2", "query_embedding_data"}},
		{"another candidate", func(t *testing.T, into, _ *llmrouterdata.Config) {
			writeCandidates(t, into.DataPath.LLMData, []string{"a", "b", "c"})
		}, []string{"row 3 ", "not of the query that is due"}},
		{"no candidate that is called", func(t *testing.T, into, _ *llmrouterdata.Config) {
			writeFile(t, into.DataPath.LLMData, `{}`)
		}, []string{"llm_data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testSet(t, 40, 0, "a", "b")
			parts := parted(t, c, 20)
			spoilt := parts[2]
			parts = []*llmrouterdata.Config{parts[1], spoilt}
			into := testConfig(t.TempDir())
			writeCandidates(t, into.DataPath.LLMData, []string{"a", "b"})
			tt.spoil(t, into, spoilt)
			_, err := Merge(t.Context(), into, parts, nil)
			wantError(t, err, tt.want...)
			if into.DataPath.RoutingDataTest != spoilt.DataPath.RoutingDataTrain {
				wantNoFiles(t, into)
			}
			noTemporaries(t, filepath.Dir(into.DataPath.LLMData))
		})
	}
}

func TestMergeStops(t *testing.T) {
	c := testSet(t, 40, 10, "a")
	parts := parted(t, c, 20)
	into := testConfig(t.TempDir())
	into.DataPath.LLMData = c.DataPath.LLMData
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Merge(ctx, into, parts, &MergeOptions{Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantNoFiles(t, into)
	noTemporaries(t, filepath.Dir(into.DataPath.RoutingDataTrain))
}

func TestFirsts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f, err := newFirsts(t.TempDir(), 1+r.IntN(40))
		if err != nil {
			t.Fatal(err)
		}
		known := map[llmrouterdata.QueryKey]int64{}
		type number struct {
			id    int64
			first bool
		}
		var want, got []number
		kinds := 1 + r.IntN(100)
		for range r.IntN(200) {
			// Keys whose texts run together are different keys.
			k := r.IntN(kinds)
			key := llmrouterdata.QueryKey{TaskName: strings.Repeat("x", k%10), Query: strings.Repeat("x", k/10)}
			if _, ok := known[key]; !ok {
				known[key] = int64(len(known))
				want = append(want, number{known[key], true})
			} else {
				want = append(want, number{known[key], false})
			}
			if err := f.add(key); err != nil {
				t.Fatal(err)
			}
		}
		ids, err := f.ids()
		if err != nil {
			t.Fatal(err)
		}
		for range want {
			id, first, err := ids.next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, number{id, first})
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(number{})); diff != "" {
			t.Fatal(diff)
		}
		if _, _, err := ids.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("behind the last key: %v", err)
		}
		if err := errors.Join(ids.close(), f.close()); err != nil {
			t.Error(err)
		}
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
