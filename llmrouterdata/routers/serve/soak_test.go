package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// parts is how many times a soak is halted and measured.
const parts = 10

// TestSoak loads the server before candidates with faults, for 2 s or as long as
// LLMROUTER_SOAK says ("10m"): what is answered is a candidate's answer; when nothing is
// under way there are as many goroutines as before the first request, and from the
// second part on the memory in use does not grow.
func TestSoak(t *testing.T) {
	length := 2 * time.Second
	if text := os.Getenv("LLMROUTER_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	upstream := chaos.New(chaos.Config{Seed: 1, DripInterval: time.Millisecond, Faults: []chaos.Fault{
		{Kind: chaos.RateLimitedMillis, Probability: 0.02, RetryAfter: time.Millisecond}, {Kind: chaos.ServerError, Probability: 0.02}, {Kind: chaos.Disconnect, Probability: 0.02},
		{Kind: chaos.DisconnectEarly, Probability: 0.02}, {Kind: chaos.Hang, Probability: 0.005}, {Kind: chaos.TruncatedJSON, Probability: 0.02}, {Kind: chaos.HTMLPage, Probability: 0.01},
		{Kind: chaos.NoChoices, Probability: 0.01}, {Kind: chaos.EmbeddedError, Probability: 0.02},
	}})
	endpoint, stop, err := upstream.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	l := &load{
		behind: &http.Transport{MaxIdleConnsPerHost: 100},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
	}
	s := newServer(t, serve.Options{Log: io.Discard}, chat.Options{Transport: l.behind, Timeout: time.Second, StopTime: 10 * time.Millisecond}, endpoint)
	server := httptest.NewServer(s)
	defer server.Close()
	l.url = server.URL + "/v1/chat/completions"

	idle := runtime.NumGoroutine()
	var settled, last uint64
	for part := range parts {
		l.run(t, length/parts)
		goroutines, heap := l.halt(idle)
		t.Logf("part %d: %d requests answered, %d not; %d goroutines, %d at first; %d kB of heap", part, l.answered.Load(), l.failed.Load(), goroutines, idle, heap>>10)
		if goroutines > idle {
			t.Errorf("%d goroutines, %d at first", goroutines, idle)
		}
		if last = heap; part == 1 {
			settled = heap
		}
	}
	if l.answered.Load() == 0 {
		t.Error("nothing was answered")
	}
	if last > settled+4<<20 {
		t.Errorf("%d bytes of heap, then %d", settled, last)
	}
}

type load struct {
	client           *http.Client
	behind           *http.Transport // of the server
	url              string
	n                atomic.Int64
	answered, failed atomic.Int64
}

// halt waits until nothing is under way and no connection is kept, and measures what
// there still is.
func (l *load) halt(idle int) (goroutines int, heap uint64) {
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > idle && time.Now().Before(end); {
		l.client.CloseIdleConnections()
		l.behind.CloseIdleConnections()
		runtime.Gosched()
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// run asks by 32 workers for so long; every tenth request is given up.
func (l *load) run(t *testing.T, length time.Duration) {
	end := time.Now().Add(length)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for time.Now().Before(end) {
				l.one(t, int(l.n.Add(1)))
			}
		})
	}
	workers.Wait()
}

func (l *load) one(t *testing.T, i int) {
	_, text := question(i % 1000)
	stream := ""
	if i%3 == 0 {
		stream = `,"stream":true`
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if i%10 == 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, "POST", l.url, strings.NewReader(ask("auto", text, stream)))
	if err != nil {
		t.Error(err)
		return
	}
	res, err := l.client.Do(r)
	if err != nil {
		l.failed.Add(1)
		return
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	want := fmt.Sprintf("%q", chaos.Answer("model-"+res.Header.Get("X-Router-Model"), text))
	switch {
	case err != nil, res.StatusCode != 200:
		l.failed.Add(1)
	case stream == "" && !strings.Contains(string(got), want):
		t.Errorf("request %d: %s", i, got)
	default:
		l.answered.Add(1)
	}
}
