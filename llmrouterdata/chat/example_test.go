package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// A local service stands in for a provider.
func exampleService() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[{"message":{"role":"assistant","content":"2 + 2 = 4\n4"},"finish_reason":"stop"}],
			"usage":{"prompt_tokens":60,"completion_tokens":8,"total_tokens":68}}`)
	}))
}

func Example() {
	service := exampleService()
	defer service.Close()

	keys, err := chat.ParseKeys(`{"NVIDIA": ["key-one", "key-two"]}`) // os.Getenv("API_KEYS")
	if err != nil {
		log.Fatal(err)
	}
	candidates := []llmrouterdata.Candidate{{
		Name: "qwen2.5-7b-instruct", Model: "qwen/qwen2.5-7b-instruct", Service: "NVIDIA",
		InputPrice: 0.20, OutputPrice: 0.20,
	}}
	targets, err := chat.Resolve(candidates, service.URL+"/v1", keys, nil)
	if err != nil {
		log.Fatal(err) // every problem of every candidate
	}
	client, err := chat.New(&chat.Options{Balance: chat.LeastBusy})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	prompt, err := chat.BuiltinPrompts().For(llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: "What is 2 + 2?"})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Complete(context.Background(), chat.Request{Target: targets[0], Prompt: prompt})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q, %d tokens, %.7f USD, by %s\n", answer.Text, answer.TotalTokens, answer.CostUSD, answer.KeyLabel)
	// Output: "2 + 2 = 4\n4", 68 tokens, 0.0000136 USD, by NVIDIA-1
}

func ExampleParseKeys() {
	for _, env := range []string{`["key1", "key2"]`, "key1,key2", "key1", `{"NVIDIA": "key1,key2", "OpenAI": ["key3"], "Ollama": ""}`} {
		keys, err := chat.ParseKeys(env)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(keys)
	}
	// Output:
	// 2 keys for every service
	// 2 keys for every service
	// 1 key for every service
	// 3 keys for NVIDIA, Ollama, OpenAI
}

func ExampleResolve() {
	keys, err := chat.ParseKeys(`{"NVIDIA": "key1"}`)
	if err != nil {
		log.Fatal(err)
	}
	_, err = chat.Resolve([]llmrouterdata.Candidate{
		{Name: "a", Model: "vendor/a", Service: "NVIDIA"},
		{Name: "b", Service: "OpenAI", APIEndpoint: "https://api.example.com/v1"},
	}, "", keys, nil)
	fmt.Println(err)
	// Output:
	// chat: 3 problems with the candidates:
	//   candidate "a": field "api_endpoint": missing: neither the candidate nor the configuration names an endpoint
	//   candidate "b": field "model": missing: the id by which the service knows the model
	//   candidate "b": field "service": no API keys for service "OpenAI"; there are keys for NVIDIA
}

func ExamplePrompts_With() {
	prompts := chat.BuiltinPrompts().With("my_task", func(q llmrouterdata.StandardQueryData) (chat.Prompt, error) {
		return chat.Prompt{System: "Answer with one word.", User: q.Query}, nil
	})
	p, err := prompts.For(llmrouterdata.StandardQueryData{TaskName: "my_task", Query: "The capital of France?"})
	fmt.Println(p.User, err)
	_, err = prompts.For(llmrouterdata.StandardQueryData{TaskName: "my-tusk", Query: "?"})
	if unknown, ok := errors.AsType[*chat.UnknownTaskError](err); ok {
		fmt.Println(unknown.Task, "resembles", unknown.Near)
	}
	fmt.Println(len(prompts.Tasks()), "tasks are known")
	// Output:
	// The capital of France? <nil>
	// my-tusk resembles [my_task]
	// 17 tasks are known
}

func ExampleBudget() {
	service := exampleService()
	defer service.Close()
	targets, err := chat.Resolve([]llmrouterdata.Candidate{
		{Name: "m", Model: "m", InputPrice: 1, OutputPrice: 1},
	}, service.URL, chat.Keys{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	budget, err := chat.NewBudget(0.001)
	if err != nil {
		log.Fatal(err)
	}
	client, err := chat.New(&chat.Options{Budget: budget})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	calls := 0
	for ; ; calls++ {
		_, err := client.Complete(context.Background(), chat.Request{Target: targets[0], Prompt: chat.Prompt{User: "What is 2 + 2?"}})
		if errors.Is(err, chat.ErrBudget) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%d calls for %.6f of %.6f USD, exhausted: %v\n", calls, budget.Spent(), budget.Limit(), budget.Exhausted())
	// Output: 7 calls for 0.000476 of 0.001000 USD, exhausted: true
}

func ExampleEstimate() {
	targets, err := chat.Resolve([]llmrouterdata.Candidate{
		{Name: "m", Model: "m", APIEndpoint: "http://localhost:11434/v1", InputPrice: 0.2, OutputPrice: 0.2},
	}, "", chat.Keys{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	var estimate chat.Estimate
	for range 1000 {
		estimate.Add(chat.Request{Target: targets[0], Prompt: chat.Prompt{User: "What is 2 + 2?"}})
	}
	c := estimate.Candidates[0]
	fmt.Printf("%s: %d calls, about %d prompt tokens, %.4f to %.4f USD\n", c.Candidate, c.Calls, c.PromptTokens, c.PromptUSD, c.MaxUSD)
	// Output: m: 1000 calls, about 6000 prompt tokens, 0.0012 to 0.1036 USD
}

// A candidate that its service does not have is stopped by its circuit breaker.
func ExampleClient_Stats() {
	service := httptest.NewServer(http.NotFoundHandler())
	defer service.Close()
	keys, err := chat.ParseKeys("key-one, key-two")
	if err != nil {
		log.Fatal(err)
	}
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "m", Model: "m"}}, service.URL, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := chat.New(&chat.Options{BreakerThreshold: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for range 3 {
		_, err := client.Complete(context.Background(), chat.Request{Target: targets[0], Prompt: chat.Prompt{User: "What is 2 + 2?"}})
		if stopped, ok := errors.AsType[*chat.StoppedError](err); ok {
			fmt.Printf("%s was stopped after %d calls\n", stopped.Candidate, stopped.Calls)
			break
		}
		fmt.Println(err)
	}
	stats := client.Stats()
	for _, k := range stats.Keys {
		fmt.Printf("%s: %d of %d attempts failed\n", k.Label, k.Failed, k.Attempts)
	}
	for _, c := range stats.Candidates {
		fmt.Printf("%s: %s\n", c.Candidate, c.Stopped)
	}
	// Output:
	// chat: candidate "m": model not found (HTTP 404)
	// chat: candidate "m": model not found (HTTP 404)
	// m was stopped after 2 calls
	// key-1: 1 of 1 attempts failed
	// key-2: 1 of 1 attempts failed
	// m: model not found (HTTP 404)
}

func ExampleEstimateTokens() {
	target := chat.Target{InputPrice: 0.2, OutputPrice: 0.6}
	prompt := chat.EstimateTokens("What is the capital of France?")
	fmt.Printf("%d tokens; with the longest answer %.7f USD\n", prompt, target.Cost(prompt, 512))
	// Output: 7 tokens; with the longest answer 0.0003086 USD
}
