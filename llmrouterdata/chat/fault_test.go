package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}

// TestHostComesBack: while a host is silent, one call at a time probes it, and when
// it is back within the minute no call has failed.
func TestHostComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &script{next: func(_ int, _ seen) reply {
			if time.Since(began) < 45*time.Second {
				return reply{err: errRefused}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s})
		targets := resolve(t, remote, []string{"a"}, "m", "n")
		var calls sync.WaitGroup
		for i := range 100 {
			calls.Go(func() {
				if _, err := client.Complete(t.Context(), ask(targets[i%2], fmt.Sprint(i))); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		calls.Wait()
		probes := 0
		for _, r := range s.requests() {
			if d := r.at.Sub(began); d > 0 && d < 45*time.Second {
				probes++
			}
		}
		if probes < 5 || probes > 20 {
			t.Errorf("%d probes", probes)
		}
		if d := time.Since(began); d > 60*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// TestHostStops: a host that answers nobody for a minute stops all its candidates,
// with a line that names address and reason; none of their calls is made later.
func TestHostStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var mu sync.Mutex
		client := newClient(t, chat.Options{
			Transport: &script{next: always(reply{err: errRefused})},
			Logger:    slog.New(slog.NewTextHandler(&lockedWriter{mu: &mu, b: &log}, nil)),
		})
		targets := resolve(t, remote, []string{"a"}, "m", "n")
		began := time.Now()
		var failed, stopped atomic.Int64
		var calls sync.WaitGroup
		for i := range 100 {
			calls.Go(func() {
				_, err := client.Complete(t.Context(), ask(targets[i%2], fmt.Sprint(i)))
				e, ok := errors.AsType[*chat.Error](err)
				stop, isStop := errors.AsType[*chat.StoppedError](err)
				switch {
				case ok && e.Fault == chat.FaultHost:
					failed.Add(1)
				case isStop && stop.Fault == chat.FaultHost && stop.Host == "api.example.com:443" && !strings.Contains(err.Error(), "example"):
					stopped.Add(1)
				default:
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		calls.Wait()
		if d := time.Since(began); d < time.Minute || d > 75*time.Second || failed.Load() > 5 || stopped.Load() < 95 {
			t.Errorf("%d failed and %d were stopped after %v", failed.Load(), stopped.Load(), d)
		}
		mu.Lock()
		defer mu.Unlock()
		if text := log.String(); strings.Count(text, "host answers nobody") != 1 || !strings.Contains(text, "api.example.com:443") || !strings.Contains(text, "connection refused") {
			t.Errorf("the log:\n%s", text)
		}
	})
}

// lockedWriter is a strings.Builder for several goroutines.
type lockedWriter struct {
	mu *sync.Mutex
	b  *strings.Builder
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// TestProbingIsHandedOn: a probing call that is cancelled, and waiting calls that
// are drained, leave the others to go on.
func TestProbingIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &script{next: func(_ int, _ seen) reply {
			if time.Since(began) < 30*time.Second {
				return reply{err: errRefused}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		ctx, cancel := context.WithCancel(t.Context())
		drain := make(chan struct{})
		var calls sync.WaitGroup
		for i := range 30 {
			calls.Go(func() {
				r, ctx := ask(target, fmt.Sprint(i)), ctx
				if i >= 10 {
					ctx = t.Context()
				}
				if i >= 20 {
					r.Drain = drain
				}
				_, err := client.Complete(ctx, r)
				switch {
				case i < 10 && !errors.Is(err, context.Canceled), i >= 10 && i < 20 && err != nil, i >= 20 && !errors.Is(err, chat.ErrDrained):
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		cancel()
		time.Sleep(time.Second)
		close(drain)
		calls.Wait()
	})
}

// TestUnknownWords: a refusal in words that are not known is the query's; after
// twenty different queries in a row without an answer the candidate stops, and
// says so.
func TestUnknownWords(t *testing.T) {
	refused := reply{status: 400, body: `{"error":{"message":"hm"}}`}
	for _, c := range []struct {
		name     string
		query    func(i int) string
		answered int // a call that is answered; -1: none
		stops    bool
	}{
		{"different", func(i int) string { return fmt.Sprint(i) }, -1, true},
		{"the same", func(int) string { return "x" }, -1, false},
		{"an answer between", func(i int) string { return fmt.Sprint(i) }, 10, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{next: func(n int, _ seen) reply {
				if n == c.answered {
					return reply{}
				}
				return refused
			}}
			client := newClient(t, chat.Options{Transport: s})
			target := resolve(t, remote, []string{"a"}, "m")[0]
			for i := range 25 {
				_, err := client.Complete(t.Context(), ask(target, c.query(i)))
				stopped, isStop := errors.AsType[*chat.StoppedError](err)
				if want := c.stops && i >= 20; isStop != want || isStop && (stopped.Unknown != 20 || stopped.Fault != chat.FaultQuery) {
					t.Errorf("call %d: %v", i, err)
				}
				if e, ok := errors.AsType[*chat.Error](err); ok && (e.Fault != chat.FaultQuery || !e.Unknown) {
					t.Errorf("call %d: the fault of %q, unknown words: %t", i, e.Fault, e.Unknown)
				}
			}
			if c.stops && len(s.requests()) != 20 {
				t.Errorf("%d requests", len(s.requests()))
			}
		})
	}
}

// Words that are known are not said to be unknown.
func TestKnownWords(t *testing.T) {
	s := &script{next: func(int, seen) reply {
		return reply{status: 400, body: `{"error":{"message":"too long","code":"context_length_exceeded"}}`}
	}}
	_, err := newClient(t, chat.Options{Transport: s}).Complete(t.Context(), ask(resolve(t, remote, []string{"a"}, "m")[0], "x"))
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Fault != chat.FaultQuery || e.Unknown {
		t.Errorf("%+v", err)
	}
}

// TestForbiddenInUnknownWords: where another key is answered, a key that was
// refused in unknown words is set aside for the model; where none is, it was the
// query.
func TestForbiddenInUnknownWords(t *testing.T) {
	s := &script{next: func(_ int, r seen) reply {
		if r.key == "bad-key" && r.model == "m" || r.user == "refused" {
			return reply{status: 403}
		}
		return reply{}
	}}
	client := newClient(t, chat.Options{Transport: s})
	targets := resolve(t, remote, []string{"bad-key", "good-key"}, "m", "n")
	for i := range 10 {
		if _, err := client.Complete(t.Context(), ask(targets[0], fmt.Sprint(i))); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if n := strings.Count(strings.Join(s.keys(), " "), "bad-key"); n != 1 {
		t.Errorf("the bad key was used %d times", n)
	}
	_, err := client.Complete(t.Context(), ask(targets[1], "refused"))
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Fault != chat.FaultQuery {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if _, err := client.Complete(t.Context(), ask(targets[1], "fine")); err != nil {
			t.Error(err)
		}
	}
}

// TestGarbageStops: a candidate that only answers what cannot be read stops after
// five calls, and not the others of the host.
func TestGarbageStops(t *testing.T) {
	for name, body := range map[string]string{"page": "<html><title>hello</title>", "JSON": "{oops", "choices": `{"choices":[]}`, "words": "hello"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{next: func(_ int, r seen) reply {
					if r.model == "m" {
						return reply{body: body}
					}
					return reply{}
				}}
				client := newClient(t, chat.Options{Transport: s, Attempts: 2})
				targets := resolve(t, remote, []string{"a"}, "m", "other")
				for i := range 7 {
					if _, err := client.Complete(t.Context(), ask(targets[0], fmt.Sprint(i))); errors.Is(err, chat.ErrStopped) != (i >= 5) || err == nil {
						t.Errorf("call %d: %v", i, err)
					}
					if _, err := client.Complete(t.Context(), ask(targets[1], fmt.Sprint(i))); err != nil {
						t.Errorf("the other candidate: %v", err)
					}
				}
			})
		})
	}
}

// TestOneKeyForMany: of 13 candidates of one gateway with one key, one is rate
// limited all the time. The others finish as if it were not there.
func TestOneKeyForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(_ int, r seen) reply {
			if r.model == "m0" {
				return reply{status: 429, header: map[string]string{"Retry-After": "60"}}
			}
			return reply{after: time.Second}
		}}
		client := newClient(t, chat.Options{Transport: s})
		var models []string
		for i := range 13 {
			models = append(models, fmt.Sprintf("m%d", i))
		}
		targets := resolve(t, remote, []string{"proxy"}, models...)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var limited, others sync.WaitGroup
		for i, target := range targets {
			group := &others
			if i == 0 {
				group = &limited
			}
			for worker := range 3 {
				group.Go(func() {
					for n := range 20 {
						if _, err := client.Complete(ctx, ask(target, fmt.Sprint(worker, n))); err != nil && i > 0 {
							t.Errorf("candidate %d: %v", i, err)
						}
					}
				})
			}
		}
		others.Wait()
		if d := time.Since(began); d != 20*time.Second {
			t.Errorf("the others took %v", d)
		}
		cancel()
		limited.Wait()
	})
}

// TestBoundedSlots: a server with four slots, and far more workers than can be
// answered in time. When attempts time out together fewer are made at once, and no
// more than 1.15 attempts are made for each row.
func TestBoundedSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, rows, workers = 4, 2000, 100
		free := make(chan struct{}, slots)
		s := &slowServer{slots: free, takes: 500 * time.Millisecond}
		client := newClient(t, chat.Options{Transport: s, Timeout: 5 * time.Second, Attempts: 20})
		target := resolve(t, "http://localhost:1/v1", []string{"a"}, "m")[0]
		began := time.Now()
		work := make(chan int)
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for i := range work {
					if _, err := client.Complete(t.Context(), ask(target, fmt.Sprint(i))); err != nil {
						t.Errorf("row %d: %v", i, err)
					}
				}
			})
		}
		for i := range rows {
			work <- i
		}
		close(work)
		group.Wait()
		calls := float64(s.calls.Load())
		ideal := float64(rows) / slots * s.takes.Seconds()
		took := time.Since(began).Seconds()
		t.Logf("%.3f attempts a row, %.0f s of %.0f s at best", calls/rows, took, ideal)
		if calls > 1.15*rows {
			t.Errorf("%.0f attempts for %d rows", calls, rows)
		}
		if took > 1.25*ideal {
			t.Errorf("took %.0f s, with all slots busy %.0f s", took, ideal)
		}
	})
}

// slowServer answers as many requests at once as it has slots; the others wait.
type slowServer struct {
	slots chan struct{}
	takes time.Duration
	calls atomic.Int64
}

func (s *slowServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	select {
	case s.slots <- struct{}{}:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	defer func() { <-s.slots }()
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(good("fine"))), ContentLength: -1, Request: r,
	}, nil
}
