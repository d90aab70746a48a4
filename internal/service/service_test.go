package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// judgements are the rules in their order, and for each the words of services.
var judgements = []struct {
	status  int
	body    string
	meaning Meaning
	fault   Fault
}{
	// A gateway names what is behind it.
	{401, `{"error":{"message":"litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided","type":"authentication_error","code":"401"}}`, Rejected, OfCandidate},
	{429, `{"error":{"message":"litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota","type":"throttling_error","code":"429"}}`, NoCredit, OfCandidate},
	{429, `{"error":{"message":"No deployments available - crossed budget: Exceeded budget for deployment model_name: cheap","type":"internal_server_error","code":"429"}}`, NoCredit, OfCandidate},
	{429, `{"error":{"message":"litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for model rl","code":"429"}}`, RateLimited, OfNobody},
	{400, `{"error":{"message":"litellm.BadRequestError: OpenAIException - The response was filtered due to the prompt triggering content management policy","type":"invalid_request_error"}}`, Query, OfQuery},
	{400, `{"error":{"message":"litellm.ContextWindowExceededError: OpenAIException - too much"}}`, Query, OfQuery},
	{500, `{"error":{"message":"litellm.NotFoundError: OpenAIException - gone"}}`, NoModel, OfCandidate},
	{401, `{"error":{"message":"Provider returned error","code":401,"metadata":{"raw":"{\"error\":{\"message\":\"bad key\"}}","provider_name":"X"}}}`, Rejected, OfCandidate},
	{500, `{"error":{"message":"litellm.Timeout: Connection timed out"}}`, Passing, OfNobody},
	{401, `{"error":{"message":"Error from provider (Anthropic): invalid x-api-key","type":"authentication_error"}}`, Rejected, OfCandidate},
	{402, `{"error":{"message":"Provider returned error","code":402,"metadata":{"raw":"Insufficient balance","provider_name":"X"}}}`, NoCredit, OfCandidate},
	{400, `{"error":{"message":"litellm.BadRequestError: AnthropicException - {\"error\":{\"message\":\"Your credit balance is too low.\"}}"}}`, NoCredit, OfCandidate},

	// Statuses that say enough.
	{401, ``, Rejected, OfKey}, {401, `<html>`, Rejected, OfKey},
	{404, ``, NoModel, OfCandidate}, {410, `<html>`, NoModel, OfCandidate},
	{429, `{"error":{"message":"slow down"}}`, RateLimited, OfNobody},
	{429, `{"error":{"message":"no money","type":"insufficient_quota","code":null}}`, NoCredit, OfKey},
	{429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}`, NoCredit, OfKey},
	{429, `[{"error":{"code":429,"message":"You exceeded your current quota. Please retry in 37.5s.","status":"RESOURCE_EXHAUSTED"}}]`, RateLimited, OfNobody},
	{429, `{"error":{"message":"Rate limit reached for organization X. Please upgrade your plan: add credits","code":"rate_limit_exceeded"}}`, RateLimited, OfNobody},
	{429, `{"error":{"message":"Key Over TPM/RPM limit. Limit type: requests"}}`, RateLimited, OfNobody},
	{429, `{"error":{"message":"Monthly usage limit reached"}}`, NoCredit, OfKey},
	{429, `{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}`, NoCredit, OfKey},
	{500, `{"error":{"code":"context_length_exceeded"}}`, Passing, OfNobody}, {503, ``, Passing, OfNobody}, {529, ``, Passing, OfNobody},

	// Codes and words.
	{400, `{"error":{"code":"context_length_exceeded"}}`, Query, OfQuery},
	{400, `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}`, Query, OfQuery},
	{400, `{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 4096 tokens and your request has 4000 input tokens (512 > 4096 - 4000)."}}`, Query, OfQuery},
	{400, `{"error":"prompt is too long"}`, Query, OfQuery},
	{422, `{"error":"validation: inputs and max_new_tokens together must be at most 2048, given 3000 and 512","error_type":"validation"}`, Query, OfQuery},
	{400, `[{"error":{"code":400,"message":"The input has 40000 tokens, more than the 32768 allowed.","status":"INVALID_ARGUMENT"}}]`, Query, OfQuery},
	{400, `{"code":"InvalidParameter","message":"Range of input length should be [1, 30720]"}`, Query, OfQuery},
	{400, `{"error":{"code":"data_inspection_failed","message":"The input was found inappropriate."}}`, Query, OfQuery},
	{400, `{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}`, Query, OfQuery},
	{400, `{"error":{"message":"Violated guardrail policy","type":"invalid_request_error","code":"400"}}`, Query, OfQuery},
	{403, `{"error":{"code":403,"message":"The input was flagged by moderation.","metadata":{"reasons":["violence"]}}}`, Query, OfQuery},
	{403, `{"error":{"code":"content_filter","message":"x"}}`, Query, OfQuery},
	{413, `{"error":{"message":"Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.","code":"rate_limit_exceeded"}}`, Query, OfQuery},
	{422, `{"detail":[{"type":"string_too_long","loc":["body","messages",0,"content"],"msg":"String should have at most 1000 characters"}]}`, Query, OfQuery},
	{400, `{"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容"}}`, Query, OfQuery},
	{413, ``, Query, OfQuery}, {451, ``, Query, OfQuery},
	{400, `[{"error":{"code":400,"message":"The API key is not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]`, Rejected, OfKey},
	{400, `{"code":"Client specified an invalid argument","error":"Incorrect API key given: kB***22. "}`, Rejected, OfKey},
	{400, `{"error":{"message":"No connected db.","type":"no_db_connection","code":"400"}}`, Rejected, OfKey},
	{403, `{"error":{"message":"You do not have access to this model"}}`, Rejected, OfKey},
	{400, `{"error":{"message":"Your credit balance is too low to access the API."}}`, NoCredit, OfKey},
	{403, `{"error":"Your team has either used all available credits or reached its monthly spending limit."}`, NoCredit, OfKey},
	{402, ``, NoCredit, OfKey},
	{403, `{"error":{"message":"user quota is not enough"}}`, NoCredit, OfKey},
	{403, `{"error":{"message":"Key limit exceeded (total limit).","code":403}}`, NoCredit, OfKey},
	{400, `{"error":{"message":"Please add a payment method to continue"}}`, NoCredit, OfKey},
	{403, `{"message":"The free tier of the model has been exhausted."}`, NoCredit, OfKey},
	{400, `{"error":{"message":"This organization has been disabled."}}`, Rejected, OfKey},
	{400, `{"error":{"message":"You must provide an API key"}}`, Rejected, OfKey},
	{403, `{"message":"The security token included in the request is expired"}`, Rejected, OfKey},
	{400, `{"error":{"message":"无效的令牌"}}`, Rejected, OfKey},
	{400, `{"error":{"message":"a/b is not a valid model ID","code":400}}`, NoModel, OfCandidate},
	{400, `{"error":{"message":"This model does not support the chat completions API"}}`, NoModel, OfCandidate},
	{400, `{"error":{"message":"/chat/completions: Invalid model name passed in model=nosuch. Call /v1/models to view available models for your key."}}`, NoModel, OfCandidate},
	{400, `{"error":{"message":"The model 'x' has been decommissioned and is no longer supported."}}`, NoModel, OfCandidate},
	{400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","code":"unsupported_parameter"}}`, Parameter, OfCandidate},
	{400, `{"error":{"message":"Unsupported value: 'temperature' does not support 0.01 with this model.","param":"temperature","code":"unsupported_value"}}`, Parameter, OfCandidate},
	{422, `{"detail":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}`, Parameter, OfCandidate},
	{400, `{"error":{"message":"max_tokens is too large: 5000. This model supports at most 4096 completion tokens."}}`, Parameter, OfCandidate},
	{400, `{"error":{"message":"rate limit exceeded, try again","type":"rate_limit_error"}}`, RateLimited, OfNobody},
	{498, `{"error":{"message":"Flex tier capacity exceeded","code":"capacity_exceeded"}}`, Passing, OfNobody},
	{424, `{"error":"Failed dependency: model is loading"}`, Passing, OfNobody},
	{400, `{"error":{"message":"The server is overloaded"}}`, Passing, OfNobody},
	{400, `{"error":{"message":"upstream connect error or disconnect/reset before headers"}}`, Passing, OfNobody},
	{403, `{"error":"quota exceeded"}`, RateLimited, OfNobody},
	{400, `{"error":{"message":"当前模型负载已饱和，请稍后再试"}}`, Passing, OfNobody},

	// Other statuses.
	{408, ``, Passing, OfNobody}, {409, ``, Passing, OfNobody}, {425, ``, Passing, OfNobody}, {499, ``, Passing, OfNobody},
	{302, `<html>moved</html>`, WrongPath, OfCandidate}, {405, ``, WrongPath, OfCandidate},
	{403, `<html><title>Access denied | Cloudflare</title>`, WebPage, OfHost}, {400, `<!doctype html>`, WebPage, OfHost},
	{400, `{"error":{"code":429,"message":"hm"}}`, RateLimited, OfNobody},
	{400, `{"error":"hm"}`, Unknown, OfQuery}, {403, ``, Unknown, OfQuery}, {422, `[]`, Unknown, OfQuery}, {418, ``, Unknown, OfQuery},

	// An error that came with status 200.
	{0, `{"error":{"code":429,"message":"x"}}`, RateLimited, OfNobody},
	{0, `{"error":"overloaded"}`, Passing, OfNobody},
	{0, `{"error":{"code":"model_not_found","status":404}}`, NoModel, OfCandidate},
	{0, `{"error":{"message":"the context holds 4096 tokens","type":"invalid_request_error","code":"context_length_exceeded"}}`, Query, OfQuery},
	{0, `{"code":1301,"message":"rate limited, slow down","success":false}`, RateLimited, OfNobody},
	{0, `{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, NoCredit, OfKey},
	{0, `{"errors":[{"message":"boom"}],"success":false}`, Passing, OfNobody},
	{0, `{"error":true,"message":"rate limit exceeded"}`, RateLimited, OfNobody},
	{0, `{"error":"{\"message\":\"slow\",\"code\":429}"}`, RateLimited, OfNobody},
	{0, `{"status":{"code":429,"message":"slow"}}`, RateLimited, OfNobody},
	{0, `{"ResponseMetadata":{"Error":{"Code":"AccountOverdue","Message":"overdue"}}}`, NoCredit, OfKey},
}

func TestJudge(t *testing.T) {
	for _, c := range judgements {
		if v := Judge(c.status, ReadBody([]byte(c.body))); v.Meaning != c.meaning || v.Fault != c.fault {
			t.Errorf("%d %s\n\tgot %q, %q; want %q, %q", c.status, c.body, v.Meaning, v.Fault, c.meaning, c.fault)
		}
	}
}

// TestWhoseLimit: a rate limit is the account's only where the service says so.
func TestWhoseLimit(t *testing.T) {
	for message, account := range map[string]bool{
		"": false, "slow down": false,
		"Rate limit reached for gpt-4o in organization org-x on tokens per min": false,
		"Rate limit of your account reached":                                    true,
		"Too many requests for this API key":                                    true,
		"Key Over TPM/RPM limit. Limit type: requests":                          true,
		"Concurrency limit of your account reached for model m":                 false,
	} {
		if v := Judge(429, ReadBody([]byte(`{"error":{"message":"`+message+`"}}`))); v.Meaning != RateLimited || v.Account != account {
			t.Errorf("%q: %+v", message, v)
		}
	}
}

func TestReadBody(t *testing.T) {
	for _, c := range []struct {
		body, code, message string
		status              int
		isError             bool
	}{
		{`{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, "rate_limit_exceeded", "slow down", 0, true},
		{`{"error":{"message":"x","type":"requests","code":429}}`, "requests", "x", 429, true},
		{`{"detail":"bad key"}`, "", "bad key", 0, true},
		{`{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"slow down"}`, "", "slow down", 429, true},
		{`{"error":true,"message":"boom"}`, "", "boom", 0, true},
		{`{"error":{"info":"boom"}}`, "", "boom", 0, true}, {`{"error":{"description":"boom"}}`, "", "boom", 0, true},
		{`{"error":"{\"message\":\"slow\",\"type\":\"requests\",\"code\":429}"}`, "requests", "slow", 429, true},
		{`{"message":["boom","bang"]}`, "", "boom; bang", 0, false},
		{`{"detail":[{"loc":["body"],"msg":"field required","type":"missing"},{"msg":"and more"}]}`, "missing", "field required; and more", 0, true},
		{`{"message":"gone","code":"model_not_found"}`, "model_not_found", "gone", 0, false},
		{`{"object":"error","message":"engine died","type":"InternalServerError","code":500}`, "InternalServerError", "engine died", 500, true},
		{`[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/x","reason":"API_KEY_INVALID"}]}}]`, "INVALID_ARGUMENT", "bad", 400, true},
		{`{"errors":[{"message":"boom"}],"success":false}`, "", "boom", 0, true},
		{`{"errors":["boom","bang"]}`, "", "boom; bang", 0, true},
		{`{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, "", "insufficient balance", 0, true},
		{`{"base_resp":{"status_code":0,"status_msg":"success"}}`, "", `{"base_resp":{"status_code":0,"status_msg":"success"}}`, 0, false},
		{`{"code":1301,"message":"rate limited","success":false}`, "", "rate limited", 0, true},
		{`{"error_code":17,"error_msg":"daily"}`, "", "daily", 0, true},
		{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "overloaded_error", "Overloaded", 0, true},
		{`{"error":{"code":"c","message":{"nested":1}}}`, "c", `{"nested":1}`, 0, true},
		{`{"fault":{"faultstring":"quota"}}`, "", "quota", 0, true},
		{`data: {"error":{"message":"in a stream"}}`, "", "in a stream", 0, true},
		{"event: error\ndata: {\"message\":\"died\",\"code\":500}", "", "died", 500, true},
		{`{"error":null,"choices":[]}`, "", `{"error":null,"choices":[]}`, 0, false},
		{"<html><head><title>502 Bad\nGateway</title>", "", "502 Bad Gateway", 0, false},
		{"<!doctype html><p>gone &amp; lost</p>", "", "gone & lost", 0, false},
		{"upstream busy", "", "upstream busy", 0, false},
		{"[]", "", "[]", 0, false}, {"{", "", "{", 0, false}, {"", "", "", 0, false}, {`"text"`, "", "text", 0, false},
	} {
		b := ReadBody([]byte(c.body))
		if b.Code != c.code || b.Message != c.message || b.Status != c.status || b.Error != c.isError {
			t.Errorf("%s\n\tgot code %q, message %q, status %d, error %v", c.body, b.Code, b.Message, b.Status, b.Error)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		header map[string]string
		words  string
		want   time.Duration
	}{
		{nil, "", -1},
		{map[string]string{"Retry-After": "5"}, "", 5 * time.Second},
		{map[string]string{"Retry-After": " 5 "}, "", 5 * time.Second},
		{map[string]string{"Retry-After": "0"}, "", 0},
		{map[string]string{"Retry-After": "1.5"}, "", 1500 * time.Millisecond},
		{map[string]string{"Retry-After": "-5"}, "", -1},
		{map[string]string{"Retry-After": "NaN"}, "", -1},
		{map[string]string{"Retry-After": "soon"}, "", -1},
		{map[string]string{"Retry-After": "1e400"}, "", 366 * 24 * time.Hour},
		{map[string]string{"Retry-After": "99999999999999999999"}, "", 366 * 24 * time.Hour},
		{map[string]string{"Retry-After-Ms": "250", "Retry-After": "1"}, "", 250 * time.Millisecond},
		{map[string]string{"Retry-After-Ms": "x", "Retry-After": "1"}, "", time.Second},
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 03:04:15 GMT"}, "", 10 * time.Second},
		{map[string]string{"Retry-After": "Friday, 02-Jan-26 03:04:15 GMT"}, "", 10 * time.Second},
		{map[string]string{"Retry-After": "Fri Jan  2 03:04:15 2026"}, "", 10 * time.Second},
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 03:00:00 GMT"}, "", 0},
		// the server's clock is an hour ahead
		{map[string]string{"Retry-After": "Fri, 02 Jan 2026 04:04:15 GMT", "Date": "Fri, 02 Jan 2026 04:04:05 GMT"}, "", 10 * time.Second},
		{map[string]string{"llm_provider-retry-after": "2"}, "", 2 * time.Second},
		{map[string]string{"llm_provider-retry-after": "2", "Retry-After": "3"}, "", 3 * time.Second},
		{map[string]string{"Retry-After": "3"}, "try again in 20s", 3 * time.Second},
		{nil, "Please try again in 20s.", 20 * time.Second},
		{nil, "Please try again in 1m2.5s.", 62500 * time.Millisecond},
		{nil, "Please try again in 250ms.", 250 * time.Millisecond},
		{nil, "Please retry after 30 seconds", 30 * time.Second},
		{nil, "Try again in 2 minutes", 2 * time.Minute},
		{nil, "Please try again later", -1},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		d, ok := RetryAfter(h, ReadBody([]byte(c.words)), now)
		if ok != (c.want >= 0) || d != max(c.want, 0) {
			t.Errorf("%v %q: got %v, %v, want %v", c.header, c.words, d, ok, c.want)
		}
	}
}

// TestNoPieceOfASecretShows sends secrets back whole, masked, cut and in the
// middle of words, raw and in base64, and looks for every 6 characters of them.
func TestNoPieceOfASecretShows(t *testing.T) {
	const key = "sk-live-AbCdEfGh0123456789xyz"
	r := NewRedactor(key, "", "tiny", secret.Secret("Zm9vYmFy+header/secret=="))
	var texts []string
	for _, s := range []string{key, "Zm9vYmFy+header/secret=="} {
		for offset := range 4 {
			padded := strings.Repeat(":", offset) + s
			texts = append(texts, base64.StdEncoding.EncodeToString([]byte(padded)), base64.URLEncoding.EncodeToString([]byte(padded+"?")),
				"Basic "+base64.StdEncoding.EncodeToString([]byte("user"+padded)))
		}
		for from := 0; from < len(s); from += 3 {
			for to := from + piece; to <= len(s); to++ {
				part := s[from:to]
				texts = append(texts, part, "prefix"+part+"suffix", "a "+part+"…", part+"****"+part, "x"+strings.ToUpper(part)+"y", "(key="+part+")")
			}
		}
	}
	leaks := func(text string) string {
		for _, s := range []string{key, "Zm9vYmFy+header/secret=="} {
			forms := []string{s}
			for offset := range 3 {
				encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), s...))
				forms = append(forms, encoded[(offset*8+5)/6:(offset+len(s))*8/6], strings.NewReplacer("+", "-", "/", "_").Replace(encoded[(offset*8+5)/6:(offset+len(s))*8/6]))
			}
			for _, form := range forms {
				for i := range len(form) - piece + 1 {
					if strings.Contains(strings.ToLower(text), strings.ToLower(form[i:i+piece])) {
						return form[i : i+piece]
					}
				}
			}
		}
		return ""
	}
	for _, text := range texts {
		for _, got := range []string{r.Strike(text), r.Text(text, 500), r.Scrub(text, "host.example", 200), r.Code(text)} {
			if leak := leaks(got); leak != "" {
				t.Errorf("%q: %q is left in %q", text, leak, got)
			}
		}
	}
	if got := r.Strike("a tiny bit, tinyest"); got != "a [key] bit, tinyest" {
		t.Errorf("got %q", got)
	}
	if got := r.StrikeWhole("the answer sk-live- is " + key + "!"); got != "the answer sk-live- is [key]!" {
		t.Errorf("got %q", got)
	}
	var none *Redactor
	if got := none.Strike("x") + none.StrikeWhole("y") + none.Text(" z\n ", 9); got != "xyz" {
		t.Errorf("got %q", got)
	}
}

func TestFellBack(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "1": true, " 2 ": true, "x": false, "-1": false} {
		h := http.Header{}
		h.Set("x-litellm-attempted-fallbacks", value)
		if FellBack(h) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if n := testing.AllocsPerRun(10, func() { FellBack(h) }); n != 0 {
		t.Errorf("an answer without these headers takes %v allocations", n)
	}
}

func TestWantsCompletionTokens(t *testing.T) {
	for message, want := range map[string]bool{
		"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.":    true,
		"max_tokens is deprecated, send max_completion_tokens":                                                          true,
		"'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 4096 tokens": false,
		"max_tokens is too large": false,
	} {
		b := ReadBody([]byte(message))
		if b.WantsCompletionTokens() != want {
			t.Errorf("%q: %v", message, !want)
		}
	}
}

func FuzzReadBody(f *testing.F) {
	for _, s := range []string{
		`{"error":{"code":"x","message":"y"}}`, `{"error":"x"}`, `{"detail":[1]}`, `{`, `null`, `{"error":{"code":{"a":1}}}`,
		`[{"error":{"details":[{"reason":"R"}]}}]`, "<title>x", "event: error\ndata: {}", `{"base_resp":{"status_code":1}}`,
	} {
		f.Add(400, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		b := ReadBody([]byte(body))
		if len(b.Message) > maxShown || b.Status != 0 && (b.Status < 400 || b.Status > 599) {
			t.Errorf("status %d, message of %d bytes", b.Status, len(b.Message))
		}
		if v := Judge(status, b); faults[v.Meaning] == "" {
			t.Errorf("meaning %q", v.Meaning)
		}
		r := NewRedactor("topsecret-key")
		for _, s := range []string{r.Scrub(b.Message, "host.example", 200), r.Code(b.Code)} {
			if strings.Contains(s, "topsec") || !utf8.ValidString(s) {
				t.Errorf("shows %q", s)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("5", "", "")
	f.Add("Fri, 02 Jan 2026 03:04:15 GMT", "Fri, 02 Jan 2026 04:04:05 GMT", "")
	f.Add("1e999", "-", "try again in 1h2m3.5s")
	f.Fuzz(func(t *testing.T, value, date, words string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		d, ok := RetryAfter(h, ReadBody([]byte(words)), time.Unix(1767323045, 0))
		if d < 0 || d > maxRetryAfter || d != 0 && !ok {
			t.Errorf("got %v, %v", d, ok)
		}
	})
}

func TestScrub(t *testing.T) {
	r := NewRedactor("sk-live-AbCdEfGh0123456789")
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
		got := r.Scrub(text, "api.example.com", 200)
		for _, leak := range []string{
			"AbCd", "6789", "sk-live", "10.1.2.3", "443", "fe80", "8080", "8443", "example", "abcdef", "123e4567", "127.0.0.1", "nvapi-",
		} {
			if strings.Contains(got, leak) {
				t.Errorf("%q: %q is left in %q", text, leak, got)
			}
		}
	}
	if got, want := r.Scrub("The model `meta/llama-3.1-8b-instruct` does\n not exist", "api.example.com", 200), "The model `meta/llama-3.1-8b-instruct` does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := r.Scrub(strings.Repeat("é", 1000), "", 200); len([]rune(got)) != 200 {
		t.Errorf("%d characters", len([]rune(got)))
	}
	if got := r.Scrub("\xff\xfe", "", 200); got != "\uFFFD" {
		t.Errorf("got %q", got)
	}
}

// TestCode: a code that is no word, or holds the key, does not
// reach Message.
func TestCode(t *testing.T) {
	for code, want := range map[string]string{
		"model_not_found": "model_not_found", "invalid-request-v2": "invalid-request-v2", "DeploymentNotFound": "DeploymentNotFound",
		"unsupported_country_region_territory": "unsupported_country_region_territory",
		"127.0.0.1":                            "", "8080": "", "api.example.com": "", "10-0-0-1": "", "a_topsecre": "", "secret": "",
		"req_0123456789abcdef0123456789abcdef": "", "deadbeef12345678": "",
		"": "", "two words": "", "http://x": "", "x:8080": "", "topsecret": "", "a_topsecret_b": "", "sk-abcdef123": "",
		strings.Repeat("x", 65): "", "ключ": "",
	} {
		if got := NewRedactor("topsecret").Code(code); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}

// TestStruckErrorIsWhatItWas: a struck error is still found by errors.Is, and
// gives what it holds to nothing else.
func TestStruckErrorIsWhatItWas(t *testing.T) {
	secrets := NewRedactor("Kq7_live_AbCdEfGh")
	inner := fmt.Errorf("%w: live_AbCd", io.ErrUnexpectedEOF)
	err := secrets.Err(inner)
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Unwrap(err) != nil || err.Error() != io.ErrUnexpectedEOF.Error()+": [key]" {
		t.Errorf("%v", err)
	}
	if clean := fmt.Errorf("%w: nothing", io.ErrUnexpectedEOF); secrets.Err(clean) != clean || secrets.Err(nil) != nil {
		t.Error("an error without a secret is another")
	}
}
