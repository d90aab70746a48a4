package chat

import (
	"slices"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// A poolKey is one key at one endpoint, guarded by its pool's mutex.
type poolKey struct {
	label  string
	secret *secret.Secret // to "" for none; see keyList

	rejection *Error // why the key is disabled, for good; nil: it is not
	cooldown  cooldown
	models    map[string]*modelUse // by model; absent: nothing speaks against it
	inFlight  int                  // leases that were neither released nor abandoned
	window    float64              // most attempts in flight: 1 or more; 0: no bound
	narrowed  time.Time            // when the window was last halved
	requests  slidingWindow
	tokens    slidingWindow
	latency   float64   // s, moving average of successes; 0: none yet
	measured  time.Time // when latency was last updated
	stats     KeyStats  // InFlight, CooldownUntil and Disabled are filled in by snapshot
}

// modelUse is a key's standing with one model. 5xx and 403 speak of the pair:
// were they held against the key, one broken or closed model would take the
// keys from all the others.
type modelUse struct {
	rejection *Error // as in poolKey
	cooldown  cooldown
}

// A cooldown is the last period in which a key was not to be used.
type cooldown struct {
	since, until time.Time // since <= until
	failures     int       // cooldowns in a row without a success between them
}

// extend lengthens the cooldown after a failure at now of an attempt begun at
// began.
func (c *cooldown) extend(began, now time.Time, e *Error, o *Options) {
	if !began.Before(c.since) { // else the attempt was under way: one incident counts once
		c.failures++
		c.since = now
	}
	d := e.RetryAfter
	if !e.retryAfter {
		d = doubling(o.Cooldown, max(c.failures-1, 0), o.MaxCooldown)
	}
	if until := now.Add(min(d, o.MaxCooldown)); until.After(c.until) {
		c.until = until
	}
}

func (c *cooldown) succeed(began time.Time) {
	if !began.Before(c.since) {
		c.failures = 0
	}
}

// use returns the key's standing with a model, which may still be changed.
func (k *poolKey) use(model string) *modelUse {
	m := k.models[model]
	if m == nil {
		m = &modelUse{}
		k.models[model] = m
	}
	return m
}

// rejectionFor returns why the key is disabled for a model, nil if it is not.
func (k *poolKey) rejectionFor(model string) *Error {
	if m := k.models[model]; k.rejection == nil && m != nil {
		return m.rejection
	}
	return k.rejection
}

// full reports whether the window admits no further attempt. It always admits
// one.
func (k *poolKey) full() bool {
	return k.window > 0 && k.inFlight > 0 && float64(k.inFlight)+1 > k.window
}

// freeAt returns when cooldowns and limits admit an attempt of so many tokens,
// provided that nothing else happens; it is not after now where they do now.
func (k *poolKey) freeAt(now time.Time, model string, tokens int) time.Time {
	at := [...]time.Time{k.cooldown.until, k.requests.ready(now, 1), k.tokens.ready(now, tokens), {}}
	if m := k.models[model]; m != nil {
		at[3] = m.cooldown.until
	}
	return slices.MaxFunc(at[:], time.Time.Compare)
}

// succeeded applies what an attempt taught that took so many seconds.
func (k *poolKey) succeeded(l *lease, now time.Time, seconds float64) {
	k.cooldown.succeed(l.began)
	if m := k.models[l.model]; m != nil {
		m.cooldown.succeed(l.began)
	}
	if k.window > 0 && float64(k.inFlight)+1 >= k.window {
		k.window += 1 / k.window
	}
	k.latency = average(k.latency, seconds)
	k.measured = now
}

// failed applies what a failed attempt taught.
func (k *poolKey) failed(l *lease, now time.Time, e *Error, o *Options) {
	k.stats.Failed++
	switch {
	case e.Kind == KindRateLimited:
		k.stats.RateLimited++
		if !l.began.Before(k.narrowed) {
			k.window = max(1, float64(k.inFlight)/2)
			k.narrowed = now
		}
		k.cooldown.extend(l.began, now, e, o)
		o.Logger.Debug("key cools down", "key", k.label, "for", k.cooldown.until.Sub(now))
	case e.Kind == KindServer && e.Status >= 500:
		k.use(l.model).cooldown.extend(l.began, now, e, o)
	case e.Kind == KindAuth && e.Status == 403:
		if m := k.use(l.model); m.rejection == nil {
			m.rejection = e
			o.Logger.Warn("key disabled for a model", "key", k.label, "model", l.model, "reason", e.Message)
		}
	case e.Kind == KindAuth || e.Kind == KindQuota:
		if k.rejection == nil {
			o.Logger.Warn("key disabled", "key", k.label, "reason", e.Message)
		}
		k.rejection = e
	}
}

// average moves a running average (0: none yet) towards x.
func average(old, x float64) float64 {
	if old == 0 {
		return x
	}
	return old + 0.2*(x-old)
}
