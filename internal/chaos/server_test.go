package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// got is what a client sees of one answer.
type got struct {
	status     int
	media      string
	retryAfter string
	body       string
	err        error
}

func post(ctx context.Context, c *http.Client, url, key, model, user string, stream bool) got {
	body, _ := json.Marshal(map[string]any{
		"model": model, "stream": stream, "messages": []map[string]string{{"role": "system", "content": "s"}, {"role": "user", "content": user}},
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return got{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+key)
	res, err := c.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return got{res.StatusCode, res.Header.Get("Content-Type"), res.Header.Get("Retry-After") + res.Header.Get("Retry-After-Ms"), string(text), err}
}

// bubble runs f against a server on a fake clock.
func bubble(t *testing.T, c Config, f func(t *testing.T, s *Server, client *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(c)
		transport, stop := s.Pipe()
		defer stop()
		f(t, s, &http.Client{Transport: transport})
	})
}

func TestGoodAnswer(t *testing.T) {
	s := New(Config{})
	url, stop, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, stream := range []bool{false, true} {
		g := post(t.Context(), http.DefaultClient, url, "k", "m", "hello", stream)
		if g.err != nil || g.status != 200 {
			t.Fatalf("%+v", g)
		}
		if stream {
			text := Answer("m", "hello")
			if !strings.Contains(g.body, text[:len(text)/2]) || !strings.HasSuffix(g.body, "data: [DONE]\n\n") || !strings.Contains(g.body, `"prompt_tokens":2`) {
				t.Errorf("stream %q", g.body)
			}
		} else if !strings.Contains(g.body, Answer("m", "hello")) || !strings.Contains(g.body, `"prompt_tokens":2`) {
			t.Errorf("body %q", g.body)
		}
	}
	s.Wait()
	stats := s.Stats()
	if s.Answered("m", "hello") != 2 || stats.Answered != 2 || stats.ByKey["k"] != 2 || stats.ByModel["m"] != 2 || stats.ByStatus[200] != 2 {
		t.Errorf("%+v", stats)
	}
	if g := post(t.Context(), http.DefaultClient, url, "k", "", "", false); g.status != 400 {
		t.Errorf("no model: %+v", g)
	}
}

// TestFaults: each fault does what its name says.
func TestFaults(t *testing.T) {
	unexpected := func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) }
	for kind, check := range map[FaultKind]func(g got) bool{
		RateLimited:       func(g got) bool { return g.status == 429 && g.retryAfter == "3" },
		RateLimitedMillis: func(g got) bool { return g.status == 429 && g.retryAfter == "2500" },
		RateLimitedDate: func(g got) bool {
			_, err := http.ParseTime(g.retryAfter)
			return g.status == 429 && err == nil
		},
		RateLimitedSilent: func(g got) bool { return g.status == 429 && g.retryAfter == "" },
		ServerError:       func(g got) bool { return g.status == 500 || g.status == 502 },
		Unavailable:       func(g got) bool { return g.status == 503 && g.retryAfter == "3" },
		Hang:              func(g got) bool { return errors.Is(g.err, context.DeadlineExceeded) },
		Drip:              func(g got) bool { return g.status == 200 && errors.Is(g.err, context.DeadlineExceeded) && g.body != "" },
		Disconnect:        func(g got) bool { return g.status == 200 && unexpected(g) && g.body != "" },
		DisconnectEarly:   func(g got) bool { return g.err != nil && g.status == 0 },
		TruncatedJSON: func(g got) bool {
			return g.status == 200 && g.err == nil && g.body[0] == '{' && !json.Valid([]byte(g.body))
		},
		InvalidJSON:   func(g got) bool { return g.status == 200 && g.err == nil && !json.Valid([]byte(g.body)) },
		HTMLPage:      func(g got) bool { return strings.HasPrefix(g.media, "text/html") },
		WrongType:     func(g got) bool { return g.media == "image/png" },
		NoChoices:     func(g got) bool { return strings.Contains(g.body, `"choices":[]`) },
		EmbeddedError: func(g got) bool { return g.status == 200 && strings.Contains(g.body, `"error"`) },
	} {
		t.Run(string(kind), func(t *testing.T) {
			c := Config{Faults: []Fault{{Kind: kind, Probability: 1, RetryAfter: 2500 * time.Millisecond}}, MaxFaults: 1}
			bubble(t, c, func(t *testing.T, s *Server, client *http.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if g := post(ctx, client, PipeURL, "k", "m", "q", false); !check(g) {
					t.Errorf("got %+v", g)
				}
				if g := post(t.Context(), client, PipeURL, "k", "m", "q", false); g.status != 200 || !strings.Contains(g.body, Answer("m", "q")) {
					t.Errorf("after the one fault: %+v", g)
				}
				synctest.Wait()
				if n := s.Stats().Faults[kind]; n != 1 {
					t.Errorf("%d faults counted", n)
				}
			})
		})
	}
}

// TestRepeatable: the order of the calls does not matter, the seed does.
func TestRepeatable(t *testing.T) {
	run := func(seed uint64, reverse bool) map[string][]string {
		out := map[string][]string{}
		c := Config{Seed: seed, Latency: Uniform(time.Second, 5*time.Second), Faults: []Fault{
			{Kind: ServerError, Probability: 0.3}, {Kind: HTMLPage, Probability: 0.3}, {Kind: DisconnectEarly, Probability: 0.2},
		}}
		bubble(t, c, func(t *testing.T, s *Server, client *http.Client) {
			var order []int
			for i := range 20 {
				order = append(order, i)
			}
			if reverse {
				slices.Reverse(order)
			}
			for range 3 {
				for _, i := range order {
					user := fmt.Sprint(i)
					began := time.Now()
					g := post(t.Context(), client, PipeURL, "k", "m", user, false)
					out[user] = append(out[user], fmt.Sprint(g.status, g.media, g.err != nil, time.Since(began)))
				}
			}
		})
		return out
	}
	first := run(1, false)
	if diff := cmp.Diff(first, run(1, true)); diff != "" {
		t.Errorf("(-forwards +backwards):\n%s", diff)
	}
	if cmp.Equal(first, run(2, false)) {
		t.Error("another seed gives the same faults")
	}
}

// TestViolations: uses of a key that cools down are seen, and others are not.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   FaultKind
		wait   time.Duration // until the second request
		key    string        // of the second request
		model  string
		config Config
		want   int
	}{
		{"too early", RateLimited, 2 * time.Second, "k", "m", Config{}, 1},
		{"another model", RateLimited, 2 * time.Second, "k", "other", Config{}, 0},
		{"another key", RateLimited, 2 * time.Second, "l", "m", Config{}, 0},
		{"in time", RateLimited, 3 * time.Second, "k", "m", Config{}, 0},
		{"at the same instant", RateLimited, 0, "k", "m", Config{}, 0},
		{"within the grace", RateLimited, 2 * time.Second, "k", "m", Config{Grace: 2 * time.Second}, 0},
		{"date", RateLimitedDate, 2 * time.Second, "k", "m", Config{}, 1},
		{"milliseconds", RateLimitedMillis, 2400 * time.Millisecond, "k", "m", Config{}, 1},
		{"milliseconds in time", RateLimitedMillis, 2500 * time.Millisecond, "k", "m", Config{}, 0},
		{"silent, no promise", RateLimitedSilent, time.Second, "k", "m", Config{}, 0},
		{"silent, promise", RateLimitedSilent, time.Second, "k", "m", Config{Cooldown: 2 * time.Second}, 1},
		{"500, promise", ServerError, time.Second, "k", "m", Config{Cooldown: 2 * time.Second}, 1},
		{"500, another model", ServerError, time.Second, "k", "other", Config{Cooldown: 2 * time.Second}, 0},
		{"503", Unavailable, 2 * time.Second, "k", "m", Config{}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Faults = []Fault{{Kind: c.kind, Probability: 1, RetryAfter: 2500 * time.Millisecond, Keys: []string{"k"}}}
			bubble(t, c.config, func(t *testing.T, s *Server, client *http.Client) {
				post(t.Context(), client, PipeURL, "k", "m", "q", false)
				time.Sleep(c.wait)
				post(t.Context(), client, PipeURL, c.key, c.model, "q", false)
				if v := s.Stats().Violations; len(v) != c.want {
					t.Errorf("%d violations, want %d: %+v", len(v), c.want, v)
				}
			})
		})
	}
}

// A limit of a key holds for all its models.
func TestViolationOfALimit(t *testing.T) {
	bubble(t, Config{Limits: map[string]Limit{"k": {Requests: 1, Window: time.Minute}}}, func(t *testing.T, s *Server, client *http.Client) {
		for _, model := range []string{"m", "m", "other"} {
			post(t.Context(), client, PipeURL, "k", model, "q", false)
			time.Sleep(time.Second)
		}
		if v := s.Stats().Violations; len(v) != 1 || v[0].Model != "other" {
			t.Errorf("violations: %+v", v)
		}
	})
}

func TestRefusalsAndLimits(t *testing.T) {
	c := Config{
		RejectedKeys: []string{"bad"}, ForbiddenKeys: []string{"closed"}, Statuses: map[string]int{"gone": 410},
		Limits: map[string]Limit{"slow": {Requests: 2, Window: 10 * time.Second}, "mute": {Requests: 1, Window: time.Second, Silent: true}},
	}
	bubble(t, c, func(t *testing.T, s *Server, client *http.Client) {
		for _, x := range []struct {
			key, model string
			status     int
			retryAfter string
		}{
			{"bad", "m", 401, ""}, {"closed", "m", 403, ""}, {"k", "gone", 410, ""}, {"k", "m", 200, ""},
			{"slow", "m", 200, ""}, {"slow", "n", 200, ""}, {"slow", "m", 429, "10"},
			{"mute", "m", 200, ""}, {"mute", "m", 429, ""},
		} {
			if g := post(t.Context(), client, PipeURL, x.key, x.model, "q", false); g.status != x.status || g.retryAfter != x.retryAfter {
				t.Errorf("%s, %s: %+v", x.key, x.model, g)
			}
		}
		time.Sleep(10 * time.Second)
		if g := post(t.Context(), client, PipeURL, "slow", "m", "q", false); g.status != 200 {
			t.Errorf("after the window: %+v", g)
		}
	})
}

// TestWait: Wait ends with the last request, and others may come while it waits.
func TestWait(t *testing.T) {
	bubble(t, Config{Latency: Fixed(time.Second)}, func(t *testing.T, s *Server, client *http.Client) {
		s.Wait() // nothing is under way
		begun := time.Now()
		for i := range 20 {
			go func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				post(t.Context(), client, PipeURL, "k", "m", fmt.Sprint(i), false)
			}()
		}
		synctest.Wait()
		s.Wait()
		if took := time.Since(begun); took != 2900*time.Millisecond || s.Stats().Answered != 20 {
			t.Errorf("%d answered after %v", s.Stats().Answered, took)
		}
	})
}

func TestLatencies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10001 {
		if d := Uniform(time.Second, 2*time.Second)(r); d < time.Second || d > 2*time.Second {
			t.Fatalf("uniform: %v", d)
		}
		all = append(all, LogNormal(time.Second, 0.5)(r))
	}
	slices.Sort(all)
	if median := all[5000].Seconds(); median < 0.97 || median > 1.03 {
		t.Errorf("log-normal: median %v", median)
	}
	if p99 := all[9900].Seconds(); p99 < 2.9 || p99 > 3.5 {
		t.Errorf("log-normal: 99th percentile %v", p99)
	}
	if d := Fixed(time.Minute)(r); d != time.Minute {
		t.Errorf("fixed: %v", d)
	}
}
