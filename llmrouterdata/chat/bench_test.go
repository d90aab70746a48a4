//go:build unix

package chat_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// benchAnswer is a completion of a usual length.
var benchAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":` +
	`{"role":"assistant","content":"` + strings.Repeat("The answer is 42. ", 20) + `"},"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":120,"completion_tokens":100,"total_tokens":220}}`

func benchHandler(latency time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if latency > 0 {
			time.Sleep(latency)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(benchAnswer)))
		_, _ = io.WriteString(w, benchAnswer)
	})
}

var benchPrompt = chat.Prompt{System: "Work step by step.", User: "Question: " + strings.Repeat("How many apples are there? ", 20)}

// inMemory answers without a network.
type inMemory struct{}

func (inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(benchAnswer)), Body: io.NopCloser(strings.NewReader(benchAnswer)), Request: r,
	}, nil
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchCalls makes b.N calls with the given number of workers.
func benchCalls(b *testing.B, client *chat.Client, target chat.Target, workers int) {
	b.Helper()
	b.ReportAllocs()
	work := make(chan struct{}, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range work {
				if _, err := client.Complete(context.Background(), chat.Request{Target: target, Prompt: benchPrompt}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ResetTimer()
	cpu := cpuTime()
	began := time.Now()
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-µs/call")
}

var benchKeys = []string{"k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"}

// BenchmarkOverhead is the cost of a call to a loopback server that answers at
// once; the server's share is in it.
func BenchmarkOverhead(b *testing.B) {
	s := httptest.NewServer(benchHandler(0))
	defer s.Close()
	for _, workers := range []int{1, 32, 200} {
		b.Run("workers="+strconv.Itoa(workers), func(b *testing.B) {
			client, err := chat.New(nil)
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			benchCalls(b, client, resolve(b, s.URL+"/v1", benchKeys, "m")[0], workers)
		})
	}
}

// BenchmarkPlainHTTP is what net/http alone takes for the same exchange.
func BenchmarkPlainHTTP(b *testing.B) {
	s := httptest.NewServer(benchHandler(0))
	defer s.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(benchPrompt.User))
			res, err := transport.RoundTrip(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
}

// BenchmarkClientOnly is the client's own share: no network, no server.
func BenchmarkClientOnly(b *testing.B) {
	client, err := chat.New(&chat.Options{Transport: inMemory{}})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	benchCalls(b, client, resolve(b, "http://localhost/v1", benchKeys, "m")[0], 2)
}

// BenchmarkFingerprint is what it takes to know a call again; a resumed run does
// it for each of its pairs.
func BenchmarkFingerprint(b *testing.B) {
	r := chat.Request{Target: resolve(b, "http://localhost/v1", benchKeys, "m")[0], Prompt: benchPrompt}
	b.ReportAllocs()
	for b.Loop() {
		r.Fingerprint()
	}
}

// timedTransport adds up how long exchanges take, from the request's start to the
// answer's last byte.
type timedTransport struct {
	http.RoundTripper
	spent atomic.Int64 // ns
}

func (t *timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &timedBody{res.Body, t, began}
	return res, nil
}

type timedBody struct {
	io.ReadCloser
	t     *timedTransport
	began time.Time
}

func (b *timedBody) Close() error {
	b.t.spent.Add(int64(time.Since(b.began)))
	return b.ReadCloser.Close()
}

// BenchmarkScheduling measures how much of the ideal throughput 200 workers
// reach when every answer takes 50 ms (%ideal), what net/http alone reaches, and
// the share of the workers' time in which they have an exchange under way
// (%busy): the rest is what the client's own scheduling takes.
func BenchmarkScheduling(b *testing.B) {
	const workers, latency = 200, 50 * time.Millisecond
	s := httptest.NewServer(benchHandler(latency))
	defer s.Close()
	efficiency := func(b *testing.B, began time.Time) {
		ideal := float64((b.N+workers-1)/workers) * latency.Seconds()
		b.ReportMetric(100*ideal/time.Since(began).Seconds(), "%ideal")
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	defer transport.CloseIdleConnections()
	b.Run("client", func(b *testing.B) {
		timed := &timedTransport{RoundTripper: transport}
		client, err := chat.New(&chat.Options{Transport: timed})
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		target := resolve(b, s.URL+"/v1", benchKeys, "m")[0]
		began := time.Now()
		benchCalls(b, client, target, workers)
		efficiency(b, began)
		b.ReportMetric(100*float64(timed.spent.Load())/float64(workers*time.Since(began)), "%busy")
	})
	b.Run("net-http", func(b *testing.B) {
		work := make(chan struct{}, workers)
		began := time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range work {
					r, _ := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(benchPrompt.User))
					res, err := transport.RoundTrip(r)
					if err != nil {
						b.Error(err)
						continue
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
			})
		}
		for range b.N {
			work <- struct{}{}
		}
		close(work)
		wg.Wait()
		efficiency(b, began)
	})
}
