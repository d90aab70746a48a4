package serve

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// A problem is an error as clients of OpenAI's interface know it.
type problem struct {
	status  int
	kind    string // its type
	param   string // the field at fault; "": none
	code    string
	message string
	retry   time.Duration // to wait before it is worth trying again; 0: a second, where it is
}

// The types of errors.
const (
	invalid  = "invalid_request_error"
	upstream = "upstream_error" // of a candidate, or of what is behind it
	internal = "server_error"
)

// statusGone stands in metrics for a client that has left.
const statusGone = 499

// Error implements error.
func (p problem) Error() string { return p.message }

func (p problem) body() any {
	nullable := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	return map[string]any{"error": map[string]any{"message": p.message, "type": p.kind, "param": nullable(p.param), "code": nullable(p.code)}}
}

func (p problem) write(w http.ResponseWriter) {
	if p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(p.retry.Seconds())))))
	}
	writeJSON(w, p.status, p.body())
}

func unknownModel() problem {
	return problem{http.StatusNotFound, invalid, "model", "model_not_found", "there is no such model here; GET /v1/models lists them", 0}
}

// problemOf says to a client what an error means. None of it tells of keys or
// addresses.
func problemOf(err error) problem {
	if p, ok := errors.AsType[problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*chat.BodyError](err); ok {
		return problem{http.StatusBadRequest, invalid, e.Field, "invalid_request", e.Error(), 0}
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return problemOfCall(e)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotTaken):
		return problem{statusGone, internal, "", "cancelled", "the client has left", 0}
	case errors.Is(err, chat.ErrStopped):
		return problem{http.StatusServiceUnavailable, upstream, "", "candidate_stopped", "the candidate does not answer at present", 0}
	case errors.Is(err, chat.ErrBudget):
		return problem{http.StatusPaymentRequired, internal, "", "budget_spent", "the server's budget is spent", 0}
	case errors.Is(err, chat.ErrDrained):
		return problem{http.StatusServiceUnavailable, internal, "", "shutting_down", "the server is shutting down", 0}
	}
	return problem{http.StatusInternalServerError, internal, "", "internal_error", "the request could not be routed", 0}
}

// problemOfCall is what a failed call means to the client: what the service said of
// the query, and otherwise that it was not the client's fault.
func problemOfCall(e *chat.Error) problem {
	p := problem{http.StatusBadGateway, upstream, "", string(e.Kind), e.Message, e.RetryAfter}
	switch {
	case e.Fault == chat.FaultQuery && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusUnauthorized:
		p.status, p.kind = e.Status, invalid
		if e.Code != "" {
			p.code = e.Code
		}
		if e.Detail != "" {
			p.message += ": " + e.Detail
		}
	case e.Kind == chat.KindRateLimited, e.Kind == chat.KindUnavailable:
		p.status = http.StatusTooManyRequests
	case e.Kind == chat.KindTimeout:
		p.status = http.StatusGatewayTimeout
	}
	return p
}
