package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// writePart writes a data set as a run of step 3 leaves it: a row for each query
// and model, and vectors of dim numbers, which are equal for equal queries.
func writePart(t testing.TB, dir string, train, test []llmrouterdata.StandardQueryData, models []string, dim int) *llmrouterdata.Config {
	t.Helper()
	c := testConfig(dir)
	writeQueries(t, c.DataPath.QueryDataTrain, train)
	writeQueries(t, c.DataPath.QueryDataTest, test)
	writeCandidates(t, c.DataPath.LLMData, models)
	ids := map[llmrouterdata.QueryKey]int{}
	rows := func(queries []llmrouterdata.StandardQueryData) (list []llmrouterdata.RoutingRecord) {
		for _, q := range queries {
			id, known := ids[q.Key()]
			if !known {
				id = len(ids)
				ids[q.Key()] = id
			}
			row := llmrouterdata.NewRoutingRecord(q)
			row.EmbeddingID, row.Response, row.TokenNum, row.InputTokens, row.OutputTokens, row.ResponseTime = id, partText, 140, 80, 60, 1.25
			for _, row.ModelName = range models {
				list = append(list, row)
			}
		}
		return list
	}
	writeRecords(t, c.DataPath.RoutingDataTrain, rows(train))
	writeRecords(t, c.DataPath.RoutingDataTest, rows(test))
	keys := make([]llmrouterdata.QueryKey, len(ids))
	for key, id := range ids {
		keys[id] = key
	}
	writeTensors(t, c.DataPath.QueryEmbeddingData, func(w *torchio.Writer) error {
		vector := make([]float32, dim)
		for id, key := range keys {
			hash := key.Hash()
			for i := range vector {
				vector[i] = float32(hash[i%len(hash)])
			}
			if err := w.PutInt(int64(id), torchio.Of(vector, dim)); err != nil {
				return err
			}
		}
		return nil
	})
	return c
}

// partText is the answer in the rows of parts.
var partText = strings.Repeat("There are 42 apples, I think. ", 8) + "(B) 42"

// TestMerge: the parts' files become those of all queries at once, whatever is
// sorted at a time, and queries that stand in several parts keep one vector.
func TestMerge(t *testing.T) {
	models := []string{"a", "b", "c"}
	var train, test []llmrouterdata.StandardQueryData
	var parts []*llmrouterdata.Config
	for i := range 5 { // the queries of neighbours overlap
		of := [2][]llmrouterdata.StandardQueryData{testQueries(30*i, 40), testQueries(7*i, 10*(i%3))}
		train, test = append(train, of[0]...), append(test, of[1]...)
		parts = append(parts, writePart(t, t.TempDir(), of[0], of[1], models, 4))
	}
	nothing := testConfig(t.TempDir()) // no outputs where there are no queries
	writeQueries(t, nothing.DataPath.QueryDataTrain, nil)
	writeQueries(t, nothing.DataPath.QueryDataTest, nil)
	parts = append(parts[:2:2], append([]*llmrouterdata.Config{nothing}, parts[2:]...)...)
	whole := writePart(t, t.TempDir(), train, test, models, 4)
	outputs := func(c *llmrouterdata.Config) (texts []string) {
		for _, name := range []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		return texts
	}
	for _, run := range []int{0, 16, 1} {
		t.Run(fmt.Sprint("run=", run), func(t *testing.T) {
			into := testConfig(t.TempDir())
			writeCandidates(t, into.DataPath.LLMData, models)
			temp := filepath.Join(t.TempDir(), "made")
			done := 0
			report, err := Merge(t.Context(), into, parts, &MergeOptions{TempDir: temp, run: run, Progress: func(rows, of int) {
				if rows <= done || rows > of || of != 3*(len(train)+len(test)) {
					t.Errorf("%d rows after %d, of %d", rows, done, of)
				}
				done = rows
			}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(outputs(whole), outputs(into)); diff != "" {
				t.Errorf("the merged files differ from those of all queries:\n%.2000s", diff)
			}
			if diff := cmp.Diff(&MergeReport{TrainQueries: len(train), TestQueries: len(test), Rows: done, Embeddings: 160}, report); diff != "" {
				t.Error(diff)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	edit := func(name string, change func(rows []string) []string) func(t *testing.T, into, part *llmrouterdata.Config) {
		return func(t *testing.T, _, part *llmrouterdata.Config) {
			name := map[string]string{"train": part.DataPath.RoutingDataTrain, "queries": part.DataPath.QueryDataTrain}[name]
			editLines(t, name, change)
		}
	}
	vectors := func(values ...float32) func(t *testing.T, into, part *llmrouterdata.Config) {
		return func(t *testing.T, _, part *llmrouterdata.Config) {
			writeTensors(t, part.DataPath.QueryEmbeddingData, func(w *torchio.Writer) error {
				for id := range 40 {
					if err := w.PutInt(int64(id), torchio.Of(values, len(values))); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, into, part *llmrouterdata.Config)
		want  []string
	}{
		{"a row is missing", edit("train", func(r []string) []string { return append(r[:4:4], r[5:]...) }), []string{"train.jsonl: row 5 ", "no row of candidate \"a\""}},
		{"the last row is missing", edit("train", func(r []string) []string { return r[:len(r)-1] }), []string{"no row of candidate \"b\""}},
		{"a row too many", edit("train", func(r []string) []string { return append(r, r[0]) }), []string{"rows behind those of the last query"}},
		{"a candidate that is not called", edit("train", func(r []string) []string { r[1] = strings.Replace(r[1], `"b"`, `"x"`, 1); return r }), []string{"row 2 ", "\"x\" is not called"}},
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
		}, []string{"row 2 ", "no row of candidate \"c\""}},
		{"no candidate that is called", func(t *testing.T, into, _ *llmrouterdata.Config) {
			writeFile(t, into.DataPath.LLMData, `{}`)
		}, []string{"llm_data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			models := []string{"a", "b"}
			// The second part begins with the last query of the first.
			spoilt := writePart(t, t.TempDir(), testQueries(19, 20), nil, models, 4)
			parts := []*llmrouterdata.Config{writePart(t, t.TempDir(), testQueries(0, 20), nil, models, 4), spoilt}
			into := testConfig(t.TempDir())
			writeCandidates(t, into.DataPath.LLMData, models)
			tt.spoil(t, into, spoilt)
			_, err := Merge(t.Context(), into, parts, nil)
			wantError(t, err, tt.want...)
			if into.DataPath.RoutingDataTest != spoilt.DataPath.RoutingDataTrain {
				wantNothing(t, into)
			}
		})
	}
}

// TestMergeOrder: the rows of a query come in the order that is asked for, in whatever
// order the parts have them, and Check knows it. The best are those of all parts.
func TestMergeOrder(t *testing.T) {
	models := []string{"a", "b", "c"}
	var parts []*llmrouterdata.Config
	for i, right := range []string{"b", "c", "c"} {
		part := writePart(t, t.TempDir(), testQueries(10*i, 10), testQueries(100+10*i, 3), models, 4)
		for _, name := range []string{part.DataPath.RoutingDataTrain, part.DataPath.RoutingDataTest} {
			editLines(t, name, func(rows []string) []string {
				for at := 0; at < len(rows); at += len(models) {
					group := rows[at : at+len(models)]
					for j := range group {
						if strings.Contains(group[j], `"model_name": "`+right+`"`) {
							group[j] = performance.ReplaceAllString(group[j], `"performance": 1.0`)
						}
					}
					group[i%2], group[2] = group[2], group[i%2]
				}
				return rows
			})
		}
		parts = append(parts, part)
	}
	for o, want := range map[CandidateOrder]string{OrderFile: "abc", OrderBest: "cba", OrderSeeded: ""} {
		into := testConfig(t.TempDir())
		writeCandidates(t, into.DataPath.LLMData, models)
		if _, err := Merge(t.Context(), into, parts, &MergeOptions{Order: o}); err != nil {
			t.Fatal(err)
		}
		for split, name := range []string{"query_data_train", "query_data_test"} {
			var queries []llmrouterdata.StandardQueryData
			for i := range parts {
				queries = append(queries, testQueries(100*split+10*i, []int{10, 3}[split])...)
			}
			writeQueries(t, map[string]string{"query_data_train": into.DataPath.QueryDataTrain, "query_data_test": into.DataPath.QueryDataTest}[name], queries)
		}
		if err := Check(t.Context(), into, &CheckOptions{Order: o}); err != nil {
			t.Errorf("%s: %v", o, err)
		}
		if got := slices.Compact(slices.Sorted(slices.Values(orderOf(t, into)))); want != "" && !slices.Equal(got, []string{want}) || want == "" && len(got) < 3 {
			t.Errorf("%s: %q", o, got)
		}
	}
	_, err := Merge(t.Context(), testConfig(t.TempDir()), parts, &MergeOptions{Order: 9})
	wantError(t, err, "MergeOptions.Order is CandidateOrder(9)")
}

// TestMergeScorers: what scored the parts is told, and more than one warned of.
func TestMergeScorers(t *testing.T) {
	into := testConfig(t.TempDir())
	writeCandidates(t, into.DataPath.LLMData, []string{"a"})
	var parts []*llmrouterdata.Config
	for i, scorer := range []string{"cpython 3.12.1, native", "", "cpython 3.11.7, wasi", "cpython 3.12.1, native"} {
		part := writePart(t, t.TempDir(), testQueries(10*i, 10), nil, []string{"a"}, 4)
		parts = append(parts, part)
		if scorer == "" {
			continue // it has no journal
		}
		j, err := journal.Open(part.DataPath.RoutingDataTrain+journal.Suffix, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = j.Scan(func(int64, *journal.Entry) error { return nil })
		if err := errors.Join(err, j.AddScorer(scorer), j.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		parts []*llmrouterdata.Config
		want  []string
	}{
		{parts[1:2], nil},
		{parts[:2], []string{"cpython 3.12.1, native"}},
		{parts, []string{"cpython 3.11.7, wasi", "cpython 3.12.1, native"}},
	} {
		var log strings.Builder
		report, err := Merge(t.Context(), into, tt.parts, &MergeOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, report.ScoredBy); diff != "" {
			t.Error(diff)
		}
		if warned := strings.Contains(log.String(), "more than one interpreter"); warned != (len(tt.want) > 1) {
			t.Errorf("%q: %s", tt.want, log.String())
		}
	}
	writeFile(t, parts[1].DataPath.RoutingDataTrain+journal.Suffix, "not a journal")
	_, err := Merge(t.Context(), into, parts, nil)
	wantError(t, err, "part 2", "it is not a journal")
}

func TestMergeStops(t *testing.T) {
	var parts []*llmrouterdata.Config
	for i := range 3 {
		parts = append(parts, writePart(t, t.TempDir(), testQueries(20*i, 20), testQueries(10*i, 10), []string{"a"}, 4))
	}
	into := testConfig(t.TempDir())
	writeCandidates(t, into.DataPath.LLMData, []string{"a"})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Merge(ctx, into, parts, &MergeOptions{Progress: func(int, int) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantNothing(t, into)
}

// wantNothing fails where an output or a temporary file of it is left.
func wantNothing(t *testing.T, c *llmrouterdata.Config) {
	t.Helper()
	outputs := []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest}
	for _, name := range outputs {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was published (%v)", name, err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(outputs[0])); err == nil && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
