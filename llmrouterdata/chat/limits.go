package chat

import (
	"time"
)

// The defaults of Options.
const (
	defaultAttempts    = 8                      // with the backoff below, half a minute of trying
	defaultTimeout     = 30 * time.Second       // for one attempt; slowTimeouts has the exceptions
	defaultTotal       = 10 * time.Minute       // several of the longest cooldowns
	nearTimeout        = 10 * time.Minute       // for a server of one's own, which queues what it is asked at once
	nearTotal          = 30 * time.Minute       // three of them
	defaultConnect     = 10 * time.Second       // so that a host which drops packets is told from one that is slow to answer, and may be paid
	defaultHost        = time.Minute            // a service that is started anew is back by then
	defaultBackoff     = 500 * time.Millisecond // a broken connection is worth a quick second try
	defaultMaxBackoff  = 8 * time.Second        // longer outages are what cooldowns are for
	defaultCooldown    = time.Second            // doubled, it soon reaches what a service needs
	defaultMaxCooldown = time.Minute            // most limits are counted by the minute
	defaultThreshold   = 5                      // one or two failures may be chance
	defaultMaxResponse = 8 << 20                // twice what maxTokens usually take
)

// MaxUnknown is how many different queries in a row are refused in unknown words
// until it is taken to be the candidate: chance would have let one through.
const MaxUnknown = 20

// Time-outs narrow a host's window when their share among the last attempts,
// which fades with each by a tenth, passes a quarter: three together do.
const (
	lateStep  = 0.1
	lateShare = 0.25
)

// slowTimeouts replaces defaultTimeout for candidates known to be slow.
var slowTimeouts = map[string]time.Duration{
	"llama-3.3-nemotron-super-49b-v1": 120 * time.Second,
	"llama-3.1-nemotron-51b-instruct": 90 * time.Second,
	"llama3-chatqa-1.5-70b":           90 * time.Second,
}

// The defaults of Params are the Python pipeline's.
const (
	defaultMaxTokens   = 512
	defaultTemperature = 0.01
	defaultTopP        = 0.9
)

// defaultBatchFactor is what services ask for calls in batches, as a share of the
// prices of others.
const defaultBatchFactor = 0.5

// The ends of ranges.
const (
	maxAttempts    = 100 // 100 waits of MaxBackoff exceed TotalTimeout by default
	maxTokens      = 1e6 // no model answers with more; keeps the sums of estimates far from overflow
	maxTemperature = 2   // as the services have it
	maxBudget      = 1e5 // USD; keeps the sums far from saturation
)

// What is taken from a service.
const (
	maxCount  = 1e9     // tokens that it can claim to have counted: sums stay far from overflow
	maxDetail = 200     // characters of an error's text, as the Python pipeline cuts it
	maxWords  = 1000    // characters of it, for a client who has to see what is wrong with a request
	maxGrow   = 1 << 20 // bytes of memory reserved because a header announces them
	maxModel  = 200     // bytes of the answering model's name
	maxWord   = 64      // characters of a finish reason
	framing   = 64      // tokens that a service may add to a prompt of two messages
)

// signOfLife is how long whoever asked for a stream waits until what comes is passed on,
// whatever it says: proxies and clients give a silent connection up after half a minute
// and more.
const signOfLife = 10 * time.Second

// unboundedTokens is how long an answer is taken to be at most where the request
// sets no bound: few models answer with more.
const unboundedTokens = 32_768

// The transport's, where the caller brings none.
const (
	tlsTimeout   = 10 * time.Second // as in http.DefaultTransport
	idleTimeout  = 90 * time.Second // as in http.DefaultTransport
	maxIdleConns = 1024             // for one host; with the usual two, most workers would connect anew for every call
)

const (
	// fundPause is how long a budget waits before it asks a fund again that had
	// nothing: a visit may be a file on a network.
	fundPause = 250 * time.Millisecond
	// fundRest is how long it keeps money that nobody asks for.
	fundRest = time.Second
)

// latencyHalfLife is how long it takes until a measured latency counts half,
// so that a key that was slow once is tried again.
const latencyHalfLife = time.Minute
