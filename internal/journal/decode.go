package journal

import (
	"encoding/json"

	"github.com/llmrouter-go/llmrouter/internal/jsonscan"
)

// decode reads a line.
func decode(line string, e *Entry) error {
	if parse(line, e) {
		return nil
	}
	*e = Entry{}
	return json.Unmarshal([]byte(line), e)
}

// decodeNote reads a line that is no entry; nil where it is no note either.
func decodeNote(line string) *note {
	var n note
	if json.Unmarshal([]byte(line), &n) != nil || n.ScoredBy == "" && (n.Part == nil || n.Part.ID == "") {
		return nil
	}
	return &n
}

// parse reads the line of an answer as Append writes it, at a fraction of the cost of
// encoding/json: a journal may hold millions. It reports false for every other
// line, which encoding/json then judges.
func parse(line string, e *Entry) bool {
	s := &jsonscan.Scanner{Rest: line, OK: true}
	text := func(name string) string { s.Take(name); return s.Text() }
	integer := func(name string) int { s.Take(name); return s.Integer() }
	number := func(name string) float64 { s.Take(name); return s.Float() }
	e.Call = text(`{"call":`)
	e.Candidate = text(`,"candidate":`)
	e.Task = text(`,"task_name":`)
	e.Response = text(`,"response":`)
	e.TokenNum = integer(`,"token_num":`)
	e.InputTokens = integer(`,"input_tokens":`)
	e.OutputTokens = integer(`,"output_tokens":`)
	e.Estimated = s.Has(`,"tokens_estimated":true`)
	e.ResponseTime = number(`,"response_time":`)
	if s.Has(`,"key":`) {
		e.Key = s.Text()
	}
	e.Attempts = integer(`,"attempts":`)
	e.CostUSD = number(`,"cost_usd":`)
	if s.Has(`,"finish_reason":`) {
		e.FinishReason = s.Text()
	}
	if s.Has(`,"model":`) {
		e.Model = s.Text()
	}
	if s.Has(`,"cached_tokens":`) {
		e.CachedTokens = s.Integer()
	}
	if s.Has(`,"reasoning_tokens":`) {
		e.ReasoningTokens = s.Integer()
	}
	if s.Has(`,"thought_bytes":`) {
		e.ThoughtBytes = s.Integer()
	}
	e.Void = s.Has(`,"void":true`)
	if s.Has(`,"part":`) {
		e.Part = s.Text()
	}
	return s.OK && s.Rest == "}\n"
}
