package pipeline

import (
	"context"
	"errors"
	"io/fs"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// warnStale warns of candidates' vectors that do not fit those of an encoder or
// what the plan has read of the candidates.
func (p *Plan) warnStale(e embedding.Encoder) {
	name := p.config.DataPath.LLMEmbeddingData
	if name == "" {
		return
	}
	embedded, err := llmrouterdata.ReadCandidatesFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return // step 2b may come later
	}
	if err != nil {
		p.options.Logger.Warn("the candidates' embeddings cannot be read", "error", err)
		return
	}
	for _, message := range dataset.StaleVectors(p.candidates, embedded, e.Dim(), embedding.FingerprintOf(e)) {
		p.options.Logger.Warn("embed the candidates again (step 2b): "+message, "file", name)
	}
}

// openCache opens the cache of the vectors.
func (r *run) openCache() (*vectorcache.Cache, error) {
	return vectorcache.Open(r.options.VectorCache, r.encoder.Dim(), &vectorcache.Options{Fingerprint: embedding.FingerprintOf(r.encoder), FS: r.options.fs})
}

// embed computes the vectors of all unique queries that the cache lacks, in
// order of their ids.
func (r *run) embed(ctx context.Context, cache *vectorcache.Cache) error {
	var texts []string
	queued := map[string]bool{}
	for _, i := range r.unique {
		text := r.queries[i].Query
		if !queued[text] && !cache.Has(text) {
			queued[text] = true
			texts = append(texts, text)
		}
	}
	total := len(texts)
	for len(texts) > 0 {
		r.left(len(texts))
		r.progress.report(Progress{Stage: StageEmbed, Done: total - len(texts), Total: total})
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(embedChunk, len(texts))
		vectors, err := embedding.EncodeChecked(ctx, r.encoder, texts[:n])
		if err != nil {
			return err
		}
		for i, v := range vectors {
			if err := cache.Put(texts[i], v); err != nil {
				return err
			}
		}
		texts = texts[n:]
	}
	r.left(0)
	if total > 0 {
		r.progress.report(Progress{Stage: StageEmbed, Done: total, Total: total})
	}
	return nil
}

// left notes how many texts have no vector yet.
func (r *run) left(n int) {
	r.mu.Lock()
	r.notEmbedded = n
	r.mu.Unlock()
}
