package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	query    string          // the text that it is routed by
	choice   *routers.Choice // nil: the client named the candidate
	order    []chat.Target   // those to try, best first
	encoding time.Duration   // that the encoder took

	out     *reply
	target  chat.Target   // that was asked last
	failed  []string      // those that were asked before
	said    chat.Response // by target
	costUSD float64       // of all calls
}

// complete answers POST /v1/chat/completions.
func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()
	x := &exchange{Server: s, began: time.Now(), out: &reply{w: w, timeout: s.o.WriteTimeout}}
	code := http.StatusOK
	err := x.prepare(r)
	if err == nil {
		err = x.call(r.Context())
	}
	if err != nil {
		p := problemOf(err)
		code = p.status
		s.o.Logger.Debug("request failed", "candidate", x.target.Name, "status", code, "reason", err)
		x.out.fail(p)
	}
	x.account(code, err)
}

// prepare reads a request and decides whom to ask.
func (x *exchange) prepare(r *http.Request) (err error) {
	if x.body, err = x.read(r); err != nil {
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
	return x.route(r.Context())
}

// read reads a request within its limits of size and time.
func (x *exchange) read(r *http.Request) (*chat.Body, error) {
	control := http.NewResponseController(x.out.w)
	_ = control.SetReadDeadline(time.Now().Add(x.o.ReadTimeout)) // which not every ResponseWriter has
	text, err := io.ReadAll(http.MaxBytesReader(x.out.w, r.Body, x.o.MaxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, problem{http.StatusRequestEntityTooLarge, invalid, "", "request_too_large", fmt.Sprintf("the request is longer than %d bytes", x.o.MaxBody), 0}
	}
	if err != nil {
		return nil, problem{http.StatusRequestTimeout, invalid, "", "request_not_read", "the request did not come whole, in time", 0}
	}
	_ = control.SetReadDeadline(time.Time{})
	return chat.ParseBody(text)
}

// queryOf returns the text that a request is routed by: its last user message with
// text, or all messages, each after its role.
func queryOf(b *chat.Body, transcript bool) string {
	last := ""
	var all []string
	for _, m := range b.Messages() {
		if m.Text != "" {
			all = append(all, m.Role+": "+m.Text)
			if m.Role == "user" {
				last = m.Text
			}
		}
	}
	if transcript {
		return strings.Join(all, "\n\n")
	}
	return last
}

// route lets the router choose.
func (x *exchange) route(ctx context.Context) error {
	if strings.TrimSpace(x.query) == "" {
		return problem{http.StatusBadRequest, invalid, "messages", "no_text", "there is no user message with text to route by; name a candidate", 0}
	}
	began := time.Now()
	vectors, err := x.encoder.Encode(ctx, []string{x.query})
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
		x.costUSD += said.CostUSD
		x.metrics.called(target.Name, said, err)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if i+1 == len(x.order) || x.out.begun || !nextMayAnswer(err) {
			return err
		}
		x.failed = append(x.failed, target.Name)
		x.o.Logger.Debug("candidate failed, the next is asked", "candidate", target.Name, "next", x.order[i+1].Name, "reason", err)
	}
	return nil // of no candidate: a router chooses one
}

// nextMayAnswer reports whether a failure says nothing of the query, nor of our
// money.
func nextMayAnswer(err error) bool {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.Fault != chat.FaultQuery
	}
	return errors.Is(err, chat.ErrStopped)
}

// account counts and logs what a request came to.
func (x *exchange) account(code int, err error) {
	added := time.Since(x.began) - x.encoding
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
