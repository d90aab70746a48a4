package importing

import (
	"cmp"
	"context"
	"iter"
)

// routerLog reads the log of examples/router_server: the query that was routed
// by, the candidate that was asked last and what it answered. What a user has
// added to the lines under the names of routing data (task_name, ground_truth,
// performance, metric) is read too.
type routerLog struct{ ReaderOptions }

// notTheModels are the reasons for which a request had no answer that say nothing
// of the candidate asked last.
var notTheModels = map[string]bool{"stopped": true, "budget": true, "drained": true, "cancelled": true}

func (l routerLog) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return objectByObject(ctx, name, func(o object, yield func(Result, error) bool) bool {
			r, err := l.request(o)
			return yield(r, err)
		})
	})
}

func (l routerLog) request(o object) (Result, error) {
	r := Result{
		Where: o.where, Task: cmp.Or(l.Task, textAt(o.Object, "task_name")), Query: textAt(o.Object, "query"),
		GroundTruth: textAt(o.Object, "ground_truth"), Model: cmp.Or(l.Model, textAt(o.Object, "model_name")),
		Seconds: amountAt(o.Object, "response_time"), CostUSD: amountAt(o.Object, "cost_usd"),
	}
	if n := numberAt(o.Object, "context"); n != nil && *n > 0 {
		return Result{}, skipped(o.where, ReasonContext)
	}
	if reason := textAt(o.Object, "error"); notTheModels[reason] {
		return Result{}, skipped(o.where, ReasonNoResponse)
	} else if reason != "" {
		r.Failure = reason
		return r, nil
	}
	if at(o.Object, "tokens_estimated") != true { // else nobody knows them
		r.InputTokens, r.OutputTokens = countAt(o.Object, "input_tokens"), countAt(o.Object, "output_tokens")
	}
	if r.Response = textAt(o.Object, "response"); r.Response == "" {
		return Result{}, skipped(o.where, ReasonNoResponse)
	}
	if score := at(o.Object, "performance"); score != nil && !l.NoScores {
		r.Scorer, r.Score = textAt(o.Object, "metric"), numberAt(o.Object, "performance")
		if r.Score == nil {
			return Result{}, skipped(o.where, ReasonBadScore)
		}
	}
	return r, nil
}
