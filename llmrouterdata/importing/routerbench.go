package importing

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// routerBench reads the wide CSV of RouterBench: a row a query, with the columns
// M (a score), M|model_response and M|total_cost for each model M. Its texts are
// Python lists of one text. It has neither ground truths nor tokens nor times.
type routerBench struct{ ReaderOptions }

// The endings of RouterBench's columns.
const (
	responseColumn = "|model_response"
	costColumn     = "|total_cost"
)

func (b routerBench) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			for row, err := range readCSV(ctx, name) {
				m := b.mapping(row.names)
				if err == nil && len(m.models()) == 0 {
					err = fmt.Errorf("importing: %s: there is no column that ends in %q", name, responseColumn)
				}
				if err != nil {
					if !yield(Result{}, err) || stop(err) {
						return
					}
					continue
				}
				if !resultsOf(row, m, yield) {
					return
				}
			}
		}
	})
}

func (b routerBench) mapping(names []string) mapping {
	m := mapping{
		columns: map[string]string{"query": "prompt", "task": "eval_name", "task_id": "sample_id"},
		task:    b.Task, scorer: cmp.Or(b.Scorer, "routerbench"), noScores: b.NoScores, text: firstOfList,
	}
	for _, name := range names {
		if model, ok := strings.CutSuffix(name, responseColumn); ok && slices.Contains(names, model) {
			m.columns["response."+model], m.columns["score."+model], m.columns["cost."+model] = name, model, model+costColumn
		}
	}
	return m
}

// firstOfList is the text in the repr of a Python list that holds one text; other
// texts are themselves.
func firstOfList(text string) string {
	if !strings.HasPrefix(text, "[") {
		return text
	}
	literal, err := pyliteral.Parse(text)
	if err != nil {
		return text
	}
	v, err := pyliteral.JSON(literal)
	if list, ok := v.([]any); err == nil && ok && len(list) == 1 {
		if s, ok := list[0].(string); ok {
			return s
		}
	}
	return text
}

// llmRouterBench reads results of LLMRouterBench: a document for each dataset,
// split and model, which stand in its path.
type llmRouterBench struct{ ReaderOptions }

func (b llmRouterBench) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			v, err := readDocument(name)
			records, ok := at(v, "records").([]any)
			if err == nil && !ok {
				err = fmt.Errorf("importing: %s: there is no list of records", name)
			}
			if err != nil {
				yield(Result{}, err)
				return
			}
			folders := strings.Split(filepath.ToSlash(filepath.Dir(name)), "/")
			task, model := b.Task, b.Model
			if n := len(folders); n >= 3 {
				task, model = cmp.Or(task, folders[n-3]), cmp.Or(model, folders[n-1])
			}
			for i, record := range records {
				if err := ctx.Err(); err != nil {
					yield(Result{}, err)
					return
				}
				r, err := b.record(fmt.Sprintf("%s: record %d", name, i+1), record)
				r.Task, r.Model = task, model
				if !yield(r, err) {
					return
				}
			}
		}
	})
}

func (b llmRouterBench) record(where string, v any) (Result, error) {
	if _, ok := v.(*pyjson.Object); !ok {
		return Result{}, skipped(where, ReasonMalformed)
	}
	r := Result{
		Where: where, Query: cmp.Or(textAt(v, "origin_query"), textAt(v, "prompt")), Prompt: textAt(v, "prompt"),
		GroundTruth: targetText(at(v, "ground_truth")), Response: textAt(v, "raw_output"),
		InputTokens: countAt(v, "prompt_tokens"), OutputTokens: countAt(v, "completion_tokens"), CostUSD: amountAt(v, "cost"),
	}
	if at(v, "raw_output") == nil {
		return Result{}, skipped(where, ReasonNoResponse)
	}
	if !b.NoScores {
		r.Score, r.Scorer = truthAt(v, "score"), cmp.Or(b.Scorer, "llmrouterbench")
	}
	return r, nil
}
