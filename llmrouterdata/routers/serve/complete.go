package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// An exchange is a request for a completion that is being answered.
type exchange struct {
	*Server
	began    time.Time
	body     *chat.Body
	query    query
	choice   *routers.Choice // nil: the client named the candidate
	order    []chat.Target   // those to try, best first
	encoding time.Duration   // that the encoder took

	out       *reply
	target    chat.Target   // that was asked last
	failed    []string      // those that were asked before
	failedUSD float64       // what they cost
	said      chat.Response // by target
}

// query is what a request asks.
type query struct {
	text    string // that it is routed by
	context int    // messages that say more than that, but for the system's
}

// complete answers POST /v1/chat/completions.
func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()
	x := &exchange{Server: s, began: time.Now(), out: &reply{w: w, timeout: s.o.WriteTimeout}}
	code := http.StatusOK
	err := x.answer(r)
	if err != nil {
		p := problemOf(err)
		code = p.status
		s.o.Logger.Debug("request failed", "candidate", x.target.Name, "status", code, "code", p.code)
		x.out.fail(p)
	}
	x.account(code, err)
}

// answer answers a request, if there is room for it.
func (x *exchange) answer(r *http.Request) error {
	if !x.requests.TryAcquire(1) {
		return busy()
	}
	defer x.requests.Release(1)
	size := x.o.MaxBody
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength)
	}
	if !x.bodies.TryAcquire(size) {
		return busy()
	}
	defer func() { x.bodies.Release(size) }()
	text, err := x.read(r)
	if err != nil {
		return err
	}
	if read := int64(len(text)); read < size { // of one whose length was not known
		x.bodies.Release(size - read)
		size = read
	}
	if err := x.prepare(r.Context(), text); err != nil {
		return err
	}
	return x.call(r.Context())
}

// prepare decides whom to ask.
func (x *exchange) prepare(ctx context.Context, text []byte) (err error) {
	if x.body, err = chat.ParseBody(text); err != nil {
		return err
	}
	x.out.stream = x.body.Stream()
	x.query = queryOf(x.body, x.o.Transcript)
	if name := x.body.Model(); name != Auto {
		target, known := x.targets[name]
		if !known {
			return unknownModel()
		}
		x.order = []chat.Target{target}
		return nil
	}
	return x.route(ctx)
}

// read reads a request within its limits of size and time.
func (x *exchange) read(r *http.Request) ([]byte, error) {
	control := http.NewResponseController(x.out.w)
	_ = control.SetReadDeadline(time.Now().Add(x.o.ReadTimeout)) // which not every ResponseWriter has
	var text bytes.Buffer
	if r.ContentLength > 0 {
		text.Grow(int(min(r.ContentLength, x.o.MaxBody)) + bytes.MinRead)
	}
	_, err := text.ReadFrom(http.MaxBytesReader(x.out.w, r.Body, x.o.MaxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, problem{http.StatusRequestEntityTooLarge, invalid, "", "request_too_large", fmt.Sprintf("the request is longer than %d bytes", x.o.MaxBody), 0}
	}
	if err != nil {
		return nil, problem{http.StatusRequestTimeout, invalid, "", "request_not_read", "the request did not come whole, in time", 0}
	}
	_ = control.SetReadDeadline(time.Time{})
	return text.Bytes(), nil
}

// queryOf returns what a request is routed by: its last user message with text, or
// all messages, each after its role.
func queryOf(b *chat.Body, transcript bool) query {
	messages := b.Messages()
	var all []string
	last := -1
	for i, m := range messages {
		if m.Text != "" {
			all = append(all, m.Role+": "+m.Text)
			if m.Role == "user" {
				last = i
			}
		}
	}
	var q query
	switch {
	case transcript:
		q.text = strings.Join(all, "\n\n")
	case last >= 0:
		q.text = messages[last].Text
	}
	for i, m := range messages {
		system := m.Role == "system" || m.Role == "developer"
		if m.Other || !transcript && i != last && !system {
			q.context++
		}
	}
	return q
}

// route lets the router choose.
func (x *exchange) route(ctx context.Context) error {
	if strings.TrimSpace(x.query.text) == "" {
		return problem{http.StatusBadRequest, invalid, "messages", "no_text", "there is no user message with text to route by; name a candidate", 0}
	}
	began := time.Now()
	vectors, err := x.encoder.Encode(ctx, []string{x.query.text})
	x.encoding = time.Since(began)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("serve: encoding the query: %w", err)
	case len(vectors) != 1:
		return fmt.Errorf("serve: the encoder gave %d vectors for a text", len(vectors))
	}
	choice, err := x.router.Route(vectors[0])
	if err != nil {
		return fmt.Errorf("serve: routing the query: %w", err)
	}
	x.choice = &choice
	for _, m := range x.router.Ranking(choice) {
		x.order = append(x.order, x.ranked[m])
	}
	return nil
}

// call asks the candidates, until one answers or the fault is not theirs.
func (x *exchange) call(ctx context.Context) error {
	for i, target := range x.order {
		x.target = target
		x.out.told = x.tell()
		said, err := x.client.Relay(ctx, chat.Relay{Target: target, Body: x.body, To: x.out, Drain: x.o.Drain})
		x.said = said
		x.metrics.called(target.Name, said, err)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if i+1 == len(x.order) || x.out.begun || !nextMayAnswer(err) {
			return err
		}
		x.failed = append(x.failed, target.Name)
		x.failedUSD += said.CostUSD
		x.o.Logger.Debug("candidate failed, the next is asked", "candidate", target.Name, "next", x.order[i+1].Name, "reason", err)
	}
	return nil // of no candidate: a router chooses one
}

// nextMayAnswer reports whether a failure says nothing of the query: another
// candidate may be well, and cheaper.
func nextMayAnswer(err error) bool {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.Fault != chat.FaultQuery
	}
	return errors.Is(err, chat.ErrStopped) || errors.Is(err, chat.ErrBudget) || errors.Is(err, chat.ErrReserved)
}

// account counts and logs what a request came to.
func (x *exchange) account(code int, err error) {
	added := time.Since(x.began) - x.encoding - x.out.waited
	if err == nil {
		added -= x.said.ResponseTime
	}
	asked := "unknown" // a name that clients make up is no label
	if x.body != nil {
		if _, known := x.targets[x.body.Model()]; known || x.body.Model() == Auto {
			asked = x.body.Model()
		}
	}
	x.metrics.answered(asked, code, err == nil, added, x.encoding)
	if x.choice != nil {
		x.metrics.choices.WithLabelValues(x.choice.Name).Inc()
	}
	if x.target.Name != "" {
		x.log.write(x.record(err))
	}
}
