package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/scenario"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// TestPoolScenarios plays the scenarios of testdata/pool, which show what a
// pool does step by step; see package scenario for their form.
//
//	keys A B [requests=N] [tokens=N] [balance=POLICY] [cooldown=D] [max=D]
//	call N [tokens=N] [model=NAME] [patience=D]  call N asks for a key
//	retry N [...]                                call N asks for another key, in its old place
//	succeed N [tokens=N]                         its attempt was answered, and took so many tokens
//	fail N STATUS [retry-after=D] [code=CODE] [of=account]  its attempt failed with an HTTP status
//	late N                                       it took longer than its limit
//	cancel N                                     its context ends, before or after it has a key
//	shutdown                                     drain is closed
//	advance D                                    the clock moves on
//	state                                        shows the keys
//
// The clock is a fake one: nothing sleeps. go test -run Scenarios -update
// writes the output anew.
func TestPoolScenarios(t *testing.T) {
	scenario.Run(t, "testdata/pool/*.txt", func(t *testing.T, script *scenario.Script) {
		synctest.Test(t, func(t *testing.T) {
			p := &scriptedPool{t: t, start: time.Now(), calls: map[int]*scriptedCall{}, drain: make(chan struct{})}
			script.Play(func(c scenario.Command) string {
				p.do(c)
				synctest.Wait()
				return p.report()
			})
			for _, c := range p.calls {
				c.cancel()
			}
		})
	})
}

// scriptedPool is a pool under test.
type scriptedPool struct {
	t     *testing.T
	start time.Time
	pool  *pool
	ring  *ring
	calls map[int]*scriptedCall
	drain chan struct{}

	mu     sync.Mutex
	events []scriptedEvent // what happened since the last command
}

type scriptedCall struct {
	waiter waiter // of its last attempt
	lease  *lease // nil: it waits, or is done
	cancel context.CancelFunc
}

type scriptedEvent struct {
	at   time.Duration
	call int
	text string
}

func (s *scriptedPool) do(c scenario.Command) {
	names, args := c.Bare, c.Named
	switch c.Name {
	case "keys":
		s.open(names, args)
	case "call", "retry":
		s.ask(s.number(names[0]), args, c.Name == "retry")
	case "succeed":
		s.end(names[0], nil, s.numberOr(args["tokens"], -1))
	case "fail":
		status := s.number(names[1])
		b := fmt.Sprintf(`{"error":{"code":%q}}`, args["code"])
		if args["of"] == "account" {
			b = `{"error":{"message":"too many requests of your account"}}`
		}
		e := refusal(status, http.Header{}, service.ReadBody([]byte(b)), false).compose()
		e.RetryAfter, e.retryAfter = s.durationOr(args["retry-after"], 0), args["retry-after"] != ""
		s.end(names[0], e, 0)
	case "late":
		s.end(names[0], (&Error{Kind: KindTimeout}).compose(), -1)
	case "cancel":
		n := s.number(names[0])
		c := s.calls[n]
		c.cancel()
		if c.lease != nil {
			s.pool.abandon(c.lease, true)
			c.lease = nil
			s.event(n, "is cancelled")
		}
	case "shutdown":
		close(s.drain)
	case "advance":
		time.Sleep(s.durationOr(names[0], 0))
	case "state":
		s.state()
	default:
		s.t.Fatalf("unknown command %q", c.Name)
	}
}

func (s *scriptedPool) open(names []string, args map[string]string) {
	balance, err := ParseBalance(args["balance"])
	if err != nil {
		s.t.Fatal(err)
	}
	o := Options{
		Balance: balance, Cooldown: s.durationOr(args["cooldown"], 0), MaxCooldown: s.durationOr(args["max"], 0),
		Limits: Limits{RequestsPerMinute: s.numberOr(args["requests"], 0), TokensPerMinute: s.numberOr(args["tokens"], 0)},
	}
	if o, err = o.validate(); err != nil {
		s.t.Fatal(err)
	}
	keys, err := ParseKeys(strings.Join(names, ","))
	if err != nil {
		s.t.Fatal(err)
	}
	s.pool = newPool(&o)
	s.ring = s.pool.ringFor("", keys.shared)
	copy(s.ring.labels, names) // shorter than key-1
}

// ask lets a call wait for a key; one that is tried again keeps its place.
func (s *scriptedPool) ask(n int, args map[string]string, again bool) {
	w := waiter{seq: uint64(n), ring: s.ring, model: args["model"], tokens: s.numberOr(args["tokens"], 0), drain: s.drain}
	if again {
		w.avoid = s.calls[n].waiter.avoid
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	c := &scriptedCall{waiter: w, cancel: cancel}
	s.calls[n] = c
	patience := s.durationOr(args["patience"], 0)
	go func() {
		lease, err := s.pool.acquire(ctx, &c.waiter, patience)
		switch {
		case err == nil:
			c.lease = lease
			c.waiter.avoid = lease.key
			s.event(n, "gets "+lease.label)
		case errors.Is(err, context.Canceled):
			s.event(n, "is cancelled")
		default:
			s.event(n, "gives up: "+err.Error())
		}
	}()
	synctest.Wait()
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if slices.Contains(s.pool.waiters, &c.waiter) {
		s.event(n, "waits")
	}
}

func (s *scriptedPool) end(name string, e *Error, tokens int) {
	c := s.calls[s.number(name)]
	if c == nil || c.lease == nil {
		s.t.Fatalf("call %s has no key", name)
	}
	s.pool.release(c.lease, e, tokens)
	c.lease = nil
}

func (s *scriptedPool) event(call int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, scriptedEvent{time.Since(s.start), call, text})
}

// report returns what happened; of one instant, by the calls' numbers.
func (s *scriptedPool) report() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.events, func(a, b scriptedEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.call, b.call))
	})
	var b strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&b, "%v: ", e.at)
		if e.call > 0 {
			fmt.Fprintf(&b, "call %d ", e.call)
		}
		b.WriteString(e.text + "\n")
	}
	s.events = nil
	return b.String()
}

// state tells of each key what it does at the moment.
func (s *scriptedPool) state() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	now := time.Now()
	var parts []string
	for i, k := range s.ring.keys {
		text := fmt.Sprintf("%s: %d in flight", s.ring.labels[i], k.inFlight) + s.standing(now, &k.standing)
		for _, model := range slices.Sorted(maps.Keys(k.models)) {
			if what := s.standing(now, k.models[model]); what != "" && model != "" {
				text += fmt.Sprintf(" (%s: %d%s)", model, k.models[model].inFlight, what)
			} else {
				text += what
			}
		}
		for _, limit := range []struct {
			what string
			w    *slidingWindow
		}{{"requests", &k.requests}, {"tokens", &k.tokens}} {
			if limit.w.expire(now); limit.w.limit > 0 {
				text += fmt.Sprintf(", %d of %d %s", limit.w.used, limit.w.limit, limit.what)
			}
		}
		if k.rejection != nil {
			text += ", disabled: " + k.rejection.Message
		}
		parts = append(parts, text)
	}
	if s.pool.most > 0 {
		parts = append(parts, fmt.Sprintf("host: %d in flight of %.2f", s.pool.inFlight, s.pool.most))
	}
	s.event(0, strings.Join(parts, "; "))
}

// standing tells what speaks against a key.
func (s *scriptedPool) standing(now time.Time, with *standing) (text string) {
	if with.most > 0 {
		text += fmt.Sprintf(" of %.2f", with.most)
	}
	if with.cooldown.until.After(now) {
		text += fmt.Sprintf(", cools down until %v", with.cooldown.until.Sub(s.start))
	}
	return text
}

func (s *scriptedPool) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *scriptedPool) numberOr(text string, other int) int {
	if text == "" {
		return other
	}
	return s.number(text)
}

func (s *scriptedPool) durationOr(text string, other time.Duration) time.Duration {
	if text == "" {
		return other
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}
