package serve

import (
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
	// Asked is the model that the client asked for, Query the text that is routed
	// by, and Messages how many the request has.
	Asked    string `json:"asked"`
	Query    string `json:"query"`
	Messages int    `json:"messages"`
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
	CostUSD         float64 `json:"cost_usd"`      // of all calls for the request
	Error           string  `json:"error,omitempty"`
}

func (x *exchange) record(err error) record {
	t, said := x.tell(), x.said
	r := record{
		Time: x.began.UTC(), Asked: x.body.Model(), Query: x.query, Messages: len(x.body.Messages()),
		Choice: t.Choice, Scores: t.Scores, Costs: t.Costs, Failed: t.Failed,
		ModelName: x.target.Name, Response: said.Text, FinishReason: said.FinishReason, InputTokens: said.PromptTokens, OutputTokens: said.CompletionTokens,
		TokensEstimated: said.Estimated, ResponseTime: said.ResponseTime.Seconds(), CostUSD: x.costUSD,
	}
	if err != nil {
		r.Error = failureOf(err)
	}
	return r
}

// A trafficLog writes records. That it cannot is told once, until it can again.
type trafficLog struct {
	to       io.Writer
	logger   *slog.Logger
	failures prometheus.Counter

	mu     sync.Mutex // guards to and the rest
	failed bool
}

func (l *trafficLog) write(r record) {
	if l.to == io.Discard {
		return
	}
	line, _ := json.Marshal(r) // of texts and finite numbers
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.to.Write(line)
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

// A LogFile is a file that lines are appended to. It is for one goroutine at a
// time.
type LogFile struct {
	file *os.File
	torn bool // its last line has no end
}

// OpenLog opens a file for [Options].Log, and makes it where it is not there. Its
// mode becomes 0600: it holds what clients asked.
func OpenLog(name string) (*LogFile, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("serve: the log: %w", err)
	}
	l := &LogFile{file: f}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("serve: the log: %w", errors.Join(err, f.Close()))
	}
	return l, nil
}

// prepare takes the file from others, and looks whether its last line was torn.
func (l *LogFile) prepare() error {
	info, err := l.file.Stat()
	if err != nil || !info.Mode().IsRegular() { // a pipe or a terminal is what it is
		return err
	}
	if err := l.file.Chmod(0o600); err != nil {
		return err
	}
	if info.Size() == 0 {
		return nil
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
