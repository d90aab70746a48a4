package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// ledger keeps parts in memory, as a journal does on disk.
type ledger struct {
	parts []batch.Part
	puts  int
	fail  error       // of Put
	after func(n int) // called after each Put
}

func (l *ledger) Parts() []batch.Part { return slices.Clone(l.parts) }

func (l *ledger) Put(p batch.Part) error {
	if l.fail != nil {
		return l.fail
	}
	l.parts = slices.DeleteFunc(l.parts, func(known batch.Part) bool { return known.ID == p.ID })
	if !p.Over {
		p.Calls = slices.Clone(p.Calls)
		l.parts = append(l.parts, p)
	}
	l.puts++
	if l.after != nil {
		l.after(l.puts)
	}
	return nil
}

// settle takes a call out of its part, as an entry of a journal does.
func (l *ledger) settle(id string) {
	for i := range l.parts {
		l.parts[i].Calls = slices.DeleteFunc(l.parts[i].Calls, func(call string) bool { return call == id })
	}
}

// calls are the calls of a test, of which it notes what becomes.
type calls struct {
	t       testing.TB
	target  chat.Target
	ledger  *ledger
	answers map[int]chat.Response
	errs    map[int]error
	lost    map[int]float64
	parts   map[int]string
}

func newCalls(t testing.TB, target chat.Target, l *ledger) *calls {
	return &calls{t: t, target: target, ledger: l, answers: map[int]chat.Response{}, errs: map[int]error{}, lost: map[int]float64{}, parts: map[int]string{}}
}

func (c *calls) id(n int) string { return fmt.Sprintf("%s-%032d", c.target.Name, n) }

func question(n int) string { return fmt.Sprintf("Question %d?", n) }

func (c *calls) Call(n int) (string, chat.Request, error) {
	return c.id(n), chat.Request{Target: c.target, Prompt: chat.Prompt{System: "Answer.", User: question(n)}, Params: chat.Params{Stream: true}}, nil
}

func (c *calls) Ended(n int, part string, answer chat.Response, err error) {
	if _, twice := c.errs[n]; twice {
		c.t.Errorf("call %d ended twice", n)
	}
	c.answers[n], c.errs[n], c.parts[n] = answer, err, part
	if _, failed := errors.AsType[*chat.Error](err); err == nil || failed {
		c.ledger.settle(c.id(n))
	}
}

func (c *calls) Lost(n int, usd float64) {
	c.lost[n] += usd
	c.ledger.settle(c.id(n))
}

// check demands the right answer to each of n calls.
func (c *calls) check(n int) {
	c.t.Helper()
	for i := range n {
		want := chaos.Answer(c.target.Model, question(i))
		in, out := chaos.PromptTokens("Answer.", question(i)), chaos.CompletionTokens(want)
		got := c.answers[i]
		if err, ended := c.errs[i]; !ended || err != nil {
			c.t.Errorf("call %d: %v (ended: %t)", i, err, ended)
			continue
		}
		if got.Text != want || got.PromptTokens != in || got.CompletionTokens != out || got.ResponseTime != 0 || got.Attempts != 1 || !strings.HasPrefix(got.KeyLabel, "key-") || c.parts[i] == "" {
			c.t.Errorf("call %d: %+v of part %q", i, got, c.parts[i])
		}
		if want := (float64(in)*0.5 + float64(out)) / 1e6; math.Abs(got.CostUSD-want) > 1e-12 {
			c.t.Errorf("call %d: cost %v, want %v", i, got.CostUSD, want)
		}
	}
}

// setting is a service and a client of it, on a clock of the test's own.
type setting struct {
	server *chaos.Server
	client *chat.Client
	target chat.Target
}

// in runs a test on a clock of its own.
func in(t *testing.T, c chaos.Config, o chat.Options, test func(t *testing.T, s *setting)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := chaos.New(c)
		transport, stop := server.Pipe()
		defer stop()
		o.Transport = transport
		client, err := chat.New(&o)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		keys, err := chat.ParseKeys("sk-first-of-all,sk-second-of-all")
		if err != nil {
			t.Fatal(err)
		}
		targets, err := chat.Resolve([]llmrouterdata.Candidate{{
			Name: "a", Model: "model-a", InputPrice: 1, OutputPrice: 2, APIEndpoint: "http://service.example/v1", Batch: true,
		}}, "", keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		test(t, &setting{server, client, targets[0].InBatch()})
	})
}

// make makes n calls.
func (s *setting) make(t testing.TB, n int, l *ledger, drain <-chan struct{}, o batch.Options) *calls {
	t.Helper()
	return s.makeWithin(t.Context(), t, n, l, drain, o)
}

func (s *setting) makeWithin(ctx context.Context, t testing.TB, n int, l *ledger, drain <-chan struct{}, o batch.Options) *calls {
	t.Helper()
	c := newCalls(t, s.target, l)
	w := batch.Work{Client: s.client, Target: s.target, Source: c, Ledger: l, Drain: drain}
	for i := range n {
		w.Calls = append(w.Calls, i)
	}
	batch.Make(ctx, w, &o)
	if len(c.errs) != n {
		t.Errorf("%d of %d calls ended", len(c.errs), n)
	}
	return c
}

// paidOnce demands that the service made each of n answers once.
func (s *setting) paidOnce(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		if times := s.server.Answered(s.target.Model, question(i)); times != 1 {
			t.Errorf("call %d was answered %d times", i, times)
		}
	}
}

func TestMake(t *testing.T) {
	for name, c := range map[string]chaos.Batches{
		"as documented":               {},
		"many looks":                  {Looks: 100},
		"capitals and jobs":           {Capitals: true},
		"lines twice, and of nobody":  {Doubled: 0.5, Foreign: true},
		"downloads that break off":    {Cut: 1},
		"acceptances without answers": {LostAnswers: 3, Unlisted: 1},
		"a list without pages":        {LostAnswers: 5, Capitals: true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, chaos.Config{Seed: 5, Batches: c}, chat.Options{}, func(t *testing.T, s *setting) {
				l := &ledger{}
				got := s.make(t, 50, l, nil, batch.Options{MaxRequests: 8})
				got.check(50)
				s.paidOnce(t, 50)
				if s.server.Stats().Batches != 7 || len(l.parts) > 0 || len(got.lost) > 0 {
					t.Errorf("%d batches, %d parts are left, lost: %v", s.server.Stats().Batches, len(l.parts), got.lost)
				}
			})
		})
	}
}

// What a batch leaves undone goes into the next one, and is paid once.
func TestUnfinished(t *testing.T) {
	for _, ends := range [][]string{{"expired"}, {"cancelled", "expired"}, {"failed"}, {"expired", "failed"}} {
		t.Run(strings.Join(ends, " "), func(t *testing.T) {
			in(t, chaos.Config{Seed: 2, Batches: chaos.Batches{Ends: ends}}, chat.Options{}, func(t *testing.T, s *setting) {
				l := &ledger{}
				got := s.make(t, 40, l, nil, batch.Options{})
				got.check(40)
				s.paidOnce(t, 40)
				if want := len(ends) + 1; s.server.Stats().Batches != want || len(got.lost) > 0 || len(l.parts) > 0 {
					t.Errorf("%d batches, want %d; lost: %v", s.server.Stats().Batches, want, got.lost)
				}
			})
		})
	}
}

// Batches that end without a call's outcome, again and again, leave it without one.
func TestNoAnswer(t *testing.T) {
	ends := slices.Repeat([]string{"failed"}, 10)
	in(t, chaos.Config{Batches: chaos.Batches{Ends: ends}}, chat.Options{}, func(t *testing.T, s *setting) {
		l := &ledger{}
		got := s.make(t, 5, l, nil, batch.Options{Tries: 2})
		for n, err := range got.errs {
			if !errors.Is(err, batch.ErrNoAnswer) {
				t.Errorf("call %d: %v", n, err)
			}
		}
		if s.server.Stats().Batches != 2 || len(l.parts) > 0 {
			t.Errorf("%d batches", s.server.Stats().Batches)
		}
	})
}

// Answers that a whole file lacks are counted with the most that they can have cost,
// and asked for again.
func TestMissingLines(t *testing.T) {
	in(t, chaos.Config{Seed: 1, Batches: chaos.Batches{Dropped: 0.2}}, chat.Options{}, func(t *testing.T, s *setting) {
		l := &ledger{}
		got := s.make(t, 60, l, nil, batch.Options{Tries: 20})
		got.check(60)
		again := 0
		for n := range 60 {
			times := s.server.Answered("model-a", question(n))
			again += times - 1
			_, request, _ := got.Call(n)
			_, most, err := s.client.BatchBody(request)
			if err != nil || math.Abs(got.lost[n]-float64(times-1)*most) > 1e-12 {
				t.Errorf("call %d was answered %d times; lost %v USD, at most %v each (%v)", n, times, got.lost[n], most, err)
			}
		}
		if again == 0 {
			t.Error("no line was missing")
		}
	})
}

// A line that failed by nobody's fault goes into the next part, others fail as calls
// do.
func TestFailingLines(t *testing.T) {
	in(t, chaos.Config{Seed: 4, MaxFaults: 2, Faults: []chaos.Fault{{Kind: chaos.ServerError, Probability: 0.3}, {Kind: chaos.RateLimited, Probability: 0.2}, {Kind: chaos.NoChoices, Probability: 0.1}}},
		chat.Options{}, func(t *testing.T, s *setting) {
			got := s.make(t, 60, &ledger{}, nil, batch.Options{})
			got.check(60)
			s.paidOnce(t, 60)
			if n := s.server.Stats().Batches; n != 3 {
				t.Errorf("%d batches", n)
			}
		})
	in(t, chaos.Config{Seed: 4, Faults: []chaos.Fault{{Kind: chaos.ServerError, Probability: 0.5}}}, chat.Options{}, func(t *testing.T, s *setting) {
		got := s.make(t, 60, &ledger{}, nil, batch.Options{Tries: 1})
		failed := 0
		for n, err := range got.errs {
			e, ok := errors.AsType[*chat.Error](err)
			if err != nil && (!ok || e.Kind != chat.KindServer || e.Status != 500 || got.answers[n].KeyLabel != "key-1" || got.parts[n] == "") {
				t.Errorf("call %d: %v, %+v", n, err, got.answers[n])
			} else if err != nil {
				failed++
			}
		}
		if failed < 20 || failed > 40 {
			t.Errorf("%d calls failed", failed)
		}
	})
}

// A candidate whose part speaks against it is stopped, and its calls were not made.
func TestStops(t *testing.T) {
	in(t, chaos.Config{Statuses: map[string]int{"model-a": http.StatusNotFound}}, chat.Options{}, func(t *testing.T, s *setting) {
		got := s.make(t, 30, &ledger{}, nil, batch.Options{MaxRequests: 10})
		stopped := 0
		for n, err := range got.errs {
			e, ok := errors.AsType[*chat.StoppedError](err)
			if !ok || e.Candidate != "a" || e.Fault != chat.FaultCandidate || e.Last.Status != http.StatusNotFound || e.Calls != 10 {
				t.Errorf("call %d: %v", n, err)
			} else {
				stopped++
			}
		}
		if stopped != 30 {
			t.Errorf("%d calls of the stopped candidate", stopped)
		}
	})
	in(t, chaos.Config{RejectedKeys: []string{"sk-first-of-all", "sk-second-of-all"}}, chat.Options{}, func(t *testing.T, s *setting) {
		l := &ledger{}
		got := s.make(t, 3, l, nil, batch.Options{})
		for n, err := range got.errs {
			if e, ok := errors.AsType[*chat.StoppedError](err); !ok || e.Fault != chat.FaultKey || strings.Contains(err.Error(), "of-all") {
				t.Errorf("call %d: %v", n, err)
			}
		}
		if len(l.parts) > 0 {
			t.Errorf("%d parts are left", len(l.parts))
		}
	})
}

// A service that takes no more requests gets smaller parts, one after the other.
func TestMostQueued(t *testing.T) {
	in(t, chaos.Config{Batches: chaos.Batches{MostQueued: 12, Looks: 5}}, chat.Options{}, func(t *testing.T, s *setting) {
		began := time.Now()
		s.make(t, 50, &ledger{}, nil, batch.Options{}).check(50)
		s.paidOnce(t, 50)
		t.Logf("%d batches in %v", s.server.Stats().Batches, time.Since(began))
	})
}

// A budget bounds what parts may cost, and what comes after waits for what they
// really do.
func TestBudget(t *testing.T) {
	var most, cost float64
	in(t, chaos.Config{}, chat.Options{}, func(t *testing.T, s *setting) {
		got := s.make(t, 40, &ledger{}, nil, batch.Options{})
		for n := range 40 {
			_, request, _ := got.Call(n)
			_, usd, _ := s.client.BatchBody(request)
			most = max(most, usd)
			cost += got.answers[n].CostUSD
		}
	})
	for _, one := range []struct {
		name     string
		limit    float64
		answered func(n int) bool
	}{
		{"enough for all, one after the other", cost + most, func(n int) bool { return n == 40 }},
		{"enough for half", most + cost/2, func(n int) bool { return n > 15 && n < 25 }},
		{"not enough for one", most / 2, func(n int) bool { return n == 0 }},
	} {
		t.Run(one.name, func(t *testing.T) {
			budget, err := chat.NewBudget(one.limit)
			if err != nil {
				t.Fatal(err)
			}
			in(t, chaos.Config{}, chat.Options{Budget: budget}, func(t *testing.T, s *setting) {
				got := s.make(t, 40, &ledger{}, nil, batch.Options{})
				answered := 0
				for n, err := range got.errs {
					if err == nil {
						answered++
					} else if !errors.Is(err, chat.ErrBudget) {
						t.Errorf("call %d: %v", n, err)
					}
				}
				if !one.answered(answered) || budget.Spent() > one.limit {
					t.Errorf("%d calls were answered, for %v of %v USD", answered, budget.Spent(), one.limit)
				}
				if ok, _ := budget.TryReserve(0.999 * (one.limit - budget.Spent())); !ok && !budget.Exhausted() {
					t.Error("something is still reserved")
				}
			})
		})
	}
}

// Wherever a run ends, the next one pays nothing twice and loses nothing.
func TestResume(t *testing.T) {
	for _, c := range []chaos.Batches{{Looks: 2}, {Looks: 2, LostAnswers: 4}, {Looks: 2, Ends: []string{"expired", "cancelled"}}} {
		for end := 1; end <= 20; end++ {
			in(t, chaos.Config{Seed: uint64(end), Batches: c}, chat.Options{}, func(t *testing.T, s *setting) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l := &ledger{after: func(n int) {
					if n == end {
						cancel()
					}
				}}
				first := s.makeWithin(ctx, t, 30, l, nil, batch.Options{MaxRequests: 7})
				done := map[int]bool{}
				for n, err := range first.errs {
					done[n] = err == nil
				}
				second := newCalls(t, s.target, l)
				w := batch.Work{Client: s.client, Target: s.target, Source: second, Ledger: l}
				for n := range 30 {
					if !done[n] {
						w.Calls = append(w.Calls, n)
					}
				}
				l.after = nil
				batch.Make(t.Context(), w, &batch.Options{MaxRequests: 7})
				for n := range 30 {
					if err, again := second.errs[n]; err != nil || again == done[n] {
						t.Errorf("ended at note %d, call %d: %v (again: %t, done: %t)", end, n, err, again, done[n])
					}
				}
				s.paidOnce(t, 30)
				if len(l.parts) > 0 || len(first.lost)+len(second.lost) > 0 {
					t.Errorf("ended at note %d: %d parts are left", end, len(l.parts))
				}
			})
		}
	}
}

// A graceful shutdown leaves parts to the service, and a ledger that fails ends the
// work.
func TestEnds(t *testing.T) {
	in(t, chaos.Config{Batches: chaos.Batches{Looks: 1000}}, chat.Options{}, func(t *testing.T, s *setting) {
		drain := make(chan struct{})
		l := &ledger{}
		go func() {
			time.Sleep(90 * time.Second)
			close(drain)
		}()
		for n, err := range s.make(t, 3, l, drain, batch.Options{}).errs {
			if !errors.Is(err, chat.ErrDrained) {
				t.Errorf("call %d: %v", n, err)
			}
		}
		if len(l.parts) != 1 || l.parts[0].Batch == "" || len(l.parts[0].Calls) != 3 || l.parts[0].Key != "key-1" {
			t.Errorf("the parts are %+v", l.parts)
		}
		disk := errors.New("the disk is full")
		for n, err := range s.make(t, 3, &ledger{fail: disk}, nil, batch.Options{}).errs {
			if !errors.Is(err, disk) {
				t.Errorf("call %d: %v", n, err)
			}
		}
	})
}
