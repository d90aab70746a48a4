package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A record is a line of the log.
type record struct {
	Time time.Time `json:"time"`
	// Asked is the model that the client asked for, and Query the text that is routed
	// by. Context is how many messages, but for the system's, say more than that.
	Asked   string `json:"asked"`
	Query   string `json:"query"`
	Context int    `json:"context"`
	// Choice, Scores, Costs and Failed are what the headers tell.
	Choice string              `json:"choice,omitempty"`
	Scores map[string]*float64 `json:"scores,omitempty"`
	Costs  map[string]float64  `json:"costs,omitempty"`
	Failed []string            `json:"failed,omitempty"`
	// The rest is of the candidate asked last, under the names of routing data.
	ModelName       string  `json:"model_name"`
	Response        string  `json:"response"`
	FinishReason    string  `json:"finish_reason,omitempty"`
	InputTokens     int     `json:"input_tokens"`
	OutputTokens    int     `json:"output_tokens"`
	TokensEstimated bool    `json:"tokens_estimated,omitempty"`
	ResponseTime    float64 `json:"response_time"` // s
	CostUSD         float64 `json:"cost_usd"`
	FailedUSD       float64 `json:"failed_usd,omitempty"` // of those asked before
	Error           string  `json:"error,omitempty"`
}

func (x *exchange) record(err error) record {
	t, said := x.tell(), x.said
	r := record{
		Time: x.began.UTC(), Asked: x.body.Model(), Query: x.query.text, Context: x.query.context,
		Choice: t.Choice, Scores: t.Scores, Costs: t.Costs, Failed: t.Failed,
		ModelName: x.target.Name, Response: said.Text, FinishReason: said.FinishReason, InputTokens: said.PromptTokens, OutputTokens: said.CompletionTokens,
		TokensEstimated: said.Estimated, ResponseTime: said.ResponseTime.Seconds(), CostUSD: said.CostUSD, FailedUSD: x.failedUSD,
	}
	if err != nil {
		r.Error = failureOf(err)
	}
	return r
}

// A trafficLog writes records, one after the other, from a goroutine that lives while
// there are some: no answer waits for it. That it cannot write is told once, until it
// can again.
type trafficLog struct {
	to       io.Writer
	logger   *slog.Logger
	failures prometheus.Counter

	mu      sync.Mutex // guards the rest
	waiting [][]byte
	bytes   int           // of waiting, and of the line that is being written
	idle    chan struct{} // closed when nothing waits any more; nil: nothing does
	failed  bool
}

func (l *trafficLog) write(r record) {
	if l.to == io.Discard {
		return
	}
	line, _ := json.Marshal(r) // of texts and finite numbers
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes > 0 && l.bytes+len(line) > maxUnlogged {
		l.wrote(errSlowLog)
		return
	}
	l.waiting = append(l.waiting, line)
	l.bytes += len(line)
	if l.idle == nil {
		l.idle = make(chan struct{})
		go l.empty()
	}
}

var errSlowLog = errors.New("it takes lines more slowly than they come")

// empty writes what waits.
func (l *trafficLog) empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > 0 {
		line := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.mu.Unlock()
		_, err := l.to.Write(line)
		l.mu.Lock()
		l.bytes -= len(line)
		l.wrote(err)
	}
	close(l.idle)
	l.idle = nil
}

// wrote takes notice of what became of a line; the mutex is held.
func (l *trafficLog) wrote(err error) {
	switch {
	case err != nil:
		l.failures.Inc()
		if !l.failed {
			l.logger.Error("the log of requests cannot be written: requests are answered, and not logged", "error", err)
		}
	case l.failed:
		l.logger.Warn("the log of requests can be written again")
	}
	l.failed = err != nil
}

// flush waits until nothing waits, or until ctx ends.
func (l *trafficLog) flush(ctx context.Context) error {
	l.mu.Lock()
	idle := l.idle
	l.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes == 0 { // by now
		return nil
	}
	return fmt.Errorf("serve: the log: %d bytes of lines are not written: %w", l.bytes, ctx.Err())
}

// A LogFile is a file that lines are appended to. It is for one goroutine at a
// time.
type LogFile struct {
	file *os.File
	torn bool // its last line has no end
}

// ErrNoLog says that a file holds something else than a log.
var ErrNoLog = errors.New("the file holds something else than a log of requests")

// lineStart begins each line.
const lineStart = `{"time":`

// OpenLog opens a file for [Options].Log, and makes it where it is not there. Its
// mode becomes 0600: it holds what clients asked. A file that holds something else is
// left as it is ([ErrNoLog]).
func OpenLog(name string) (*LogFile, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("serve: the log: %w", err)
	}
	l := &LogFile{file: f}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("serve: the log: %s: %w", name, errors.Join(err, f.Close()))
	}
	return l, nil
}

// prepare takes the file from others, and looks whether its last line was torn.
func (l *LogFile) prepare() error {
	info, err := l.file.Stat()
	if err != nil || !info.Mode().IsRegular() { // a pipe or a terminal is what it is
		return err
	}
	first := make([]byte, min(info.Size(), int64(len(lineStart))))
	if _, err := l.file.ReadAt(first, 0); err != nil {
		return err
	}
	if !bytes.HasPrefix([]byte(lineStart), first) {
		return ErrNoLog
	}
	if err := l.file.Chmod(0o600); err != nil || len(first) == 0 {
		return err
	}
	var last [1]byte
	_, err = l.file.ReadAt(last[:], info.Size()-1)
	l.torn = last[0] != '\n'
	return err
}

// Write appends lines. What follows a line of which only a part found room begins
// a line of its own.
func (l *LogFile) Write(p []byte) (int, error) {
	if l.torn {
		if _, err := l.file.WriteString("\n"); err != nil {
			return 0, err
		}
		l.torn = false
	}
	n, err := l.file.Write(p)
	if n > 0 {
		l.torn = p[n-1] != '\n'
	}
	return n, err
}

// Close closes the file.
func (l *LogFile) Close() error { return l.file.Close() }
