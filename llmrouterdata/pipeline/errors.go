package pipeline

import (
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/internal/journal"
)

// ErrUnpriced says that a budget cannot bound what a candidate costs, since the
// candidate file lacks one of its prices.
var ErrUnpriced = errors.New("input_price or output_price is missing, so that a budget cannot bound what its calls cost")

// ErrInBatches says that calls of the run are in batches of an earlier one, and
// would be paid twice if they were made again.
var ErrInBatches = errors.New("calls are in batches under way, which are to be looked after (Options.Batch)")

// JournalLockedError says that another run holds the journal.
type JournalLockedError = journal.LockedError

// IncompleteError says that a run stopped before every pair was called, or that
// calls came to nothing by no fault of their pairs. What is in the journal is not
// called again; the next run goes on from there.
type IncompleteError struct {
	// Missing is how many of Pairs were not called.
	Missing, Pairs int
	// NotEmbedded is how many query texts have no vector yet, after a graceful
	// shutdown.
	NotEmbedded int
	// Reasons says why, for example that the budget is spent or a candidate
	// was stopped by its circuit breaker.
	Reasons []string

	causes []error
}

// Unwrap returns the errors behind Reasons, such as [chat.ErrBudget], a
// *[chat.StoppedError] or a *[chat.Error].
func (e *IncompleteError) Unwrap() []error { return e.causes }

func (e *IncompleteError) Error() string {
	text := fmt.Sprintf("pipeline: %d of %d calls were not made", e.Missing, e.Pairs)
	if e.NotEmbedded > 0 {
		text += fmt.Sprintf(", %d texts were not embedded", e.NotEmbedded)
	}
	for i, reason := range e.Reasons {
		text += map[bool]string{true: ": ", false: "; "}[i == 0] + reason
	}
	return text
}

// FailedCallsError says that more calls failed than MaxFailed allows.
type FailedCallsError struct {
	Failed, Pairs int
	Max           float64
}

func (e *FailedCallsError) Error() string {
	return fmt.Sprintf("pipeline: %d of %d calls failed, more than %.4g %%", e.Failed, e.Pairs, 100*e.Max)
}

// UnavailableMetricError says that the queries need a metric that cannot
// evaluate anything here, so that paid answers would go unscored.
type UnavailableMetricError struct {
	Metric, Reason string
}

func (e *UnavailableMetricError) Error() string {
	return fmt.Sprintf("pipeline: the metric %s cannot be evaluated: %s (allow it to write such rows with performance 0.0, counted apart)", e.Metric, e.Reason)
}
