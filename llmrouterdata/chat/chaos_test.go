package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// chaosKeys are the keys of the proof: one is rejected, two are limited.
var chaosKeys = []string{"k-rejected", "k-limited-a", "k-limited-b", "k-1", "k-2", "k-3", "k-4", "k-5"}

// chaosModels are the candidates of the proof.
var chaosModels = []string{"m-0", "m-1", "m-2", "m-3"}

func chaosConfig() chaos.Config {
	return chaos.Config{
		Seed:         1,
		RejectedKeys: []string{"k-rejected"},
		MaxFaults:    5,
		Faults: []chaos.Fault{
			{Kind: chaos.RateLimited, Probability: 0.02, RetryAfter: 3 * time.Second, Keys: []string{"k-limited-a"}},
			{Kind: chaos.RateLimitedDate, Probability: 0.02, RetryAfter: 2 * time.Second, Keys: []string{"k-limited-b"}},
			{Kind: chaos.RateLimitedMillis, Probability: 0.02, RetryAfter: 300 * time.Millisecond, Keys: []string{"k-limited-a"}},
			{Kind: chaos.RateLimitedSilent, Probability: 0.02, Keys: []string{"k-limited-b"}},
			{Kind: chaos.ServerError, Probability: 0.01},
			{Kind: chaos.Unavailable, Probability: 0.02, RetryAfter: time.Second, Keys: []string{"k-limited-a", "k-limited-b"}},
			{Kind: chaos.Disconnect, Probability: 0.01},
			{Kind: chaos.DisconnectEarly, Probability: 0.01},
			{Kind: chaos.Hang, Probability: 0.002},
			{Kind: chaos.Drip, Probability: 0.002},
			{Kind: chaos.TruncatedJSON, Probability: 0.01},
			{Kind: chaos.InvalidJSON, Probability: 0.01},
			{Kind: chaos.HTMLPage, Probability: 0.01},
			{Kind: chaos.WrongType, Probability: 0.005},
			{Kind: chaos.NoChoices, Probability: 0.005},
			{Kind: chaos.EmbeddedError, Probability: 0.005},
		},
	}
}

// candidatesAt returns the models as candidates of one service.
func candidatesAt(endpoint string, models ...string) []llmrouterdata.Candidate {
	var cs []llmrouterdata.Candidate
	for _, m := range models {
		cs = append(cs, llmrouterdata.Candidate{
			Name: m, Model: m, Service: "Chaos", APIEndpoint: endpoint, InputPrice: 0.2, OutputPrice: 0.4,
		})
	}
	return cs
}

func resolve(t testing.TB, endpoint string, keys []string, models ...string) []chat.Target {
	t.Helper()
	k, err := chat.ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	targets, err := chat.Resolve(candidatesAt(endpoint, models...), "", k, nil)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

// runCalls makes so many calls over the targets round robin with 200 workers, and
// checks every answer.
func runCalls(t *testing.T, client *chat.Client, targets []chat.Target, calls int, params chat.Params) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 200 {
		wg.Go(func() {
			for i := range next {
				target := targets[i%len(targets)]
				prompt := chat.Prompt{System: "answer", User: fmt.Sprintf("question %d", i/len(targets))}
				got, err := client.Complete(context.Background(), chat.Request{Target: target, Prompt: prompt, Params: params})
				if err != nil {
					t.Errorf("call %d: %v", i, err)
					continue
				}
				want := chaos.Answer(target.Model, prompt.User)
				in, out := chaos.PromptTokens(prompt.System, prompt.User), chaos.CompletionTokens(want)
				if got.Text != want || got.PromptTokens != in || got.CompletionTokens != out || got.TotalTokens != in+out || got.Estimated {
					t.Errorf("call %d: got %+v, want %q, %d and %d tokens", i, got, want, in, out)
				}
				if got.ResponseTime < 0 || got.Attempts < 1 || got.KeyLabel == "" || got.FinishReason != "stop" {
					t.Errorf("call %d: got %+v", i, got)
				}
				if least := target.Cost(in, out); got.CostUSD < least {
					t.Errorf("call %d: cost %v, less than %v", i, got.CostUSD, least)
				}
			}
		})
	}
	for i := range calls {
		next <- i
	}
	close(next)
	wg.Wait()
}

// checkChaos checks what the server saw after calls calls; it must have met them
// with each of the faults, and given each of the statuses.
func checkChaos(t *testing.T, s *chaos.Server, calls int, faults []chaos.Fault, healthy []string, statuses ...int) {
	t.Helper()
	s.Wait()
	stats := s.Stats()
	t.Logf("requests %d, statuses %v, faults %v, keys %v, most in flight %d",
		stats.Requests, stats.ByStatus, stats.Faults, stats.ByKey, stats.MaxInFlight)
	if stats.Answered != calls {
		t.Errorf("the server gave %d good answers to %d calls", stats.Answered, calls)
	}
	for i, v := range stats.Violations {
		t.Errorf("key %s used for %s %v in its cooldown, %v too early", v.Key, v.Model, v.After, v.Early)
		if i == 10 {
			break
		}
	}
	for _, f := range faults {
		if calls == 10000 && f.Keys == nil && stats.Faults[f.Kind] == 0 {
			t.Errorf("no request met the fault %q", f.Kind)
		}
	}
	for _, status := range statuses {
		if stats.ByStatus[status] == 0 {
			t.Errorf("statuses %v: %d is missing", stats.ByStatus, status)
		}
	}
	total := 0
	for _, k := range healthy {
		total += stats.ByKey[k]
	}
	even := float64(total) / float64(len(healthy))
	for _, k := range healthy {
		if n := float64(stats.ByKey[k]); math.Abs(n-even) > 0.1*even {
			t.Errorf("key %s: %v requests, %.1f %% off the even share %.1f", k, n, 100*(n/even-1), even)
		}
	}
}

// TestChaosFakeClock runs 10,000 calls with 8 keys and 200 workers through
// every fault. The fake clock makes the cooldowns exact: a key is never used
// while one lasts.
func TestChaosFakeClock(t *testing.T) {
	for _, balance := range []chat.Balance{chat.RoundRobin, chat.LeastBusy, chat.LowestLatency} {
		t.Run(fmt.Sprint(balance), func(t *testing.T) {
			calls := 10000
			if balance != chat.RoundRobin {
				calls = 2000
			}
			synctest.Test(t, func(t *testing.T) {
				c := chaosConfig()
				c.Latency = chaos.LogNormal(2*time.Second, 0.5)
				c.Cooldown = time.Second
				s := chaos.New(c)
				transport, stop := s.Pipe()
				defer stop()
				client, err := chat.New(&chat.Options{Transport: transport, Balance: balance, Timeout: 30 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				began := time.Now()
				runCalls(t, client, resolve(t, chaos.PipeURL, chaosKeys, chaosModels...), calls, chat.Params{Stream: balance == chat.LeastBusy})
				t.Logf("%v on the fake clock", time.Since(began))
				healthy := chaosKeys[3:]
				if balance == chat.LowestLatency {
					healthy = nil // it is not meant to spread evenly
				}
				checkChaos(t, s, calls, c.Faults, healthy, 401, 429, 503)
				for _, k := range client.Stats().Keys {
					if (k.Disabled != "") != (k.Label == "key-1") {
						t.Errorf("key %s: disabled: %q", k.Label, k.Disabled)
					}
					if k.InFlight != 0 {
						t.Errorf("key %s: %d in flight after the last call", k.Label, k.InFlight)
					}
				}
			})
		})
	}
}

// TestChaosLoopback is the same over real connections and the real clock, which
// can tell nothing of the cooldowns. Faults that end with a time-out are left to
// the fake clock: on a busy machine good answers would meet the same time-out.
func TestChaosLoopback(t *testing.T) {
	c := chaosConfig()
	c.Faults = slices.DeleteFunc(c.Faults, func(f chaos.Fault) bool { return f.Kind == chaos.Hang || f.Kind == chaos.Drip })
	c.Latency = chaos.LogNormal(20*time.Millisecond, 0.5)
	c.Grace = time.Hour // cooldowns are held to on the fake clock: here a request may be on its way for any time
	s := chaos.New(c)
	url, stop, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	client, err := chat.New(&chat.Options{
		Timeout: 10 * time.Minute, TotalTimeout: time.Hour, Cooldown: 20 * time.Millisecond, Backoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const calls = 10000
	runCalls(t, client, resolve(t, url, chaosKeys, chaosModels...), calls, chat.Params{})
	// Keys that cool down do so for most of the run, so that they may meet
	// one fault or none.
	checkChaos(t, s, calls, c.Faults, chaosKeys[3:], 401)
}

// TestCancelAtOnce: a cancelled context ends calls that wait for an answer, for
// a key and for a backoff, at the same instant.
func TestCancelAtOnce(t *testing.T) {
	for name, c := range map[string]chaos.Config{
		"answer":  {Faults: []chaos.Fault{{Kind: chaos.Hang, Probability: 1}}},
		"drip":    {Faults: []chaos.Fault{{Kind: chaos.Drip, Probability: 1}}},
		"key":     {Faults: []chaos.Fault{{Kind: chaos.RateLimited, Probability: 1, RetryAfter: 50 * time.Second}}},
		"backoff": {Faults: []chaos.Fault{{Kind: chaos.Disconnect, Probability: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, stop := chaos.New(c).Pipe()
				defer stop()
				client, err := chat.New(&chat.Options{Transport: transport, Backoff: time.Minute, MaxBackoff: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				ctx, cancel := context.WithCancel(t.Context())
				target := resolve(t, chaos.PipeURL, []string{"a"}, "m")[0]
				var wg sync.WaitGroup
				var ended [20]time.Time
				for i := range ended {
					wg.Go(func() {
						_, err := client.Complete(ctx, chat.Request{Target: target, Prompt: chat.Prompt{User: fmt.Sprint(i)}})
						ended[i] = time.Now()
						if !errors.Is(err, context.Canceled) {
							t.Errorf("got %v", err)
						}
					})
				}
				time.Sleep(5 * time.Second)
				cancelled := time.Now()
				cancel()
				wg.Wait()
				for i, at := range ended {
					if !at.Equal(cancelled) {
						t.Errorf("call %d ended %v after the cancellation", i, at.Sub(cancelled))
					}
				}
			})
		})
	}
}

// TestDrain: a call that waits for a key, or to try again, ends when it is
// drained; one that is being answered is finished.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		config chaos.Config
		ends   time.Duration
		err    error
	}{
		"answer":  {chaos.Config{Latency: chaos.Fixed(10 * time.Second)}, 10 * time.Second, nil},
		"key":     {chaos.Config{Faults: []chaos.Fault{{Kind: chaos.RateLimited, Probability: 1, RetryAfter: 50 * time.Second}}}, 5 * time.Second, chat.ErrDrained},
		"backoff": {chaos.Config{Faults: []chaos.Fault{{Kind: chaos.Disconnect, Probability: 1}}}, 5 * time.Second, chat.ErrDrained},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := chaos.New(c.config)
				transport, stop := s.Pipe()
				defer stop()
				client, err := chat.New(&chat.Options{Transport: transport, Backoff: time.Minute, MaxBackoff: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				drain := make(chan struct{})
				target := resolve(t, chaos.PipeURL, []string{"a"}, "m")[0]
				ask := func(i int) error {
					_, err := client.Complete(t.Context(), chat.Request{Target: target, Prompt: chat.Prompt{User: fmt.Sprint(i)}, Drain: drain})
					return err
				}
				began := time.Now()
				var wg sync.WaitGroup
				for i := range 20 {
					wg.Go(func() {
						if err := ask(i); !errors.Is(err, c.err) || time.Since(began) != c.ends {
							t.Errorf("call %d ended after %v with %v", i, time.Since(began), err)
						}
					})
				}
				time.Sleep(5 * time.Second)
				close(drain)
				wg.Wait()
				before := s.Stats().Requests
				if err := ask(20); err != chat.ErrDrained || s.Stats().Requests != before {
					t.Errorf("a call after the drain: %v", err)
				}
				for _, k := range client.Stats().Keys {
					if k.InFlight != 0 {
						t.Errorf("%d attempts are in flight", k.InFlight)
					}
				}
			})
		})
	}
}
