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

// TestSoak loads the server before candidates with faults, for 2 s or as long as
// LLMROUTER_SOAK says ("10m"): what is answered is a candidate's answer, and neither
// goroutines nor memory grow.
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
	s := newServer(t, serve.Options{Log: io.Discard}, chat.Options{Timeout: time.Second, StopTime: 10 * time.Millisecond}, endpoint)
	server := httptest.NewServer(s)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	load := &load{client: client, url: server.URL + "/v1/chat/completions"}

	load.run(t, length/4) // until all is warm
	before := grown(client)
	answered := load.answered.Load()
	load.run(t, length)
	after := grown(client)
	t.Logf("%d requests answered, %d not; goroutines %d, then %d; heap %d kB, then %d kB", load.answered.Load(), load.failed.Load(),
		before.goroutines, after.goroutines, before.heap>>10, after.heap>>10)
	if load.answered.Load() == answered {
		t.Error("nothing was answered")
	}
	if after.goroutines > before.goroutines+20 {
		t.Errorf("%d goroutines, then %d", before.goroutines, after.goroutines)
	}
	if after.heap > before.heap+16<<20 {
		t.Errorf("%d bytes of heap, then %d", before.heap, after.heap)
	}
}

type load struct {
	client           *http.Client
	url              string
	n                atomic.Int64
	answered, failed atomic.Int64
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

type size struct {
	goroutines int
	heap       uint64
}

// grown is what is held when nothing is under way.
func grown(client *http.Client) size {
	client.CloseIdleConnections()
	var m runtime.MemStats
	least := size{1 << 30, 1 << 60}
	for range 20 { // what has ended takes a moment to be gone
		time.Sleep(50 * time.Millisecond)
		runtime.GC()
		runtime.ReadMemStats(&m)
		least.goroutines, least.heap = min(least.goroutines, runtime.NumGoroutine()), min(least.heap, m.HeapAlloc)
	}
	return least
}
