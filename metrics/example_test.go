package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/metrics"
)

func ExampleF1() {
	f1, precision, recall := metrics.F1("The quick brown fox", "a brown fox")
	fmt.Printf("%.2f %.2f %.2f\n", f1, precision, recall)
	// Output: 0.80 0.67 1.00
}

func ExampleMATH() {
	fmt.Println(metrics.MATH(`Hence $x = \boxed{\dfrac12}$.`, `\boxed{0.5}`))
	// Output: 1
}

func ExampleGSM8KStrict() {
	const reply, truth = "The tickets cost $3.50 each.", "7 / 2 = 3.5\n#### 3.5"
	fmt.Println(metrics.GSM8K(reply, truth), metrics.GSM8KStrict(reply, truth))
	// Output: 0 1
}

func ExampleMATHStrict() {
	const reply, truth = `So the answer is \boxed{0.50}.`, `\boxed{\frac{1}{2}}`
	fmt.Println(metrics.MATH(reply, truth), metrics.MATHStrict(reply, truth))
	// Output: 0 1
}

func ExampleMultipleChoiceStrict() {
	const reply, truth, options = "The answer is B, since f(x) grows.", "B", 4
	fmt.Println(metrics.MultipleChoice(reply, truth), metrics.MultipleChoiceStrict(reply, truth, options))
	// Output: 0 1
}

// A custom metric stands beside the built-in ones.
func ExampleRegistry_With() {
	registry, err := metrics.Builtin().With(
		metrics.NewMetric("sentiment", func(_ context.Context, in metrics.Input) (metrics.Result, error) {
			if in.Truth != "positive" && in.Truth != "negative" {
				return metrics.NotEvaluated("the ground truth is no sentiment"), nil
			}
			return metrics.Scored(metrics.CEM(in.Prediction, in.Truth)), nil
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := registry.Score(context.Background(), "sentiment", metrics.Input{
		Prediction: "This is a positive review.", Truth: "positive",
	})
	fmt.Println(result.Score, result.Evaluated, err)
	// Output: 1 true <nil>
}

// A task's records are scored by one metric, whatever they say.
func ExampleRegistry_WithTask() {
	registry, err := metrics.Builtin().WithTask("quiz", "em")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := registry.Lookup("quiz", "f1_score")
	fmt.Println(m.Name(), err)
	// Output: em <nil>
}

// As the Python package scores at inference.
func ExampleTaskPerformance() {
	fmt.Println(metrics.TaskPerformance(metrics.InferMetric("gpqa"), "I choose (B).", "B"))
	fmt.Println(metrics.TaskPerformance("bert_score", "Paris", "Paris"))
	// Output:
	// 1 true
	// 0 false
}

// The steps of MATH, for a metric of one's own.
func ExampleNormalizeLaTeX() {
	wrapped, ok := metrics.LastBoxed(`Hence $x = \boxed{\dfrac12}$.`)
	inside := metrics.RemoveBoxed(wrapped)
	normal, err := metrics.NormalizeLaTeX(inside)
	fmt.Println(wrapped, ok)
	fmt.Println(inside, normal, err)
	fmt.Println(metrics.EquivalentLaTeX(inside, "1/2"))
	// Output:
	// \boxed{\dfrac12} true
	// \dfrac12 \frac{1}{2} <nil>
	// true
}

func ExampleNormalizeAnswer() {
	fmt.Printf("%q\n", metrics.NormalizeAnswer("The  Eiffel Tower!"))
	fmt.Println(metrics.ExactMatch("The Eiffel Tower!", "eiffel tower"))
	// Output:
	// "eiffel tower"
	// 1
}

func ExampleCEMF1() {
	fmt.Println(metrics.CEM("It is Paris.", "Paris"), metrics.CEMF1("It is Paris.", "Paris"))
	fmt.Println(metrics.CEM("b c", "c d"), metrics.CEMF1("b c", "c d"))
	// Output:
	// 1 1
	// 0 0.5
}

func ExampleCommonGenCoverage() {
	fmt.Println(metrics.CommonGenCoverage("A dog runs on the beach", "dog, run, beach, ball"))
	// Output: 0.75
}

func ExampleLastParenthesizedLetter() {
	fmt.Println(metrics.LastParenthesizedLetter("Not (A) but ( B )."))
	// Output: ( B )
}

func ExampleRegistry_Lookup() {
	registry := metrics.Builtin()
	m, _ := registry.Lookup("natural_qa", "f1_score")
	fmt.Println(m.Name())

	_, err := registry.Lookup("gsm8k", "gsm8k")
	fmt.Println(err)
	// Output:
	// cem
	// metrics: task "gsm8k": unknown metric "gsm8k"; did you mean "GSM8K"?
}

func ExampleEvaluate() {
	items := []metrics.Item{
		{Metric: "em_mc", Input: metrics.Input{Task: "mmlu", Prediction: "It must be (C).", Truth: "C"}},
		{Metric: "GSM8K", Input: metrics.Input{Task: "gsm8k", Prediction: "It is 41.", Truth: "#### 42"}},
		{Metric: "code_eval", Input: metrics.Input{Task: "mbpp", TaskID: "11"}},
		{Metric: "f2_score", Input: metrics.Input{Task: "quiz"}},
	}
	outcomes, err := metrics.Evaluate(context.Background(), items, &metrics.BatchOptions{Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range outcomes {
		var unknown *metrics.UnknownMetricError
		switch {
		case errors.As(o.Err, &unknown):
			fmt.Println("unknown metric, perhaps", strings.Join(unknown.Suggestions, " or "))
		case o.Err != nil:
			fmt.Println("failed:", o.Err)
		case !o.Result.Evaluated:
			fmt.Println("not evaluated:", o.Result.Reason)
		default:
			fmt.Println(o.Metric, o.Result.Score)
		}
	}
	fmt.Printf("%+v\n", metrics.Summarize(outcomes))
	// Output:
	// em_mc 1
	// GSM8K 0
	// not evaluated: no sandbox configured
	// unknown metric, perhaps f1_score
	// {Scored:2 NotEvaluated:1 Failed:1 Mean:0.5}
}

func ExampleWithoutThought() {
	fmt.Println(metrics.WithoutThought("<think>Lyon? No.</think>\nIt is Paris."))
	fmt.Printf("%q\n", metrics.WithoutThought("<think>Lyon? Or rather"))
	// Output:
	// It is Paris.
	// ""
}

func ExampleRegistry_WithWholeReplies() {
	in := metrics.Input{Prediction: "<think>Maybe (B).</think>It is C.", Truth: "B"}
	for _, registry := range []metrics.Registry{metrics.Builtin(), metrics.Builtin().WithWholeReplies()} {
		result, err := registry.Score(context.Background(), "em_mc", in)
		fmt.Println(registry.WholeReplies(), result.Score, err)
	}
	// Output:
	// false 0 <nil>
	// true 1 <nil>
}

func ExampleMultipleChoiceTextStrict() {
	choices := []string{"bus depot", "train station"}
	fmt.Println(metrics.MultipleChoiceTextStrict("I would say a train station.", "B", choices))
	// Output: 1
}

func ExampleTriviaQAStrict() {
	fmt.Println(metrics.TriviaQAStrict("It was Spider-Man.", "spider man"), metrics.CEM("It was Spider-Man.", "spider man"))
	// Output: 1 0
}
