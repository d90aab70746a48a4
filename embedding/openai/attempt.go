package openai

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/llmrouter-go/llmrouter/internal/service"
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
		vectors, err := parseAnswer(body, len(texts), e.options.Dim)
		if err != nil {
			if b := service.ReadBody(body); b.Error {
				return nil, e.fromAnswer(res, 0, b)
			}
			return nil, e.shown(err)
		}
		return vectors, nil
	case caller.Err() != nil:
		return nil, caller.Err()
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %v", ErrTimeout, e.options.Timeout)
	}
	return nil, e.shown(service.Reason(err))
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
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if service.IsPage(body) { // whatever the content type says
		return nil, fmt.Errorf("%w: a web page: %s", ErrResponse, e.secrets.Text(service.ReadBody(body).Message, maxMessage))
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
	body, _ := io.ReadAll(io.LimitReader(res.Body, service.MaxErrorBody)) // what there is will do
	_ = res.Body.Close()
	return nil, e.fromAnswer(res, res.StatusCode, service.ReadBody(body))
}

// fromAnswer is the failure that an answer tells, in which status is that of
// HTTP, or 0 for an error that came with a success.
func (e *Encoder) fromAnswer(res *http.Response, status int, b service.Body) *StatusError {
	v := service.Judge(status, b)
	failed := &StatusError{
		Status: cmp.Or(status, b.Status, res.StatusCode), RetryAfter: -1,
		Code:    e.secrets.Text(b.Code, maxCode),
		Message: e.secrets.Text(service.Hint(status, res.Request.URL.Path)+b.Message, maxMessage),
		passing: v.Fault == service.OfNobody || v.Fault == service.OfHost,
	}
	if wait, ok := service.RetryAfter(res.Header, b, time.Now()); ok {
		failed.RetryAfter = wait
	}
	return failed
}

// shown is an error whose text holds no secret. A *DimError holds numbers alone.
func (e *Encoder) shown(err error) error {
	if _, ok := errors.AsType[*DimError](err); ok {
		return err
	}
	return e.secrets.Err(err)
}

// delay gives the wait before the attempt after the given one; ok is false when
// the service asks for a longer one than is allowed.
func (e *Encoder) delay(attempt int, err error) (d time.Duration, ok bool) {
	if status, ok := errors.AsType[*StatusError](err); ok && status.RetryAfter >= 0 {
		return status.RetryAfter, status.RetryAfter <= e.options.MaxWait
	}
	return service.Jitter(service.Doubling(time.Second/2, attempt-1, e.options.MaxWait)), true
}

// waiter waits; tests have one that does not.
type waiter func(ctx context.Context, d time.Duration) error

func wait(ctx context.Context, d time.Duration) error {
	if !service.Sleep(ctx, nil, d) {
		return ctx.Err()
	}
	return nil
}
