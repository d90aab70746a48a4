package batch_test

import (
	"context"
	"fmt"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// questions are what is asked of a candidate; what becomes of them is printed.
type questions struct {
	target chat.Target
	texts  []string
}

func (q *questions) Call(n int) (string, chat.Request, error) {
	return fmt.Sprint("question-", n), chat.Request{Target: q.target, Prompt: chat.Prompt{User: q.texts[n]}}, nil
}

func (q *questions) Ended(n int, _ string, answer chat.Response, err error) {
	fmt.Printf("%s %s (%.8f USD, %v)\n", q.texts[n], answer.Text, answer.CostUSD, err)
}

func (q *questions) Lost(n int, usd float64) { fmt.Printf("%s %v USD for nothing\n", q.texts[n], usd) }

// forgetful is a ledger that ends with the process. One that nothing is paid twice by
// is a file.
type forgetful struct{}

func (forgetful) Parts() []batch.Part  { return nil }
func (forgetful) Put(batch.Part) error { return nil }

// Three questions are answered in two batches.
func Example() {
	service := chaos.New(chaos.Config{Answer: func(_, user string) string {
		return map[string]string{"1 + 1?": "2", "2 + 2?": "4", "3 + 3?": "6"}[user]
	}})
	endpoint, stop, err := service.Listen()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{
		Name: "small", Model: "small-1", APIEndpoint: endpoint, InputPrice: 1, OutputPrice: 2, Batch: true,
	}}, "", chat.Keys{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := chat.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	target := targets[0].InBatch()
	batch.Make(context.Background(), batch.Work{
		Client: client, Target: target, Calls: []int{0, 1, 2}, Ledger: forgetful{},
		Source: &questions{target, []string{"1 + 1?", "2 + 2?", "3 + 3?"}},
	}, &batch.Options{MaxRequests: 2, Look: time.Millisecond})
	// Unordered output:
	// 1 + 1? 2 (0.00000200 USD, <nil>)
	// 2 + 2? 4 (0.00000200 USD, <nil>)
	// 3 + 3? 6 (0.00000200 USD, <nil>)
}
