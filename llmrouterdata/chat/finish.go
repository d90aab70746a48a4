package chat

import (
	"strings"
	"unicode"
)

// An ending is what a finish reason says of an answer.
type ending int

const (
	endUnknown ending = iota // a word that is not known: an answer
	endWhole                 // an answer, whole as far as the service knows
	endLength                // an answer that is cut for its length
	endFilter                // stopped by a filter
	endBroken                // the service failed
)

// endings are the finish reasons that services give, in lower case and with
// underscores.
var endings = map[string]ending{
	"": endWhole, "stop": endWhole, "end_turn": endWhole, "eos": endWhole, "eos_token": endWhole, "stop_sequence": endWhole,
	"stop_token": endWhole, "complete": endWhole, "completed": endWhole, "done": endWhole, "tool_calls": endWhole,
	"tool_call": endWhole, "tool_use": endWhole, "function_call": endWhole, "finished": endWhole, "success": endWhole,

	"length": endLength, "max_tokens": endLength, "max_output_tokens": endLength, "max_length": endLength,
	"max_completion_tokens": endLength, "model_length": endLength, "token_limit": endLength,
	"model_context_window_exceeded": endLength, "context_length_exceeded": endLength,

	"load": endBroken, "unload": endBroken, "unknown": endBroken, "unspecified": endBroken,
	"finish_reason_unspecified": endBroken, "unexpected_tool_call": endBroken, "too_many_tool_calls": endBroken,
	"insufficient_system_resource": endBroken, "not_finished": endBroken, "time_limit": endBroken, "out_of_memory": endBroken, "busy": endBroken,

	"spii": endFilter, "refusal": endFilter, "language": endFilter,
}

// parts of finish reasons that say what the rest of the word does not matter to.
var (
	brokenParts = []string{
		"error", "abort", "cancel", "fail", "malformed", "insufficient", "timeout", "timed_out", "overload", "disconnect",
		"interrupt", "unavailable", "exception", "crash", "killed", "unload", "preempt", "evict", "shutdown", "rate_limit",
		"too_many_requests", "quota", "capacity", "deadline",
	}
	filterParts = []string{
		"filter", "safety", "sensitive", "prohibited", "blocklist", "blocked", "recitation", "guardrail", "moderation",
		"policy", "refus", "flagged", "censor", "harm", "model_armor",
		"toxic", "unsafe", "nsfw", "risk", "illegal",
	}
	lengthParts = []string{"length", "max_", "token_limit", "output_limit"}
)

// endingOf reads a finish reason, in whatever case and with whatever marks.
func endingOf(reason string) ending {
	if e, ok := endings[reason]; ok { // as a rule
		return e
	}
	word := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '.' || r == '/':
			return '_'
		}
		return unicode.ToLower(r)
	}, strings.TrimSpace(reason))
	if e, ok := endings[word]; ok {
		return e
	}
	for _, part := range filterParts {
		if strings.Contains(word, part) {
			return endFilter
		}
	}
	for _, part := range brokenParts {
		if strings.Contains(word, part) {
			return endBroken
		}
	}
	for _, part := range lengthParts {
		if strings.Contains(word, part) {
			return endLength
		}
	}
	return endUnknown
}
