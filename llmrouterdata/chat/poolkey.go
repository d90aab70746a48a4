package chat

import (
	"slices"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A poolKey is one key at one endpoint, guarded by its pool's mutex.
type poolKey struct {
	label  string
	secret *secret.Secret // to "" for none; see keyList

	standing                      // with all models
	models   map[string]*standing // with one model; absent: nothing speaks against it
	requests slidingWindow
	tokens   slidingWindow
	latency  float64   // s, moving average of successes; 0: none yet
	measured time.Time // when latency was last updated
	stats    KeyStats  // InFlight, CooldownUntil and Disabled are filled in by snapshot
}

// standing is what speaks against a key, whole or with one model. As a rule a
// failure speaks of the model: were 429, 5xx and 403 held against the key, one
// busy, broken or closed model would take the keys from all the others.
type standing struct {
	rejection *Error // why it is disabled; nil: it is not
	rejected  time.Time
	cooldown  cooldown
	window    // of attempts in flight
}

// A window bounds attempts in flight to what the service is found to bear. The
// zero value has no bound.
type window struct {
	inFlight int       // leases that were neither released nor abandoned
	most     float64   // most of them: 1 or more; 0: no bound
	narrowed time.Time // when it was last halved
}

// full reports whether the window admits no further attempt. It always admits
// one.
func (w *window) full() bool {
	return w.most > 0 && w.inFlight > 0 && float64(w.inFlight)+1 > w.most
}

// narrow halves what is in flight, after an attempt begun at began: of one
// incident, once.
func (w *window) narrow(began, now time.Time) {
	if !began.Before(w.narrowed) {
		w.most = max(1, float64(w.inFlight)/2)
		w.narrowed = now
	}
}

// widen admits one more attempt a round, where the bound was felt.
func (w *window) widen() {
	if w.most > 0 && float64(w.inFlight)+1 >= w.most {
		w.most += 1 / w.most
	}
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
		d = service.Doubling(o.Cooldown, max(c.failures-1, 0), o.MaxCooldown)
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
func (k *poolKey) use(model string) *standing {
	m := k.models[model]
	if m == nil {
		m = &standing{}
		k.models[model] = m
	}
	return m
}

// rejectionFor returns why the key is disabled for a model, nil if it is not.
func (k *poolKey) rejectionFor(model string, now time.Time, o *Options) *Error {
	if e := k.disabled(now, o); e != nil {
		return e
	}
	if m := k.models[model]; m != nil {
		return m.disabled(now, o)
	}
	return nil
}

// disabled returns the rejection, until it is time to try again.
func (s *standing) disabled(now time.Time, o *Options) *Error {
	if s.rejection != nil && o.over(s.rejected, now) {
		s.rejection = nil
	}
	return s.rejection
}

// fullFor reports whether a window admits no further attempt.
func (k *poolKey) fullFor(model string) bool {
	m := k.models[model]
	return k.full() || m != nil && m.full()
}

// freeAt returns when cooldowns, those that others tell of too, and limits admit
// an attempt of so many tokens,
// provided that nothing else happens; it is not after now where they do now.
func (k *poolKey) freeAt(now time.Time, model string, tokens int, others Cooldowns) time.Time {
	at := [...]time.Time{
		k.cooldown.until, k.requests.ready(now, 1), k.tokens.ready(now, tokens), others.Until(k.label, ""), others.Until(k.label, model), {},
	}
	if m := k.models[model]; m != nil {
		at[5] = m.cooldown.until
	}
	return slices.MaxFunc(at[:], time.Time.Compare)
}

// began counts an attempt of a model.
func (k *poolKey) began(model string) {
	k.inFlight++
	k.use(model).inFlight++
	k.stats.Attempts++
}

// ended counts one as ended.
func (k *poolKey) ended(model string) {
	k.inFlight--
	k.use(model).inFlight--
}

// succeeded applies what an attempt taught that took so many seconds.
func (k *poolKey) succeeded(l *lease, now time.Time, seconds float64) {
	for _, s := range [...]*standing{&k.standing, k.use(l.model)} {
		s.cooldown.succeed(l.began)
		s.widen()
	}
	k.latency = average(k.latency, seconds)
	k.measured = now
}

// failed applies what a failed attempt taught.
func (k *poolKey) failed(l *lease, now time.Time, e *Error, o *Options) {
	k.stats.Failed++
	with, model := k.use(l.model), l.model
	switch {
	case e.Isolated:
	case e.Kind == KindRateLimited:
		k.stats.RateLimited++
		if e.verdict.Account {
			with, model = &k.standing, ""
		}
		with.narrow(l.began, now)
		with.cooldown.extend(l.began, now, e, o)
		o.Cooldowns.Tell(k.label, model, with.cooldown.until)
		o.Logger.Debug("key cools down", "key", k.label, "model", l.model, "account", e.verdict.Account, "for", with.cooldown.until.Sub(now))
	case e.cools:
		with.cooldown.extend(l.began, now, e, o)
		o.Cooldowns.Tell(k.label, model, with.cooldown.until)
	case e.Fault == FaultKey && e.verdict.Model:
		k.reject(with, l.model, e, o)
	case e.Fault == FaultKey:
		k.reject(&k.standing, "", e, o)
	}
}

// reject disables the key, whole or for a model.
func (k *poolKey) reject(with *standing, model string, e *Error, o *Options) {
	if with.rejection != nil {
		return
	}
	with.rejection, with.rejected = e, time.Now()
	if model != "" {
		o.Logger.Warn("key disabled for a model", "key", k.label, "model", model, "reason", e.Message, "detail", e.logged())
	} else {
		o.Logger.Warn("key disabled", "key", k.label, "reason", e.Message, "detail", e.logged())
	}
}

// average moves a running average (0: none yet) towards x.
func average(old, x float64) float64 {
	if old == 0 {
		return x
	}
	return old + 0.2*(x-old)
}
