package chat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func mustKeys(t testing.TB, env string) Keys {
	t.Helper()
	k, err := ParseKeys(env)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestResolve(t *testing.T) {
	keys := mustKeys(t, `{"NVIDIA":["topsecret-n1","topsecret-n2"],"Other":"topsecret-o1"}`)
	targets, err := Resolve([]llmrouterdata.Candidate{
		{Name: "a", Model: "meta/a", Service: "nvidia", APIEndpoint: "https://A.example/v1/", InputPrice: 0.2, OutputPrice: 0.4},
		{Name: "a_think", Model: "meta/a", Service: "nvidia"},
		{Name: "b", Model: "openai/gpt", Service: "Other"},
		{Name: "c", Model: "c", Service: "unknown", APIEndpoint: "http://localhost:11434/v1"},
		{Name: "d", Model: "d", APIEndpoint: "http://[::1]:8000"},
		{Name: "e", Model: "e", APIEndpoint: "http://127.0.0.1:8000/v1"},
		{Name: "f", Model: "f", Service: "NVIDIA", APIEndpoint: "http://LocalHost/v1"},
	}, "https://fallback.example/api/v1", keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		name, model, endpoint string
		local                 bool
		keys                  []string
	}
	var got []row
	for _, x := range targets {
		got = append(got, row{x.Name, x.Model, x.Endpoint, x.local, values(x.keys)})
	}
	want := []row{
		{"a", "meta/a", "https://a.example/v1", false, []string{"NVIDIA-1=topsecret-n1", "NVIDIA-2=topsecret-n2"}},
		{"b", "openai/gpt", "https://fallback.example/api/v1", false, []string{"Other-1=topsecret-o1"}},
		{"c", "c", "http://localhost:11434/v1", true, nil},
		{"d", "d", "http://[::1]:8000", true, nil},
		{"e", "e", "http://127.0.0.1:8000/v1", true, nil},
		{"f", "f", "http://localhost/v1", true, []string{"NVIDIA-1=topsecret-n1", "NVIDIA-2=topsecret-n2"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := fmt.Sprintf("%+v %#v", targets, targets); strings.Contains(s, "topsecret") {
		t.Errorf("a key shows in %s", s)
	}
}

// TestResolveReportsAll: every problem of every candidate, in one error.
func TestResolveReportsAll(t *testing.T) {
	keys := mustKeys(t, `{"NVIDIA":["topsecret"],"Empty":""}`)
	_, err := Resolve([]llmrouterdata.Candidate{
		{Name: "no-endpoint", Model: "m", Service: "NVIDIA"},
		{Name: "no-model", Service: "NVIDIA", APIEndpoint: "https://x.example/v1"},
		{Name: "no-service", Model: "m", APIEndpoint: "https://x.example/v1"},
		{Name: "bad-service", Model: "m", Service: "Typo", APIEndpoint: "https://x.example/v1"},
		{Name: "empty-service", Model: "m", Service: "Empty", APIEndpoint: "https://x.example/v1"},
		{Name: "bad-url", Model: "m", Service: "NVIDIA", APIEndpoint: "://user:hunter2@x"},
		{Name: "scheme", Model: "m", Service: "NVIDIA", APIEndpoint: "ftp://x/v1"},
		{Name: "password", Model: "m", Service: "NVIDIA", APIEndpoint: "https://user:hunter2@x.example/v1"},
		{Name: "query", Model: "m", Service: "NVIDIA", APIEndpoint: "https://x.example/v1?key=literal"},
		{Name: "whole", Model: "m", Service: "NVIDIA", APIEndpoint: "https://x.example/v1/chat/completions/"},
		{Name: "hostless", Model: "m", Service: "NVIDIA", APIEndpoint: "https:///v1"},
		{Name: "price", Model: "m", Service: "NVIDIA", APIEndpoint: "https://x.example/v1", InputPrice: -1, OutputPrice: math.NaN()},
		{Name: "twice", Model: "m", Service: "NVIDIA", APIEndpoint: "https://x.example/v1"},
		{Name: "twice", Model: "m", Service: "NVIDIA", APIEndpoint: "https://localhost.evil.example/v1"},
		{Model: "m", Service: "NVIDIA", APIEndpoint: "https://x.example/v1"},
	}, "", keys, nil)
	all, ok := errors.AsType[*ResolveError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range all.Problems {
		got = append(got, p.Candidate+" "+p.Field)
		if !strings.Contains(err.Error(), p.Err.Error()) {
			t.Errorf("%v is missing from the error's text", p)
		}
	}
	want := []string{
		"no-endpoint api_endpoint", "no-model model", "no-service service", "bad-service service", "empty-service service",
		"bad-url api_endpoint", "scheme api_endpoint", "password api_endpoint", "query api_endpoint", "whole api_endpoint",
		"hostless api_endpoint", "price input_price", "price output_price", "twice name", "#15 name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a secret shows in %v", err)
	}
	if !strings.Contains(err.Error(), "Empty, NVIDIA") {
		t.Errorf("the known services are not named in %v", err)
	}
	var one *llmrouterdata.CandidateError
	if !errors.As(err, &one) || one.Candidate != "no-endpoint" {
		t.Errorf("got %v", one)
	}
}

func TestResolveWithoutKeysOrCandidates(t *testing.T) {
	remote := []llmrouterdata.Candidate{{Name: "a", Model: "m", Service: "S", APIEndpoint: "https://x.example/v1"}}
	if _, err := Resolve(remote, "", Keys{}, nil); err == nil || !strings.Contains(err.Error(), "no API key") {
		t.Errorf("got %v", err)
	}
	local := []llmrouterdata.Candidate{{Name: "a", Model: "m", APIEndpoint: "http://localhost:1/v1"}}
	if _, err := Resolve(local, "", Keys{}, nil); err != nil {
		t.Error(err)
	}
	if _, err := Resolve(nil, "", Keys{}, nil); err == nil {
		t.Error("no candidate was accepted")
	}
	if _, err := Resolve([]llmrouterdata.Candidate{{Name: "a_think"}}, "", Keys{}, nil); err == nil {
		t.Error("nothing but _think was accepted")
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"http://localhost:1/v1", "https://x.example/a%2Fb/", "://", "http://[::1]", "HTTP://X", "http://x?", "http://x/v1?a=b", "//x", "http://a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, _, err := parseEndpoint(s)
		if err != nil {
			return
		}
		if again, query, err := parseEndpoint(base); err != nil || again != base || query != "" {
			t.Errorf("%q gives %q, which gives %q with the query %q, %v", s, base, again, query, err)
		}
	})
}

// TestConnectTimeout: making a connection has the candidate's own limit.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := limited(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		for _, c := range []struct{ own, want time.Duration }{{0, 10 * time.Second}, {3 * time.Second, 3 * time.Second}} {
			began := time.Now()
			_, err := dial((&own{connect: c.own}).within(t.Context()), "tcp", "host:1")
			if d := time.Since(began); d != c.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("gave up after %v: %v", d, err)
			}
		}
	})
}

// TestNear: servers of one's own have longer limits.
func TestNear(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "192.168.1.5": true, "10.0.0.1": true, "gpu-box": true, "llm.local": true, "x.internal": true,
		"api.example.com": false, "8.8.8.8": false, "": false, "local.example": false,
	} {
		if isNear(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
