package chat

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Balance is how calls are spread over the keys of an endpoint.
type Balance int

const (
	// RoundRobin takes the keys in turn, passing over those that are not free.
	RoundRobin Balance = iota
	// LeastBusy takes the key with the fewest attempts in flight.
	LeastBusy
	// LowestLatency takes the key with the shortest expected answer: its
	// average response time, times the attempts that would be in flight. The
	// average fades with a half-life of a minute, so that a key that was slow
	// once is tried again.
	LowestLatency
)

// ParseBalance returns the policy named "round_robin" (or ""), "least_busy" or
// "lowest_latency".
func ParseBalance(name string) (Balance, error) {
	switch name {
	case "", "round_robin":
		return RoundRobin, nil
	case "least_busy":
		return LeastBusy, nil
	case "lowest_latency":
		return LowestLatency, nil
	}
	return 0, fmt.Errorf(`chat: balance %q: want "round_robin", "least_busy" or "lowest_latency"`, name)
}

// Options configures a [Client]. The zero value works.
type Options struct {
	// Balance spreads calls over keys; default RoundRobin.
	Balance Balance

	// Attempts is how often one call is tried, 1 to 100; default 8. Attempts
	// that end with a key set aside do not count, as each key can do so once.
	Attempts int
	// Timeout bounds one attempt, up to the answer's last byte; default 30 s,
	// and 90 or 120 s for three candidates known to be slow:
	// llama-3.3-nemotron-super-49b-v1 (120), llama-3.1-nemotron-51b-instruct
	// and llama3-chatqa-1.5-70b (90).
	Timeout time.Duration
	// Timeouts bounds an attempt of the candidate named; it goes before Timeout.
	Timeouts map[string]time.Duration
	// TotalTimeout bounds a call, retries and waits included; default 10 min.
	// It runs from the first attempt. Until then a call waits for its turn as
	// long as calls to its endpoint succeed, and fails once none has for this
	// long.
	TotalTimeout time.Duration
	// Backoff is the wait before the second attempt; it doubles with each
	// further one up to MaxBackoff, and the actual wait is drawn between half of
	// it and all of it. Default 500 ms.
	Backoff time.Duration
	// MaxBackoff is the longest such wait; default 8 s.
	MaxBackoff time.Duration

	// Cooldown is how long a key rests after 429 or 5xx when the server does
	// not say; it doubles with each further failure until the key succeeds, up
	// to MaxCooldown. Default 1 s.
	Cooldown time.Duration
	// MaxCooldown is the longest rest, and what Retry-After is clamped to;
	// default 1 min.
	MaxCooldown time.Duration

	// Limits bounds the use of each key; default none.
	Limits Limits
	// ServiceLimits bounds the use of each key of the service named, in any
	// case; it goes before Limits.
	ServiceLimits map[string]Limits

	// StopAfter is how many calls of a candidate in a row must fail until the
	// candidate is stopped; default 5. What counts are calls that fail with 404,
	// 410 or 400, those whose last attempt did not reach the service (connection
	// refused, unknown host), and those that had no turn (KindUnavailable).
	// Failures that concern one query (too long, filtered) do not count.
	StopAfter int

	// Budget bounds what the calls cost; nil: no bound.
	Budget *Budget

	// MaxResponseBytes is the longest answer read, after decompression;
	// default 8 MiB.
	MaxResponseBytes int64

	// Transport sends the requests; nil: a copy of http.DefaultTransport (which
	// follows HTTPS_PROXY and its like, as Go programs do) with a pool of idle
	// connections for many workers, and 10 s to make one. Redirects are not
	// followed.
	Transport http.RoundTripper

	// Logger takes notice of keys set aside and candidates stopped (Warn), and
	// of failed attempts and resting keys (Debug); nil: silent.
	Logger *slog.Logger
}

// withDefaults validates o and fills in the defaults.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("chat: options: %s: "+format, append([]any{field}, args...)...))
	}
	duration := func(field string, d *time.Duration, def time.Duration) {
		if *d < 0 {
			fault(field, "%v is negative", *d)
		}
		if *d == 0 {
			*d = def
		}
	}
	if o.Balance < RoundRobin || o.Balance > LowestLatency {
		fault("Balance", "%d is no policy", o.Balance)
	}
	if o.Attempts == 0 {
		o.Attempts = 8
	}
	if o.Attempts < 0 || o.Attempts > 100 {
		fault("Attempts", "%d is not within 1 to 100", o.Attempts)
	}
	if o.Timeout < 0 {
		fault("Timeout", "%v is negative", o.Timeout)
	}
	for name, d := range o.Timeouts {
		if d <= 0 {
			fault("Timeouts", "candidate %q: %v is not positive", name, d)
		}
	}
	o.Timeouts = maps.Clone(o.Timeouts)
	duration("TotalTimeout", &o.TotalTimeout, 10*time.Minute)
	duration("Backoff", &o.Backoff, 500*time.Millisecond)
	duration("MaxBackoff", &o.MaxBackoff, 8*time.Second)
	duration("Cooldown", &o.Cooldown, time.Second)
	duration("MaxCooldown", &o.MaxCooldown, time.Minute)
	limits := func(field string, l Limits) {
		if l.RequestsPerMinute < 0 || l.TokensPerMinute < 0 {
			fault(field, "negative")
		}
	}
	limits("Limits", o.Limits)
	services := make(map[string]Limits, len(o.ServiceLimits))
	for name, l := range o.ServiceLimits {
		limits("ServiceLimits", l)
		if _, twice := services[serviceID(name)]; twice {
			fault("ServiceLimits", "%q stands there in two spellings", strings.TrimSpace(name))
		}
		services[serviceID(name)] = l
	}
	o.ServiceLimits = services
	if o.StopAfter == 0 {
		o.StopAfter = 5
	}
	if o.StopAfter < 0 {
		fault("StopAfter", "%d is negative", o.StopAfter)
	}
	if o.MaxResponseBytes == 0 {
		o.MaxResponseBytes = 8 << 20
	}
	if o.MaxResponseBytes < 0 {
		fault("MaxResponseBytes", "%d is negative", o.MaxResponseBytes)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, errors.Join(errs...)
}

// limitsFor returns the limits of a key of the given service.
func (o *Options) limitsFor(service string) Limits {
	if l, ok := o.ServiceLimits[serviceID(service)]; ok {
		return l
	}
	return o.Limits
}

// timeoutFor returns the time limit of one attempt of the given candidate.
func (o *Options) timeoutFor(candidate string) time.Duration {
	if d, ok := o.Timeouts[candidate]; ok {
		return d
	}
	if o.Timeout > 0 {
		return o.Timeout
	}
	return defaultTimeout(candidate)
}
