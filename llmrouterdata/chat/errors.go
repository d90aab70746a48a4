package chat

import (
	"errors"
	"fmt"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

var (
	// ErrStopped marks a call that was not made because the circuit breaker
	// stopped its candidate; the error is a [*StoppedError]. The pair can be
	// called again in a later run.
	ErrStopped = errors.New("chat: candidate stopped")

	// ErrBudget marks a call that was not made because it could have passed the
	// budget. The pair can be called again in a later run.
	ErrBudget = errors.New("chat: budget spent")
	// ErrFund marks a call that was not made because the [Fund] of its budget failed.
	ErrFund = errors.New("chat: the budget cannot be drawn on")

	// ErrReserved marks a call that was not made because the budget that it needs was
	// reserved by calls under way for longer than [Options].MaxWait.
	ErrReserved = errors.New("chat: budget reserved by calls under way")

	// ErrDrained marks a call that was given up by a graceful shutdown:
	// Request.Drain was closed while it waited. The pair can be called again in a later run.
	ErrDrained = errors.New("chat: drained")
)

// Kind says what went wrong with a call.
type Kind string

// The kinds of failure. Those marked "retried" are returned only after the last
// attempt.
const (
	// KindRateLimited is HTTP 429, or words that say so (retried; the key cools
	// down for the model, or whole where the service says that the account is
	// meant).
	KindRateLimited Kind = "rate_limited"
	// KindServer is HTTP 5xx, or another status or words that say "later", or an
	// answer that the service broke off (retried; after 5xx the key cools down for
	// the model).
	KindServer Kind = "server_error"
	// KindAuth is HTTP 401, or another status with words that say that the key is
	// not accepted: the key is disabled and another one tried.
	KindAuth Kind = "auth"
	// KindQuota is HTTP 402, or another status with words that say that the account
	// has no credit left: the key is disabled and another one tried.
	KindQuota Kind = "quota"
	// KindNotFound is HTTP 404 or 410: the service does not have the model, or
	// has it no more.
	KindNotFound Kind = "not_found"
	// KindBadRequest is any other HTTP 4xx, or a redirect.
	KindBadRequest Kind = "bad_request"
	// KindTimeout is an attempt that took longer than its limit (retried).
	KindTimeout Kind = "timeout"
	// KindConnection is a connection that failed before the answer's first
	// byte (retried).
	KindConnection Kind = "connection"
	// KindUnavailable is a call for which no key became free in the time
	// allowed, because all of them were cooling down.
	KindUnavailable Kind = "unavailable"
	// KindTruncated is an answer that ended too soon (retried).
	KindTruncated Kind = "truncated"
	// KindInvalidJSON is an answer that is not JSON, or not of the form of a
	// completion (retried).
	KindInvalidJSON Kind = "invalid_json"
	// KindHTML is a web page in place of an answer, with a status below 500
	// (retried).
	KindHTML Kind = "html_page"
	// KindContentType is an answer that is neither JSON, a stream of events nor a
	// web page (retried).
	KindContentType Kind = "content_type"
	// KindTooLarge is an answer longer than Options.MaxResponseBytes.
	KindTooLarge Kind = "too_large"
	// KindNoChoices is a completion with an empty list of choices (retried).
	KindNoChoices Kind = "no_choices"
	// KindNoContent is a completion whose message has null content.
	KindNoContent Kind = "no_content"
	// KindRefusal is a completion that holds a refusal, or was stopped by a
	// content filter.
	KindRefusal Kind = "refusal"
	// KindToolCalls is a completion that calls tools instead of answering.
	KindToolCalls Kind = "tool_calls"
	// KindLength is a completion without text that ended because it was long
	// enough: its tokens went to thinking.
	KindLength Kind = "length"
	// KindOtherModel is a completion by another model than the one asked for: the
	// gateway says that it fell back, or the candidate is strict about the name.
	KindOtherModel Kind = "other_model"
)

// Fault says whose fault a failed call is.
type Fault string

// The faults.
const (
	// FaultQuery: the query was refused, or answered without a usable text.
	FaultQuery Fault = "query"
	// FaultKey: the key is not accepted, or its account has no credit left.
	FaultKey Fault = "key"
	// FaultCandidate: the service does not have the model, or refuses a
	// parameter; or a gateway names a failure of its own upstream.
	FaultCandidate Fault = "candidate"
	// FaultHost: nothing that speaks for the service answers at its address.
	FaultHost Fault = "host"
	// FaultNobody: it may go better later.
	FaultNobody Fault = "nobody"
)

// kindWords are what Message says of a kind.
var kindWords = map[Kind]string{
	KindRateLimited: "rate limited",
	KindServer:      "server error",
	KindAuth:        "key rejected",
	KindQuota:       "quota used up",
	KindNotFound:    "model not found",
	KindBadRequest:  "bad request",
	KindTimeout:     "timed out",
	KindConnection:  "connection failed",
	KindUnavailable: "no key became free in time",
	KindTruncated:   "answer cut short",
	KindInvalidJSON: "answer is not valid JSON",
	KindHTML:        "answer is a web page",
	KindContentType: "answer has an unexpected content type",
	KindTooLarge:    "answer too large",
	KindNoChoices:   "answer has no choices",
	KindNoContent:   "answer has no content",
	KindRefusal:     "model refused to answer",
	KindToolCalls:   "answer calls tools",
	KindLength:      "no answer within the token limit",
	KindOtherModel:  "answered by another model",
}

// faultOf is whose fault a failure is as a rule; a refusal has its own verdict.
func faultOf(k Kind) Fault {
	switch k {
	case KindNoContent, KindRefusal, KindToolCalls, KindLength, KindTooLarge, KindBadRequest:
		return FaultQuery
	case KindOtherModel, KindNotFound:
		return FaultCandidate
	case KindHTML:
		return FaultHost
	case KindAuth, KindQuota:
		return FaultKey
	}
	return FaultNobody
}

// retried reports whether another attempt may go better.
func (e *Error) retried() bool {
	return e.Fault == FaultNobody && e.Kind != KindUnavailable || e.Fault == FaultKey || e.Fault == FaultHost
}

// An Error is a call that failed for good; it describes the last attempt.
type Error struct {
	// Kind says what went wrong.
	Kind Kind
	// Fault says whose fault it is.
	Fault Fault
	// Status is the HTTP status; 0 where no answer came.
	Status int
	// Code is the service's own code for the error, for example
	// "model_not_found"; "" where it gave none.
	Code string
	// Param is the field of the request that the service names as the one at fault;
	// "" where it names none.
	Param string
	// Unknown says that the service refused in words that are not known. Such a
	// refusal counts as the query's; see [MaxUnknown].
	Unknown bool
	// Isolated says that the failure may come of the request, which somebody else has
	// written ([Client.Relay]): Fault decides what becomes of the call, and key,
	// candidate and host are as good as before for others.
	Isolated bool
	// RetryAfter is how long the service asked to wait, not clamped; 0 where it
	// did not say.
	RetryAfter time.Duration
	// Candidate is the candidate's name.
	Candidate string
	// KeyLabel is the label of the key used; "" for none.
	KeyLabel string
	// Message says what happened in words that depend only on Kind, Status and
	// Code: no address, port, key, or text of the service's. It is fit for the
	// outputs, where two runs must give the same bytes.
	Message string
	// Detail is what the service or the network said, with keys, addresses and
	// ids struck out and cut to 200 characters: fit for a log. Of a relay it has up to
	// 1,000, and is for whom asked alone, as the service may repeat the request.
	Detail string
	// Address is the host and port that did not answer, where Fault is FaultHost,
	// else "". It is for a terminal and a log, not for files.
	Address string

	verdict    service.Verdict // of a refusal
	body       *service.Body   // of a refusal; nil: none
	retryAfter bool            // RetryAfter was given, even if it is 0
	cools      bool            // the key cools down for the model
	spent      bool            // a refusal that may have cost something
	relayed    bool            // the request was somebody else's
	mute       bool            // a time-out of a relay before anything came
}

// logged is the part of Detail that is fit for a log.
func (e *Error) logged() string {
	if e.relayed && e.Status != 0 {
		return ""
	}
	return e.Detail
}

// Error implements error; it gives the candidate and Message.
func (e *Error) Error() string {
	if e.Candidate == "" {
		return "chat: " + e.Message
	}
	return fmt.Sprintf("chat: candidate %q: %s", e.Candidate, e.Message)
}

// compose fills Message in, and Fault where nothing has said it yet.
func (e *Error) compose() *Error {
	if e.Fault == "" {
		e.Fault = faultOf(e.Kind)
	}
	words := kindWords[e.Kind]
	switch {
	case e.Status >= 300 && e.Code != "":
		e.Message = fmt.Sprintf("%s (HTTP %d, %s)", words, e.Status, e.Code)
	case e.Status >= 300:
		e.Message = fmt.Sprintf("%s (HTTP %d)", words, e.Status)
	case e.Code != "":
		e.Message = fmt.Sprintf("%s (%s)", words, e.Code)
	default:
		e.Message = words
	}
	return e
}

// A StoppedError says that a candidate was stopped by its circuit breaker, so
// that it takes no more calls from this client, and why; errors.Is(err,
// ErrStopped) holds. It is not an [*Error]: the call was not answered.
type StoppedError struct {
	// Candidate is the candidate's name.
	Candidate string
	// Calls is how many calls in a row failed; 0 where the keys are at fault. It is
	// 1 where the service says that no call can be answered.
	Calls int
	// Unknown is how many different queries in a row were refused in words that
	// are not known, where that stopped the candidate, else 0. Each is a failed
	// call, although it is not the query's fault.
	Unknown int
	// Fault says whose fault it is.
	Fault Fault
	// Host is the host and port that answers nobody, where Fault is FaultHost,
	// else "". It is for a terminal and a log, not for files.
	Host string
	// RetryAfter is how long it stays stopped; 0: for good.
	RetryAfter time.Duration
	// Last is the failure that stopped the candidate.
	Last *Error
}

// Error implements error.
func (e *StoppedError) Error() string {
	switch {
	case e.Fault == FaultHost && e.Host != "":
		return fmt.Sprintf("chat: candidate %q stopped: its host answers nobody: %s", e.Candidate, e.Last.Message)
	case e.Unknown > 0:
		return fmt.Sprintf("chat: candidate %q stopped: %d different queries in a row were refused in unknown words: %s", e.Candidate, e.Unknown, e.Last.Message)
	case e.Calls == 0:
		return fmt.Sprintf("chat: candidate %q stopped: none of its keys is usable: %s", e.Candidate, e.Last.Message)
	case e.Calls == 1:
		return fmt.Sprintf("chat: candidate %q stopped: %s", e.Candidate, e.Last.Message)
	}
	return fmt.Sprintf("chat: candidate %q stopped after %d failed calls in a row: %s", e.Candidate, e.Calls, e.Last.Message)
}

// Is reports whether target is ErrStopped.
func (e *StoppedError) Is(target error) bool { return target == ErrStopped }

// againstCandidate reports whether the failure speaks against the candidate
// itself, so that further calls would fare alike.
func (e *Error) againstCandidate() bool {
	switch e.Kind {
	case KindUnavailable, KindHTML, KindInvalidJSON, KindNoChoices, KindContentType:
		return true
	}
	return e.Fault == FaultCandidate || e.mute
}
