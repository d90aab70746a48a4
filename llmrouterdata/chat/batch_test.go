package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// batchTarget is a candidate whose calls cost 0.4 of its prices in batches.
func batchTarget(t *testing.T, endpoint, keys string) chat.Target {
	t.Helper()
	k, err := chat.ParseKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{
		Name: "a", Model: "m", InputPrice: 10, OutputPrice: 20, CachedInputPrice: new(1.0), ReasoningPrice: new(30.0),
		APIEndpoint: endpoint, Batch: true, BatchPriceFactor: new(0.4), Params: map[string]json.RawMessage{"seed": json.RawMessage("7")},
	}}, "", k, nil)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].InBatch()
}

func TestBatchBody(t *testing.T) {
	client := newClient(t, chat.Options{})
	r := chat.Request{Target: batchTarget(t, "https://x.example/v1", "k-1"), Prompt: chat.Prompt{System: "S", User: "U"}, Params: chat.Params{Stream: true, MaxTokens: 100}}
	body, most, err := client.BatchBody(r)
	if want := `{"model":"m","messages":[{"role":"system","content":"S"},{"role":"user","content":"U"}],"max_tokens":100,"temperature":0.01,"top_p":0.9,"seed":7}`; err != nil || string(body) != want {
		t.Errorf("%s, %v\nwant %s", body, err, want)
	}
	if least := 100 * 30 * 0.4 / 1e6; most < least || most > 2*least {
		t.Errorf("the most is %v USD, for the answer alone %v", most, least)
	}
	r.Prompt.User = ""
	if _, _, err := client.BatchBody(r); err == nil {
		t.Error("an empty prompt is no error")
	}
}

// The meaning of a line is that of a call.
func TestBatchAnswer(t *testing.T) {
	client := newClient(t, chat.Options{})
	r := chat.Request{Target: batchTarget(t, "https://x.example/v1", "sk-secret-of-ours"), Prompt: chat.Prompt{User: "U"}}
	const usage = `"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":10}}`
	full := (60*10 + 40*1 + 40*20 + 10*30) * 0.4 / 1e6
	for _, one := range []struct {
		status int
		body   string
		text   string
		kind   chat.Kind
		fault  chat.Fault
		usd    float64 // below 0: the most
	}{
		{200, `{"model":"m","choices":[{"message":{"content":"It is sk-secret-of-ours"},"finish_reason":"stop"}],` + usage + `}`, "It is [key]", "", "", full},
		{200, `{"choices":[{"message":{"content":""},"finish_reason":"length"}],` + usage + `}`, "", chat.KindLength, chat.FaultQuery, full},
		{200, `{"choices":[{"message":{"content":"No","refusal":"no"},"finish_reason":"content_filter"}],` + usage + `}`, "", chat.KindRefusal, chat.FaultQuery, full},
		{200, `{"choices":[]}`, "", chat.KindNoChoices, chat.FaultNobody, 0},
		{200, `{"choices":[{"mess`, "", chat.KindTruncated, chat.FaultNobody, -1},
		{429, `{"error":{"message":"Rate limit reached"}}`, "", chat.KindRateLimited, chat.FaultNobody, 0},
		{400, `{"error":{"code":"context_length_exceeded","message":"too long"}}`, "", chat.KindBadRequest, chat.FaultQuery, 0},
		{404, `{"error":{"code":"model_not_found","message":"no such model"}}`, "", chat.KindNotFound, chat.FaultCandidate, 0},
		{0, `{"error":{"code":"server_error","message":"it broke, sk-secret-of-ours"}}`, "", chat.KindServer, chat.FaultNobody, 0},
		{0, `null`, "", chat.KindServer, chat.FaultNobody, 0},
	} {
		_, most, err := client.BatchBody(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.BatchAnswer(r, one.status, []byte(one.body))
		e, failed := errors.AsType[*chat.Error](err)
		if one.usd < 0 {
			one.usd = most
		}
		if got.Text != one.text || failed != (one.kind != "") || math.Abs(got.CostUSD-one.usd) > 1e-12 || got.ResponseTime != 0 {
			t.Errorf("%d %s: %+v, %v; want %v USD", one.status, one.body, got, err, one.usd)
		}
		if failed && (e.Kind != one.kind || e.Fault != one.fault || e.Candidate != "a" || strings.Contains(fmt.Sprintf("%+v", e), "secret-of-ours")) {
			t.Errorf("%d %s: %+v", one.status, one.body, e)
		}
	}
	got, err := client.BatchAnswer(r, 400, []byte(`{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."}}`))
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Fault != chat.FaultNobody || got.CostUSD != 0 {
		t.Errorf("max_tokens is refused: %v", err)
	}
	if body, _, _ := client.BatchBody(r); !strings.Contains(string(body), `"max_completion_tokens":512`) {
		t.Errorf("the next body is %s", body)
	}
}

func TestAccount(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, fmt.Sprintf("%s %s %s %s %d %s", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.ContentLength, body))
		if strings.HasSuffix(r.Header.Get("Authorization"), "wrong") {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, `{"id":"x"}`)
	}))
	defer server.Close()
	client := newClient(t, chat.Options{})
	target := batchTarget(t, server.URL+"/v1?api-version=3", "sk-wrong,sk-right")
	send := func(label string) (string, error) {
		t.Helper()
		account, err := client.Account(target, label)
		if err != nil {
			return "", err
		}
		body, err := account.Send(t.Context(), chat.AccountRequest{
			Method: http.MethodPost, Path: "batches", Query: map[string][]string{"limit": {"1"}},
			Body: strings.NewReader("abc"), Size: 3, ContentType: "text/plain", Within: time.Minute,
		})
		if err != nil {
			return account.Label(), err
		}
		text, err := io.ReadAll(body)
		if err != nil || string(text) != `{"id":"x"}` {
			t.Errorf("%q, %v", text, err)
		}
		return account.Label(), body.Close()
	}
	label, err := send("")
	if e, ok := errors.AsType[*chat.Error](err); label != "key-1" || !ok || e.Fault != chat.FaultKey || e.KeyLabel != "key-1" {
		t.Errorf("a wrong key: %s, %v", label, err)
	}
	for _, wanted := range []string{"", "key-2", ""} {
		if label, err := send(wanted); label != "key-2" || err != nil {
			t.Errorf("the other key: %s, %v", label, err)
		}
	}
	if want := "POST /v1/batches?limit=1&api-version=3 Bearer sk-right text/plain 3 abc"; asked[1] != want {
		t.Errorf("the service was asked %q, want %q", asked[1], want)
	}
	if _, err := client.Account(target, "key-3"); err == nil || !strings.Contains(err.Error(), "key-3") {
		t.Errorf("a key that is not there: %v", err)
	}
	target = batchTarget(t, server.URL, "sk-wrong")
	if _, err := send(""); err == nil {
		t.Error("a wrong key is no error")
	}
	if _, err := send(""); !errors.Is(err, chat.ErrStopped) {
		t.Errorf("no key is left: %v", err)
	}
}
