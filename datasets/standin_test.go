package datasets

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// rowShard is a file whose rows are made up on the spot.
type rowShard struct {
	n   int
	row func(i int) any
}

func (s rowShard) name() string { return "rows" }
func (s rowShard) rows() int    { return s.n }

func (s rowShard) read(_ context.Context, _ *binding, indices []int, dst reflect.Value) error {
	for k, i := range indices {
		dst.Index(k).Set(reflect.ValueOf(s.row(i)))
	}
	return nil
}

func (s rowShard) scan(ctx context.Context, b *binding, _ scanOptions, yield func(reflect.Value) bool) error {
	batch := reflect.MakeSlice(reflect.SliceOf(b.typ), s.n, s.n)
	for i := range s.n {
		batch.Index(i).Set(reflect.ValueOf(s.row(i)))
	}
	yield(batch)
	return nil
}

func rowTable(spec Spec, sizes []int, row func(part, i int) any) *Table {
	t := &Table{spec: spec, starts: []int{0}}
	total := 0
	for p, n := range sizes {
		t.shards = append(t.shards, rowShard{n, func(i int) any { return row(p, i) }})
		t.parts = append(t.parts, n)
		total += n
		t.starts = append(t.starts, total)
	}
	return t
}

// The two picture benchmarks of the Python pipeline, as a user would add them:
// some vectors hold their draws too.
type pictureRow struct {
	Query   string   `column:"problem"`
	Answer  string   `column:"answer"`
	PID     string   `column:"pid,optional"`
	Choices []string `column:"choices,optional"`
}

func pictureSpecs() []Spec {
	decode := Decode(func(row pictureRow, _ *Rand) (record, error) {
		rec := record{Query: row.Query, GroundTruth: row.Answer}
		if row.PID != "" {
			rec.TaskID = &row.PID
		}
		if row.Choices != nil {
			rec.Choices = llmrouterdata.NewChoices(row.Choices)
		}
		return rec, nil
	})
	part := []Part{{Split: "train", Files: []Location{{Revision: Main, Pattern: "*.parquet"}}}}
	return []Spec{
		{Task: "geometry3k", Metric: "MATH", Decode: decode, Parts: part},
		{Task: "mathvista", Metric: "MATH", Decode: decode, Parts: part},
	}
}

// The stand-in rows of the vectors.
func standInRow(task string, part, i int) any {
	p := func(format string) string { return strings.ReplaceAll(format, "#", strconv.Itoa(i)) }
	each := func(n int, format string) []string {
		out := make([]string, n)
		for j := range out {
			out[j] = strings.ReplaceAll(p(format), "@", strconv.Itoa(j))
		}
		return out
	}
	switch task {
	case "natural_qa":
		return naturalQARow{p(`nq #: who "wrote" it?`), []string{p("ans/#")}}
	case "trivia_qa":
		return triviaQARow{p("tq # café\n?"), []string{p("alias #")}}
	case "mmlu":
		return mmluRow{p("mm #"), each(4, "c#-@"), i % 4}
	case "gpqa":
		return gpqaRow{p("gp # λ"), p("right #"), p("w1 #"), p("w2 '#'"), p("w3\t#")}
	case "mbpp":
		return mbppRow{TaskID: i + 1, Text: p("mb #"), Tests: []string{p("assert f(#) == #"), p("assert f('#') is None")}}
	case "human_eval":
		return humanEvalRow{p("HumanEval/#"), p("def he#(x):\n    "), p("def check(c):\n    assert c(#) == #\n")}
	case "gsm8k":
		return gsm8kRow{p("gs #"), fmt.Sprintf("work <<%d+1=%d>>\n#### %s", i, i+1, thousands(strconv.Itoa(i+1)))}
	case "commonsense_qa":
		return commonsenseQARow{p("cs #"), strings.Split("ABCDE", ""), each(5, "t#@"), letter(i % 5)}
	case "arc_challenge":
		labels := "ABCD"
		if i%7 == 0 {
			labels = "1234"
		}
		return arcRow{p("ar #"), each(4, "u#@"), strings.Split(labels, ""), letter(i % 4)}
	case "openbook_qa":
		return openBookQARow{p("ob #"), each(4, "v#@"), strings.Split("ABCD", ""), letter(i % 4)}
	case "math":
		spec, _ := Find(Catalog(), "math")
		return mathRow{p("ma " + spec.Parts[part].Config + ` # $\frac{#}{2}$`), p(`so \boxed{#}`)}
	case "geometry3k":
		return pictureRow{Query: p("Find x #.\n\n[Diagram description]\ndesc of img#"), Answer: p("#")}
	case "mathvista":
		row := pictureRow{Query: p("mv #\n\n[Image description]\ndesc of im#"), Answer: p("#"), PID: strconv.Itoa(i + 1)}
		if i%2 == 0 {
			row.Choices = []string{"p", "q", "r"}
		}
		return row
	}
	panic(task)
}

func thousands(digits string) string {
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
