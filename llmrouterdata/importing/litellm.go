package importing

import (
	"cmp"
	"context"
	"iter"
)

// liteLLM reads litellm's standard logging payloads. A call is known by its
// litellm_call_id, since the id of a payload is the upstream service's. A payload
// is of the alias that answered, model_group: after a fallback the alias that was
// asked for has a failure of its own.
type liteLLM struct{ ReaderOptions }

func (l liteLLM) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	calls := map[string]bool{}
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return objectByObject(ctx, name, func(o object, yield func(Result, error) bool) bool {
			if id := textAt(o.Object, "litellm_call_id"); id != "" && calls[id] {
				return yield(Result{}, skipped(o.where, ReasonSameID))
			} else if id != "" {
				calls[id] = true
			}
			r, err := l.call(o)
			return yield(r, err)
		})
	})
}

func (l liteLLM) call(o object) (Result, error) {
	messages := at(o.Object, "messages")
	r := Result{
		Where: o.where, Task: l.Task, Query: userText(messages), Prompt: userText(messages),
		Model:   cmp.Or(l.Model, textAt(o.Object, "model_group"), textAt(o.Object, "model")),
		Seconds: amountAt(o.Object, "response_time"), CostUSD: amountAt(o.Object, "response_cost"),
	}
	if textAt(o.Object, "status") == "failure" {
		r.Failure = cmp.Or(textAt(o.Object, "error_str"), "unknown error")
		return r, nil
	}
	r.InputTokens, r.OutputTokens = countAt(o.Object, "prompt_tokens"), countAt(o.Object, "completion_tokens")
	text, ok := completionText(at(o.Object, "response"))
	if !ok {
		return Result{}, skipped(o.where, ReasonNoResponse)
	}
	r.Response = text
	return r, nil
}
