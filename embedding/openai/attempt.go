package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// attempt makes one HTTP request.
func (e *Encoder) attempt(caller context.Context, texts []string) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(caller, e.options.Timeout)
	defer cancel()
	params := sdk.EmbeddingNewParams{
		Input: sdk.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts},
		Model: e.options.Model,
	}
	if e.options.RequestDim {
		params.Dimensions = sdk.Int(int64(e.options.Dim))
	}
	var res *http.Response
	_, err := e.service.New(ctx, params, option.WithResponseBodyInto(&res))
	var body []byte
	if err == nil {
		body, err = e.read(res)
	}
	switch {
	case err == nil:
		return parseAnswer(body, len(texts), e.options.Dim)
	case caller.Err() != nil:
		return nil, caller.Err()
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %v", ErrTimeout, e.options.Timeout)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL says nothing new
	}
	return nil, err
}

// read reads an answer and sees that it is JSON.
func (e *Encoder) read(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	limit := min(e.options.MaxResponseBytes, math.MaxInt64-1) // so that one more is a number
	if res.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, res.ContentLength, limit)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "text/html" {
		return nil, fmt.Errorf("%w: a web page", ErrResponse)
	}
	return body, nil
}

// sdkHeaders tell the service about this machine, which it need not know.
var sdkHeaders = []string{
	"X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Os", "X-Stainless-Arch",
	"X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Retry-Count", "X-Stainless-Timeout",
}

// guard drops the client's own headers, and makes errors of statuses that are
// no success before the client reads their bodies without bound.
func (e *Encoder) guard(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	for _, name := range sdkHeaders {
		req.Header.Del(name)
	}
	req.Header.Set("User-Agent", "llmrouter-go")
	res, err := next(req)
	if err != nil || res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, err
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // what there is will do
	_ = res.Body.Close()
	status := &StatusError{Status: res.StatusCode, RetryAfter: retryAfter(res.Header, time.Now())}
	status.Code, status.Message = errorBody(body)
	status.Code = e.clean(status.Code, maxCode)
	status.Message = e.clean(status.Message, maxMessage)
	return nil, status
}

// clean takes the key out of what a service says, and cuts it.
func (e *Encoder) clean(s string, limit int) string {
	if *e.key != "" {
		s = strings.ReplaceAll(s, string(*e.key), e.key.String())
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit] + "…"
	}
	return s
}

// errorBody finds the code and the message of an error in the forms that
// services use: {"error": {"code", "type", "message"}}, {"error": "text"},
// {"detail": "text"}, {"code", "type", "message"}.
func errorBody(body []byte) (code, message string) {
	var outer struct {
		Error, Detail, Code, Type, Message json.RawMessage
	}
	if json.Unmarshal(body, &outer) != nil {
		return "", ""
	}
	var inner struct{ Code, Type, Message json.RawMessage }
	_ = json.Unmarshal(outer.Error, &inner) // stays empty where it is a text
	code = cmp.Or(text(inner.Code), text(inner.Type), text(outer.Code), text(outer.Type))
	message = cmp.Or(text(inner.Message), text(outer.Message), text(outer.Error), text(outer.Detail))
	return code, message
}

// text gives a JSON string or number as text, anything else as "".
func text(raw json.RawMessage) string {
	var s string
	var n json.Number
	switch {
	case len(raw) == 0:
	case json.Unmarshal(raw, &s) == nil:
		return s
	case json.Unmarshal(raw, &n) == nil:
		return n.String()
	}
	return ""
}

// retryAfter gives the wait that a service asks for, or a negative number.
func retryAfter(h http.Header, now time.Time) time.Duration {
	seconds := func(s string, unit time.Duration) (time.Duration, bool) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n >= 0) {
			return 0, false
		}
		return time.Duration(min(n*float64(unit), float64(1<<62))), true
	}
	if d, ok := seconds(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	value := h.Get("Retry-After")
	if d, ok := seconds(value, time.Second); ok {
		return d
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return -1
}

// delay gives the wait before the attempt after the given one; ok is false when
// the service asks for a longer one than is allowed.
func (e *Encoder) delay(attempt int, err error) (d time.Duration, ok bool) {
	if status, ok := errors.AsType[*StatusError](err); ok && status.RetryAfter >= 0 {
		return status.RetryAfter, status.RetryAfter <= e.options.MaxWait
	}
	d = min(time.Second/2<<min(attempt-1, maxDoublings), e.options.MaxWait)
	return d - rand.N(d/4+1), true // so that clients do not return all at once
}

// waiter waits; tests have one that does not.
type waiter func(ctx context.Context, d time.Duration) error

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
