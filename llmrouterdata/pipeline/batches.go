package pipeline

import (
	"context"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// batchCalls are the calls of a candidate that go in batches, numbered as the
// queries are.
type batchCalls struct {
	*run
	ctx       context.Context
	candidate int
	scorer    *scorer
}

// Call implements [batch.Source].
func (b *batchCalls) Call(q int) (string, chat.Request, error) {
	prompt, err := b.prompt(q)
	request, call := b.request(q, b.candidate, prompt)
	return journal.NewCallID(request.Target.Name, call).String(), request, err
}

// at is the pair of a call, and its entry with an answer.
func (b *batchCalls) at(q int, part string, answer chat.Response) (schedule.Pair, *journal.Entry, error) {
	p := schedule.Pair{Query: q, Candidate: b.candidate}
	prompt, err := b.prompt(q)
	_, call := b.request(q, b.candidate, prompt)
	e := b.entry(p, call, answer)
	e.Part = part
	return p, e, err
}

// Ended implements [batch.Source].
func (b *batchCalls) Ended(q int, part string, answer chat.Response, err error) {
	p, e, promptErr := b.at(q, part, answer)
	if promptErr != nil {
		err = promptErr
	}
	b.outcome(b.ctx, p, e, err, b.scorer)
}

// Lost implements [batch.Source].
func (b *batchCalls) Lost(q int, usd float64) {
	p, e, err := b.at(q, "", chat.Response{})
	if err == nil {
		e = voided(e)
		e.Attempts, e.CostUSD = 1, usd
		_, err = b.append(e)
	}
	if err != nil {
		b.fail(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.Add(usd)
	b.pair(p.Query, p.Candidate).cost.Add(usd)
}

// batched reports whether the calls of a candidate go in batches, or some do that an
// earlier run has under way.
func (r *run) batched(candidate int) bool {
	if r.options.Batch == nil || r.targets[candidate].Batch {
		return r.options.Batch != nil
	}
	for i := range r.inParts {
		if i%len(r.targets) == candidate {
			return true
		}
	}
	return false
}

// startBatches has the calls made that go in batches.
func (r *run) startBatches(ctx context.Context, client Client, quiet <-chan struct{}, scorer *scorer, workers *sync.WaitGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.targets {
		if !r.batched(t) {
			continue
		}
		w := batch.Work{
			Client: client.(*chat.Client), Target: r.targets[t], Ledger: batch.InJournal(r.journal), Drain: quiet,
			Source: &batchCalls{r, ctx, t, scorer},
		}
		for _, p := range r.schedule.Take(t) {
			w.Calls = append(w.Calls, p.Query)
		}
		if len(w.Calls) > 0 {
			workers.Go(func() { batch.Make(ctx, w, r.options.Batch) })
		}
	}
}

// eachBatch gives what is missing of the candidates that go in batches and is in
// none yet, of a run that was peeked at.
func (r *run) eachBatch(each func(batch.Work) error) error {
	client, _ := r.options.Client.(*chat.Client)
	for t := range r.targets {
		if !r.batched(t) {
			continue
		}
		w := batch.Work{Client: client, Target: r.targets[t], Source: &batchCalls{run: r, candidate: t}}
		for q := range r.queries {
			if i := q*len(r.targets) + t; r.pairs[i].offset == 0 && !r.inParts[i] {
				w.Calls = append(w.Calls, q)
			}
		}
		if err := each(w); err != nil {
			return err
		}
	}
	return nil
}

// WriteBatches writes the calls that would go in batches as files of requests into
// a folder, in the place of any service; see [batch.Write]. It calls nobody, and
// returns the names of the files. Calls that the journal holds are left out.
func (p *Plan) WriteBatches(ctx context.Context, dir string) ([]string, error) {
	r := newRun(p)
	if err := r.peek(ctx); err != nil {
		return nil, err
	}
	var names []string
	err := r.eachBatch(func(w batch.Work) error {
		written, err := batch.Write(ctx, dir, w, p.options.Batch)
		names = append(names, written...)
		return err
	})
	return names, err
}
