package pipeline

import (
	"context"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// A scorer scores answers in a bounded pool while calls go on. Its queue is
// short: when scoring falls behind, calling waits, so that answers do not pile
// up in memory.
type scorer struct {
	jobs    chan scoreJob
	workers sync.WaitGroup
}

type scoreJob struct {
	pair     int
	offset   int64 // of the answer in the journal
	response string
}

func newScorer(ctx context.Context, r *run) *scorer {
	s := &scorer{jobs: make(chan scoreJob, 4*r.options.ScoreWorkers)}
	for range r.options.ScoreWorkers {
		s.workers.Go(func() {
			for job := range s.jobs {
				r.score(ctx, job)
			}
		})
	}
	return s
}

// add queues the answer of a finished call; a failed or void one has no score.
func (s *scorer) add(pair int, offset int64, e *journal.Entry) {
	if e.Error == nil && !e.Void {
		s.jobs <- scoreJob{pair, offset, e.Response}
	}
}

func (s *scorer) wait() {
	close(s.jobs)
	s.workers.Wait()
}

// score scores one answer. An answer that could not be evaluated has
// performance 0.0 and is told apart by its outcome.
func (r *run) score(ctx context.Context, job scoreJob) {
	if ctx.Err() != nil {
		return
	}
	q := &r.queries[job.pair/len(r.targets)]
	in := metrics.Input{Task: q.TaskName, Query: q.Query, Prediction: job.response, Truth: q.GroundTruth, Choices: q.Choices.Text()}
	if q.TaskID != nil {
		in.TaskID = *q.TaskID
	}
	result, err := r.options.Metrics.Score(ctx, q.Metric, in)
	outcome := scored
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		outcome = scoreError
		r.options.Logger.Warn("scoring failed", "metric", q.Metric, "query", r.describe(job.pair/len(r.targets)), "error", err)
	case !result.Evaluated:
		outcome = notEvaluated
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.pairs[job.pair]
	if p.offset != job.offset { // a later answer took its place
		return
	}
	p.outcome = outcome
	switch outcome {
	case scored:
		p.score = result.Score
		if result.By != "" {
			r.scorers[result.By] = true
		}
	case notEvaluated:
		p.kind = numberOf(&r.kinds, result.Reason)
	}
}
