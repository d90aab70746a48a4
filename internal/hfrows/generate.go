package hfrows

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// Tasks names the benchmarks that Write knows.
func Tasks() []string {
	return []string{"natural_qa", "trivia_qa", "mmlu", "gpqa", "mbpp", "human_eval", "gsm8k",
		"commonsense_qa", "math", "openbook_qa", "arc_challenge"}
}

// Write writes a parquet file of made-up rows, of about the lengths that the
// benchmark's real rows have: snappy, row groups of groupRows rows, pages of
// about 1 MiB. The same arguments give the same rows.
func Write(w io.Writer, task string, rows, groupRows int) error {
	p := &prose{rand.New(rand.NewPCG(1, 2))}
	switch task {
	case "natural_qa":
		return write(w, rows, groupRows, func(i int) NaturalQA {
			return NaturalQA{ID: "train_" + strconv.Itoa(i), Query: p.text(45), Answers: p.list(1+p.IntN(2), 13)}
		})
	case "trivia_qa":
		return write(w, rows, groupRows, func(i int) TriviaQA {
			aliases := p.list(4+p.IntN(16), 16)
			return TriviaQA{Question: p.text(70), ID: "tc_" + strconv.Itoa(i), Source: "http://www.example.com/quiz",
				Answer: TriviaAnswer{Aliases: aliases, NormalizedAliases: aliases, NormalizedValue: aliases[0], Type: "WikipediaEntity", Value: aliases[0]}}
		})
	case "mmlu":
		return write(w, rows, groupRows, func(int) MMLU {
			return MMLU{Question: p.text(1000), Choices: p.list(4, 45), Answer: new(int64(p.IntN(4)))}
		})
	case "gpqa":
		return write(w, rows, groupRows, func(i int) GPQA {
			return GPQA{Question: p.text(390), Correct: p.text(60), Incorrect1: p.text(60), Incorrect2: p.text(60), Incorrect3: p.text(60),
				Explanation: p.text(600), Subdomain: "Physics (general)", RecordID: "rec" + strconv.Itoa(i), Domain: "Physics"}
		})
	case "mbpp":
		return write(w, rows, groupRows, func(i int) MBPP {
			return MBPP{TaskID: int32(i + 1), Text: p.text(75), Code: p.text(180), TestList: p.list(3, 45)}
		})
	case "human_eval":
		return write(w, rows, groupRows, func(i int) HumanEval {
			return HumanEval{TaskID: "HumanEval/" + strconv.Itoa(i), Prompt: p.text(400), Solution: p.text(180), Test: p.text(440), EntryPoint: p.text(10)}
		})
	case "gsm8k":
		return write(w, rows, groupRows, func(i int) GSM8K {
			return GSM8K{Question: p.text(226), Answer: p.text(260) + fmt.Sprintf("\n#### %d", i)}
		})
	case "commonsense_qa":
		return write(w, rows, groupRows, func(i int) CommonsenseQA {
			return CommonsenseQA{ID: strconv.FormatUint(p.Uint64(), 16), Question: p.text(64), Concept: p.text(7),
				Choices: LabelFirst{Label: strings.Split("ABCDE", ""), Text: p.list(5, 9)}, AnswerKey: p.key(5)}
		})
	case "math":
		return write(w, rows, groupRows, func(i int) MATH {
			return MATH{Problem: p.text(160), Level: "Level " + strconv.Itoa(1+p.IntN(5)), Type: "Algebra", Solution: p.text(450)}
		})
	case "openbook_qa":
		return write(w, rows, groupRows, func(i int) OpenBookQA {
			return OpenBookQA{ID: strconv.Itoa(i), Stem: p.text(51), Choices: Options{Text: p.list(4, 20), Label: strings.Split("ABCD", "")}, AnswerKey: p.key(4)}
		})
	case "arc_challenge":
		return write(w, rows, groupRows, func(i int) ARC {
			return ARC{ID: "Mercury_" + strconv.Itoa(i), Question: p.text(102), Choices: Options{Text: p.list(4, 30), Label: strings.Split("ABCD", "")}, AnswerKey: p.key(4)}
		})
	}
	return fmt.Errorf("hfrows: unknown task %q", task)
}

func write[T any](w io.Writer, rows, groupRows int, row func(int) T) error {
	pw := parquet.NewGenericWriter[T](w,
		parquet.NewSchema("schema", parquet.SchemaOf(new(T))),
		parquet.Compression(&parquet.Snappy),
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain),
		parquet.MaxRowsPerRowGroup(int64(groupRows)),
		parquet.PageBufferSize(1<<20),
		parquet.DataPageVersion(1))
	batch := make([]T, 0, 256)
	for i := range rows {
		batch = append(batch, row(i))
		if len(batch) == cap(batch) || i == rows-1 {
			if _, err := pw.Write(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return pw.Close()
}

// prose makes text of words that are as frequent as in language, roughly.
type prose struct{ *rand.Rand }

const syllables = "ba be bi bo da de di do fa fe ga ge ka ke la le li lo ma me mi na ne no pa pe ra re ri ro sa se si ta te ti to va ve wa"

var syllable = strings.Fields(syllables)

// text makes about n characters.
func (p *prose) text(n int) string {
	n = max(3, n/2+p.IntN(n+1))
	var b strings.Builder
	for b.Len() < n {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		// A skewed choice of words: few are common, most are rare.
		rank := int(float64(len(syllable)*len(syllable)*len(syllable)) * p.Float64() * p.Float64() * p.Float64())
		for range 3 {
			b.WriteString(syllable[rank%len(syllable)])
			rank /= len(syllable)
		}
	}
	return b.String()
}

func (p *prose) list(n, length int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = p.text(length)
	}
	return out
}

func (p *prose) key(n int) string { return string(rune('A' + p.IntN(n))) }
