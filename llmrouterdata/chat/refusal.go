package chat

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// noCredit are the codes that services give with 429 when waiting is no use.
var noCredit = map[string]bool{
	"insufficient_quota": true, "billing_hard_limit_reached": true,
	"insufficient_balance": true, "insufficient_credits": true, "credit_balance_too_low": true,
}

// queryCodes are the codes of a bad request that concern one query rather than
// the candidate.
var queryCodes = map[string]bool{
	"context_length_exceeded": true, "exceed_context_size_error": true, "string_above_max_length": true, "max_tokens_exceeded": true,
	"content_filter": true, "content_policy_violation": true, "invalid_prompt": true,
}

// statusKind classifies an HTTP status of 300 or more.
func statusKind(status int, code string) Kind {
	switch {
	case status == http.StatusTooManyRequests && noCredit[code], status == http.StatusPaymentRequired:
		return KindQuota
	case status == http.StatusTooManyRequests:
		return KindRateLimited
	case status == http.StatusForbidden && queryCodes[code]:
		return KindBadRequest
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return KindAuth
	case status == http.StatusNotFound, status == http.StatusGone:
		return KindNotFound
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
		return KindServer
	default:
		return KindBadRequest
	}
}

// refusedError is an answer with a status of 300 or more.
type refusedError struct {
	status int
	header http.Header
	body   []byte
}

func (e *refusedError) Error() string { return "chat: HTTP " + strconv.Itoa(e.status) }

// classify says what the refusal means; the detail is still to be scrubbed.
func (e *refusedError) classify(key secret.Secret) Error {
	code, message := errorBody(e.body)
	code = cleanCode(code, key)
	r := Error{Kind: statusKind(e.status, code), Status: e.status, Code: code, Detail: message}
	r.RetryAfter, r.retryAfter = retryAfter(e.header, time.Now())
	return r
}

// errorBody finds the code and the message of an error in the forms that
// services use: {"error": {"code", "type", "message"}}, {"error": "text"},
// {"detail": "text"}, {"message": "text", "code"}.
func errorBody(body []byte) (code, message string) {
	var outer struct {
		Error, Detail, Message, Code, Type json.RawMessage
	}
	if json.Unmarshal(body, &outer) != nil {
		return "", string(body)
	}
	inner := outer
	if bytes.HasPrefix(outer.Error, []byte("{")) {
		inner.Code, inner.Type, inner.Message = nil, nil, nil
		_ = json.Unmarshal(outer.Error, &inner) // fields of another type stay empty
	}
	for _, raw := range []json.RawMessage{inner.Code, inner.Type} {
		if s := jsonText(raw); s != "" && !isNumber(s) && code == "" {
			code = s
		}
	}
	for _, raw := range []json.RawMessage{inner.Message, outer.Error, outer.Detail} {
		if s := jsonText(raw); s != "" && message == "" {
			message = s
		}
	}
	return code, message
}

// jsonText returns a JSON string's value, and any other value but null as it is
// written.
func jsonText(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// retryAfter reads how long a server asks to wait, and whether it does. The
// header is a number of seconds or a date; some services give milliseconds in
// Retry-After-Ms. A date is taken relative to the server's own clock where it
// tells its time.
func retryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	number := func(text string, unit time.Duration) (time.Duration, bool) {
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if !(f >= 0) || (err != nil && f == 0) { // out of range gives +Inf and an error
			return 0, false
		}
		return time.Duration(min(f*float64(unit), float64(maxRetryAfter))), true
	}
	if d, ok := number(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d, true
	}
	text := h.Get("Retry-After")
	if d, ok := number(text, time.Second); ok {
		return d, true
	}
	if at, err := http.ParseTime(strings.TrimSpace(text)); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		return min(max(at.Sub(now), 0), maxRetryAfter), true
	}
	return 0, false
}

// embeddedError makes the HTTP error of an error object that came with status
// 200, as some gateways send it.
func embeddedError(raw json.RawMessage) error {
	switch string(raw) {
	case "", "null", "{}", "[]", `""`, "false":
		return nil
	}
	wrapped := append(append([]byte(`{"error":`), raw...), '}')
	code, message := errorBody(wrapped)
	var e struct {
		Code   any `json:"code"`
		Status any `json:"status"`
	}
	_ = json.Unmarshal(raw, &e) // an error that is a mere string has neither
	status := asCount(e.Code)
	if status < 400 || status > 599 {
		status = asCount(e.Status)
	}
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	return &Error{Kind: statusKind(status, code), Status: status, Code: code, Detail: message}
}
