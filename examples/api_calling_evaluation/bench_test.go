package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
)

// calls are the times between which a server was asked.
type calls struct {
	mu          sync.Mutex
	first, last time.Time
}

// answer notes that a call is answered, which came a latency ago.
func (c *calls) answer(latency time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	if c.first.IsZero() {
		c.first = c.last.Add(-latency)
	}
}

// evaluateBy runs the shards of a setting in so many processes, and returns what one
// of them took in all.
func evaluateBy(b *testing.B, s *setting, count int, args ...string) time.Duration {
	b.Helper()
	p := &processes{b, s, 32 * count}
	began := time.Now()
	running := make([]*exec.Cmd, count)
	for i := range running {
		running[i] = p.start(append(args, "--shard", "next", "--processes", fmt.Sprint(count))...)
	}
	for _, c := range running {
		if code := end(b, c); code != 0 && code != 75 {
			b.Fatalf("exit code %d\n%s", code, c.Stderr)
		}
	}
	return time.Since(began)
}

// BenchmarkProcesses is how much of the ideal throughput 4 processes reach that have
// 32 calls under way each, when every call takes 200 ms: 5,000 calls in 100 shards,
// from the first to the last.
func BenchmarkProcesses(b *testing.B) {
	const processCount, latency, queries, models = 4, 200 * time.Millisecond, 1000, 5
	var spent time.Duration
	for b.Loop() {
		var c calls
		s := set(b, 0, chaos.Config{Latency: chaos.Fixed(latency), Answer: func(model, user string) string {
			c.answer(latency)
			return chaos.Answer(model, user)
		}})
		s.queries(b, "train", queries)
		var list []string
		for i := range models {
			list = append(list, fmt.Sprintf(`"m%d": {"model": "x/m%[1]d", "api_endpoint": %q}`, i, s.url))
		}
		s.candidates(b, "{"+strings.Join(list, ", ")+"}")
		s.ends(b, 0, "--split", "--shard_size", "10")
		evaluateBy(b, s, processCount)
		spent += c.last.Sub(c.first)
	}
	ideal := latency * queries * models / (32 * processCount)
	b.ReportMetric(100*ideal.Seconds()*float64(b.N)/spent.Seconds(), "%ideal")
}

// BenchmarkShards is what a shard takes whose calls take no time: 50 shards of 20
// queries, the start of the process included.
func BenchmarkShards(b *testing.B) {
	const shardCount, size = 50, 20
	var spent time.Duration
	for b.Loop() {
		s := set(b, 0, chaos.Config{})
		s.queries(b, "train", shardCount*size)
		s.ends(b, 0, "--split", "--shard_size", fmt.Sprint(size))
		spent += evaluateBy(b, s, 1)
	}
	b.ReportMetric(float64(spent.Milliseconds())/float64(b.N*shardCount), "ms/shard")
}
