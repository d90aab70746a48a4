package chat

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Balance is how calls are spread over the keys of an endpoint.
type Balance int

const (
	// RoundRobin takes one key after the other, passing over those that are not
	// free.
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
	i := slices.Index([]string{"round_robin", "least_busy", "lowest_latency"}, cmp.Or(name, "round_robin"))
	if i < 0 {
		return 0, fmt.Errorf(`chat: balance %q: want "round_robin", "least_busy" or "lowest_latency"`, name)
	}
	return Balance(i), nil
}

// Options configures a [Client]; nil and the zero value give the defaults.
type Options struct {
	// Balance spreads calls over keys; 0: RoundRobin.
	Balance Balance

	// Attempts is how often one call is tried, from 1 to 100; 0: 8. Attempts
	// that disable their key do not count, as each key can do so once.
	Attempts int
	// Timeout bounds one attempt, up to the answer's last byte, from 0 up; 0:
	// 30 s, 90 or 120 s for three candidates known to be slow
	// (llama-3.3-nemotron-super-49b-v1: 120, llama-3.1-nemotron-51b-instruct
	// and llama3-chatqa-1.5-70b: 90), and 10 min where the endpoint is on this
	// machine or in its network, as a server of one's own takes minutes under
	// load. A candidate's own limit comes before it.
	Timeout time.Duration
	// Timeouts bounds an attempt of the candidate named, above 0; it overrides
	// Timeout and the candidate's own. Nil: none is named.
	Timeouts map[string]time.Duration
	// TotalTimeout bounds a call, retries and waits included, from 0 up; 0:
	// 10 min, and 30 min where the endpoint is on this machine or in its network.
	// It runs from the first attempt. Until then a call waits for a key
	// as long as calls to its endpoint succeed, and fails once none has for this
	// long.
	TotalTimeout time.Duration
	// Backoff is the wait before the second attempt, from 0 up; 0: 500 ms. It
	// doubles with each further one up to MaxBackoff. The actual wait is drawn
	// between half of it and all of it.
	Backoff time.Duration
	// MaxBackoff is the longest such wait, from 0 up; 0: 8 s.
	MaxBackoff time.Duration

	// Cooldown is how long a key is not used after 429 or 5xx when the server
	// does not say, from 0 up; 0: 1 s. It doubles with each further failure until
	// the key succeeds, up to MaxCooldown.
	Cooldown time.Duration
	// MaxCooldown is the longest cooldown, to which Retry-After is clamped, from
	// 0 up; 0: 1 min.
	MaxCooldown time.Duration
	// Cooldowns is where this client tells which keys cool down, and hears it from
	// clients in other processes; nil: of nobody.
	Cooldowns Cooldowns

	// Limits bounds the use of each key; the zero value: no limits.
	Limits Limits
	// ServiceLimits bounds the use of each key of the service named, in any
	// case; it overrides Limits. Nil: none is named.
	ServiceLimits map[string]Limits
	// Processes is how many processes share the keys, from 1; 0: 1. Each has its
	// part of Limits and ServiceLimits, rounded down; a limit that is less than
	// Processes cannot be divided and is an error.
	Processes int

	// BreakerThreshold is how many calls in a row must fail until a candidate's
	// circuit breaker stops it for good, from 0 up; 0: 5. What counts are calls
	// that fail by the candidate's fault, those whose answers cannot be read, and
	// those that never got a key (KindUnavailable). Failures that concern one
	// query (too long, filtered) do not count; of refusals in words that are not
	// known, 20 different queries in a row stop the candidate. Where the service
	// says that it does not have the model, one does if nothing was answered yet.
	// What counts of relays is said at [Client.Relay].
	BreakerThreshold int
	// HostTimeout is how long a host may answer nobody, and at least
	// BreakerThreshold calls, until its candidates are stopped; from 0 up; 0:
	// 1 min. Meanwhile one call at a time tries, and attempts that find no
	// connection do not count.
	HostTimeout time.Duration

	// StopTime is how long a candidate, a host or a key stays stopped. Then one call
	// tries it again, which stops it for as long again until it is answered. From 0
	// up; 0: for good, as the next run tries again.
	StopTime time.Duration
	// MaxWait bounds each wait for a key, for a silent host or for the budget, from 0
	// up; 0: no bound but TotalTimeout's. A call that waited longer fails with
	// KindUnavailable, with [ErrReserved] where it waited for the budget, or as its
	// last attempt failed.
	MaxWait time.Duration

	// Budget bounds what the calls cost; nil: no bound.
	Budget *Budget

	// MaxResponseBytes is the longest answer read, in bytes after decompression,
	// from 0 up; 0: 8 MiB.
	MaxResponseBytes int64

	// Transport sends the requests; nil: a copy of http.DefaultTransport (which
	// follows HTTPS_PROXY and its like, as Go programs do) with a pool of idle
	// connections for many workers, and 10 s to make one. Redirects are not
	// followed.
	Transport http.RoundTripper

	// Logger takes notice of disabled keys and stopped candidates (Warn), and of
	// failed attempts and cooldowns (Debug); nil: silent.
	Logger *slog.Logger
}

// validate returns a copy of o with the defaults filled in.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "chat: Options")
	options.Number(f, "Balance", &v.Balance, RoundRobin, RoundRobin, LowestLatency)
	options.Number(f, "Attempts", &v.Attempts, defaultAttempts, 1, maxAttempts)
	options.Number(f, "Timeout", &v.Timeout, 0, 0, 0) // timeoutFor fills it in
	for _, name := range slices.Sorted(maps.Keys(v.Timeouts)) {
		timeout := v.Timeouts[name]
		options.Number(f, fmt.Sprintf("Timeouts[%q]", name), &timeout, 0, 1, 0)
	}
	v.Timeouts = maps.Clone(v.Timeouts)
	options.Number(f, "TotalTimeout", &v.TotalTimeout, 0, 0, 0) // totalFor fills it in
	options.Number(f, "Backoff", &v.Backoff, defaultBackoff, 1, 0)
	options.Number(f, "MaxBackoff", &v.MaxBackoff, defaultMaxBackoff, 1, 0)
	options.Number(f, "Cooldown", &v.Cooldown, defaultCooldown, 1, 0)
	options.Number(f, "MaxCooldown", &v.MaxCooldown, defaultMaxCooldown, 1, 0)
	options.Number(f, "Processes", &v.Processes, 1, 1, 0)
	v.Limits = v.Limits.validate(f, "Limits", v.Processes)
	services := make(map[string]Limits, len(v.ServiceLimits))
	for _, name := range slices.Sorted(maps.Keys(v.ServiceLimits)) {
		limits, id := v.ServiceLimits[name], serviceID(name)
		field := fmt.Sprintf("ServiceLimits[%q]", name)
		limits = limits.validate(f, field, v.Processes)
		if _, duplicate := services[id]; duplicate {
			f.Add(field, "is a duplicate; a service is the same in any case")
		}
		services[id] = limits
	}
	v.ServiceLimits = services
	options.Number(f, "BreakerThreshold", &v.BreakerThreshold, defaultThreshold, 1, 0)
	options.Number(f, "HostTimeout", &v.HostTimeout, defaultHost, 1, 0)
	options.Number(f, "StopTime", &v.StopTime, 0, 0, 0)
	options.Number(f, "MaxWait", &v.MaxWait, 0, 0, 0)
	options.Number(f, "MaxResponseBytes", &v.MaxResponseBytes, defaultMaxResponse, 1, 0)
	if v.Cooldowns == nil {
		v.Cooldowns = alone{}
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v, f.Err()
}

// validate returns the part of the limits that one of so many processes has.
func (l Limits) validate(f *options.Faults, field string, processes int) Limits {
	for _, limit := range []struct {
		name string
		n    *int
	}{{".RequestsPerMinute", &l.RequestsPerMinute}, {".TokensPerMinute", &l.TokensPerMinute}} {
		options.Number(f, field+limit.name, limit.n, 0, 0, 0)
		if err := divide(limit.n, processes); err != nil {
			f.Add(field+limit.name, "%v", err)
		}
	}
	return l
}

// divide makes a limit, 0 for none, that of one of so many processes.
func divide(limit *int, processes int) error {
	if *limit > 0 && *limit < processes {
		return fmt.Errorf("is %d, which cannot be divided among %d processes", *limit, processes)
	}
	if processes > 1 {
		*limit /= processes
	}
	return nil
}

// over reports whether what was stopped is to be tried again.
func (o *Options) over(stopped, now time.Time) bool {
	return o.StopTime > 0 && now.Sub(stopped) >= o.StopTime
}

// waitedLong is closed, so to speak, after the longest wait that begins now; nil
// where none is too long.
func (o *Options) waitedLong() <-chan time.Time {
	if o.MaxWait == 0 {
		return nil
	}
	return time.After(o.MaxWait)
}

// limitsFor returns the limits of a key of the given service.
func (o *Options) limitsFor(service string) Limits {
	if l, ok := o.ServiceLimits[serviceID(service)]; ok {
		return l
	}
	return o.Limits
}

// timeoutFor returns the time limit of one attempt of a target.
func (o *Options) timeoutFor(t *Target) time.Duration {
	standard := defaultTimeout
	if t.near {
		standard = nearTimeout
	}
	return cmp.Or(o.Timeouts[t.Name], t.own.timeout, o.Timeout, slowTimeouts[t.Name], standard)
}

// totalFor returns the time limit of a call of a target.
func (o *Options) totalFor(t *Target) time.Duration {
	if t.near {
		return cmp.Or(o.TotalTimeout, nearTotal)
	}
	return cmp.Or(o.TotalTimeout, defaultTotal)
}
