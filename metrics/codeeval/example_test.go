package codeeval_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// Score a reply to an MBPP query. Whether this machine has a sandbox is found
// out when it is opened.
func Example() {
	ctx := context.Background()
	sandbox, err := codeeval.Open(ctx, nil)
	if errors.Is(err, codeeval.ErrNoSandbox) {
		log.Print(err) // says what to install
		return
	} else if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	registry, err := metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
	if err != nil {
		log.Fatal(err)
	}
	metric, err := registry.Lookup("mbpp", "code_eval")
	if err != nil {
		log.Fatal(err)
	}
	result, err := metric.Score(ctx, metrics.Input{
		Task: "mbpp", TaskID: "476",
		Truth:      `["assert big_sum([1, 2, 3]) == 4", "assert big_sum([-1, 2]) == 1"]`,
		Prediction: "```python\ndef big_sum(xs):\n    return max(xs) + min(xs)\n```",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Score)
}

// TestExample runs the example, whose output depends on whether this machine has
// a sandbox.
func TestExample(*testing.T) { Example() }

func ExampleHumanEval() {
	const prompt = "def add(x: int, y: int):\n    \"\"\"Add two numbers x and y.\"\"\"\n"
	const tests = "def check(candidate):\n    assert candidate(2, 3) == 5\n"
	p, err := codeeval.HumanEval(prompt, tests, "Sure:\n```python\ntotal = x + y\nreturn total\n```")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(p.Solution)
	fmt.Println(p.Tests[1])
	// Output:
	// def add(x: int, y: int):
	//     """Add two numbers x and y."""
	//     total = x + y
	//     return total
	// check(add)
}

func ExampleMBPP() {
	tests, err := codeeval.ParseTests(`['assert f(1) == 2', "assert f('a') is None"]`)
	if err != nil {
		log.Fatal(err)
	}
	p, err := codeeval.MBPP(tests, "[BEGIN]\n    def f(x):\n        return 2 if x == 1 else None\n[DONE]")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Solution)
	fmt.Println(p.Tests[1])
	// Output:
	// def f(x):
	//     return 2 if x == 1 else None
	// assert f('a') is None
}

// The Python pipeline keeps fences, and trims a body so that its first line
// loses its place.
func ExampleExtractCode() {
	code, _, err := codeeval.ExtractCode("[BEGIN]\n    s = x + y\n    return s\n[DONE]", "HumanEval/53")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", code)
	// Output: "    s = x + y\n        return s"
}
