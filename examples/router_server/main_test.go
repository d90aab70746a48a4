package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

func TestHelp(t *testing.T) { clitest.Help(t, run) }

// setUp writes a router, trained with an encoder of that fingerprint ("": the
// model's own), and what else the program needs; it returns its arguments.
func setUp(t *testing.T, upstream, fingerprint string) (args []string) {
	t.Helper()
	model := clitest.Model(t)
	encoder, err := embedding.Open(t.Context(), model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	texts := []string{"What is 1 plus 2?", "What is 3 plus 4?", "Name the capital of France.", "Name the capital of Spain."}
	vectors, err := encoder.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var queries []routers.Query
	for i, v := range vectors {
		queries = append(queries, routers.Query{Task: "t", Text: texts[i], Vector: v, Pairs: []routers.Pair{{Score: float64(i / 2)}, {Score: 1 - float64(i/2)}}})
	}
	data, err := routers.NewData([]routers.Model{{Name: "a"}, {Name: "b"}}, queries)
	if err != nil {
		t.Fatal(err)
	}
	if fingerprint == "" {
		fingerprint = encoder.Fingerprint()
	} else if fingerprint == "unknown" {
		fingerprint = ""
	}
	router, err := routers.Fit(t.Context(), data, routers.Ridge{}, &routers.FitOptions{Encoder: fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "router.safetensors")
	if err := router.Save(file); err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, dir, "llm.json", fmt.Sprintf(`{"a": {"model": "m-a", "input_price": 1, "output_price": 1}, "b": {"model": "m-b", "api_endpoint": %q, "input_price": 1, "output_price": 1}}`, upstream))
	config := clitest.Write(t, dir, "config.yaml", fmt.Sprintf("data_path: {llm_data: llm.json}\nembedding: {model: %q}\napi_endpoint: %q\n", model, upstream))
	return []string{"--router", file, "--config", config, "--root", dir, "--listen", "127.0.0.1:0"}
}

func TestServes(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	}))
	defer upstream.Close()
	log := filepath.Join(t.TempDir(), "log.jsonl")
	args := append(setUp(t, upstream.URL+"/v1", ""), "--log", log, "--field")
	drain, listening := make(chan struct{}), make(chan struct{})
	out := &clitest.OnOutput{Text: regexp.MustCompile(`http://\S+/v1`), Call: func() { close(listening) }}
	var stderr strings.Builder
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), clitest.Env(map[string]string{"ROUTER_TOKEN": "let-me-in"}, out, &stderr, drain, args...))
	}()
	select {
	case <-listening:
	case err := <-ended:
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	url := out.Text.FindString(out.String())
	r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/chat/completions", strings.NewReader(`{"model":"auto","messages":[{"role":"user","content":"What is 5 plus 6?"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer let-me-in")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || res.Header.Get("X-Router-Model") == "" || !strings.HasPrefix(string(text), `{"x_router":`) {
		t.Errorf("%v, %s, %q\n%s", err, res.Status, res.Header, text)
	}
	close(drain)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	reader, err := importing.Open(importing.RouterLog, nil)
	if err != nil {
		t.Fatal(err)
	}
	logged := 0
	for r, err := range reader.Read(t.Context(), []string{log}) {
		if logged++; err != nil || r.Query != "What is 5 plus 6?" || r.Response != "fine" || *r.InputTokens != 1 || r.Model != res.Header.Get("X-Router-Model") {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if logged != 1 {
		t.Errorf("%d results in the log", logged)
	}
}

func TestUnpriced(t *testing.T) {
	keys, err := chat.ParseKeys(`["k"]`)
	if err != nil {
		t.Fatal(err)
	}
	candidates := []llmrouterdata.Candidate{
		{Name: "far", Model: "m", Unpriced: true}, {Name: "priced", Model: "m"},
		{Name: "near", Model: "m", Unpriced: true, APIEndpoint: "http://localhost:1/v1"},
	}
	targets, err := chat.Resolve(candidates, "https://api.example.com/v1", keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := unpriced(candidates, targets); !errors.Is(err, pipeline.ErrUnpriced) || !strings.Contains(err.Error(), `"far"`) || strings.Contains(err.Error(), "near") {
		t.Error(err)
	}
	if err := unpriced(candidates[1:], targets); err != nil {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	const upstream = "http://127.0.0.1:1/v1"
	own := setUp(t, upstream, "")
	for name, tt := range map[string]struct {
		args []string
		want error
		says string
	}{
		"no router":          {[]string{"--config", "x"}, cli.ErrUsage, ""},
		"budget":             {append(own[:len(own):len(own)], "--budget", "-1"), cli.ErrUsage, ""},
		"no token":           {append(own[:len(own):len(own)], "--listen", "0.0.0.0:0"), serve.ErrToken, ""},
		"another encoder":    {setUp(t, upstream, "another"), routers.ErrEncoder, ""},
		"not any encoder":    {append(setUp(t, upstream, "another"), "--any_encoder"), routers.ErrEncoder, ""},
		"an unknown encoder": {setUp(t, upstream, "unknown"), routers.ErrEncoder, ""},
		"it is taken, and so the listener is reached": {append(setUp(t, upstream, "unknown"), "--any_encoder", "--listen", "0.0.0.0:0"), serve.ErrToken, ""},
		"no keys": {setUp(t, "https://api.example.com/v1", ""), nil, "no API key"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, _, err := clitest.Run(ctx, run, nil, tt.args...)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v %q", err, tt.want, tt.says)
			}
		})
	}
}
