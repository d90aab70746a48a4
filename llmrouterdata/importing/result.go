package importing

import (
	"context"
	"fmt"
	"iter"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Result is what one model made of one query, as a source tells it. Pointers are
// nil and texts empty where it tells nothing.
type Result struct {
	// Where names the place, for example "samples.jsonl:17".
	Where string
	// Task names the benchmark, Query is the question and Prompt what the model
	// was asked, where that is known too.
	Task, Query, Prompt string
	// GroundTruth is the expected answer.
	GroundTruth string
	Choices     *llmrouterdata.Choices
	// TaskID is the source's own id of the query.
	TaskID *string
	// Model is the source's name of the model.
	Model string
	// Repeat counts the answers of one model to one query, from 1; 0 stands
	// for 1.
	Repeat int
	// Response is the answer.
	Response string
	// Failure is why there is none; "" for an answer.
	Failure string
	// Score is the source's, from 0 to 1, and Scorer what gave it.
	Score  *float64
	Scorer string
	// InputTokens and OutputTokens are from 0, Seconds is how long the answer
	// took, CostUSD what the source says that it cost.
	InputTokens, OutputTokens *int
	Seconds, CostUSD          *float64
}

// Reader reads the results of one format.
type Reader interface {
	// Read yields the results of files, one after the other. A place that holds
	// no result that can be taken is a *SkippedError, after which the stream
	// goes on; any other error ends it.
	Read(ctx context.Context, files []string) iter.Seq2[Result, error]
}

// Why results are skipped.
const (
	ReasonMalformed  = "malformed"
	ReasonNoResponse = "no answer"
	ReasonNoScore    = "no score"
	ReasonBadScore   = "a score that is no number from 0 to 1"
	ReasonNoQuery    = "no query"
	ReasonNoTask     = "no task"
	ReasonNoModel    = "no model"
	ReasonNoTruth    = "no ground truth to score by"
	ReasonNoMetric   = "no metric"
	ReasonUnmatched  = "not among the queries"
	ReasonCandidate  = "of no candidate"
	ReasonRepeat     = "another repeat"
	ReasonDuplicate  = "a second answer to one query"
	ReasonNoRequest  = "no request of its id"
	ReasonNoAnswer   = "a request without an answer"
	ReasonSameID     = "another request of the same id"
	ReasonIncomplete = "of a query that some candidate has no answer to"
	ReasonContext    = "an answer to more than the query"
)

// SkippedError is a result that is not taken.
type SkippedError struct {
	Where string
	// Reason is one of the Reason constants.
	Reason string
	// Err says more; may be nil.
	Err error
}

func (e *SkippedError) Error() string {
	text := fmt.Sprintf("importing: %s: %s", e.Where, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what more there is to say.
func (e *SkippedError) Unwrap() error { return e.Err }

// skipped makes the error of a result that is not taken.
func skipped(where, reason string) error { return &SkippedError{Where: where, Reason: reason} }
