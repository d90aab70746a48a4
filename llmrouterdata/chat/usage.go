package chat

import (
	"math"
	"strconv"
)

// usage is what an answer took, in tokens; estimated says that some of it is not
// the service's count.
type usage struct {
	prompt, completion, total int
	cached, reasoning         int // of prompt, of completion
	estimated                 bool
}

// counts are a service's own counts; 0 stands for none.
type counts struct {
	prompt, completion, total, cached, reasoning int
}

// wireUsage is what services tell of tokens, under the names that they use.
type wireUsage struct {
	Prompt     any          `json:"prompt_tokens"`
	Completion any          `json:"completion_tokens"`
	Total      any          `json:"total_tokens"`
	Input      any          `json:"input_tokens"`
	Output     any          `json:"output_tokens"`
	Reasoning  any          `json:"reasoning_tokens"`
	CacheHit   any          `json:"prompt_cache_hit_tokens"`
	CacheRead  any          `json:"cache_read_input_tokens"`
	Cached     any          `json:"cached_tokens"`
	OfPrompt   *wireDetails `json:"prompt_tokens_details"`
	OfInput    *wireDetails `json:"input_tokens_details"`
	OfComplete *wireDetails `json:"completion_tokens_details"`
	OfOutput   *wireDetails `json:"output_tokens_details"`
}

type wireDetails struct {
	Cached    any `json:"cached_tokens"`
	Reasoning any `json:"reasoning_tokens"`
}

// asCount returns a JSON number (or a string that holds one) of 0 to maxCount,
// 0 for any other value.
func asCount(v any) int {
	f, ok := v.(float64)
	if text, isText := v.(string); isText {
		var err error
		f, err = strconv.ParseFloat(text, 64)
		ok = err == nil
	}
	if !ok || !(f > 0 && f <= maxCount) {
		return 0
	}
	return int(math.Round(f))
}

// firstCount returns the first of some values that is a count.
func firstCount(values ...any) int {
	for _, v := range values {
		if n := asCount(v); n > 0 {
			return n
		}
	}
	return 0
}

// add takes over what u tells. What it does not tell, or tells as nothing, stays.
func (c *counts) add(u *wireUsage) {
	if u == nil {
		return
	}
	set := func(at *int, values ...any) {
		if n := firstCount(values...); n > 0 {
			*at = n
		}
	}
	set(&c.prompt, u.Prompt, u.Input)
	set(&c.completion, u.Completion, u.Output)
	set(&c.total, u.Total)
	set(&c.reasoning, u.Reasoning)
	set(&c.cached, u.CacheHit, u.CacheRead, u.Cached)
	for _, d := range [...]*wireDetails{u.OfPrompt, u.OfInput, u.OfComplete, u.OfOutput} {
		if d != nil {
			set(&c.cached, d.Cached)
			set(&c.reasoning, d.Reasoning)
		}
	}
}

// known reports whether the service told anything.
func (c counts) known() bool { return c.prompt > 0 || c.completion > 0 || c.total > 0 }

// usage makes of the counts what the answer took. What was written is the total
// without the prompt where that is more than the count of it: some services count
// thinking apart. A count that is missing is told by the others, else estimated,
// as is none beside written text.
func (c counts) usage(asked *Body, written ...string) usage {
	u := usage{prompt: c.prompt, completion: c.completion, cached: c.cached, reasoning: c.reasoning}
	if c.prompt > 0 && c.cached > c.prompt { // counted apart, as Anthropic does
		u.prompt += c.cached
	}
	if c.reasoning > c.completion && c.total == 0 {
		u.completion += c.reasoning
	}
	if u.prompt == 0 && u.completion > 0 {
		u.prompt = max(c.total-u.completion, 0)
	}
	if u.prompt == 0 {
		u.prompt, u.estimated = asked.promptTokens(), true
		if c.total > 0 {
			u.prompt = min(u.prompt, c.total)
		}
	}
	u.completion = max(u.completion, c.total-u.prompt)
	if u.completion == 0 {
		for _, text := range written {
			u.completion += EstimateTokens(text)
		}
		u.estimated = u.estimated || u.completion > 0
	}
	u.cached = min(u.cached, u.prompt)
	u.reasoning = min(u.reasoning, u.completion)
	u.total = u.prompt + u.completion
	return u
}
