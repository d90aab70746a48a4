package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// EmbedOptions configures [EmbedCandidates].
type EmbedOptions struct {
	// Encoder embeds the descriptions. It is needed.
	Encoder embedding.Encoder
	// Progress is called as descriptions are embedded. Nil: silent.
	Progress func(Progress)
}

func (o *EmbedOptions) validate() (EmbedOptions, error) {
	v, f := options.Begin(o, "pipeline: EmbedOptions")
	if v.Encoder == nil {
		f.Add("Encoder", "is nil; it is needed")
	} else if dim := v.Encoder.Dim(); dim < 1 {
		f.Add("Encoder", "makes vectors of %d numbers", dim)
	}
	return v, f.Err()
}

// EmbedCandidates embeds the feature text of every candidate in llm_data and
// writes llm_embedding_data (step 2b). A candidate without a feature is an
// error that names it: all such candidates are reported, and nothing is
// written. That the file cannot be written, or is llm_data itself, is reported
// before anything is embedded.
func EmbedCandidates(ctx context.Context, c *llmrouterdata.Config, o *EmbedOptions) ([]llmrouterdata.Candidate, error) {
	v, err := o.validate()
	if err := errors.Join(err, c.Require("llm_data", "llm_embedding_data")); err != nil {
		return nil, err
	}
	written := outputs.File{Role: "llm_embedding_data", Path: c.DataPath.LLMEmbeddingData}
	if err := outputs.CheckDistinct([]outputs.File{written}, []outputs.File{{Role: "llm_data", Path: c.DataPath.LLMData}}); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	if len(candidates) == 0 {
		return nil, fmt.Errorf("pipeline: %s holds no candidate", c.DataPath.LLMData)
	}
	var missing []error
	for _, candidate := range candidates {
		if strings.TrimSpace(candidate.Feature) == "" {
			missing = append(missing, &llmrouterdata.CandidateError{
				File: c.DataPath.LLMData, Candidate: candidate.Name, Field: "feature", Err: llmrouterdata.ErrMissing,
			})
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if err := outputs.CheckWritable(nil, written); err != nil {
		return nil, err
	}
	progress := newReporter(v.Progress)
	for i := range candidates {
		progress.report(Progress{Stage: StageEmbed, Done: i, Total: len(candidates), Detail: candidates[i].Name})
		vectors, err := embedding.EncodeChecked(ctx, v.Encoder, []string{candidates[i].Feature})
		if err != nil {
			return nil, fmt.Errorf("pipeline: embedding candidate %q: %w", candidates[i].Name, err)
		}
		candidates[i].Embedding = vectors[0]
		candidates[i].EmbeddingEncoder, candidates[i].EmbeddingFeature = embedding.FingerprintOf(v.Encoder), candidates[i].FeatureHash()
	}
	progress.report(Progress{Stage: StageEmbed, Done: len(candidates), Total: len(candidates)})
	var out atomicfile.Group
	defer out.Abort()
	f, err := out.Create(c.DataPath.LLMEmbeddingData)
	if err != nil {
		return nil, err
	}
	text, err := textfile.NewWriter(f, c.DataPath.LLMEmbeddingData)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %s: %w", c.DataPath.LLMEmbeddingData, err)
	}
	if err := errors.Join(llmrouterdata.WriteEmbeddedCandidates(text, candidates), text.Close()); err != nil {
		return nil, fmt.Errorf("pipeline: %s: %w", c.DataPath.LLMEmbeddingData, err)
	}
	return candidates, out.Commit()
}
