package importing

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// openAIBatch joins the requests and the answers of the Batch API by custom_id.
// Requests are told from answers by their lines, so that files come in any order.
type openAIBatch struct{ ReaderOptions }

// batchRequest is a line of an input file.
type batchRequest struct {
	where, model, prompt string
	answers              int
}

func (b openAIBatch) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		requests := map[string]*batchRequest{}
		for _, name := range files {
			for o, err := range readObjects(ctx, name) {
				if err == nil {
					err = b.request(o, requests)
				}
				if err != nil && (!yield(Result{}, err) || stop(err)) {
					return
				}
			}
		}
		for r, err := range fileByFile(files, func(name string) iter.Seq2[Result, error] {
			return objectByObject(ctx, name, func(o object, yield func(Result, error) bool) bool {
				if isRequest(o) {
					return true
				}
				r, err := b.answer(o, requests)
				return yield(r, err)
			})
		}) {
			if e, ok := err.(*SkippedError); ok && e.Reason == ReasonMalformed {
				continue // the first pass has said so
			}
			if !yield(r, err) || stop(err) {
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(requests)) {
			if r := requests[id]; r.answers == 0 && !yield(Result{}, skipped(r.where, ReasonNoAnswer)) {
				return
			}
		}
	}
}

func isRequest(o object) bool { return at(o.Object, "body", "messages") != nil }

// request takes up a line that is a request.
func (b openAIBatch) request(o object, requests map[string]*batchRequest) error {
	if !isRequest(o) {
		return nil
	}
	id := textAt(o.Object, "custom_id")
	r := &batchRequest{
		where: o.where, model: cmp.Or(b.Model, textAt(o.Object, "body", "model")), prompt: userText(at(o.Object, "body", "messages")),
	}
	if known := requests[id]; known != nil {
		if known.model != r.model || known.prompt != r.prompt {
			return fmt.Errorf("importing: %s: custom_id %q is that of another request, at %s", o.where, id, known.where)
		}
		return skipped(o.where, ReasonSameID)
	}
	requests[id] = r
	return nil
}

// answer makes the result of a line of an output or error file.
func (b openAIBatch) answer(o object, requests map[string]*batchRequest) (Result, error) {
	response := at(o.Object, "response")
	if job := at(response, "job"); job != nil { // as Together wraps it
		response = job
	}
	body := at(response, "body")
	request := requests[textAt(o.Object, "custom_id")]
	if request == nil {
		return Result{}, skipped(o.where, ReasonNoRequest)
	}
	request.answers++
	r := Result{
		Where: o.where, Task: b.Task, Query: request.prompt, Prompt: request.prompt, Model: request.model,
		InputTokens: countAt(body, "usage", "prompt_tokens"), OutputTokens: countAt(body, "usage", "completion_tokens"),
	}
	status := countAt(response, "status_code")
	failure := cmp.Or(textAt(o.Object, "error", "message"), textAt(o.Object, "error", "code"), textAt(body, "error", "message"))
	switch {
	case failure != "":
		r.Failure = failure
	case status != nil && *status != 200:
		r.Failure = fmt.Sprintf("status %d", *status)
	default:
		text, ok := completionText(body)
		if !ok {
			return Result{}, skipped(o.where, ReasonNoResponse)
		}
		r.Response = text
	}
	return r, nil
}

// completionText is the answer in a chat completion.
func completionText(completion any) (text string, ok bool) {
	content := at(item(at(completion, "choices"), 0), "message", "content")
	return contentText(content), content != nil
}
