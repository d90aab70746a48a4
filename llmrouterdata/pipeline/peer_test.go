package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// gateway starts a program that serves on a port of this machine, and waits until
// it answers at the path.
func gateway(t *testing.T, path string, command func(port string) *exec.Cmd) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := command(port)
	log := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), cmd.Env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	url = "http://127.0.0.1:" + port
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a proxy of many modules, on a busy machine
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(request)
		if err == nil {
			res.Body.Close()
			return url
		}
		select {
		case err := <-ended:
			ended <- err
			text, _ := os.ReadFile(log)
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, text)
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// throughGateway runs 400 pairs through a gateway, and returns the report and how
// many attempts the journal has.
func throughGateway(t *testing.T, url, key string) (c *llmrouterdata.Config, report *Report, attempts int) {
	t.Helper()
	c = testSet(t, 160, 40, "a", "b")
	writeFile(t, c.DataPath.LLMData, fmt.Sprintf(`{
		"a": {"model": "a", "service": "G", "api_endpoint": %q, "input_price": 1, "output_price": 2},
		"b": {"model": "b", "service": "G", "api_endpoint": %[1]q, "input_price": 3, "output_price": 5}}`, url+"/v1"))
	o := quick()
	o.Attempts, o.Timeout, o.TotalTimeout = 20, time.Minute, 10*time.Minute
	var err error
	report, err = evaluate(t, c, Options{Keys: mustKeys(t, key), Workers: 8, Client: newClient(t, o)})
	if err != nil || report.Called != 400 || report.Failed != 0 {
		t.Fatalf("%d called, %d failed %+v: %v", report.Called, report.Failed, report.Failures, err)
	}
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		attempts += e.Attempts
	}
	return c, report, attempts
}

// Behind a litellm proxy, whose upstream fails now and then, each call is counted
// as the upstream counts it, and no total is below what the upstream bills.
func TestPeerLiteLLM(t *testing.T) {
	bin := filepath.Join(peertest.Dir(t, "litellm"), "bin", "litellm")
	upstream := chaos.New(chaos.Config{Seed: 3, MaxFaults: 4, Answer: fakeAnswer, Faults: []chaos.Fault{
		{Kind: chaos.ServerError, Probability: 0.1}, {Kind: chaos.RateLimitedSilent, Probability: 0.1}, {Kind: chaos.Unavailable, Probability: 0.05, RetryAfter: time.Millisecond},
	}})
	up, stop, err := upstream.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	const key = "sk-of-this-test-0123456789"
	config := "litellm_settings: {num_retries: 0, request_timeout: 60}\nrouter_settings: {num_retries: 0, disable_cooldowns: true}\n" +
		"general_settings: {master_key: " + key + "}\nmodel_list:\n"
	for _, m := range []string{"a", "b"} {
		config += fmt.Sprintf("  - {model_name: %s, litellm_params: {model: openai/%[1]s, api_base: %q, api_key: up-1, max_retries: 0}}\n", m, up)
	}
	file := filepath.Join(t.TempDir(), "litellm.yaml")
	writeFile(t, file, config)
	url := gateway(t, "/health/liveliness", func(port string) *exec.Cmd {
		cmd := exec.Command(bin, "--config", file, "--host", "127.0.0.1", "--port", port, "--telemetry", "False")
		cmd.Env = []string{"LITELLM_LOCAL_MODEL_COST_MAP=True", "NO_PROXY=127.0.0.1"}
		return cmd
	})
	c, report, attempts := throughGateway(t, url, key)
	if n := upstream.Stats().Requests; n != attempts || n < 440 {
		t.Errorf("the upstream counted %d requests, the journal %d attempts", n, attempts)
	}
	checkBills(t, c, report, key)
}

// checkBills holds the run behind the proxy against what its upstream bills.
func checkBills(t *testing.T, c *llmrouterdata.Config, report *Report, key string) {
	t.Helper()
	// After a failure of its upstream the proxy does not tell whether that was paid
	// for, so that the most is charged: no total is below what the upstream bills.
	// Without one it is what the upstream bills.
	book, at := 0.0, map[string][2]float64{} // by candidate: what the upstream bills, and what the journal says, for calls of one attempt
	prices := map[string][2]float64{"a": {1, 2}, "b": {3, 5}}
	entries := map[string]journal.Entry{}
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		entries[e.Candidate+"\x00"+e.Call] = e
	}
	plan, err := NewPlan(t.Context(), c, &Options{Keys: mustKeys(t, key)})
	if err != nil {
		t.Fatal(err)
	}
	for q := range plan.queries {
		prompt, err := plan.prompt(q)
		if err != nil {
			t.Fatal(err)
		}
		for i, target := range plan.targets {
			_, call := plan.request(q, i, prompt)
			e := entries[target.Name+"\x00"+call]
			in, out := chaos.PromptTokens(prompt.System, prompt.User), chaos.CompletionTokens(fakeAnswer(target.Name, prompt.User))
			bill := (float64(in)*prices[target.Name][0] + float64(out)*prices[target.Name][1]) / 1e6
			book += bill
			if e.Attempts == 1 {
				sums := at[target.Name]
				at[target.Name] = [2]float64{sums[0] + bill, sums[1] + e.CostUSD}
			}
		}
	}
	for name, sums := range at {
		if sums[0] == 0 || math.Abs(sums[1]-sums[0]) > 0.01*sums[0] {
			t.Errorf("candidate %s: %v USD for calls of one attempt, the upstream bills %v", name, sums[1], sums[0])
		}
	}
	if len(at) != 2 || report.CostUSD < 0.99*book {
		t.Errorf("%v USD, the upstream bills %v", report.CostUSD, book)
	}
}

func mustKeys(t *testing.T, text string) chat.Keys {
	t.Helper()
	keys, err := chat.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Behind aimock, which fails by chance, each call is counted as it counts it.
func TestPeerAIMock(t *testing.T) {
	program := filepath.Join(peertest.Node(t), "node_modules", "@copilotkit", "aimock", "dist", "cli.js")
	fixtures := filepath.Join(t.TempDir(), "fixtures.json")
	writeFile(t, fixtures, `{"fixtures": [{"match": {}, "response": {"content": "It is 12", "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}}]}`)
	url := gateway(t, "/health", func(port string) *exec.Cmd {
		return exec.Command("node", program, "--port", port, "--fixtures", fixtures, "--journal-max", "0", "--log-level", "silent",
			"--chaos-drop", "0.1", "--chaos-ratelimit", "0.1")
	})
	_, report, attempts := throughGateway(t, url, "sk-any")
	res, err := http.Get(url + "/__aimock/journal")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var requests []struct{ Path string }
	if err := json.NewDecoder(res.Body).Decode(&requests); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range requests {
		if strings.HasSuffix(e.Path, "/chat/completions") {
			n++
		}
	}
	if n != attempts || n < 440 {
		t.Errorf("aimock counted %d requests, the journal %d attempts", n, attempts)
	}
	if book := 200 * (10*1 + 5*2 + 10*3 + 5*5) / 1e6; math.Abs(report.CostUSD-book) > 0.01*book {
		t.Errorf("%v USD, aimock bills %v", report.CostUSD, book)
	}
}

// aimock's batches end at the second look, or as a header asks for, with one answer
// for all: each call is made once, at half its price.
func TestPeerAIMockBatches(t *testing.T) {
	program := filepath.Join(peertest.Node(t), "node_modules", "@copilotkit", "aimock", "dist", "cli.js")
	fixtures := filepath.Join(t.TempDir(), "fixtures.json")
	writeFile(t, fixtures, `{"fixtures": []}`)
	url := gateway(t, "/health", func(port string) *exec.Cmd {
		return exec.Command("node", program, "--port", port, "--fixtures", fixtures, "--log-level", "silent", "--chaos-drop", "0.05", "--chaos-ratelimit", "0.05")
	})
	for _, outcome := range []string{"completed", "failed", "expired", "cancelled"} {
		t.Run(outcome, func(t *testing.T) {
			c := testSet(t, 40, 10, "a")
			writeFile(t, c.DataPath.LLMData, fmt.Sprintf(`{"a": {"model": "a", "service": "G", "api_endpoint": %q, "input_price": 1, "output_price": 2,
				"batch": true, "headers": {"X-AIMock-Batch-Outcome": %q}}}`, url+"/v1", outcome))
			report, err := evaluate(t, c, Options{
				Keys: mustKeys(t, "sk-any"), Client: newClient(t, quick()), Batch: &batch.Options{Look: time.Millisecond, MaxRequests: 20, Tries: 2},
			})
			if outcome != "completed" {
				if incomplete, ok := errors.AsType[*IncompleteError](err); !ok && outcome != "failed" || ok && incomplete.Missing != 50 {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || report.Models[0].Batched != 50 || report.Failed != 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			if book := 50 * (1*1 + 1*2) / 2.0 / 1e6; math.Abs(report.CostUSD-book) > 1e-9 {
				t.Errorf("%v USD, aimock bills %v", report.CostUSD, book)
			}
		})
	}
}
