package importing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// The formats.
const (
	// LMEval: samples_TASK_DATE.jsonl of lm-evaluation-harness.
	LMEval = "lm_eval"
	// Inspect: .eval or .json logs of inspect-ai, version 2.
	Inspect = "inspect"
	// OpenAIBatch: input and output files of the Batch API, in any order.
	OpenAIBatch = "openai_batch"
	// LiteLLM: litellm's standard logging payloads, a line each.
	LiteLLM = "litellm"
	// RouterBench: the wide CSV of RouterBench.
	RouterBench = "routerbench"
	// LLMRouterBench: results of LLMRouterBench,
	// .../DATASET/SPLIT/MODEL/TIME.json.
	LLMRouterBench = "llmrouterbench"
	// RouterLog: the log of examples/router_server, a line a request.
	RouterLog = "router_log"
	// Columns: CSV or JSON Lines with columns of any names.
	Columns = "columns"
)

// readers makes the readers by their formats.
var readers = map[string]func(ReaderOptions) Reader{
	LMEval:         func(o ReaderOptions) Reader { return lmEval{o} },
	Inspect:        func(o ReaderOptions) Reader { return inspectLog{o} },
	OpenAIBatch:    func(o ReaderOptions) Reader { return openAIBatch{o} },
	LiteLLM:        func(o ReaderOptions) Reader { return liteLLM{o} },
	RouterBench:    func(o ReaderOptions) Reader { return routerBench{o} },
	LLMRouterBench: func(o ReaderOptions) Reader { return llmRouterBench{o} },
	RouterLog:      func(o ReaderOptions) Reader { return routerLog{o} },
	Columns:        func(o ReaderOptions) Reader { return columns{o} },
}

// Formats returns the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(readers)) }

// ReaderOptions configures [Open]; nil and the zero value give the defaults.
type ReaderOptions struct {
	// Task and Model override what the files say of the task and the model.
	Task, Model string
	// Filter chooses one of several filters of [LMEval], Scorer one of several
	// scores. Default: the only one; where there are several, reading ends with
	// a *ChoiceError.
	Filter, Scorer string
	// QueryField is the field of lm-eval's doc that is the query. Default: the
	// first of question, query, problem, prompt, input and goal that is a text,
	// else the last message of the user in the prompt.
	QueryField string
	// Columns are the columns of [Columns] by what they hold: query and
	// response, and task, prompt, ground_truth, choices, task_id, model,
	// failure, score, input_tokens, output_tokens, response_time (s), cost
	// (USD), repeat. In a table with columns for each model, "score.MODEL" and so
	// on are those of one. Query is needed.
	Columns map[string]string
	// NoScores leaves the scores of the files alone, so that none need be
	// chosen: they will be computed anew.
	NoScores bool
}

// ChoiceError is a file that holds several of what one is needed of.
type ChoiceError struct {
	Where string
	// What is "filter" or "scorer", Have are those that there are, as far as
	// the file was read.
	What string
	Have []string
	// Wanted was asked for and is not there; "": none was.
	Wanted string
}

func (e *ChoiceError) Error() string {
	if e.Wanted != "" {
		return fmt.Sprintf("importing: %s: there is no %s %q, but %s", e.Where, e.What, e.Wanted, strings.Join(e.Have, ", "))
	}
	return fmt.Sprintf("importing: %s: choose a %s: there are %s", e.Where, e.What, strings.Join(e.Have, ", "))
}

// ErrFormat is the error for a format that is not known.
var ErrFormat = errors.New("unknown format")

// Open returns the reader of a format.
func Open(format string, o *ReaderOptions) (Reader, error) {
	v, f := options.Begin(o, "importing: ReaderOptions")
	for _, name := range slices.Sorted(maps.Keys(v.Columns)) {
		if what, _, _ := strings.Cut(name, "."); !slices.Contains(columnNames, what) {
			f.Add("Columns", "has the unknown name %q; there are %s", name, strings.Join(columnNames, ", "))
		}
	}
	if format == Columns && v.Columns["query"] == "" {
		f.Add("Columns", "names no column of the query")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	open, known := readers[format]
	if !known {
		return nil, fmt.Errorf("importing: %w %q: there are %s", ErrFormat, format, strings.Join(Formats(), ", "))
	}
	return open(v), nil
}

// choose returns the one that is wanted of several, or the only one.
func choose(where, what string, have []string, wanted string) (string, error) {
	switch {
	case wanted == "" && len(have) == 1:
		return have[0], nil
	case wanted != "" && slices.Contains(have, wanted):
		return wanted, nil
	}
	return "", &ChoiceError{Where: where, What: what, Have: have, Wanted: wanted}
}
