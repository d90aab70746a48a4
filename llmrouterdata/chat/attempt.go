package chat

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/option"
)

// charge says what an attempt is taken to have cost.
type charge int

const (
	chargeNothing charge = iota // the service refused, or was not reached
	chargeUsage                 // the answer tells
	chargeMost                  // an answer may have been made and lost
)

// localKey is sent to local endpoints that have no key: some of them want the
// header to be there.
const localKey = "local"

// wireRequest is the body of a request. The SDK's own type would give the same
// JSON at eight times the cost.
type wireRequest struct {
	Model         string         `json:"model"`
	Messages      []wirePrompt   `json:"messages"`
	MaxTokens     int            `json:"max_tokens"`
	Temperature   float64        `json:"temperature"`
	TopP          float64        `json:"top_p"`
	Stream        bool           `json:"stream,omitempty"`
	StreamOptions *streamOptions `json:"stream_options,omitempty"`
}

type wirePrompt struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// encodeRequest is the request's body: an optional system message, the user
// message and the parameters, none left out.
func encodeRequest(r Request, p filledParams) ([]byte, error) {
	w := wireRequest{
		Model: r.Target.Model, MaxTokens: p.maxTokens, Temperature: p.temperature, TopP: p.topP, Stream: p.stream,
	}
	if r.Prompt.System != "" {
		w.Messages = append(w.Messages, wirePrompt{"system", r.Prompt.System})
	}
	w.Messages = append(w.Messages, wirePrompt{"user", r.Prompt.User})
	if p.stream {
		w.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return json.Marshal(w)
}

// send makes one HTTP request and reads the answer. After an error the answer
// holds retryAfter (negative: not given) and, for chargeUsage, the usage.
func (l *call) send(caller context.Context, lease *lease) (answer, *Error, charge) {
	ctx, cancel := context.WithTimeout(caller, l.st.timeout)
	defer cancel()
	key := *lease.key.secret
	bearer := string(key)
	if bearer == "" {
		bearer = localKey
	}
	fail := func(e Error, detail string) *Error {
		e.Candidate, e.KeyLabel = l.st.name, lease.label
		e.Detail = scrub(detail, key, l.st.host)
		return e.compose()
	}

	began := time.Now()
	var res *http.Response
	err := l.st.sdk.Post(ctx, "chat/completions", l.body, &res, option.WithAPIKey(bearer))
	none := answer{retryAfter: -1}
	if err != nil {
		if refused, ok := errors.AsType[*refusedError](err); ok {
			e := refused.classify(key)
			none.retryAfter = e.retryAfter
			return none, fail(e.Error, e.Error.Detail), chargeNothing
		}
		if ctx.Err() != nil {
			return none, fail(Error{Kind: KindTimeout}, "no answer within "+l.st.timeout.String()), chargeMost
		}
		if neverSent(err) {
			return none, fail(Error{Kind: KindConnection, unreached: true}, err.Error()), chargeNothing
		}
		return none, fail(Error{Kind: KindConnection}, err.Error()), chargeMost
	}
	defer res.Body.Close()

	a, err := readAnswer(res, l.c.o.MaxResponseBytes)
	a.took = time.Since(began)
	a.retryAfter = -1
	if err == nil {
		if a.usage.estimated {
			a.usage.prompt = promptTokens(l.r.Prompt)
			a.usage.completion = EstimateTokens(a.text)
			a.usage.total = a.usage.prompt + a.usage.completion
		}
		return a, nil, chargeUsage
	}
	b, ok := errors.AsType[*Error](err)
	switch {
	case ok:
	case ctx.Err() != nil:
		b = bad(KindTimeout, "no complete answer within %v", l.st.timeout)
	default:
		b = bad(KindTruncated, "%v", err)
	}
	paid := chargeMost
	switch b.Kind {
	case KindNoContent, KindRefusal, KindToolCalls, KindNoChoices:
		paid = chargeUsage
		if a.usage.estimated && b.Kind != KindNoChoices {
			a.usage.prompt = promptTokens(l.r.Prompt)
		}
	case KindHTML, KindContentType:
		paid = chargeNothing // not from the model
	}
	if b.Status == 0 {
		b.Status = res.StatusCode
	} else { // an error that came as an answer
		paid = chargeNothing
		b.Code = cleanCode(b.Code, key)
		a.retryAfter, b.RetryAfter = retryAfter(res.Header, time.Now())
	}
	return a, fail(*b, b.Detail), paid
}

// neverSent reports whether a transport error means that the request cannot
// have reached the service.
func neverSent(err error) bool {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "socks connect" || op.Op == "proxyconnect") ||
		errors.As(err, &cert) || errors.As(err, &record)
}

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 64 << 10

// refusedError is an answer with a status of 300 or more.
type refusedError struct {
	status int
	header http.Header
	body   []byte
}

func (e *refusedError) Error() string { return "chat: HTTP " + strconv.Itoa(e.status) }

// sdkHeaders tell the service about this machine, which it need not know.
var sdkHeaders = []string{
	"X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Os", "X-Stainless-Arch",
	"X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Retry-Count", "X-Stainless-Timeout",
}

var userAgent = []string{"llmrouter-go"}

// middleware drops the SDK's own headers, unwraps the body, and turns statuses of 300 or more
// into errors before the SDK reads their body without bound.
func middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	for _, name := range sdkHeaders {
		delete(req.Header, name)
	}
	req.Header["User-Agent"] = userAgent
	if req.GetBody != nil {
		// The SDK's wrapper hides from net/http that the body is in memory, which
		// costs a packet of its own for the header.
		if body, err := req.GetBody(); err == nil {
			req.Body = body
		}
	}
	res, err := next(req)
	if err != nil || res.StatusCode < 300 {
		return res, err
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // what there is will do
	_ = res.Body.Close()
	return nil, &refusedError{res.StatusCode, res.Header, body}
}

// refusal is a classified refusedError.
type refusal struct {
	Error
	retryAfter time.Duration
}

func (e *refusedError) classify(key Secret) refusal {
	code, message := errorBody(e.body)
	code = cleanCode(code, key)
	r := refusal{Error: Error{Kind: statusKind(e.status, code), Status: e.status, Code: code, Detail: message}}
	r.retryAfter, r.RetryAfter = retryAfter(e.header, time.Now())
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

// retryAfter reads how long a server asks to wait. asked is 0 or more, or -1
// where it does not say; said is the same with 0 for -1. The header is a number
// of seconds or a date; some services give milliseconds in Retry-After-Ms. A
// date is taken relative to the server's own clock where it tells its time.
func retryAfter(h http.Header, now time.Time) (asked, said time.Duration) {
	const farthest = 366 * 24 * time.Hour
	number := func(text string, unit time.Duration) (time.Duration, bool) {
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if !(f >= 0) || (err != nil && f == 0) { // out of range gives +Inf and an error
			return 0, false
		}
		return time.Duration(min(f*float64(unit), float64(farthest))), true
	}
	if d, ok := number(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d, d
	}
	text := h.Get("Retry-After")
	if d, ok := number(text, time.Second); ok {
		return d, d
	}
	if at, err := http.ParseTime(strings.TrimSpace(text)); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		d := min(max(at.Sub(now), 0), farthest)
		return d, d
	}
	return -1, 0
}
