package chat

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		status     int
		body       string
		kind       Kind
		message    string
		detail     string
		retryAfter string
		asked      time.Duration
	}{
		{429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, KindRateLimited, "rate limited (HTTP 429, rate_limit_exceeded)", "slow down", "7", 7 * time.Second},
		{429, `{"error":{"message":"no money","type":"insufficient_quota","code":null}}`, KindQuota, "quota used up (HTTP 429, insufficient_quota)", "no money", "", -1},
		{429, `{"error":{"code":429,"message":"x","type":"requests"}}`, KindRateLimited, "rate limited (HTTP 429, requests)", "x", "soon", -1},
		{402, ``, KindQuota, "quota used up (HTTP 402)", "", "", -1},
		{401, `{"detail":"bad key"}`, KindAuth, "key rejected (HTTP 401)", "bad key", "", -1},
		{403, `{"error":"permission denied"}`, KindAuth, "key rejected (HTTP 403)", "permission denied", "", -1},
		{403, `{"error":"forbidden"}`, KindBadRequest, "bad request (HTTP 403)", "forbidden", "", -1},
		{403, `{"error":{"code":"content_filter","message":"x"}}`, KindBadRequest, "bad request (HTTP 403, content_filter)", "x", "", -1},
		{404, `{"message":"gone","code":"model_not_found"}`, KindNotFound, "model not found (HTTP 404, model_not_found)", "gone", "", -1},
		{410, `<title>Gone</title>`, KindNotFound, "model not found (HTTP 410)", "Gone", "", -1},
		{400, `{"error":{"code":"a code with blanks","message":{"nested":1}}}`, KindBadRequest, "bad request (HTTP 400)", `{"nested":1}`, "", -1},
		{422, `[]`, KindBadRequest, "bad request (HTTP 422)", "[]", "", -1},
		{302, ``, KindBadRequest, "bad request (HTTP 302)", "", "", -1},
		{500, `{`, KindServer, "server error (HTTP 500)", "{", "", -1},
		{503, ``, KindServer, "server error (HTTP 503)", "", "0", 0},
		{529, ``, KindServer, "server error (HTTP 529)", "", "", -1},
		{408, ``, KindServer, "server error (HTTP 408)", "", "", -1},
	} {
		h := http.Header{}
		if c.retryAfter != "" {
			h.Set("Retry-After", c.retryAfter)
		}
		r := refusal(c.status, h, service.ReadBody([]byte(c.body)), false)
		r.Code = service.NewRedactor("topsecret").Code(r.Code)
		r.compose()
		if r.Kind != c.kind || r.Message != c.message || r.Detail != c.detail || r.RetryAfter != max(c.asked, 0) || r.retryAfter != (c.asked >= 0) || r.Status != c.status {
			t.Errorf("%d %s: got %q, %q, %q, %v", c.status, c.body, r.Kind, r.Message, r.Detail, r.RetryAfter)
		}
	}
}

func TestStoppedError(t *testing.T) {
	last := (&Error{Kind: KindNotFound, Status: 404, Candidate: "m"}).compose()
	var err error = &StoppedError{Candidate: "m", Calls: 5, Last: last}
	if !errors.Is(err, ErrStopped) || errors.Is(err, ErrBudget) {
		t.Error("errors.Is")
	}
	if _, ok := errors.AsType[*Error](err); ok {
		t.Error("a call that was not made is not an *Error")
	}
	want := `chat: candidate "m" stopped after 5 failed calls in a row: model not found (HTTP 404)`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}
