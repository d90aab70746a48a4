package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

func parseBody(t testing.TB, text string) *chat.Body {
	t.Helper()
	b, err := chat.ParseBody([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writes keeps what is written to it, write by write.
type writes struct {
	all []string
	err error // of every write
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, string(p))
	return len(p), w.err
}

const streamed = `{"model":"auto","messages":[{"role":"user","content":"hi"}],"stream":true}`

// chunk is an event of a stream.
func chunk(delta string) string {
	return `data: {"choices":[{"index":0,"delta":` + delta + "}]}\n\n"
}

const finished = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"

// A request goes on as it was sent, but for the model's name and what the
// candidate asks for.
func TestRelayRequest(t *testing.T) {
	const rest = `"messages":[{"role":"system","content":"<b>"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x"}},{"type":"text","text":"b"}]},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"7"}],` +
		`"tools":[{"type":"function","function":{"name":"f"}}],"seed":12345678901234567890,"temperature":1.0,"<unknown\u00e9>":{"b":1,"a":[1.50,null]}}`
	body := parseBody(t, `{"user":"me", "model" : "auto",`+rest)
	want := []chat.Message{{Role: "system", Text: "<b>"}, {Role: "user", Text: "a\nb", Other: true}, {Role: "assistant", Other: true}, {Role: "tool", Text: "7"}}
	if diff := cmp.Diff(want, body.Messages()); diff != "" || body.Model() != "auto" || body.Stream() {
		t.Errorf("%q, stream %t\n%s", body.Model(), body.Stream(), diff)
	}
	s := &script{next: always(reply{})}
	_, err := newClient(t, chat.Options{Transport: s}).Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: body, To: io.Discard})
	if got := s.requests()[0].body; err != nil || got != `{"user":"me","model":"m",`+rest {
		t.Errorf("%v, sent\n%s", err, got)
	}
}

func TestParseBodyRefuses(t *testing.T) {
	for text, field := range map[string]string{
		``: "", `[]`: "", `{"model":"m"`: "", `{"model":"m","messages":[{"role":"user"}]} x`: "", `{"model":}`: "",
		`{"messages":[{"role":"user"}]}`: "model", `{"model":7,"messages":[{"role":"user"}]}`: "model", `{"model":"","messages":[{"role":"user"}]}`: "model",
		`{"model":"m"}`: "messages", `{"model":"m","messages":[]}`: "messages", `{"model":"m","messages":"hi"}`: "messages",
		`{"model":"m","messages":[{"content":"x"}]}`: "messages", `{"model":"m","messages":[7]}`: "messages",
		`{"model":"m","messages":[{"role":"user"}],"stream":"yes"}`: "stream", `{"model":"m","model":"n","messages":[{"role":"user"}]}`: "model",
		`{"model":"m","messages":` + strings.Repeat("[", 20_000): "", `{"model":"m","Model":"n","messages":[{"role":"user"}]}`: "Model",
		`{"model":"m","messages":[{"role":"user","content":"a","Content":"b"}]}`: "messages", `{"model":"m","messages":[{"role":"user","content":[{"text":"a","text":"b"}]}]}`: "messages",
		`{"model":"m","messages":[{"role":null}]}`: "messages", `{"model":"m","messages":[{"role":7}]}`: "messages",
	} {
		_, err := chat.ParseBody([]byte(text))
		if e, ok := errors.AsType[*chat.BodyError](err); !ok || e.Field != field {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// FuzzParseBody: what is read is sent on with every field but the model as it was,
// and is read alike again.
func FuzzParseBody(f *testing.F) {
	f.Add([]byte(streamed), "m")
	f.Add([]byte(`{"model":"a","messages":[{"role":"user","content":[{"text":"x"}]}],"n":2,"max_tokens":9,"\u00e9":1e400}`), "é\"")
	f.Add([]byte(`{"messages":[{"role":"\ud800","content":{}}],"model":"a","stream":null}`), "")
	f.Fuzz(func(t *testing.T, text []byte, model string) {
		b, err := chat.ParseBody(text)
		if err != nil {
			if _, ok := errors.AsType[*chat.BodyError](err); !ok {
				t.Errorf("%T", err)
			}
			return
		}
		var before, after map[string]json.RawMessage
		sent := chat.Encoded(b, "m"+model)
		if err := errors.Join(json.Unmarshal(text, &before), json.Unmarshal(sent, &after)); err != nil {
			t.Fatalf("%v\n%s", err, sent)
		}
		again := parseBody(t, string(sent))
		if !strings.HasPrefix(again.Model(), "m") || again.Stream() != b.Stream() || !cmp.Equal(again.Messages(), b.Messages()) {
			t.Errorf("%s\n%s", text, sent)
		}
		delete(before, "model")
		delete(after, "model")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
	})
}

// Whatever a model answers is passed on as it was sent; what fails before is tried
// again, and none of it shows.
func TestRelayAnswers(t *testing.T) {
	tools := `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}`
	filtered := strings.Replace(good("part"), `"stop"`, `"content_filter"`, 1)
	stream := chunk(`{"role":"assistant","content":""}`) + ": wait\n\n" + chunk(`{"content":"a"}`) + chunk(`{"content":"b"}`) + finished + "data: [DONE]\n\n"
	for name, tt := range map[string]struct {
		stream bool
		bodies []string
		text   string
	}{
		"whole":                    {false, []string{good("fine")}, "fine"},
		"tools":                    {false, []string{tools}, ""},
		"filtered":                 {false, []string{filtered}, "part"},
		"JSON cut short":           {false, []string{good("fine")[:40], good("fine")}, "fine"},
		"error in a 200":           {false, []string{`{"error":{"message":"overloaded","code":"server_error"}}`, good("fine")}, "fine"},
		"a stream not asked for":   {false, []string{stream, good("fine")}, "fine"},
		"stream":                   {true, []string{stream}, "ab"},
		"error first":              {true, []string{chunk(`{"role":"assistant"}`) + `data: {"error":{"message":"overloaded","code":"server_error"}}` + "\n\n", stream}, "ab"},
		"broken off at once":       {true, []string{strings.Replace(finished, "stop", "error", 1), stream}, "ab"},
		"not the stream asked for": {true, []string{good("fine"), stream}, "ab"},
		"empty":                    {true, []string{`data: {"choices":[{"delta":{}}]}` + "\n\n" + finished + `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}` + "\n\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{next: func(n int, _ seen) reply {
					return reply{body: tt.bodies[n], header: map[string]string{"Content-Type": ""}}
				}}
				text := streamed
				if !tt.stream {
					text = strings.Replace(text, `true`, `false`, 1)
				}
				var w writes
				r, err := newClient(t, chat.Options{Transport: s}).Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: parseBody(t, text), To: &w})
				want := tt.bodies[len(tt.bodies)-1]
				if err != nil || r.Text != tt.text || strings.Join(w.all, "") != want || r.Attempts != len(tt.bodies) {
					t.Errorf("%v, %+v\n%q\n%q", err, r, w.all, want)
				}
				if events := strings.Count(want, "\n\n"); len(w.all) != max(events, 1) {
					t.Errorf("%d writes for %d events", len(w.all), events)
				}
			})
		})
	}
}

// What fails after the answer began is not tried again, and is told.
func TestRelayBreaks(t *testing.T) {
	for name, body := range map[string]string{
		"cut short": chunk(`{"content":"a"}`),
		"error":     chunk(`{"content":"a"}`) + "event: error\n" + `data: {"error":{"message":"overloaded","code":"server_error"}}` + "\n\n",
		"reason":    chunk(`{"content":"a"}`) + strings.Replace(finished, "stop", "error", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{next: always(reply{body: body})}
			var w writes
			r, err := newClient(t, chat.Options{Transport: s}).Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: parseBody(t, streamed), To: &w})
			if _, ok := errors.AsType[*chat.Error](err); !ok || r.Attempts != 1 || len(w.all) != 1 || w.all[0] != chunk(`{"content":"a"}`) {
				t.Errorf("%v, %+v, %q", err, r, w.all)
			}
		})
	}
}

// A fallback that a gateway admits, and another model of a strict candidate, are
// known before anything is passed on.
func TestRelayOtherModel(t *testing.T) {
	s := &script{next: always(reply{body: chunk(`{"content":"a"}`), header: map[string]string{"x-litellm-attempted-fallbacks": "1"}})}
	var w writes
	_, err := newClient(t, chat.Options{Transport: s}).Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: parseBody(t, streamed), To: &w})
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindOtherModel || len(w.all) > 0 {
		t.Errorf("%v, %q", err, w.all)
	}
}

// A key that a service repeats is not passed on.
func TestRelayStrikesKeys(t *testing.T) {
	for _, text := range []string{streamed, strings.Replace(streamed, "true", "false", 1)} {
		body := chunk(`{"content":"key sk-secret-123"}`) + finished
		if !strings.Contains(text, "true") {
			body = good("key sk-secret-123")
		}
		var w writes
		_, err := newClient(t, chat.Options{Transport: &script{next: always(reply{body: body})}}).Relay(t.Context(),
			chat.Relay{Target: resolve(t, remote, []string{"sk-secret-123"}, "m")[0], Body: parseBody(t, text), To: &w})
		if got := strings.Join(w.all, ""); err != nil || got != strings.ReplaceAll(body, "sk-secret-123", "[key]") {
			t.Errorf("%v, %s", err, got)
		}
	}
}

// Where the answer can no longer be passed on the call ends, and says why; key and
// candidate are as good as before.
func TestRelayToNobody(t *testing.T) {
	gone := errors.New("gone")
	s := &script{next: always(reply{body: chunk(`{"content":"a"}`) + finished})}
	client := newClient(t, chat.Options{Transport: s, BreakerThreshold: 1})
	target := resolve(t, remote, []string{"a"}, "m")[0]
	for range 3 {
		if _, err := client.Relay(t.Context(), chat.Relay{Target: target, Body: parseBody(t, streamed), To: &writes{err: gone}}); !errors.Is(err, gone) {
			t.Error(err)
		}
	}
	if stats := client.Stats(); len(s.requests()) != 3 || stats.Keys[0].Failed != 0 || stats.Candidates[0].Stopped != "" {
		t.Errorf("%d requests, %+v", len(s.requests()), stats)
	}
	if _, err := client.Relay(t.Context(), chat.Relay{Target: target, Body: parseBody(t, streamed)}); err == nil {
		t.Error("written to nowhere")
	}
}

// An event is passed on as soon as it is there, and the service is told when
// nobody waits any more.
func TestRelayAsItComes(t *testing.T) {
	next, left := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = io.WriteString(w, chunk(fmt.Sprintf(`{"content":"%d"}`, i)))
			_ = http.NewResponseController(w).Flush()
			<-next
		}
		<-r.Context().Done()
		close(left)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	read, written := io.Pipe()
	ended := make(chan error, 1)
	client := newClient(t, chat.Options{})
	go func() {
		_, err := client.Relay(ctx, chat.Relay{Target: resolve(t, server.URL+"/v1", nil, "m")[0], Body: parseBody(t, streamed), To: written})
		ended <- err
	}()
	for i := range 3 {
		want := []byte(chunk(fmt.Sprintf(`{"content":"%d"}`, i)))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(read, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v, %s", err, got)
		}
		next <- struct{}{}
	}
	cancel()
	<-left
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestStopTime: what was stopped is tried again after a while, and stopped anew by
// the first failure.
func TestStopTime(t *testing.T) {
	for name, failure := range map[string]reply{
		"candidate": {status: 404, body: `{"error":{"message":"no such model","code":"model_not_found"}}`},
		"key":       {status: 401},
		"host":      {err: errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &script{next: func(int, seen) reply {
					if time.Since(began) < 50*time.Second {
						return failure
					}
					return reply{}
				}}
				client := newClient(t, chat.Options{Transport: s, StopTime: 20 * time.Second, HostTimeout: 2 * time.Second, BreakerThreshold: 2})
				target := resolve(t, remote, []string{"a"}, "m")[0]
				call := func() error {
					_, err := client.Complete(t.Context(), ask(target, fmt.Sprint(len(s.requests()))))
					return err
				}
				for !errors.Is(call(), chat.ErrStopped) {
				}
				before := len(s.requests())
				if err := call(); !errors.Is(err, chat.ErrStopped) || len(s.requests()) != before {
					t.Errorf("stopped: %v, %d requests", err, len(s.requests())-before)
				}
				time.Sleep(21 * time.Second)
				if err := call(); err == nil || len(s.requests()) == before {
					t.Errorf("again: %v", err)
				}
				before = len(s.requests())
				if err := call(); !errors.Is(err, chat.ErrStopped) || len(s.requests()) != before {
					t.Errorf("stopped anew: %v, %d requests", err, len(s.requests())-before)
				}
				time.Sleep(time.Minute)
				if err := call(); err != nil || client.Stats().Candidates[0].Stopped != "" {
					t.Errorf("at last: %v", err)
				}
			})
		})
	}
}

// TestMaxWait: a call waits no longer than it may for a key that cools down, or for
// a host that is silent.
func TestMaxWait(t *testing.T) {
	for name, tt := range map[string]struct {
		failure reply
		want    chat.Kind
	}{
		"key":  {reply{status: 429, header: map[string]string{"Retry-After": "60"}}, chat.KindUnavailable},
		"host": {reply{after: 10 * time.Second, err: errRefused}, chat.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, chat.Options{Transport: &script{next: always(tt.failure)}, MaxWait: 3 * time.Second, BreakerThreshold: 1, Attempts: 2})
				target := resolve(t, remote, []string{"a"}, "m", "n")
				first := make(chan error, 1)
				go func() {
					_, err := client.Complete(t.Context(), ask(target[0], "first"))
					first <- err
				}()
				time.Sleep(11 * time.Second)
				began := time.Now()
				_, err := client.Complete(t.Context(), ask(target[0], "x"))
				if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != tt.want || time.Since(began) != 3*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				err = <-first
				if e, ok := errors.AsType[*chat.Error](err); err == nil || ok && e.Kind == chat.KindUnavailable {
					t.Errorf("the first: %v", err)
				}
			})
		})
	}
}
