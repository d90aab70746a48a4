package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// forClients is an upstream that does what the query says, and a server before it;
// left gets a value for each call that was ended by who made it.
func forClients(t *testing.T) (url string, left chan struct{}) {
	t.Helper()
	left = make(chan struct{}, 100)
	upstream := handlerFunc(t, func(w http.ResponseWriter, r *http.Request, body map[string]json.RawMessage) {
		text := string(body["messages"])
		stream := string(body["stream"]) == "true"
		switch {
		case strings.Contains(text, "hang"):
			if stream {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, strings.SplitAfterN(streamOf("begun"), "data: [", 2)[0][:len(strings.Split(streamOf("begun"), "\n\n")[0])+2])
				_, _ = io.WriteString(w, `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"begun"}}]}`+"\n\n")
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
			left <- struct{}{}
		case strings.Contains(text, "too long"):
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}`)
		case body["tools"] != nil:
			_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[`+
				`{"id":"call-1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}`)
		case stream:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, streamOf("It is 1001."))
		default:
			_, _ = io.WriteString(w, wholeOf("It is 1001."))
		}
	})
	s := newServer(t, serve.Options{Token: "let-me-in"}, chat.Options{}, upstream)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL + "/v1", left
}

// TestGoClient: OpenAI's client for Go, whole, streamed, with tools, errors, time-outs
// and calls that it gives up.
func TestGoClient(t *testing.T) {
	url, left := forClients(t)
	client := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("let-me-in"), option.WithMaxRetries(0))
	asking := func(text string) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{Model: "auto", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
	}
	whole, err := client.Chat.Completions.New(t.Context(), asking(sum))
	if err != nil || whole.Choices[0].Message.Content != "It is 1001." || whole.Usage.TotalTokens != 18 {
		t.Errorf("whole: %v", err)
	}
	stream := client.Chat.Completions.NewStreaming(t.Context(), asking(sum))
	text := ""
	for stream.Next() {
		for _, c := range stream.Current().Choices {
			text += c.Delta.Content
		}
	}
	if stream.Err() != nil || text != "It is 1001." {
		t.Errorf("streamed: %v, %q", stream.Err(), text)
	}
	tools := asking(sum)
	tools.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "f"})}
	if called, err := client.Chat.Completions.New(t.Context(), tools); err != nil || called.Choices[0].Message.ToolCalls[0].Function.Arguments != `{"x": 1}` {
		t.Errorf("tools: %v", err)
	}
	_, err = client.Chat.Completions.New(t.Context(), asking("What is 1 plus 2, too long?"))
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 400 || e.Code != "context_length_exceeded" {
		t.Errorf("error: %v", err)
	}
	_, err = client.Chat.Completions.New(t.Context(), asking("What is 1 plus 2, hang?"), option.WithRequestTimeout(50*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("time-out: %v", err)
	}
	<-left
	ctx, cancel := context.WithCancel(t.Context())
	given := client.Chat.Completions.NewStreaming(ctx, asking("What is 1 plus 2, hang?"))
	if !given.Next() {
		t.Errorf("given up: %v", given.Err())
	}
	cancel()
	for given.Next() {
	}
	<-left
	models, err := client.Models.List(t.Context())
	if err != nil || len(models.Data) != 4 {
		t.Errorf("models: %v", err)
	}
}

const pythonClient = `
import openai, sys
c = openai.OpenAI(base_url=sys.argv[1], api_key="let-me-in", max_retries=0)
def ask(text, **more):
    return c.chat.completions.create(model="auto", messages=[{"role": "user", "content": text}], **more)
sum = "What is 500 plus 501, the sum?"
r = ask(sum)
assert r.choices[0].message.content == "It is 1001." and r.usage.total_tokens == 18, r
assert "".join(p.choices[0].delta.content or "" for p in ask(sum, stream=True)) == "It is 1001."
r = ask(sum, tools=[{"type": "function", "function": {"name": "f"}}])
assert r.choices[0].message.tool_calls[0].function.arguments == '{"x": 1}', r
raw = c.chat.completions.with_raw_response.create(model="auto", messages=[{"role": "user", "content": sum}])
assert raw.headers["x-router-model"] == "small", raw.headers
try:
    ask("What is 1 plus 2, too long?"); assert False
except openai.BadRequestError as e:
    assert e.code == "context_length_exceeded", e
try:
    ask("What is 1 plus 2, hang?", timeout=0.1); assert False
except openai.APITimeoutError:
    pass
try:
    openai.OpenAI(base_url=sys.argv[1], api_key="wrong", max_retries=0).models.list(); assert False
except openai.AuthenticationError:
    pass
s = ask("What is 1 plus 2, hang?", stream=True)
next(iter(s)); s.close()
assert len(c.models.list().data) == 4
print("done")
`

const nodeClient = `
import OpenAI from "openai";
import assert from "node:assert";
const url = process.argv.at(-1);
const c = new OpenAI({ baseURL: url, apiKey: "let-me-in", maxRetries: 0 });
const ask = (text, more = {}, o = {}) => c.chat.completions.create({ model: "auto", messages: [{ role: "user", content: text }], ...more }, o);
const sum = "What is 500 plus 501, the sum?";
let r = await ask(sum);
assert.equal(r.choices[0].message.content, "It is 1001.");
let text = "";
for await (const p of await ask(sum, { stream: true })) text += p.choices[0].delta.content ?? "";
assert.equal(text, "It is 1001.");
r = await ask(sum, { tools: [{ type: "function", function: { name: "f" } }] });
assert.equal(r.choices[0].message.tool_calls[0].function.arguments, '{"x": 1}');
await assert.rejects(ask("What is 1 plus 2, too long?"), (e) => e instanceof OpenAI.BadRequestError && e.code === "context_length_exceeded");
await assert.rejects(ask("What is 1 plus 2, hang?", {}, { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
await assert.rejects(new OpenAI({ baseURL: url, apiKey: "wrong", maxRetries: 0 }).models.list(), OpenAI.AuthenticationError);
const s = await ask("What is 1 plus 2, hang?", { stream: true });
for await (const p of s) break; // aborts
assert.equal((await c.models.list()).data.length, 4);
console.log("done");
`

// TestPeerOpenAI: OpenAI's clients for Python and Node. Each gives up two calls,
// which the candidate learns.
func TestPeerOpenAI(t *testing.T) {
	for name, command := range map[string]func(t *testing.T, url string) *exec.Cmd{
		"python": func(t *testing.T, url string) *exec.Cmd {
			return exec.CommandContext(t.Context(), peertest.Python(t, "litellm"), "-c", pythonClient, url)
		},
		"node": func(t *testing.T, url string) *exec.Cmd {
			c := exec.CommandContext(t.Context(), "node", "--input-type=module", "-", url)
			c.Stdin = strings.NewReader(nodeClient)
			c.Dir = peertest.Node(t)
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, left := forClients(t)
			c := command(t, url)
			c.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
			if out, err := c.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "done" {
				t.Fatalf("%v\n%s", err, out)
			}
			for range 2 {
				select {
				case <-left:
				case <-time.After(time.Minute):
					t.Fatal("the candidate was not told that nobody waits")
				}
			}
		})
	}
}
