package serve

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestSlowLog: as many lines wait as may; further ones are lost, which is told once
// and counted.
func TestSlowLog(t *testing.T) {
	read, write := io.Pipe()
	var said strings.Builder
	failures := prometheus.NewCounter(prometheus.CounterOpts{Name: "x"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(failures)
	l := &trafficLog{to: write, failures: failures, logger: slog.New(slog.NewTextHandler(&said, nil))}
	query := strings.Repeat("x", maxUnlogged/8)
	for range 10 {
		l.write(record{Query: query})
	}
	counted, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if n := counted[0].GetMetric()[0].GetCounter().GetValue(); n != 3 || strings.Count(said.String(), errSlowLog.Error()) != 1 { // a line is more than its query
		t.Errorf("%v lines lost, told as %q", n, said.String())
	}
	got := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, read)
		got <- n
	}()
	if err := l.flush(t.Context()); err != nil {
		t.Error(err)
	}
	write.Close()
	if n := <-got; n < 7*int64(len(query)) || n > 8*int64(len(query)) {
		t.Errorf("%d bytes", n)
	}
}

// slowWriter is a connection of a client that takes so long for each piece.
type slowWriter struct {
	http.ResponseWriter // nil
	header              http.Header
	each                time.Duration
	deadline            time.Time
	written             int
}

func (w *slowWriter) Header() http.Header                 { return w.header }
func (w *slowWriter) WriteHeader(int)                     {}
func (w *slowWriter) FlushError() error                   { return nil }
func (w *slowWriter) SetWriteDeadline(at time.Time) error { w.deadline = at; return nil }

func (w *slowWriter) Write(p []byte) (int, error) {
	if time.Now().Add(w.each).After(w.deadline) {
		time.Sleep(time.Until(w.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(w.each)
	w.written += len(p)
	return len(p), nil
}

// TestSlowestClient: a client that takes its answer, but next to nothing at a time,
// holds it no longer than one that takes nothing; one over a slow line may.
func TestSlowestClient(t *testing.T) {
	for name, tt := range map[string]struct {
		piece int
		each  time.Duration
		taken int // of 100 pieces
	}{
		"drop by drop": {100, 29 * time.Second, 1}, "slowly": {50 << 10, 29 * time.Second, 100}, "not at all": {50 << 10, 31 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &slowWriter{header: http.Header{}, each: tt.each}
				a := &reply{w: w, timeout: 30 * time.Second, stream: true}
				var err error
				for range 100 {
					if _, err = a.Write(make([]byte, tt.piece)); err != nil {
						break
					}
				}
				if w.written != tt.taken*tt.piece || (tt.taken < 100) != errors.Is(err, errNotTaken) {
					t.Errorf("%d bytes taken: %v", w.written, err)
				}
			})
		})
	}
}
