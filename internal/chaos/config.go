// Package chaos is an OpenAI-compatible server of chat completions, alone and in
// batches, that misbehaves
// to order: it delays, limits, refuses, hangs, drips, breaks off and answers
// with rubbish, by seed. It counts what it was asked and by which key, and
// records every use of a key that it had told to cool down. Only tests import it.
//
// What happens to a request depends on the seed, the model, the user message
// and on how often that message was sent to that model, not on the order in
// which requests arrive: two runs of the same calls meet the same faults.
// (Limits, and faults bound to keys, depend on the caller's choice of keys.)
package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"time"
)

// Config says how a [Server] behaves. The zero value answers everything well
// and at once.
type Config struct {
	// Seed chooses latencies and faults.
	Seed uint64
	// Latency is the time before each answer, faulty ones included; nil: none.
	Latency Latency
	// Faults are what can happen to a request; the first of those drawn happens.
	Faults []Fault
	// MaxFaults is how many faults one message to one model can meet: later
	// attempts are answered well. 0: no bound. It does not count Limits,
	// RejectedKeys and Statuses.
	MaxFaults int

	// RejectedKeys are answered with 401.
	RejectedKeys []string
	// ForbiddenKeys are answered with 403.
	ForbiddenKeys []string
	// Limits bounds the use of keys: requests beyond it get 429.
	Limits map[string]Limit
	// Statuses answers all requests for a model with the given status.
	Statuses map[string]int

	// Answer makes the text of a good answer; nil: [Answer].
	Answer func(model, user string) string
	// OmitUsage leaves the token counts out of good answers.
	OmitUsage bool

	// Batches says how files and batches fare. Of the rest of the Config their
	// requests meet Statuses and the faults that are refusals or empty answers.
	Batches Batches

	// Cooldown is how long the client promises not to use a key for the same model
	// after 5xx and after 429 without Retry-After, and not at all where the 429
	// comes of Limits; 0: promises nothing.
	Cooldown time.Duration
	// Grace is how long requests may still arrive after a key was told to cool
	// down, because they were on their way. 0 is right under a fake clock, where a
	// request takes no time; real connections need some milliseconds.
	Grace time.Duration
	// DripInterval is the time between the bytes of a dripping answer; default
	// 1 s.
	DripInterval time.Duration
}

// Limit bounds the use of a key to Requests in any Window.
type Limit struct {
	Requests int
	Window   time.Duration
	// Silent leaves Retry-After out of the 429s.
	Silent bool
}

// A Fault may happen to a request.
type Fault struct {
	Kind FaultKind
	// Probability is its share of the requests, 0 to 1.
	Probability float64
	// RetryAfter is what RateLimited, RateLimitedDate and Unavailable ask for;
	// default 1 s. The header carries whole seconds, rounded up, except for
	// RateLimitedMillis.
	RetryAfter time.Duration
	// Keys are the keys to which it can happen; nil: all.
	Keys []string
}

// FaultKind is a way of misbehaving.
type FaultKind string

// The faults.
const (
	RateLimited       FaultKind = "429"              // Retry-After in seconds
	RateLimitedDate   FaultKind = "429 date"         // Retry-After as a date
	RateLimitedMillis FaultKind = "429 milliseconds" // Retry-After-Ms
	RateLimitedSilent FaultKind = "429 silent"       // no Retry-After
	ServerError       FaultKind = "500"              // 500 or 502
	Unavailable       FaultKind = "503"              // with Retry-After
	Hang              FaultKind = "hang"             // never answers
	Drip              FaultKind = "drip"             // answers a byte at a time
	Disconnect        FaultKind = "disconnect"       // closes in the middle of the body
	DisconnectEarly   FaultKind = "disconnect early" // closes before the header
	TruncatedJSON     FaultKind = "truncated JSON"   // a complete response with half the JSON
	InvalidJSON       FaultKind = "invalid JSON"     // not JSON
	HTMLPage          FaultKind = "HTML page"        // status 200, text/html
	WrongType         FaultKind = "wrong type"       // status 200, image/png
	NoChoices         FaultKind = "no choices"       // choices: []
	EmbeddedError     FaultKind = "error as answer"  // status 200, {"error": {"code": 502}}
)

// Latency draws a time from a distribution.
type Latency func(r *rand.Rand) time.Duration

// Fixed always takes d.
func Fixed(d time.Duration) Latency { return func(*rand.Rand) time.Duration { return d } }

// Uniform takes between low and high.
func Uniform(low, high time.Duration) Latency {
	return func(r *rand.Rand) time.Duration { return low + time.Duration(r.Float64()*float64(high-low)) }
}

// LogNormal takes median in the middle case, with a long tail: sigma 0.5 puts
// one answer in a hundred past 3.2 times the median.
func LogNormal(median time.Duration, sigma float64) Latency {
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
	}
}

// Answer is the text of a good answer: it tells which model answered what.
func Answer(model, user string) string {
	sum := sha256.Sum256([]byte(model + "\x00" + user))
	return "answer " + hex.EncodeToString(sum[:8])
}

// PromptTokens and CompletionTokens are the counts that good answers claim.
func PromptTokens(system, user string) int { return (len(system) + len(user) + 3) / 4 }

// CompletionTokens is the count that a good answer claims for its text.
func CompletionTokens(text string) int { return (len(text) + 3) / 4 }
