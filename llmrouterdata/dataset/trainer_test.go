package dataset

import (
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// trainableSet is a set of six training queries and three candidates, with sizes, that
// every trainer can use: each candidate is alone the best at two queries.
func trainableSet(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	c := writePart(t, t.TempDir(), testQueries(0, 6), testQueries(100, 2), []string{"a", "b", "c"}, DefaultTextDim)
	writeFile(t, c.DataPath.LLMData, sizes("7B", "13.5B", "70B"))
	editLines(t, c.DataPath.RoutingDataTrain, func(rows []string) []string {
		for q := range len(rows) / 3 {
			rows[3*q+q%3] = performance.ReplaceAllString(rows[3*q+q%3], `"performance": 1.0`)
		}
		return rows
	})
	return c
}

func sizes(list ...string) string {
	var models []string
	for i, size := range list {
		models = append(models, fmt.Sprintf(`"%c": {"feature": "f", "size": %q, "input_price": 1, "output_price": 1}`, 'a'+i, size))
	}
	return "{" + strings.Join(models, ", ") + "}"
}

func TestTrainers(t *testing.T) {
	for trainer := range TrainerHybrid + 1 {
		if got, err := ParseTrainer(trainer.String()); trainer != NoTrainer && (err != nil || got != trainer) {
			t.Errorf("%v, %v", got, err)
		}
		c := trainableSet(t)
		var said []string
		if err := Check(t.Context(), c, &CheckOptions{Trainer: trainer, Warn: func(m string) { said = append(said, m) }}); err != nil || said != nil {
			t.Errorf("%s: %v, %q", trainer, err, said)
		}
	}
	for _, name := range []string{"", "none", "automix"} {
		_, err := ParseTrainer(name)
		wantError(t, err, "there is no trainer", "knn, svm, mlp, mf, elo, graph, routerdc, hybrid")
	}
	wantError(t, Check(t.Context(), trainableSet(t), &CheckOptions{Trainer: 99, TextDim: -1, Order: -1}), "Trainer(99)", "TextDim", "CandidateOrder(-1)")
}

// TestWhatTrainersLack spoils the set in ways that some trainers alone mind.
func TestWhatTrainersLack(t *testing.T) {
	all := []Trainer{TrainerKNN, TrainerSVM, TrainerMLP, TrainerMF, TrainerElo, TrainerGraph, TrainerRouterDC, TrainerHybrid}
	fewer := func(queries int) func(t *testing.T, c *llmrouterdata.Config) {
		return func(t *testing.T, c *llmrouterdata.Config) {
			*c = *writePart(t, t.TempDir(), testQueries(0, queries), nil, []string{"a", "b", "c"}, DefaultTextDim)
			writeFile(t, c.DataPath.LLMData, sizes("7B", "8B", "70B"))
		}
	}
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, c *llmrouterdata.Config)
		of    []Trainer
		want  string
	}{
		"four texts": {fewer(4), []Trainer{TrainerKNN, TrainerGraph}, "4 different texts in training, it takes 5"},
		"two texts":  {fewer(2), []Trainer{TrainerRouterDC}, "2 different texts in training, it takes 3"},
		"one label":  {fewer(6), []Trainer{TrainerSVM}, "1 candidates are the first of the best rows of a text, it takes 2"},
		"width": {func(t *testing.T, c *llmrouterdata.Config) {
			*c = *writePart(t, t.TempDir(), testQueries(0, 6), nil, []string{"a", "b", "c"}, 4)
		}, []Trainer{TrainerMF}, "the vectors have 4 numbers, text_dim is 768"},
		"one candidate": {func(t *testing.T, c *llmrouterdata.Config) {
			*c = *writePart(t, t.TempDir(), testQueries(0, 6), nil, []string{"a"}, DefaultTextDim)
		}, []Trainer{TrainerMF, TrainerElo, TrainerRouterDC}, "1 candidates, it takes"},
		"no sizes": {func(t *testing.T, c *llmrouterdata.Config) { writeFile(t, c.DataPath.LLMData, sizes("7B", "", "70M")) },
			[]Trainer{TrainerHybrid}, `1 candidates have a size such as "7B", of which it takes two that differ`},
		"equal sizes": {func(t *testing.T, c *llmrouterdata.Config) {
			writeFile(t, c.DataPath.LLMData, sizes("7B", "7B", "7.0B"))
		},
			[]Trainer{TrainerHybrid}, "3 candidates have a size"},
		"a size in words": {func(t *testing.T, c *llmrouterdata.Config) {
			writeFile(t, c.DataPath.LLMData, sizes("7B", "8x7B", "70B"))
		},
			[]Trainer{TrainerHybrid}, `candidate "b": the size "8x7B" is taken for 0`},
		"compressed": {func(t *testing.T, c *llmrouterdata.Config) {
			text := readFile(t, c.DataPath.RoutingDataTrain)
			c.DataPath.RoutingDataTrain += ".gz"
			var b strings.Builder
			z := gzip.NewWriter(&b)
			if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
				t.Fatal(err)
			}
			writeFile(t, c.DataPath.RoutingDataTrain, b.String())
		}, all, "train.jsonl.gz is compressed"},
		"a file of vectors for each split": {func(t *testing.T, c *llmrouterdata.Config) {
			writeTensors(t, c.DataPath.QueryEmbeddingData, func(w *torchio.Writer) error { return put(w, 6) })
			c.DataPath.QueryEmbeddingDataTrain, c.DataPath.QueryEmbeddingData = c.DataPath.QueryEmbeddingData, ""
			c.DataPath.QueryEmbeddingDataTest = c.DataPath.QueryEmbeddingDataTrain + ".test"
			writeTensors(t, c.DataPath.QueryEmbeddingDataTest, func(w *torchio.Writer) error { return put(w, 2) })
			editLines(t, c.DataPath.RoutingDataTest, func(rows []string) []string {
				for i := range rows {
					rows[i] = strings.NewReplacer(`"embedding_id": 6`, `"embedding_id": 0`, `"embedding_id": 7`, `"embedding_id": 1`).Replace(rows[i])
				}
				return rows
			})
		}, all, "there is no query_embedding_data"},
	} {
		t.Run(name, func(t *testing.T) {
			c := trainableSet(t)
			tt.spoil(t, c)
			if err := Check(t.Context(), c, nil); err != nil {
				t.Fatalf("without a trainer: %v", err)
			}
			for _, trainer := range all {
				err := Check(t.Context(), c, &CheckOptions{Trainer: trainer})
				if minds := err != nil && strings.Contains(err.Error(), "for "+trainer.String()+": ") && strings.Contains(err.Error(), tt.want); minds != slices.Contains(tt.of, trainer) {
					t.Errorf("%s: %v", trainer, err)
				}
			}
		})
	}
}

// TestTrainersNeedOneOrder: RouterDC takes the n-th row of every query for the same
// candidate's.
func TestTrainersNeedOneOrder(t *testing.T) {
	c := trainableSet(t)
	if err := reorder(t, c, OrderSeeded); err != nil {
		t.Fatal(err)
	}
	for trainer := TrainerKNN; trainer <= TrainerHybrid; trainer++ {
		if err := Check(t.Context(), c, &CheckOptions{Order: OrderSeeded, Trainer: trainer}); (err != nil) != (trainer == TrainerRouterDC) {
			t.Errorf("%s: %v", trainer, err)
		}
	}
}

// put writes n vectors.
func put(w *torchio.Writer, n int) error {
	vector := make([]float32, DefaultTextDim)
	for id := range n {
		if err := w.PutInt(int64(id), torchio.Of(vector, len(vector))); err != nil {
			return err
		}
	}
	return nil
}

// TestTrainersAreToldOfTies: the first candidate, which is not the best, is the label
// of most texts because its row comes first.
func TestTrainersAreToldOfTies(t *testing.T) {
	c := trainableSet(t)
	editLines(t, c.DataPath.RoutingDataTrain, func(rows []string) []string {
		for i := range rows {
			score := `"performance": 1.0`
			if i%3 == 2 || i == 0 {
				score = `"performance": 0.0`
			}
			rows[i] = performance.ReplaceAllString(rows[i], score)
		}
		return rows
	})
	for _, tt := range []struct {
		order CandidateOrder
		of    Trainer
		want  []string
	}{
		{OrderFile, TrainerKNN, []string{`for knn: "a" is the label of 5 of 6 texts, of 5 only because its row comes before others as good`}},
		{OrderFile, TrainerRouterDC, nil},
		{OrderBest, TrainerKNN, nil},
	} {
		if err := reorder(t, c, tt.order); err != nil {
			t.Fatal(err)
		}
		var said []string
		if err := Check(t.Context(), c, &CheckOptions{Order: tt.order, Trainer: tt.of, Warn: func(m string) { said = append(said, m) }}); err != nil {
			t.Fatal(err)
		}
		if len(said) != len(tt.want) || len(said) > 0 && !strings.Contains(said[0], tt.want[0]) {
			t.Errorf("%s, %s: %q", tt.order, tt.of, said)
		}
	}
}

// TestSameTextOtherChoices warns of a text that two queries have.
func TestSameTextOtherChoices(t *testing.T) {
	queries := testQueries(0, 6)
	other := queries[1]
	other.Choices, other.GroundTruth = llmrouterdata.NewChoices([]string{"1", "2"}), "B"
	c := writePart(t, t.TempDir(), append(queries, other, queries[0]), nil, []string{"a", "b"}, 4)
	var said []string
	if err := Check(t.Context(), c, &CheckOptions{Warn: func(m string) { said = append(said, m) }}); err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "1 queries of the train split have the text of an earlier one with other choices, answer or task, for example query 7 (task mmlu) that of query 2 (task mmlu)") {
		t.Errorf("%q", said)
	}
}
