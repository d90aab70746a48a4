package chat_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

func mustBudget(t testing.TB, usd float64) *chat.Budget {
	t.Helper()
	b, err := chat.NewBudget(usd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func priced(t testing.TB, in, out float64) chat.Target {
	t.Helper()
	keys, err := chat.ParseKeys("a,b,c,d")
	if err != nil {
		t.Fatal(err)
	}
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "m", Model: "m", Service: "S", APIEndpoint: remote, InputPrice: in, OutputPrice: out}}, "", keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

func TestNewBudget(t *testing.T) {
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1), 1e6} {
		if _, err := chat.NewBudget(bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
	b := mustBudget(t, 2.5)
	b.Spend(0.1)
	b.Spend(0.2)
	b.Spend(-1)
	b.Spend(math.NaN())
	if b.Limit() != 2.5 || b.Spent() != 0.3 || b.Exhausted() {
		t.Errorf("limit %v, spent %v", b.Limit(), b.Spent())
	}
}

// TestBudgetStops: many workers spend what the budget allows and not more, to
// the last call that fits.
func TestBudgetStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// An answer costs 10 x 1 + 5 x 2 millionths; the most it can cost is
		// (1 + 64) x 1 + 100 x 2 = 265 millionths.
		s := &script{next: always(reply{after: time.Second})}
		budget := mustBudget(t, 0.002)
		client := newClient(t, chat.Options{Transport: s, Budget: budget})
		target := priced(t, 1, 2)
		var answered, refused atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for range 10 {
					r := ask(target, "x")
					r.Params.MaxTokens = 100
					got, err := client.Complete(t.Context(), r)
					switch {
					case err == nil:
						answered.Add(1)
						if got.CostUSD != 20e-6 {
							t.Errorf("cost %v", got.CostUSD)
						}
					case errors.Is(err, chat.ErrBudget):
						refused.Add(1)
					default:
						t.Error(err)
					}
					if spent := budget.Spent(); spent > 0.002 {
						t.Errorf("spent %v", spent)
					}
				}
			})
		}
		wg.Wait()
		// The last call needs 265 of 2000 left: calls go on until 1735 < spent.
		if n := answered.Load(); n != 87 {
			t.Errorf("%d calls were answered, want 87", n)
		}
		if answered.Load()+refused.Load() != 500 || !budget.Exhausted() || budget.Spent() != 87*20e-6 {
			t.Errorf("%d answered, %d refused, spent %v", answered.Load(), refused.Load(), budget.Spent())
		}
		if n := len(s.requests()); n != 87 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestBudgetCharges: what was refused is free, what was answered counts with
// its usage, and what may have been answered counts with the most it can cost.
func TestBudgetCharges(t *testing.T) {
	most := (1+64)*1e-6 + 100*2e-6
	for _, c := range []struct {
		name string
		r    reply
		want float64
	}{
		{"good", reply{}, 20e-6},
		{"429", reply{status: 429}, 0},
		{"500", reply{status: 500}, 0},
		{"400", reply{status: 400}, 0},
		{"timeout", reply{after: time.Hour}, most},
		{"reset", reply{err: errors.New("reset")}, most},
		{"garbage", reply{body: "{oops"}, most},
		{"web page", reply{body: "<html>"}, 0},
		{"error as answer", reply{body: `{"error":{"code":500}}`}, 0},
		{"null content", reply{body: `{"choices":[{"message":{"content":null}}],"usage":{"prompt_tokens":10,"completion_tokens":100}}`}, 210e-6},
		{"refusal without usage", reply{body: `{"choices":[{"message":{"content":null,"refusal":"no"}}]}`}, 3e-6},
		{"no usage", reply{body: `{"choices":[{"message":{"content":"four words of text"}}]}`}, 1e-6 + 4*2e-6},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := mustBudget(t, 1)
				client := newClient(t, chat.Options{Transport: &script{next: always(c.r)}, Budget: budget, Attempts: 1})
				r := ask(priced(t, 1, 2), "x")
				r.Params.MaxTokens = 100
				got, err := client.Complete(t.Context(), r)
				if (err == nil) != (c.name == "good" || c.name == "no usage") {
					t.Fatal(err)
				}
				if math.Abs(got.CostUSD-c.want) > 1e-12 || budget.Spent() != got.CostUSD {
					t.Errorf("cost %v, budget %v, want %v", got.CostUSD, budget.Spent(), c.want)
				}
				if got.Estimated != (c.name == "no usage" || c.name == "refusal without usage") {
					t.Errorf("estimated: %v", got.Estimated)
				}
			})
		})
	}
}

// TestBudgetResumed: money spent before counts; what costs nothing is allowed
// still.
func TestBudgetResumed(t *testing.T) {
	budget := mustBudget(t, 0.001)
	budget.Spend(0.001)
	client := newClient(t, chat.Options{Transport: &script{next: always(reply{})}, Budget: budget})
	if _, err := client.Complete(t.Context(), ask(priced(t, 1, 1), "x")); !errors.Is(err, chat.ErrBudget) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Complete(t.Context(), ask(priced(t, 0, 0), "x")); err != nil {
		t.Errorf("a free call: %v", err)
	}
}

// TestSpendOnce: what is known by its id is not paid twice.
func TestSpendOnce(t *testing.T) {
	b := mustBudget(t, 1)
	b.SpendOnce(1, 0.1)
	b.SpendOnce(2, 0) // this budget has paid it
	b.Spend(0.2)
	for range 3 {
		b.SpendOnce(1, 0.1)
		b.SpendOnce(2, 0.2)
		b.SpendOnce(3, 0.4)
	}
	if got := b.Spent(); got != 0.7 {
		t.Errorf("spent %v", got)
	}
}

// TestBudgetInOrder: of calls that wait for money, the first is served first,
// and a later one that would fit does not overtake it.
func TestBudgetInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		var mu sync.Mutex
		client := newClient(t, chat.Options{
			Transport: &script{next: always(reply{after: time.Second})}, Budget: mustBudget(t, 0.0009),
		})
		target := priced(t, 1, 1) // 65 millionths, and one for each token that is allowed
		var wg sync.WaitGroup
		for i, tokens := range []int{500, 600, 10, 400, 10} {
			wg.Go(func() {
				r := ask(target, "x")
				r.Params.MaxTokens = tokens
				if _, err := client.Complete(t.Context(), r); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, strconv.Itoa(i))
			})
			time.Sleep(10 * time.Millisecond)
		}
		wg.Wait()
		// 1 does not fit beside 0, and 2 would; 2 fits beside 1, and 3 does not.
		if got := strings.Join(order, " "); got != "0 1 2 3 4" && got != "0 2 1 3 4" && got != "0 1 2 4 3" && got != "0 2 1 4 3" {
			t.Errorf("answered in the order %s", got)
		}
	})
}

// TestBudgetWaitIsCancelled: a call that waits for money ends with its context.
func TestBudgetWaitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{after: time.Minute})}, Timeout: time.Hour, Budget: mustBudget(t, 0.0006)})
		target := priced(t, 1, 1) // 577 millionths each: only one fits
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := client.Complete(t.Context(), ask(target, "x")); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := client.Complete(ctx, ask(target, "x")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
	})
}

func TestEstimate(t *testing.T) {
	var e chat.Estimate
	a, free := priced(t, 1, 2), priced(t, 0, 0)
	free.Name = "free"
	for i := range 3 {
		e.Add(chat.Request{Target: a, Prompt: chat.Prompt{System: "Be brief.", User: "question " + strconv.Itoa(i)}, Params: chat.Params{MaxTokens: 100}})
	}
	e.Add(ask(free, "x"))
	if len(e.Candidates) != 2 {
		t.Fatalf("%+v", e.Candidates)
	}
	got := e.Candidates[0]
	in := chat.EstimateTokens("Be brief.") + chat.EstimateTokens("question 1")
	if got.Candidate != "m" || got.Calls != 3 || got.PromptTokens != 3*in || got.MaxCompletionTokens != 300 || got.Unpriced ||
		math.Abs(got.PromptUSD-float64(3*in)*1e-6) > 1e-15 || math.Abs(got.MaxUSD-got.PromptUSD-600e-6) > 1e-15 {
		t.Errorf("%+v", got)
	}
	if f := e.Candidates[1]; !f.Unpriced || f.MaxUSD != 0 || f.MaxCompletionTokens != 512 {
		t.Errorf("%+v", f)
	}
	if total := e.Total(); total.Calls != 4 || !total.Unpriced || total.MaxUSD != got.MaxUSD || total.Candidate != "" {
		t.Errorf("%+v", total)
	}
}

func TestCost(t *testing.T) {
	target := priced(t, 0.15, 0.6)
	if got := target.Cost(1_000_000, 500_000); got != 0.45 {
		t.Errorf("got %v", got)
	}
	if got := target.Cost(-5, 0); got != 0 {
		t.Errorf("got %v", got)
	}
	if got := priced(t, 1e6, 1e6).Cost(math.MaxInt, math.MaxInt); got <= 0 || math.IsInf(got, 0) {
		t.Errorf("got %v", got)
	}
}

func TestEstimateTokens(t *testing.T) {
	for text, want := range map[string]int{"": 0, "x": 1, "!": 1, "hello world": 2, "漢字仮名": 4, "1234": 1, "a\n\nb": 4} {
		if got := chat.EstimateTokens(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
	long := strings.Repeat("word ", 1000)
	if got := chat.EstimateTokens(long); got < 950 || got > 1100 {
		t.Errorf("1000 words: %d", got)
	}
}

func FuzzEstimateTokens(f *testing.F) {
	for _, s := range []string{"", "hello world", "\xff\xfe", "日本語", "e\u0301", "\u0085 \u2003"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := chat.EstimateTokens(text)
		if got < 0 || got > 2*len(text)+1 || (got == 0) != (text == "") {
			t.Errorf("%q: %d", text, got)
		}
	})
}
