package serve

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// metrics are what /metrics tells. Labels are names of candidates, and words of
// ours.
type metrics struct {
	registry    *prometheus.Registry
	inFlight    prometheus.Gauge
	requests    *prometheus.CounterVec // by model asked for, status
	choices     *prometheus.CounterVec // by model
	answers     *prometheus.CounterVec // by model
	failures    *prometheus.CounterVec // by model, kind
	tokens      *prometheus.CounterVec // by model, kind
	usd         *prometheus.CounterVec // by model
	added       prometheus.Histogram
	encoding    prometheus.Histogram
	logFailures prometheus.Counter
}

func newMetrics() *metrics {
	r := prometheus.NewRegistry()
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "llmrouter_" + name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	histogram := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "llmrouter_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(50e-6, 2, 20), // 50 µs to 26 s
		})
		r.MustRegister(h)
		return h
	}
	m := &metrics{
		registry:    r,
		inFlight:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "llmrouter_requests_in_flight", Help: "Requests for completions that are being answered."}),
		requests:    vector("requests_total", "Requests for completions, by the model asked for and the status; 499: the client left.", "asked", "status"),
		choices:     vector("choices_total", "Choices of the router.", "model"),
		answers:     vector("answers_total", "Answers that were passed on.", "model"),
		failures:    vector("upstream_failures_total", "Calls that failed, by candidate and kind of failure.", "model", "kind"),
		tokens:      vector("tokens_total", "Tokens of answered calls: prompt (cached among them), completion (reasoning among them).", "model", "kind"),
		usd:         vector("cost_usd_total", "Price of all calls in USD, by the candidates' prices.", "model"),
		added:       histogram("added_seconds", "Time from a request's header to its answer's end, but for the encoder, the attempt that was answered and the client's taking of the answer."),
		encoding:    histogram("encoding_seconds", "Time that the encoder took."),
		logFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "llmrouter_log_failures_total", Help: "Lines of the log that could not be written."}),
	}
	r.MustRegister(m.inFlight, m.logFailures, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// called counts a call.
func (m *metrics) called(model string, said chat.Response, err error) {
	m.usd.WithLabelValues(model).Add(said.CostUSD)
	if err != nil {
		m.failures.WithLabelValues(model, failureOf(err)).Inc()
		return
	}
	m.answers.WithLabelValues(model).Inc()
	for kind, n := range map[string]int{"prompt": said.PromptTokens, "completion": said.CompletionTokens, "cached": said.CachedTokens, "reasoning": said.ReasoningTokens} {
		m.tokens.WithLabelValues(model, kind).Add(float64(n))
	}
}

// failureOf is the word for a failure in metrics and log.
func failureOf(err error) string {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return string(e.Kind)
	}
	switch {
	case errors.Is(err, chat.ErrStopped):
		return "stopped"
	case errors.Is(err, chat.ErrBudget), errors.Is(err, chat.ErrReserved):
		return "budget"
	case errors.Is(err, chat.ErrDrained):
		return "drained"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotTaken):
		return "cancelled"
	}
	return "other"
}

// answered counts a request; whole says that it was answered to the end.
func (m *metrics) answered(asked string, status int, whole bool, added, encoding time.Duration) {
	m.requests.WithLabelValues(asked, strconv.Itoa(status)).Inc()
	if whole {
		m.added.Observe(added.Seconds())
	}
	if encoding > 0 {
		m.encoding.Observe(encoding.Seconds())
	}
}
