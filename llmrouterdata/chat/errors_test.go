package chat

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/secret"
)

func TestScrub(t *testing.T) {
	const key = secret.Secret("sk-live-AbCdEfGh0123456789")
	for _, text := range []string{
		"Incorrect API key provided: sk-live-AbCdEfGh0123456789.",
		"Incorrect API key provided: sk-live-AbCd************6789. You can find it at https://platform.example/keys",
		"key AbCdEfGh0123456789 is wrong", "key sk-live-AbCd is wrong",
		"dial tcp 10.1.2.3:443: connect: connection refused",
		"dial tcp [fe80::1%eth0]:8080: no route", "lookup api.example.com:8443: no such host",
		`Post "https://api.example.com:8443/v1/chat/completions": EOF`,
		"Authorization: Bearer abcdef failed", "request 123e4567-e89b-12d3-a456-426614174000 failed",
		"read 127.0.0.1 reset", "lookup api.example.com: no such host", "lookup api.example.com on 10.1.2.3: no", "nvapi-0123456789abcdef",
	} {
		got := scrub(text, key, "api.example.com")
		for _, leak := range []string{
			"AbCd", "6789", "sk-live", "10.1.2.3", "443", "fe80", "8080", "8443", "example", "abcdef", "123e4567", "127.0.0.1", "nvapi-",
		} {
			if strings.Contains(got, leak) {
				t.Errorf("%q: %q is left in %q", text, leak, got)
			}
		}
	}
	if got, want := scrub("The model `meta/llama-3.1-8b-instruct` does\n not exist", key, "api.example.com"), "The model `meta/llama-3.1-8b-instruct` does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := scrub(strings.Repeat("é", 1000), key, ""); len([]rune(got)) != maxDetail {
		t.Errorf("%d characters", len([]rune(got)))
	}
	if got := scrub("\xff\xfe", "", ""); got != "\uFFFD" {
		t.Errorf("got %q", got)
	}
}

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
		{403, `{"error":"forbidden"}`, KindAuth, "key rejected (HTTP 403)", "forbidden", "", -1},
		{403, `{"error":{"code":"content_filter","message":"x"}}`, KindBadRequest, "bad request (HTTP 403, content_filter)", "x", "", -1},
		{404, `{"message":"gone","code":"model_not_found"}`, KindNotFound, "model not found (HTTP 404, model_not_found)", "gone", "", -1},
		{410, `<html>`, KindNotFound, "model not found (HTTP 410)", "<html>", "", -1},
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
		r := (&refusedError{c.status, h, []byte(c.body)}).classify("topsecret")
		r.compose()
		if r.Kind != c.kind || r.Message != c.message || r.Detail != c.detail || r.RetryAfter != max(c.asked, 0) || r.retryAfter != (c.asked >= 0) || r.Status != c.status {
			t.Errorf("%d %s: got %q, %q, %q, %v", c.status, c.body, r.Kind, r.Message, r.Detail, r.RetryAfter)
		}
	}
}

// TestCleanCode: a code that is no word, or holds the key, does not
// reach Message.
func TestCleanCode(t *testing.T) {
	for code, want := range map[string]string{
		"model_not_found": "model_not_found", "invalid-request-v2": "invalid-request-v2", "DeploymentNotFound": "DeploymentNotFound",
		"unsupported_country_region_territory": "unsupported_country_region_territory",
		"127.0.0.1":                            "", "8080": "", "api.example.com": "", "10-0-0-1": "", "a_topsecre": "", "secret": "",
		"req_0123456789abcdef0123456789abcdef": "", "deadbeef12345678": "",
		"": "", "two words": "", "http://x": "", "x:8080": "", "topsecret": "", "a_topsecret_b": "", "sk-abcdef123": "",
		strings.Repeat("x", 65): "", "ключ": "",
	} {
		if got := cleanCode(code, "topsecret"); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		header map[string]string
		want   time.Duration
	}{
		{nil, -1},
		{map[string]string{"Retry-After": "5"}, 5 * time.Second},
		{map[string]string{"Retry-After": " 5 "}, 5 * time.Second},
		{map[string]string{"Retry-After": "0"}, 0},
		{map[string]string{"Retry-After": "1.5"}, 1500 * time.Millisecond},
		{map[string]string{"Retry-After": "-5"}, -1},
		{map[string]string{"Retry-After": "NaN"}, -1},
		{map[string]string{"Retry-After": "soon"}, -1},
		{map[string]string{"Retry-After": "1e400"}, 366 * 24 * time.Hour},
		{map[string]string{"Retry-After": "99999999999999999999"}, 366 * 24 * time.Hour},
		{map[string]string{"Retry-After-Ms": "250", "Retry-After": "1"}, 250 * time.Millisecond},
		{map[string]string{"Retry-After-Ms": "x", "Retry-After": "1"}, time.Second},
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 03:04:15 GMT"}, 10 * time.Second},
		{map[string]string{"Retry-After": "Friday, 02-Jan-26 03:04:15 GMT"}, 10 * time.Second},
		{map[string]string{"Retry-After": "Fri Jan  2 03:04:15 2026"}, 10 * time.Second},
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 03:00:00 GMT"}, 0},
		// the server's clock is an hour ahead
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 04:04:15 GMT", "Date": "Fri, 02 Jan 2026 04:04:05 GMT"}, 10 * time.Second},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		d, ok := retryAfter(h, now)
		if ok != (c.want >= 0) || d != max(c.want, 0) {
			t.Errorf("%v: got %v, %v, want %v", c.header, d, ok, c.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("5", "")
	f.Add("Fri, 02 Jan 2026 03:04:15 GMT", "Fri, 02 Jan 2026 04:04:05 GMT")
	f.Add("1e999", "-")
	f.Fuzz(func(t *testing.T, value, date string) {
		d, ok := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, time.Unix(1767323045, 0))
		if d < 0 || d > 366*24*time.Hour || d != 0 && !ok {
			t.Errorf("got %v, %v", d, ok)
		}
	})
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
