// Package metrics scores the replies of language models.
//
// Its scorers are pure functions of a prediction (the reply) and a truth (the
// right answer), with scores of 0 to 1. Those that bear the name of one of the
// Python pipeline's metrics give its scores to the last bit, quirks included,
// so that results can be compared with published data:
//
//	function            name in records      scores
//	ExactMatch          em                   equality of normalised answers
//	CEM                 cem                  that the answer occurs in the reply
//	CEMF1               cemf1                the same, or else F1
//	F1                  f1_score             overlap of words
//	MultipleChoice      em_mc                the last parenthesised letter
//	GSM8K               GSM8K                the last number, as text
//	MATH                MATH                 the boxed LaTeX answer
//	CommonGenCoverage   commongen_coverage   the share of concepts held
//
// Where a quirk hurts, a stricter metric stands beside it under a name of its
// own: [MultipleChoiceTextStrict] (em_mc_strict), [GSM8KStrict] (gsm8k_strict),
// [MATHStrict] (math_strict) and [TriviaQAStrict] (trivia_qa_strict). Their
// comments show where they differ.
//
// A [Registry] maps the names in records to metrics, a caller's own among them,
// and knows which tasks are scored by another metric than their records name.
// [Evaluate] scores many records at a time. Package codeeval, below this one,
// has the metric code_eval, which runs programs.
//
//	registry, err := metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
//	...
//	result, err := registry.Score(ctx, record.Metric, metrics.Input{
//		Task: record.TaskName, Prediction: reply, Truth: record.GroundTruth,
//	})
//
// A registry takes the thoughts off the start of a reply before it is scored
// ([WithoutThought]); the functions above score the text that they are given.
//
// A [Result] is a score or "not evaluated" with the reason; the third case, an
// evaluation that failed, is an error.
//
// Text is handled as Python's str does, for Unicode 14.0.0, whatever the Go
// version. Replies are not to be trusted: each scorer takes time and memory
// linear in its input, and none panics.
package metrics
