package chat

import "github.com/llmrouter-go/llmrouter/internal/money"

// An Estimate says what calls will take before any is made. The zero value is
// empty; [Estimate.Add] counts a call.
type Estimate struct {
	// Candidates holds one entry for each candidate, in the order in which they
	// were first added.
	Candidates []CandidateEstimate `json:"candidates"`

	index map[string]int
}

// CandidateEstimate is what the calls of one candidate will take.
type CandidateEstimate struct {
	// Candidate is the candidate's name; "" in a total.
	Candidate string `json:"candidate,omitempty"`
	// Calls is the number of calls, retries not included.
	Calls int `json:"calls"`
	// PromptTokens is about how many tokens the prompts have; see
	// [EstimateTokens].
	PromptTokens int `json:"prompt_tokens"`
	// MaxCompletionTokens is the most tokens that the answers can have.
	MaxCompletionTokens int `json:"max_completion_tokens"`
	// PromptUSD is the price of the prompts: about the least that the calls
	// will cost.
	PromptUSD float64 `json:"prompt_usd"`
	// MaxUSD is the price if every answer is as long as it may be.
	MaxUSD float64 `json:"max_usd"`
	// Unpriced says that both prices are 0 though the endpoint is not on this
	// machine, so that the figures in USD are probably too low.
	Unpriced bool `json:"unpriced,omitempty"`

	prompt, most money.USD
}

// Add counts one call. Parameters out of range count as Params' defaults.
func (e *Estimate) Add(r Request) {
	i, ok := e.index[r.Target.Name]
	if !ok {
		if e.index == nil {
			e.index = map[string]int{}
		}
		i = len(e.Candidates)
		e.index[r.Target.Name] = i
		e.Candidates = append(e.Candidates, CandidateEstimate{
			Candidate: r.Target.Name,
			Unpriced:  r.Target.InputPrice == 0 && r.Target.OutputPrice == 0 && !r.Target.local,
		})
	}
	p, err := r.Params.validate()
	if err != nil {
		p, _ = Params{}.validate()
	}
	in, most := r.body(p).promptTokens(), r.Target.own.maxTokens(p.maxTokens)
	e.Candidates[i].add(CandidateEstimate{
		Calls: 1, PromptTokens: in, MaxCompletionTokens: most,
		prompt: r.Target.cost(in, 0), most: r.Target.most(in, most),
	})
}

// Total returns the sum over the candidates.
func (e *Estimate) Total() CandidateEstimate {
	var t CandidateEstimate
	for _, c := range e.Candidates {
		t.add(c)
	}
	return t
}

func (c *CandidateEstimate) add(d CandidateEstimate) {
	c.Calls += d.Calls
	c.PromptTokens += d.PromptTokens
	c.MaxCompletionTokens += d.MaxCompletionTokens
	c.Unpriced = c.Unpriced || d.Unpriced
	c.prompt = c.prompt.Plus(d.prompt)
	c.most = c.most.Plus(d.most)
	c.PromptUSD, c.MaxUSD = c.prompt.Dollars(), c.most.Dollars()
}
