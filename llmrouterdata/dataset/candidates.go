package dataset

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// StaleVectors says in what way the candidates' vectors of llm_embedding_data do not
// fit: to the vectors of the queries, of dim numbers (0: there are none) by the
// encoder of that fingerprint ("": not known), or to what llm_data says of the
// candidates now. A router that is trained on such vectors learns nothing from
// them, and no trainer says so. What files do not tell is not looked at.
func StaleVectors(listed, embedded []llmrouterdata.Candidate, dim int, encoder string) []string {
	features := map[string]*llmrouterdata.Candidate{}
	for i := range listed {
		features[listed[i].Name] = &listed[i]
	}
	var found []string
	for i := range embedded {
		c := &embedded[i]
		at := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("candidate %q: ", c.Name)+fmt.Sprintf(format, args...))
		}
		if n := len(c.Embedding); dim > 0 && n != dim {
			at("its vector has %d numbers, those of the queries have %d", n, dim)
		} else if encoder != "" && c.EmbeddingEncoder != "" && c.EmbeddingEncoder != encoder {
			at("its vector is of another encoder (%s) than those of the queries (%s)", c.EmbeddingEncoder, encoder)
		}
		switch now, listed := features[c.Name]; {
		case !listed:
		case c.EmbeddingFeature != "" && c.EmbeddingFeature != now.FeatureHash(),
			c.EmbeddingFeature == "" && c.Feature != "" && c.Feature != now.Feature:
			at("its feature has changed since it was embedded")
		}
	}
	return found
}

// encoder is the fingerprint of the encoder of the queries' vectors, "" where it is
// not known; see [Table.Encoder].
func (d *Dataset) encoder() string {
	if d.options.Encoder != "" {
		return d.options.Encoder
	}
	found := ""
	for i := range d.EmbeddedCandidates {
		c := &d.EmbeddedCandidates[i]
		switch {
		case len(c.Embedding) != d.Dim() || c.EmbeddingEncoder == "":
		case found == "":
			found = c.EmbeddingEncoder
		case found != c.EmbeddingEncoder:
			return ""
		}
	}
	return found
}
