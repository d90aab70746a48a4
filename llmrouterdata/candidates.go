package llmrouterdata

// Candidate is one LLM that a router may choose.
type Candidate struct {
	Name        string
	Size        string
	Feature     string
	Model       string
	Service     string
	APIEndpoint string
	InputPrice  float64 // USD per 1e6 tokens
	OutputPrice float64 // USD per 1e6 tokens
	Embedding   []float32
}
