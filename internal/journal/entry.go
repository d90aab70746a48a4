package journal

import "crypto/sha256"

// CallID identifies a call of a candidate within a journal.
type CallID [16]byte

// NewCallID returns the id of an entry's Candidate and Call.
func NewCallID(candidate, call string) CallID {
	sum := sha256.Sum256([]byte(candidate + "\x00" + call))
	return CallID(sum[:16])
}

// Entry is a finished call, or says that a call is to be made (again). The order
// of the fields is that of the line, which decode.go relies on; fields that were
// added later stand at the end and are left out where they say nothing.
type Entry struct {
	// Call is the request's fingerprint, and "-1", "-2" ... behind it for the
	// further rows that ask the same. It is not empty.
	Call      string `json:"call"`
	Candidate string `json:"candidate"`
	Task      string `json:"task_name"`
	// Error is nil for an answer. A failed call has no answer; its token counts
	// are those of an attempt that was charged, else 0.
	Error        *Error `json:"error,omitempty"`
	Response     string `json:"response"`
	TokenNum     int    `json:"token_num"`
	InputTokens  int    `json:"input_tokens"`
	OutputTokens int    `json:"output_tokens"`
	// Estimated says that token counts are estimates, since the service gave
	// none that can be.
	Estimated bool `json:"tokens_estimated,omitempty"`
	// ResponseTime is in seconds.
	ResponseTime float64 `json:"response_time"`
	// Key is the label of the key, never the key.
	Key          string  `json:"key,omitempty"`
	Attempts     int     `json:"attempts"`
	CostUSD      float64 `json:"cost_usd"`
	FinishReason string  `json:"finish_reason,omitempty"`
	// Model is what the service calls the model that answered; "" where it did
	// not say.
	Model string `json:"model,omitempty"`
	// CachedTokens of the input were read from the service's cache, and
	// ReasoningTokens of the output went to thinking.
	CachedTokens    int `json:"cached_tokens,omitempty"`
	ReasoningTokens int `json:"reasoning_tokens,omitempty"`
	// ThoughtBytes is how long the thoughts are that came with the answer, in it
	// or beside it.
	ThoughtBytes int `json:"thought_bytes,omitempty"`
	// Void says that the call has no outcome: an earlier one is void, and the
	// call is to be made again. CostUSD is what it has cost all the same, beside
	// what earlier entries say.
	Void bool `json:"void,omitempty"`
	// Part is the id of the [Part] that the answer came with, "" where it was
	// called alone. Such an answer has no time: nobody measured it.
	Part string `json:"part,omitempty"`
}

// Error is why a call failed for good.
type Error struct {
	Kind    string `json:"kind"`
	Status  int    `json:"status,omitempty"` // of HTTP; 0: there was none
	Code    string `json:"code,omitempty"`   // the service's own
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
	// Unknown says that the service refused in words that are not known.
	Unknown bool `json:"unknown_words,omitempty"`
}

// note is a line that is no entry: it says one of these.
type note struct {
	// ScoredBy names what has scored answers, such as "cpython 3.11.7, native".
	ScoredBy string `json:"scored_by,omitempty"`
	Part     *Part  `json:"batch_part,omitempty"`
}
