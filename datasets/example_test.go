package datasets_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// A benchmark of one's own: the columns as a struct, and a function that makes
// a record of a row.
func ExampleDecode() {
	type riddle struct {
		Text    string   `column:"text"`
		Options []string `column:"options"`
		Answer  int      `column:"answer"`
	}
	spec := datasets.Spec{
		Task:   "riddles",
		Metric: "em_mc",
		Parts:  []datasets.Part{{Split: "train", Files: []datasets.Location{{Pattern: "train.jsonl"}}}},
		Decode: datasets.Decode(func(r riddle, _ *datasets.Rand) (llmrouterdata.StandardQueryData, error) {
			return llmrouterdata.StandardQueryData{
				Query: r.Text, GroundTruth: string(rune('A' + r.Answer)), Choices: llmrouterdata.NewChoices(r.Options),
			}, nil
		}),
	}

	src := datasets.FromFS(fstest.MapFS{"riddles/train.jsonl": {Data: []byte(
		`{"text": "What has keys but opens no door?", "options": ["A map", "A piano"], "answer": 1}` + "\n" +
			`{"text": "What gets wetter the more it dries?", "options": ["A towel", "A fish"], "answer": 0}` + "\n")}})
	ctx := context.Background()
	table, err := datasets.Open(ctx, src, spec)
	if err != nil {
		log.Fatal(err)
	}
	defer table.Close()
	for rec, err := range table.All(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.TaskName, rec.Query, rec.Choices.Text(), rec.GroundTruth)
	}
	// Output:
	// riddles What has keys but opens no door? [A map A piano] B
	// riddles What gets wetter the more it dries? [A towel A fish] A
}

func ExampleGenerate() {
	// The pipeline's own benchmarks, from a folder; datasets.FromHub takes them
	// from the Hugging Face hub.
	src := datasets.FromDir("../examples/quickstart/fixtures")
	res, err := datasets.Generate(context.Background(), src, &datasets.GenerateOptions{
		SampleSize: 3,
		TrainRatio: new(0.5),
		Datasets:   []string{"gsm8k", "natural_qa"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(res.Train), len(res.Test))
	for _, rec := range res.Train {
		fmt.Println(rec.TaskName, rec.Metric)
	}
	// Output:
	// 3 3
	// gsm8k GSM8K
	// natural_qa f1_score
	// natural_qa f1_score
}

// Other columns than those of the records, of single rows.
func ExampleRows() {
	ctx := context.Background()
	spec, _ := datasets.Find(datasets.Catalog(), "math")
	table, err := datasets.Open(ctx, datasets.FromDir("../examples/quickstart/fixtures"), spec)
	if err != nil {
		log.Fatal(err)
	}
	defer table.Close()
	type row struct {
		Problem string `column:"problem"`
		Level   string `column:"level"`
		Subject string `column:"type"`
	}
	rows, err := datasets.Rows[row](ctx, table, []int{21, 0})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rows {
		fmt.Printf("%s, %s: %s\n", r.Subject, r.Level, r.Problem)
	}
	// Output:
	// Precalculus, Level 3: Find the determinant of $\begin{pmatrix} 4 & 3 \\ 2 & 5 \end{pmatrix}$.
	// Algebra, Level 1: If $3x + 7 = 22$, what is the value of $x$?
}

func ExampleCatalog() {
	for _, s := range datasets.Catalog() {
		gated := ""
		if s.Gated {
			gated = " (gated)"
		}
		fmt.Printf("%-14s %6d rows  %s%s\n", s.Task, s.Rows(), s.Repo, gated)
	}
	// Output:
	// natural_qa      79168 rows  RUC-NLPIR/FlashRAG_datasets
	// trivia_qa      138384 rows  mandarjoshi/trivia_qa
	// mmlu            99842 rows  cais/mmlu
	// gpqa              448 rows  Idavidrein/gpqa (gated)
	// mbpp              374 rows  google-research-datasets/mbpp
	// human_eval        164 rows  openai/openai_humaneval
	// gsm8k            7473 rows  openai/gsm8k
	// commonsense_qa   9741 rows  tau/commonsense_qa
	// math             7500 rows  EleutherAI/hendrycks_math
	// openbook_qa      4957 rows  allenai/openbookqa
	// arc_challenge    1119 rows  allenai/ai2_arc
}
