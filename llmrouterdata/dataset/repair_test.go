package dataset

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// repaired names the files of a repaired set.
func repaired(dir string) llmrouterdata.DataPath {
	return llmrouterdata.DataPath{
		QueryDataTrain: filepath.Join(dir, "query_train.jsonl"), QueryDataTest: filepath.Join(dir, "query_test.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "embeddings.pt"),
		RoutingDataTrain:   filepath.Join(dir, "routing_train.jsonl"), RoutingDataTest: filepath.Join(dir, "routing_test.jsonl.gz"),
	}
}

// repair repairs a set and checks the result.
func repairSet(t *testing.T, c *llmrouterdata.Config) (*Repairs, *llmrouterdata.Config) {
	t.Helper()
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	to := repaired(t.TempDir())
	done, err := d.Repair(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	to.LLMData = c.DataPath.LLMData
	after := llmrouterdata.DefaultConfig()
	after.DataPath = to
	if err := Check(t.Context(), after, nil); err != nil {
		t.Error(err)
	}
	return done, after
}

func shuffle(t *testing.T, name string) {
	editLines(t, name, func(l []string) []string {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		return l
	})
}

// TestCheckScattered holds that rows in the order of finishing calls are one
// problem, and that what else is wrong is still found.
func TestCheckScattered(t *testing.T) {
	c := goodSet(t)
	shuffle(t, c.DataPath.RoutingDataTrain)
	err := Check(t.Context(), c, nil)
	wantError(t, err, "rows of a query do not follow each other", "Repair brings them together")
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one problem: %v", err)
	}
	for what, test := range map[string]struct {
		from, to string
		want     string
	}{
		"performance":  {`"performance": 1.0`, `"performance": 7.0`, "7 is not from 0 to 1"},
		"candidate":    {`"model_name": "b"`, `"model_name": "c"`, `there is no candidate "c"`},
		"twice":        {`"model_name": "b"`, `"model_name": "a"`, `a second row of candidate "a"`},
		"missing":      {`"model_name": "b"`, `"model_name": "a"`, `has no row of ["b"]`},
		"vector":       {`"embedding_id": 3`, `"embedding_id": 1000`, "no vector of embedding id 1000"},
		"two ids":      {`"embedding_id": 3`, `"embedding_id": 4`, "embedding id"},
		"choices":      {`"choices": null`, `"choices": "[\"x\"]"`, "choices or task_id differ"},
		"other query":  {`How much is 0`, `How much is 100`, "is not in the query file"},
		"not a record": {`"task_name": "gsm8k"`, `"task_name": 5`, `field "task_name"`},
	} {
		t.Run(what, func(t *testing.T) {
			c := goodSet(t)
			shuffle(t, c.DataPath.RoutingDataTrain)
			text := readFile(t, c.DataPath.RoutingDataTrain)
			if !strings.Contains(text, test.from) {
				t.Fatalf("no %s", test.from)
			}
			writeFile(t, c.DataPath.RoutingDataTrain, strings.Replace(text, test.from, test.to, 1))
			wantError(t, Check(t.Context(), c, nil), "do not follow each other", test.want)
		})
	}
}

// TestRepairOrder holds that a set in the order of finishing calls becomes the set
// that it would have been.
func TestRepairOrder(t *testing.T) {
	c := goodSet(t)
	train, queries := readFile(t, c.DataPath.RoutingDataTrain), readFile(t, c.DataPath.QueryDataTrain)
	shuffle(t, c.DataPath.RoutingDataTrain)
	done, after := repairSet(t, c)
	if diff := cmp.Diff(train, readFile(t, after.DataPath.RoutingDataTrain)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(queries, readFile(t, after.DataPath.QueryDataTrain)); diff != "" {
		t.Error(diff)
	}
	if done.Moved == 0 || done.Queries != 7 || done.Rows != 14 {
		t.Errorf("%+v", done)
	}
	done.Moved = 0
	if diff := cmp.Diff(&Repairs{Queries: 7, Rows: 14}, done); diff != "" {
		t.Error(diff)
	}
	// A good set needs nothing.
	if again, _ := repairSet(t, after); !cmp.Equal(again, &Repairs{Queries: 7, Rows: 14}) {
		t.Errorf("%+v", again)
	}
}

// TestRepair holds what is repaired and what is left out.
func TestRepair(t *testing.T) {
	c := goodSet(t)
	editLines(t, c.DataPath.RoutingDataTrain, func(l []string) []string {
		edit := func(i int, from, to string) {
			if !strings.Contains(l[i], from) {
				t.Fatalf("row %d has no %s", i+1, from)
			}
			l[i] = strings.Replace(l[i], from, to, 1)
		}
		edit(0, `"an answer", "token_num": 15, "input_tokens": 10, "output_tokens": 5, "response_time": 0.5`,
			`"ERROR: 'service'", "token_num": 0, "input_tokens": 0, "output_tokens": 0, "response_time": 0.0`)
		edit(1, `"an answer"`, `"ERROR: is what the program prints"`)
		edit(2, `"choices": `, `"choices": ["one", "two", "three"], "was": `)
		edit(3, `"response_time": 0.5`, `"response_time": NaN`)
		edit(5, `"performance": 0.0`, `"performance": NaN`)
		return append(l, l[9], strings.Replace(l[9], `"b"`, `"c"`, 1), "no record")
	})
	done, after := repairSet(t, c)
	if diff := cmp.Diff(&Repairs{
		Queries: 6, Rows: 12, Failed: 1, Differing: 1, Renumbered: 4, Unreadable: 1, Unscored: 1, Repeated: 1, Unknown: 1, Incomplete: 1,
	}, done); diff != "" {
		t.Error(diff)
	}
	train := strings.Split(readFile(t, after.DataPath.RoutingDataTrain), "\n")
	for i, want := range []string{`"response": "API Error: 'service'"`, `"response": "ERROR: is what the program prints"`, `"choices": "{\"text\": [\"one\"`, `"response_time": 0.0`} {
		if !strings.Contains(train[i], want) {
			t.Errorf("row %d has no %s: %s", i+1, want, train[i])
		}
	}
}

// TestRepairWithoutQueries takes the queries from the rows.
func TestRepairWithoutQueries(t *testing.T) {
	c := goodSet(t)
	want := readFile(t, c.DataPath.QueryDataTrain)
	c.DataPath.QueryDataTrain = ""
	if _, after := repairSet(t, c); readFile(t, after.DataPath.QueryDataTrain) != want {
		t.Error("other queries")
	}
}

func TestRepairErrors(t *testing.T) {
	c := goodSet(t)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unnamed, same, twice := repaired(t.TempDir()), repaired(t.TempDir()), repaired(t.TempDir())
	unnamed.QueryDataTest = ""
	same.RoutingDataTrain = c.DataPath.RoutingDataTrain
	twice.RoutingDataTest = twice.RoutingDataTrain
	for to, want := range map[llmrouterdata.DataPath]string{unnamed: "query_data_test", same: "the set's routing_data_train and routing_data_train are the same file", twice: "routing_data_train and routing_data_test are the same file"} {
		_, err := d.Repair(t.Context(), to, nil)
		wantError(t, err, want)
	}
	// Nothing is left: nothing is written.
	for _, name := range []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		writeFile(t, name, strings.ReplaceAll(readFile(t, name), `"model_name": "b"`, `"model_name": "x"`))
	}
	to := repaired(t.TempDir())
	_, err = d.Repair(t.Context(), to, nil)
	wantError(t, err, "no query", "a good row of every candidate")
	if files, err := os.ReadDir(filepath.Dir(to.QueryDataTrain)); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestRepairLeavesOut holds that rows which no set may have, by their vector or their
// text, do not keep the others from being repaired.
func TestRepairLeavesOut(t *testing.T) {
	c := goodSet(t)
	writeTensors(t, c.DataPath.QueryEmbeddingData, func(w *torchio.Writer) error {
		for id := range 7 {
			vector := []float32{float32(id), 1, 2, 3}
			if id == 2 {
				vector[3] = float32(math.Inf(1))
			}
			if err := w.PutInt(int64(id), torchio.Of(vector, 4)); err != nil {
				return err
			}
		}
		return nil
	})
	replaceIn(t, c.DataPath.RoutingDataTrain, 0, `"an answer"`, `"half a pair: \ud83d"`)
	done, _ := repairSet(t, c)
	if diff := cmp.Diff(&Repairs{Queries: 5, Rows: 10, Renumbered: 5, Unreadable: 3, Incomplete: 2}, done); diff != "" {
		t.Error(diff)
	}
}

// TestRepairKeepsTheSet holds that no file of a set is written over, its embeddings of
// each split included.
func TestRepairKeepsTheSet(t *testing.T) {
	c := perSplit(t)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	to := repaired(t.TempDir())
	to.QueryEmbeddingData = c.DataPath.QueryEmbeddingDataTest
	before := readFile(t, to.QueryEmbeddingData)
	_, err = d.Repair(t.Context(), to, nil)
	wantError(t, err, "the set's query_embedding_data_test and query_embedding_data are the same file")
	if readFile(t, to.QueryEmbeddingData) != before {
		t.Error("a file of the set has changed")
	}
}

// TestRepairOptions: the repaired rows are in the order that was asked for, in that of
// their training rows too; what a trainer lacks, and no repair gives, ends the repair
// before anything is written.
func TestRepairOptions(t *testing.T) {
	c := manyCandidates(t)
	shuffle(t, c.DataPath.RoutingDataTrain)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for o, want := range map[CandidateOrder]string{OrderFile: "abcd", OrderCheapest: "dbca", OrderBest: "cbda", OrderSeeded: ""} {
		to := repaired(t.TempDir())
		if _, err := d.Repair(t.Context(), to, &RepairOptions{Order: o}); err != nil {
			t.Fatalf("%s: %v", o, err)
		}
		to.LLMData = c.DataPath.LLMData
		orders := orderOf(t, &llmrouterdata.Config{DataPath: to})
		if kinds := slices.Compact(slices.Sorted(slices.Values(orders))); want != "" && !slices.Equal(kinds, []string{want}) || want == "" && len(kinds) < 3 {
			t.Errorf("%s: %v", o, orders)
		}
	}
	to := repaired(t.TempDir())
	to.RoutingDataTest = strings.TrimSuffix(to.RoutingDataTest, ".gz")
	_, err = d.Repair(t.Context(), to, &RepairOptions{Trainer: TrainerMF})
	wantError(t, err, "do not pass their check", "for mf: the vectors have 4 numbers, text_dim is 768")
	if _, err := os.Stat(to.RoutingDataTrain); !os.IsNotExist(err) {
		t.Error("a file was written")
	}
	if _, err = d.Repair(t.Context(), to, &RepairOptions{Trainer: TrainerMF, TextDim: 4}); err != nil {
		t.Error(err)
	}
	_, err = d.Repair(t.Context(), to, &RepairOptions{Order: 7})
	wantError(t, err, "RepairOptions.Order")
}

// TestCasesPythonOrder reads rows as the Python pipeline wrote them: in the order of
// finishing calls, with NaN for what is not there.
func TestCasesPythonOrder(t *testing.T) {
	text := readFile(t, filepath.Join(golden.CasesDir(t), "sets", "python_order", "routing_first8.jsonl"))
	c := testConfig(t.TempDir())
	writeFile(t, c.DataPath.RoutingDataTrain, text)
	writeFile(t, c.DataPath.RoutingDataTest, "")
	writeFile(t, c.DataPath.QueryDataTest, "")
	var queries []llmrouterdata.StandardQueryData
	var models []string
	have := map[llmrouterdata.QueryKey][]llmrouterdata.RoutingRecord{}
	for row, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](c.DataPath.RoutingDataTrain, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if have[row.Key()] == nil {
			queries = append(queries, row.QueryData())
		}
		if !slices.Contains(models, row.ModelName) {
			models = append(models, row.ModelName)
		}
		have[row.Key()] = append(have[row.Key()], row)
	}
	writeQueries(t, c.DataPath.QueryDataTrain, queries)
	writeCandidates(t, c.DataPath.LLMData, models)
	writeFile(t, c.DataPath.QueryEmbeddingData, "")
	writeByID(t, c.DataPath.QueryEmbeddingData, []int{0, 1, 2, 3, 4}, four)

	// What is there is in no order, and what is missing is told by query.
	err := Check(t.Context(), c, nil)
	wantError(t, err, "rows of a query do not follow each other", "Repair brings them together")
	if got := strings.Count(err.Error(), "\n"); got != len(queries) || strings.Count(err.Error(), "has no row of") != len(queries) {
		t.Errorf("%d further problems: %v", got, err)
	}

	// With the rows that the excerpt lacks, the order is all that is wrong.
	writeFile(t, c.DataPath.RoutingDataTrain, text+missingRows(t, have, models))
	err = Check(t.Context(), c, nil)
	wantError(t, err, "rows of a query do not follow each other")
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than the order: %v", err)
	}
	done, after := repairSet(t, c)
	if done.Queries != 5 || done.Rows != 20 || done.Moved == 0 || done.Renumbered == 0 || done.Incomplete+done.Unknown+done.Unreadable+done.Unscored > 0 {
		t.Errorf("%+v", done)
	}
	if text := readFile(t, after.DataPath.RoutingDataTrain); strings.Contains(text, "NaN") {
		t.Error("NaN is left")
	}
}

// missingRows are the rows that queries lack, as lines.
func missingRows(t *testing.T, have map[llmrouterdata.QueryKey][]llmrouterdata.RoutingRecord, models []string) (missing string) {
	t.Helper()
	for _, rows := range have {
		for _, model := range models {
			if slices.ContainsFunc(rows, func(r llmrouterdata.RoutingRecord) bool { return r.ModelName == model }) {
				continue
			}
			row := rows[0]
			row.ModelName = model
			line, err := row.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			missing += string(line) + "\n"
		}
	}
	return missing
}
