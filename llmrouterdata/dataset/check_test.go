package dataset

import (
	"archive/zip"
	"bytes"
	"context"
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

// testQueries returns n queries of four tasks.
func testQueries(from, n int) []llmrouterdata.StandardQueryData {
	list := make([]llmrouterdata.StandardQueryData, n)
	for i := range list {
		k := from + i
		list[i] = []llmrouterdata.StandardQueryData{
			{TaskName: "gsm8k", Query: fmt.Sprintf("How much is %d + 1?", k), GroundTruth: fmt.Sprint(k + 1), Metric: "GSM8K"},
			{
				TaskName: "mmlu", Query: fmt.Sprintf("Which is number %d?", k), GroundTruth: "A", Metric: "em_mc",
				Choices: llmrouterdata.NewChoices([]string{"one", "two", "three"}),
			},
			{TaskName: "natural_qa", Query: fmt.Sprintf("Who made the café number %d “here”?\n", k), GroundTruth: "x", Metric: "f1_score"},
			{TaskName: "math", Query: fmt.Sprintf("What is %d times 2?", k), GroundTruth: fmt.Sprint(2 * k), Metric: "MATH"},
		}[k%4]
	}
	return list
}

// testConfig names all files of a data set in a folder.
func testConfig(dir string) *llmrouterdata.Config {
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: filepath.Join(dir, "query_data", "train.jsonl"), QueryDataTest: filepath.Join(dir, "query_data", "test.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "routing_data", "embeddings.pt"),
		RoutingDataTrain:   filepath.Join(dir, "routing_data", "train.jsonl"), RoutingDataTest: filepath.Join(dir, "routing_data", "test.jsonl"),
		LLMData: filepath.Join(dir, "llm.json"), LLMEmbeddingData: filepath.Join(dir, "llm_embeddings.json"),
	}
	return c
}

// goodSet writes a finished data set of 7 queries and 2 candidates.
func goodSet(t testing.TB) *llmrouterdata.Config {
	t.Helper()
	c := testConfig(t.TempDir())
	writeQueries(t, c.DataPath.QueryDataTrain, testQueries(0, 5))
	writeQueries(t, c.DataPath.QueryDataTest, testQueries(14, 2))
	writeCandidates(t, c.DataPath.LLMData, []string{"a", "b"})
	writeFile(t, c.DataPath.QueryEmbeddingData, "") // makes the folder
	id := 0
	for split, queries := range [][]llmrouterdata.StandardQueryData{testQueries(0, 5), testQueries(14, 2)} {
		var rows []llmrouterdata.RoutingRecord
		for _, q := range queries {
			for _, model := range []string{"a", "b"} {
				r := llmrouterdata.NewRoutingRecord(q)
				r.ModelName, r.Response, r.Performance, r.EmbeddingID = model, "an answer", float64(id%2), id
				r.TokenNum, r.InputTokens, r.OutputTokens, r.ResponseTime = 15, 10, 5, 0.5
				rows = append(rows, r)
			}
			id++
		}
		writeRecords(t, []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest}[split], rows)
	}
	writeByID(t, c.DataPath.QueryEmbeddingData, []int{0, 1, 2, 3, 4, 5, 6}, four)
	return c
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func writeRecords[T llmrouterdata.Record](t testing.TB, name string, records []T) {
	t.Helper()
	var b strings.Builder
	w := llmrouterdata.NewWriter[T](&b)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, b.String())
}

func writeQueries(t testing.TB, name string, queries []llmrouterdata.StandardQueryData) {
	t.Helper()
	writeRecords(t, name, queries)
}

func writeCandidates(t testing.TB, name string, models []string) {
	t.Helper()
	var list []llmrouterdata.Candidate
	for _, m := range models {
		list = append(list, llmrouterdata.Candidate{Name: m, Model: "org/" + m, Feature: "a model", InputPrice: 1, OutputPrice: 2})
	}
	var b strings.Builder
	if err := llmrouterdata.WriteCandidates(&b, list); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, b.String())
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

// writePickle writes a torch file that has a pickle and no storages.
func writePickle(t testing.TB, name, pickle string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for record, content := range map[string]string{"archive/data.pkl": pickle, "archive/version": "3\n"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: record})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, b.String())
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
		"the embeddings are missing": {func(t *testing.T, d set) {
			if err := os.Remove(d.QueryEmbeddingData); err != nil {
				t.Fatal(err)
			}
		}, []string{"embeddings.pt: file does not exist"}},
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
		"a quantized vector": {func(t *testing.T, d set) {
			writePickle(t, d.QueryEmbeddingData, "}K\x00ctorch._utils\n_rebuild_qtensor\n)Rs.")
		}, []string{"embeddings.pt", "the vector of id 0", "not supported: a quantized tensor"}},
		"a sparse stack": {func(t *testing.T, d set) {
			writePickle(t, d.QueryEmbeddingData, "ctorch._utils\n_rebuild_sparse_tensor\n)R.")
		}, []string{"embeddings.pt", "not supported: a sparse tensor"}},
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
	_, err := Open(t.Context(), llmrouterdata.DefaultConfig(), nil)
	wantError(t, err, "routing_data_train", "llm_data", "routing_data_test")
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
			writeFile(t, c.DataPath.LLMEmbeddingData, `{"a": {"embedding": [1, 2]}, "b": {"embedding": [3, 4]}}`)
			d, err := Open(t.Context(), c, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if d.Dim() != 4 || d.Embeddings() != 7 || len(d.TrainQueries) != 5 || len(d.TestQueries) != 2 || len(d.Candidates) != 2 || len(d.EmbeddedCandidates) != 2 {
				t.Errorf("%+v, %d vectors of %d", d, d.Embeddings(), d.Dim())
			}
			n := 0
			for _, split := range []Split{Train, Test} {
				for row, err := range d.Rows(t.Context(), split) {
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
			for range d.Rows(t.Context(), Train) { // leaving it early closes the file
				break
			}
			mine, err := d.Embedding(Train, 1)
			if err != nil {
				t.Fatal(err)
			}
			mine[0] = 99
			if again, _ := d.Embedding(Train, 1); again[0] != 1 {
				t.Error("a vector that was given away was not the caller's")
			}
			for _, id := range []int{-1, 7, math.MaxInt} {
				if _, err := d.Embedding(Test, id); err == nil {
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
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var good int
	var bad []string
	for row, err := range d.Rows(t.Context(), Train) {
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

func TestOpenMissingFiles(t *testing.T) {
	for _, name := range []string{"routing_data/train.jsonl", "routing_data/test.jsonl", "llm.json"} {
		c := goodSet(t)
		if err := os.Remove(filepath.Join(filepath.Dir(c.DataPath.LLMData), name)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), c, nil)
		wantError(t, err, filepath.Base(name))
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The others may be absent, or not be named.
	for _, absent := range []func(path *string){
		func(path *string) { *path += ".absent" },
		func(path *string) { *path = "" },
	} {
		c := goodSet(t)
		for _, path := range []*string{&c.DataPath.QueryDataTrain, &c.DataPath.QueryDataTest, &c.DataPath.QueryEmbeddingData, &c.DataPath.LLMEmbeddingData} {
			absent(path)
		}
		d, err := Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d.TrainQueries != nil || d.TestQueries != nil || d.EmbeddedCandidates != nil || d.Dim() != 0 || d.Embeddings() != 0 {
			t.Errorf("%+v", d)
		}
		if _, err := d.Embedding(Train, 0); err == nil {
			t.Error("an embedding of none")
		}
		n := 0
		for row, err := range d.Rows(t.Context(), Train) {
			if err != nil || row.Embedding != nil {
				t.Errorf("%+v, %v", row, err)
			}
			n++
		}
		table, err := d.Table(t.Context())
		if err != nil || n != 10 || table.Len() != 7 || table.HasEmbeddings() || table.HasEmbedding(0) {
			t.Errorf("%d rows, %v", n, err)
		}
		if _, err := table.AppendEmbedding(nil, 0); err == nil {
			t.Error("an embedding of none")
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	// But not damaged.
	for _, name := range []string{"query_data/train.jsonl", "query_data/test.jsonl", "routing_data/embeddings.pt", "llm_embeddings.json"} {
		c := goodSet(t)
		writeFile(t, filepath.Join(filepath.Dir(c.DataPath.LLMData), name), "{")
		_, err := Open(t.Context(), c, nil)
		wantError(t, err, filepath.Base(name))
	}
}

// Rows of one query are a group, and a bad line does not part them.
func TestGroups(t *testing.T) {
	c := goodSet(t)
	editLines(t, c.DataPath.RoutingDataTrain, func(l []string) []string {
		l = slices.Insert(l, 1, "", "no record")
		return append(l, l[len(l)-1], l[0]) // one row again, and one of another query
	})
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var lines [][]int
	bad := 0
	for group, err := range d.Groups(t.Context(), Train) {
		if err != nil {
			bad++
			continue
		}
		var of []int
		for _, row := range group {
			if row.Key() != group[0].Key() || len(row.Embedding) != 4 {
				t.Errorf("%+v", row)
			}
			of = append(of, row.Line)
		}
		lines = append(lines, of)
	}
	if diff := cmp.Diff([][]int{{1, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}, {13}, {14}}, lines); diff != "" || bad != 1 {
		t.Errorf("%d errors; %s", bad, diff)
	}
	for range d.Groups(t.Context(), Train) { // leaving it early closes the file
		break
	}
}

// A cancelled context ends every reading with its error.
func TestCancelled(t *testing.T) {
	c := goodSet(t)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, tableErr := d.Table(ctx)
	_, openErr := Open(ctx, c, nil)
	for what, err := range map[string]error{"Open": openErr, "Table": tableErr, "Check": Check(ctx, c, nil)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range d.Groups(ctx, Test) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Groups: %v", err)
		}
	}
}

// A bad line is an error of a table, or a warning if the caller says so.
func TestTableBadLines(t *testing.T) {
	c := goodSet(t)
	replaceIn(t, c.DataPath.RoutingDataTrain, 1, "{", "")
	replaceIn(t, c.DataPath.RoutingDataTrain, 4, `"model_name"`, `"name"`)
	open := func(o *Options) (*Table, error) {
		d, err := Open(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return d.Table(t.Context())
	}
	_, err := open(nil)
	wantError(t, err, "train.jsonl:2", "train.jsonl:5")
	table, err := open(&Options{SkipBadLines: true})
	if err != nil {
		t.Fatal(err)
	}
	w := table.Warnings()[WarnUnreadable]
	if w.Count != 2 || len(w.Examples) != 2 || !strings.Contains(w.Examples[0], "train.jsonl:2") || table.Len() != 7 {
		t.Errorf("%+v", w)
	}
	if p := table.Pairs(0); p[0].Outcome != Scored || p[1].Outcome != Missing {
		t.Errorf("%+v", p)
	}
}

// TestTable holds what a router reads: pairs by query and candidate.
func TestTable(t *testing.T) {
	c := goodSet(t)
	replaceIn(t, c.DataPath.RoutingDataTrain, 3, `"an answer"`, `"API Error: timed\n out"`)
	for line, model := range []string{"a", "x"} { // the test half has the second training query too
		editLines(t, c.DataPath.RoutingDataTest, func(l []string) []string {
			source, err := os.ReadFile(c.DataPath.RoutingDataTrain)
			if err != nil {
				t.Fatal(err)
			}
			row := strings.Split(string(source), "\n")[2]
			return slices.Insert(l, line, strings.NewReplacer(`"model_name": "a"`, fmt.Sprintf(`"model_name": %q`, model), "mmlu", "other", `"embedding_id": 1`, `"embedding_id": 999`).Replace(row))
		})
	}
	d, err := Open(t.Context(), c, &Options{ScoreErrorRows: Lines{Train: []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	table, err := d.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := table.Len(); n != 8 || table.Splits() != 2 || table.Listed() != 2 || !table.Priced() || table.Dim() != 4 {
		t.Fatalf("%d queries", n)
	}
	if diff := cmp.Diff([]string{"gsm8k", "mmlu", "natural_qa", "math", "other"}, table.Tasks()); diff != "" {
		t.Error(diff)
	}
	if got := table.Candidates(); len(got) != 3 || got[2].Name != "x" {
		t.Errorf("%+v", got)
	}
	for _, want := range []struct {
		q, m    int
		outcome Outcome
		kind    string
	}{{0, 0, NotEvaluated, KindScoreError}, {0, 1, Scored, ""}, {1, 1, Failed, "timed out"}, {0, 2, Missing, ""}, {5, 2, Scored, ""}} {
		p := &table.Pairs(want.q)[want.m]
		if p.Outcome != want.outcome || table.Kind(p) != want.kind {
			t.Errorf("query %d, candidate %d: %+v, %q", want.q, want.m, p, table.Kind(p))
		}
	}
	p := &table.Pairs(1)[0]
	if p.Score != 1 || p.Seconds != 0.5 || p.InputTokens != 10 || p.OutputTokens != 5 || table.Cost(p, 0) != 20/1e6 || !p.Rated() {
		t.Errorf("%+v, %v USD", p, table.Cost(p, 0))
	}
	q := table.Query(5)
	if q.Split != Test || q.Line != 1 || table.Metrics()[q.Metric] != "em_mc" || table.Where(5) != "test.jsonl:1" {
		t.Errorf("%+v, %s", q, table.Where(5))
	}
	vector, err := table.AppendEmbedding([]float32{9}, 1)
	if diff := cmp.Diff([]float32{9, 1, 1.125, 1.25, 1.375}, vector); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	// The same text under another task leaks.
	for q, first := range table.Duplicates() {
		if q != 5 || first != 1 {
			t.Errorf("query %d repeats %d", q, first)
		}
	}
}

// A query of a split twice is a duplicate, whatever is in the other split.
func TestDuplicates(t *testing.T) {
	c := goodSet(t)
	editLines(t, c.DataPath.RoutingDataTest, func(l []string) []string {
		text, err := os.ReadFile(c.DataPath.RoutingDataTrain)
		if err != nil {
			t.Fatal(err)
		}
		train := strings.Split(string(text), "\n")
		return slices.Concat(l, train[2:4], l[:2], train[2:4])
	})
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	table, err := d.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]int
	for q, first := range table.Duplicates() {
		got = append(got, [2]int{q, first})
	}
	if diff := cmp.Diff([][2]int{{7, 1}, {8, 5}, {9, 7}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsValidate(t *testing.T) {
	_, err := Open(t.Context(), goodSet(t), &Options{Workers: -1, NotEvaluated: []NotEvaluatedCount{{Task: "t", Model: "m", ScoreErrors: -1}}})
	wantError(t, err, "dataset: Options.Workers is -1", `dataset: Options.NotEvaluated has a negative count of task "t", model "m"`)
}

// Queries of the query files without a row are told, split by split.
func TestTableTellsQueriesWithoutRows(t *testing.T) {
	c := goodSet(t)
	names := []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest}
	count := func() Warning {
		t.Helper()
		d, err := Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		table, err := d.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return table.Warnings()[WarnNoRows]
	}
	if w := count(); w.Count != 0 {
		t.Errorf("of a whole set: %+v", w)
	}
	var all []llmrouterdata.StandardQueryData
	for _, name := range names {
		list, err := ReadQueries(t.Context(), name, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	more := append(all[:1:1], llmrouterdata.StandardQueryData{TaskName: "new", Query: "never asked?", GroundTruth: "x", Metric: "em"})
	writeQueries(t, names[0], more)
	if w := count(); w.Count != 1 || len(w.Examples) != 1 || !strings.Contains(w.Examples[0], "record 2 (task new)") {
		t.Errorf("%+v", w)
	}
}

// A routing file has all that a query file has, and would count each query once
// for each candidate.
func TestRoutingFileIsNoQueryFile(t *testing.T) {
	c := goodSet(t)
	_, err := ReadQueries(t.Context(), c.DataPath.RoutingDataTrain, 0)
	wantError(t, err, c.DataPath.RoutingDataTrain, "a routing file, not a query file")
	scores := c.DataPath.RoutingDataTrain + ".scores"
	writeFile(t, scores, `[{"question": "q", "scores": {"a": 1}}]`)
	_, err = ReadScores(t.Context(), scores, &ScoreOptions{Queries: c.DataPath.RoutingDataTest})
	wantError(t, err, "a routing file")
}
