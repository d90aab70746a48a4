package pipeline

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// goodSet writes a finished data set of 7 queries and 2 candidates.
func goodSet(t testing.TB) *llmrouterdata.Config {
	t.Helper()
	c := testSet(t, 5, 2, "a", "b")
	writeQueries(t, c.DataPath.QueryDataTest, testQueries(20, 2))
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// editLines changes the lines of a file.
func editLines(t testing.TB, name string, edit func(lines []string) []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	writeFile(t, name, strings.Join(edit(lines), "\n")+"\n")
}

// replaceIn changes a text in one line, from 0, of a file; it must be there.
func replaceIn(t testing.TB, name string, line int, before, after string) {
	t.Helper()
	editLines(t, name, func(lines []string) []string {
		if !strings.Contains(lines[line], before) {
			t.Fatalf("line %d of %s does not hold %q: %s", line+1, name, before, lines[line])
		}
		lines[line] = strings.Replace(lines[line], before, after, 1)
		return lines
	})
}

// writeTensors writes an embedding file.
func writeTensors(t testing.TB, name string, write func(w *torchio.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := torchio.NewWriter(f, nil)
	if err := errors.Join(write(w), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func writeByID(t testing.TB, name string, ids []int, dim func(id int) int) {
	t.Helper()
	writeTensors(t, name, func(w *torchio.Writer) error {
		for _, id := range ids {
			v := make([]float32, dim(id))
			for i := range v {
				v[i] = float32(id) + float32(i)/8
			}
			if err := w.PutInt(int64(id), torchio.Of(v, len(v))); err != nil {
				return err
			}
		}
		return nil
	})
}

func four(int) int { return 4 }

// Each way in which a data set can be wrong is made from a good one.
func TestCheckViolations(t *testing.T) {
	type set = llmrouterdata.DataPath
	for what, test := range map[string]struct {
		breakIt func(t *testing.T, d set)
		want    []string
	}{
		"a row is missing": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string { return slices.Delete(l, 3, 4) })
		}, []string{`train.jsonl: row 3 (task mmlu): the candidates are ["a"], want ["a" "b"]`}},
		"a row stands twice": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string { return slices.Insert(l, 1, l[0]) })
		}, []string{`row 1 (task gsm8k): the candidates are ["a"]`, `row 2 (task gsm8k)`, "its query is not the next"}},
		"rows of a query are missing": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string { return slices.Delete(l, 2, 4) })
		}, []string{"row 3 (task natural_qa): 1 queries before this one have no rows"}},
		"the last query is missing": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTest, func(l []string) []string { return l[:2] })
		}, []string{"test.jsonl: no rows of query 2 (task math)"}},
		"another query": {func(t *testing.T, d set) {
			for line := range 2 {
				replaceIn(t, d.RoutingDataTest, line, "number 14", "number 99")
			}
		}, []string{"row 1 (task natural_qa): its query is not the next of the query file", "row 3 (task math): 1 queries before this one have no rows"}},
		"another order of candidates": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string { l[0], l[1] = l[1], l[0]; return l })
		}, []string{`row 1 (task gsm8k): the candidates are ["b" "a"], want ["a" "b"]`}},
		"an unknown candidate": {func(t *testing.T, d set) {
			replaceIn(t, d.RoutingDataTrain, 0, `"model_name": "a"`, `"model_name": "x"`)
		}, []string{`the candidates are ["x" "b"]`}},
		"a candidate without rows": {func(t *testing.T, d set) { writeCandidates(t, d.LLMData, []string{"a", "b", "c"}) }, []string{`want ["a" "b" "c"]`}},
		"other choices": {func(t *testing.T, d set) {
			for _, line := range []int{2, 3} {
				replaceIn(t, d.RoutingDataTrain, line, "three", "four")
			}
		}, []string{"row 3 (task mmlu): choices or task_id differ"}},
		"no choices": {func(t *testing.T, d set) {
			editLines(t, d.QueryDataTrain, func(l []string) []string {
				l[1] = strings.Replace(l[1], `"task_id": null`, `"task_id": "7"`, 1)
				return l
			})
		}, []string{"row 3 (task mmlu): choices or task_id differ"}},
		"performance past 1": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string {
				l[4] = strings.NewReplacer(`"performance": 1.0`, `"performance": 1.5`, `"performance": 0.0`, `"performance": -0.5`).Replace(l[4])
				return l
			})
		}, []string{"train.jsonl: row 5", `field "performance"`}},
		"performance NaN": {func(t *testing.T, d set) {
			editLines(t, d.RoutingDataTrain, func(l []string) []string {
				l[4] = strings.NewReplacer(`"performance": 1.0`, `"performance": NaN`, `"performance": 0.0`, `"performance": NaN`).Replace(l[4])
				return l
			})
		}, []string{`"performance"`}},
		"a field is missing": {func(t *testing.T, d set) { replaceIn(t, d.RoutingDataTrain, 5, `"model_name": "b", `, "") }, []string{"train.jsonl:6", `"model_name"`}},
		"a field of a wrong type": {func(t *testing.T, d set) {
			replaceIn(t, d.RoutingDataTrain, 5, `"model_name": "b"`, `"model_name": ["b"]`)
		}, []string{"train.jsonl:6", `"model_name"`}},
		"no JSON": {func(t *testing.T, d set) { replaceIn(t, d.RoutingDataTest, 1, "{", "") }, []string{"test.jsonl:2"}},
		"negative tokens": {func(t *testing.T, d set) {
			replaceIn(t, d.RoutingDataTest, 1, `"output_tokens": 5`, `"output_tokens": -5`)
		},
			[]string{"test.jsonl: row 2", `field "output_tokens"`}},
		"two ids of a query": {func(t *testing.T, d set) {
			replaceIn(t, d.RoutingDataTrain, 1, `"embedding_id": 0`, `"embedding_id": 3`)
		}, []string{"row 1 (task gsm8k): its rows have the embedding ids 0 and 3"}},
		"no id": {func(t *testing.T, d set) {
			for line := range 2 {
				replaceIn(t, d.RoutingDataTrain, line, `"embedding_id": 0`, `"embedding_id": null`)
			}
		}, []string{"row 1", `field "embedding_id"`, "there is no vector of embedding id -1"}},
		"an id of two queries": {func(t *testing.T, d set) {
			for _, line := range []int{2, 3} {
				replaceIn(t, d.RoutingDataTrain, line, `"embedding_id": 1`, `"embedding_id": 0`)
			}
		}, []string{"row 3 (task mmlu): the embedding id 0 belongs to another query too"}},
		"another id of the same query": {func(t *testing.T, d set) {
			for _, name := range []string{d.QueryDataTest, d.RoutingDataTest} {
				n := 1 + strings.Count(name, "routing_data")
				editLines(t, name, func(l []string) []string {
					source, err := os.ReadFile(strings.Replace(name, "test", "train", 1))
					if err != nil {
						t.Fatal(err)
					}
					return append(l, strings.Split(string(source), "\n")[:n]...)
				})
			}
			for line := range 2 {
				replaceIn(t, d.RoutingDataTest, 4+line, `"embedding_id": 0`, `"embedding_id": 7`)
			}
		}, []string{"the query has the embedding ids 0 and 7"}},
		"ids out of order": {func(t *testing.T, d set) {
			for line := range 4 {
				id := line / 2
				replaceIn(t, d.RoutingDataTrain, line, fmt.Sprintf(`"embedding_id": %d`, id), fmt.Sprintf(`"embedding_id": %d`, 1-id))
			}
		}, []string{"row 1 (task gsm8k): the embedding id is 1, the next new query has 0"}},
		"an id without a vector": {func(t *testing.T, d set) { writeByID(t, d.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5}, four) }, []string{"there is no vector of embedding id 6"}},
		"a vector without an id": {func(t *testing.T, d set) { writeByID(t, d.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5, 6, 9}, four) }, []string{"embeddings.pt: 1 vectors belong to no row"}},
		"vectors of different lengths": {func(t *testing.T, d set) {
			writeByID(t, d.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5, 6}, func(id int) int { return 4 + id/6 })
		}, []string{"the vector of id 6 has 5 numbers"}},
		"vectors of no length": {func(t *testing.T, d set) {
			writeByID(t, d.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5, 6}, func(int) int { return 0 })
		}, []string{"embeddings.pt", "no numbers"}},
		"a vector that is not finite": {func(t *testing.T, d set) {
			writeTensors(t, d.QueryEmbeddingData, func(w *torchio.Writer) error {
				for id := range 7 {
					if err := w.PutInt(int64(id), torchio.Of([]float32{1, 2, 3, float32(math.Log(float64(id - 5)))}, 4)); err != nil {
						return err
					}
				}
				return nil
			})
		}, []string{"the vector of embedding id 0 holds NaN", "the vector of embedding id 5 holds -Inf"}},
		"matrices for vectors": {func(t *testing.T, d set) {
			writeTensors(t, d.QueryEmbeddingData, func(w *torchio.Writer) error { return w.PutInt(0, torchio.Of(make([]float32, 4), 2, 2)) })
		}, []string{"the vector of id 0 has the shape [2 2]"}},
		"named vectors": {func(t *testing.T, d set) {
			writeTensors(t, d.QueryEmbeddingData, func(w *torchio.Writer) error { return w.PutString("0", torchio.Of(make([]float32, 4), 4)) })
		}, []string{"embeddings.pt"}},
		"no torch file":    {func(t *testing.T, d set) { writeFile(t, d.QueryEmbeddingData, "PK") }, []string{"embeddings.pt"}},
		"no routing file":  {func(t *testing.T, d set) { os.Remove(d.RoutingDataTest) }, []string{"routing_data/test.jsonl"}},
		"no query file":    {func(t *testing.T, d set) { os.Remove(d.QueryDataTest) }, []string{"query_data/test.jsonl"}},
		"a broken query":   {func(t *testing.T, d set) { writeFile(t, d.QueryDataTest, "{}\n") }, []string{"query_data/test.jsonl:1"}},
		"no candidates":    {func(t *testing.T, d set) { writeFile(t, d.LLMData, "[]") }, []string{"llm.json"}},
		"many of them all": {func(t *testing.T, d set) { writeQueries(t, d.QueryDataTrain, testQueries(0, 200)) }, []string{"no rows of query 6", "... and 175 more"}},
	} {
		t.Run(what, func(t *testing.T) {
			c := goodSet(t)
			if err := Check(t.Context(), c, nil); err != nil {
				t.Fatalf("the good set: %v", err)
			}
			test.breakIt(t, c.DataPath)
			wantError(t, Check(t.Context(), c, nil), test.want...)
		})
	}
}

func TestCheckSubset(t *testing.T) {
	c := goodSet(t)
	editLines(t, c.DataPath.RoutingDataTest, func(l []string) []string { return l[:2] })
	writeByID(t, c.DataPath.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5}, four)
	if err := Check(t.Context(), c, &CheckOptions{Subset: true}); err != nil {
		t.Error(err)
	}
	wantError(t, Check(t.Context(), c, &CheckOptions{}), "no rows of query 2")
}

func TestCheckRequires(t *testing.T) {
	wantError(t, Check(t.Context(), llmrouterdata.DefaultConfig(), nil), "query_data_train", "llm_data", "routing_data_test")
	_, err := OpenDataset(llmrouterdata.DefaultConfig())
	wantError(t, err, "query_data_train", "llm_data", "routing_data_test")
}

func TestOpenDataset(t *testing.T) {
	for form, write := range map[string]func(t *testing.T, name string){
		"dict": func(t *testing.T, name string) { writeByID(t, name, []int{0, 1, 2, 3, 4, 5, 6}, four) },
		"stacked": func(t *testing.T, name string) {
			var all []float32
			for id := range 7 {
				for i := range 4 {
					all = append(all, float32(id)+float32(i)/8)
				}
			}
			writeTensors(t, name, func(w *torchio.Writer) error { return w.PutTensor(torchio.Of(all, 7, 4)) })
		},
		"dict in another order": func(t *testing.T, name string) { writeByID(t, name, []int{3, 2, 6, 1, 0, 5, 4}, four) },
	} {
		t.Run(form, func(t *testing.T) {
			c := goodSet(t)
			write(t, c.DataPath.QueryEmbeddingData)
			if err := Check(t.Context(), c, nil); err != nil {
				t.Error(err)
			}
			if _, err := EmbedCandidates(t.Context(), c, &EmbedOptions{Encoder: newEncoder()}); err != nil {
				t.Fatal(err)
			}
			d, err := OpenDataset(c)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if d.Dim() != 4 || d.Embeddings() != 7 || len(d.TrainQueries) != 5 || len(d.TestQueries) != 2 || len(d.Candidates) != 2 || len(d.EmbeddedCandidates) != 2 {
				t.Errorf("%+v, %d vectors of %d", d, d.Embeddings(), d.Dim())
			}
			n := 0
			for _, rows := range []func(func(Row, error) bool){d.Train(), d.Test()} {
				for row, err := range rows {
					if err != nil {
						t.Fatal(err)
					}
					id := float32(n / 2)
					if want := []float32{id, id + 0.125, id + 0.25, id + 0.375}; row.EmbeddingID != n/2 || cmp.Diff(want, row.Embedding) != "" {
						t.Errorf("row %d: id %d, %v", n, row.EmbeddingID, row.Embedding)
					}
					n++
				}
			}
			if n != 14 {
				t.Errorf("%d rows", n)
			}
			for range d.Train() { // leaving it early closes the file
				break
			}
			mine, err := d.Embedding(1)
			if err != nil {
				t.Fatal(err)
			}
			mine[0] = 99
			if again, _ := d.Embedding(1); again[0] != 1 {
				t.Error("a vector that was given away was not the caller's")
			}
			for _, id := range []int{-1, 7, math.MaxInt} {
				if _, err := d.Embedding(id); err == nil {
					t.Errorf("a vector of id %d", id)
				}
			}
		})
	}
}

// A line that is no record and a row without a vector are errors after which
// the rows go on.
func TestDatasetBadRows(t *testing.T) {
	c := goodSet(t)
	replaceIn(t, c.DataPath.RoutingDataTrain, 1, "{", "")
	replaceIn(t, c.DataPath.RoutingDataTrain, 4, `"embedding_id": 2`, `"embedding_id": 1000`)
	d, err := OpenDataset(c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var good int
	var bad []string
	for row, err := range d.Train() {
		if err != nil {
			bad = append(bad, err.Error())
			if row.Embedding != nil || row.ModelName != "" {
				t.Errorf("a row with the error: %+v", row)
			}
			continue
		}
		good++
	}
	if good != 8 || len(bad) != 2 || !strings.Contains(bad[0], "train.jsonl:2") || !strings.Contains(bad[1], "no vector of embedding id 1000") {
		t.Errorf("%d rows, errors %q", good, bad)
	}
}

func TestOpenDatasetMissingFiles(t *testing.T) {
	for _, name := range []string{"query_data/train.jsonl", "query_data/test.jsonl", "routing_data/train.jsonl", "routing_data/test.jsonl", "routing_data/embeddings.pt", "llm.json"} {
		c := goodSet(t)
		if err := os.Remove(filepath.Join(filepath.Dir(c.DataPath.LLMData), name)); err != nil {
			t.Fatal(err)
		}
		_, err := OpenDataset(c)
		wantError(t, err, filepath.Base(name))
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Only the candidates' embeddings may be absent, and not damaged.
	c := goodSet(t)
	d, err := OpenDataset(c)
	if err != nil || d.EmbeddedCandidates != nil {
		t.Fatal(err)
	}
	d.Close()
	writeFile(t, c.DataPath.LLMEmbeddingData, "{")
	_, err = OpenDataset(c)
	wantError(t, err, "llm_embeddings.json")
}
