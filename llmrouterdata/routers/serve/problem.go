package serve

import (
	"cmp"
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

func busy() problem {
	return problem{http.StatusServiceUnavailable, internal, "", "server_busy", "the server is answering as much as it may", 0}
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
	if e, ok := errors.AsType[*chat.StoppedError](err); ok {
		return problem{http.StatusServiceUnavailable, upstream, "", "candidate_stopped", "the candidate does not answer at present", e.RetryAfter}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotTaken):
		return problem{statusGone, internal, "", "cancelled", "the client has left", 0}
	case errors.Is(err, chat.ErrBudget):
		return problem{http.StatusPaymentRequired, internal, "", "budget_spent", "what is left of the server's budget does not allow the request", 0}
	case errors.Is(err, chat.ErrReserved):
		return problem{http.StatusTooManyRequests, internal, "", "budget_reserved", "what is left of the server's budget is reserved by requests under way", 0}
	case errors.Is(err, chat.ErrDrained):
		return problem{http.StatusServiceUnavailable, internal, "", "shutting_down", "the server is shutting down", 0}
	}
	return problem{http.StatusInternalServerError, internal, "", "internal_error", "the request could not be routed", 0}
}

// problemOfCall is what a failed call means to the client: what the service said of
// the request, and otherwise that it was not the client's fault.
func problemOfCall(e *chat.Error) problem {
	p := problem{http.StatusBadGateway, upstream, "", string(e.Kind), e.Message, e.RetryAfter}
	switch {
	case ofRequest(e):
		p.status, p.kind, p.param, p.code = http.StatusBadRequest, invalid, e.Param, cmp.Or(e.Code, p.code)
		if e.Status > 400 && e.Status < 500 && e.Status != http.StatusUnauthorized {
			p.status = e.Status
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

// ofRequest reports whether a service refused what the request asks, or may have: the
// client has to see what it said.
func ofRequest(e *chat.Error) bool {
	switch e.Kind {
	case chat.KindBadRequest:
		return e.Fault == chat.FaultQuery
	case chat.KindNotFound: // some say so of a model that cannot do what is asked
		return e.Isolated
	}
	return false
}
