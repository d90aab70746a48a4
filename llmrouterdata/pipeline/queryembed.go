package pipeline

import (
	"context"

	"github.com/llmrouter-go/llmrouter/embedding"
)

// embedChunk is how many texts are given to the encoder at once: enough for
// it to form good batches, few enough to report progress and lose little.
const embedChunk = 64

// embed computes the vectors of all unique queries that the cache lacks, in
// order of their ids.
func (r *run) embed(ctx context.Context) (*vectorCache, error) {
	fingerprint := ""
	if f, ok := r.options.Encoder.(embedding.Fingerprinter); ok {
		fingerprint = f.Fingerprint()
	}
	cache, err := openCache(r.config.DataPath.QueryEmbeddingData+".cache", fingerprint, r.options.Encoder.Dim())
	if err != nil {
		return nil, err
	}
	var texts []string
	queued := map[string]bool{}
	for _, i := range r.work.unique {
		text := r.work.queries[i].Query
		if !queued[text] && !cache.has(text) {
			queued[text] = true
			texts = append(texts, text)
		}
	}
	total := len(texts)
	for len(texts) > 0 {
		r.progress.report(Progress{Stage: StageEmbed, Done: total - len(texts), Total: total})
		n := min(embedChunk, len(texts))
		vectors, err := encode(ctx, r.options.Encoder, texts[:n])
		if err != nil {
			return cache, err
		}
		for i, v := range vectors {
			if err := cache.put(texts[i], v); err != nil {
				return cache, err
			}
		}
		texts = texts[n:]
	}
	if total > 0 {
		r.progress.report(Progress{Stage: StageEmbed, Done: total, Total: total})
	}
	return cache, nil
}
