package chat

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// refusedError is an answer with a status of 300 or more.
type refusedError struct {
	status int
	header http.Header
	body   []byte
}

func (e *refusedError) Error() string { return "chat: HTTP " + strconv.Itoa(e.status) }

// kinds are what the meanings of refusals are called here.
var kinds = map[service.Meaning]Kind{
	service.RateLimited: KindRateLimited, service.NoCredit: KindQuota, service.Rejected: KindAuth, service.NoModel: KindNotFound,
	service.Parameter: KindBadRequest, service.Query: KindBadRequest, service.Passing: KindServer, service.WebPage: KindHTML,
	service.WrongPath: KindBadRequest, service.Unknown: KindBadRequest,
}

// refusal is the failure that a service tells; status is 0 for an error that came
// as an answer. What was refused is relayed, or ours. Code, param and detail are
// still to be scrubbed.
func refusal(status int, h http.Header, b service.Body, relayed bool) *Error {
	judge := service.Judge
	if relayed {
		judge = service.JudgeRelayed
	}
	v := judge(status, b)
	e := &Error{
		Kind: kinds[v.Meaning], Fault: Fault(v.Fault), Status: status, Code: b.Code, Param: b.Param, Detail: b.Message,
		Unknown: v.Meaning == service.Unknown, Isolated: v.Isolated,
		verdict: v,
		cools:   v.Meaning == service.Passing && (status == 0 || status >= 500),
		body:    &b,
		spent:   v.Spent || paidBehind(h),
	}
	if status == 0 {
		e.Status = b.Status
	}
	e.RetryAfter, e.retryAfter = service.RetryAfter(h, b, time.Now())
	return e
}

// paidBehind reports whether a gateway says that it paid for a failure.
func paidBehind(h http.Header) bool {
	usd, err := strconv.ParseFloat(strings.TrimSpace(h.Get("X-Litellm-Response-Cost")), 64)
	return err == nil && usd > 0
}
