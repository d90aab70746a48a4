package chat

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Params are the sampling parameters of a call. The zero value gives the
// Python pipeline's: 512 tokens, temperature 0.01, top_p 0.9, not streamed.
type Params struct {
	// MaxTokens is the most tokens to answer with, from 1 to 1e6; 0: 512.
	MaxTokens int
	// Temperature is the sampling temperature, from 0 to 2; nil: 0.01.
	Temperature *float64
	// TopP is the nucleus-sampling mass, from 0 to 1; nil: 0.9.
	TopP *float64
	// Stream asks for the answer as a stream of events. The response is the same;
	// it helps with services that cut long silent connections.
	Stream bool
}

// filledParams is Params with the defaults in place.
type filledParams struct {
	maxTokens         int
	temperature, topP float64
	stream            bool
}

// validate returns p with the defaults filled in.
func (p Params) validate() (filledParams, error) {
	v, f := options.Begin(&p, "chat: Params")
	options.Number(f, "MaxTokens", &v.MaxTokens, defaultMaxTokens, 1, maxTokens)
	temperature := options.Value(f, "Temperature", v.Temperature, defaultTemperature, 0, maxTemperature)
	topP := options.Value(f, "TopP", v.TopP, defaultTopP, 0, 1)
	return filledParams{v.MaxTokens, temperature, topP, v.Stream}, f.Err()
}

// Validate reports every parameter that is out of range.
func (p Params) Validate() error {
	_, err := p.validate()
	return err
}

// asked returns what a request asks, which must be valid.
func (r Request) asked() (*Body, error) {
	params, err := r.Params.validate()
	if err != nil {
		return nil, err
	}
	if r.Prompt.User == "" {
		return nil, fmt.Errorf("chat: candidate %q: the prompt's user message is empty", r.Target.Name)
	}
	return r.body(params), nil
}

// A Request is one call.
type Request struct {
	// Target is the candidate to call, as [Resolve] made it.
	Target Target
	// Prompt is what to ask; its User message must not be empty.
	Prompt Prompt
	// Params are the sampling parameters.
	Params Params
	// Drain is closed for a graceful shutdown: an attempt under way is finished,
	// a call that waits for a key, for money or to try again fails with
	// [ErrDrained]. Nil: never.
	Drain <-chan struct{}
	// Budget is what the call is charged to; nil: that of the client.
	Budget *Budget
}

// Fingerprint identifies what is asked: equal fingerprints mean the same model,
// messages and parameters (whether streamed or not, and by whichever endpoint
// or key). It is 32 hexadecimal digits and the same on every machine. A
// candidate's own params count, and so does a query string of its endpoint, but
// for the version of the service's interface and for keys.
func (r Request) Fingerprint() string {
	p, _ := r.Params.validate()
	const version = "chat/1"
	fields := [...]string{version, r.Target.Model, r.Prompt.System, r.Prompt.User}
	size := 3 * 8
	for _, s := range fields {
		size += 8 + len(s)
	}
	text := make([]byte, 0, size)
	for _, s := range fields { // each after its length, so that no two lists give the same bytes
		text = binary.BigEndian.AppendUint64(text, uint64(len(s)))
		text = append(text, s...)
	}
	for _, n := range [...]uint64{uint64(p.maxTokens), math.Float64bits(p.temperature), math.Float64bits(p.topP)} {
		text = binary.BigEndian.AppendUint64(text, n)
	}
	if o := r.Target.own; o != nil {
		text = append(text, o.meaning...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// A Response is an answer. When [Client.Complete] returns an error, all but Text
// still tell what the failed call took, as far as its last attempt told.
type Response struct {
	// Text is the content of the answer's first choice.
	Text string
	// FinishReason is why the model stopped, for example "stop". It is "length"
	// where the answer was cut for its length, in whatever words the service says
	// so.
	FinishReason string
	// Model is the name of the model that answered, as the service tells it; ""
	// where it does not.
	Model string
	// PromptTokens, CompletionTokens and TotalTokens are the service's counts,
	// else estimates.
	PromptTokens, CompletionTokens, TotalTokens int
	// Estimated says that some of these counts are estimates, as the service did
	// not give them.
	Estimated bool
	// CachedTokens is how many of PromptTokens were read from a cache, and
	// ReasoningTokens how many of CompletionTokens were spent on thinking; 0 where
	// the service does not say.
	CachedTokens, ReasoningTokens int
	// ThoughtBytes is the length of the thoughts that came with the answer, in a
	// field of their own or, with their marks, at the start of the text.
	ThoughtBytes int
	// ResponseTime is how long the successful attempt took, from sending it to
	// the answer's last byte; for a failed call, the time since its first
	// attempt.
	ResponseTime time.Duration
	// KeyLabel stands for the key of the last attempt, for example "NVIDIA-2";
	// "" where it had none. It tells nothing about the key.
	KeyLabel string
	// Attempts is how many attempts were made.
	Attempts int
	// CostUSD is the price of all attempts. One that may have been answered but
	// whose answer was lost counts with the most it can have cost.
	CostUSD float64
}
