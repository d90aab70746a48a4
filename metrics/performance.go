package metrics

// InferMetric returns the metric by which [TaskPerformance] scores a task whose
// records name none: "cem", "em_mc", "gsm8k" or "math". Unknown tasks, and the
// empty one, are scored by "cem".
func InferMetric(task string) string {
	switch task {
	case "mmlu", "gpqa", "commonsense_qa", "openbook_qa", "arc_challenge":
		return "em_mc"
	case "gsm8k", "math":
		return task
	default:
		return "cem"
	}
}

// TaskPerformance scores one reply the way the Python package does at inference
// (its calculate_task_performance), which differs from what its pipeline does:
// the metrics are "em", "em_mc", "cem", "cemf1", "f1", "gsm8k" and "math", any
// other name means "cem", and no task overrides the metric. For a record
// without a metric pass [InferMetric] of its task.
//
// The score is 0 to 1; ok is false when there is none: for an empty truth, and
// for "bert_score", which this package does not have. Data that is to be
// compared with the pipeline's is scored through a [Registry] instead.
func TaskPerformance(metric, prediction, truth string) (score float64, ok bool) {
	if truth == "" {
		return 0, false
	}
	switch metric {
	case "em":
		return ExactMatch(prediction, truth), true
	case "em_mc":
		return MultipleChoice(prediction, truth), true
	case "cemf1":
		return CEMF1(prediction, truth), true
	case "f1":
		f1, _, _ := F1(prediction, truth)
		return f1, true
	case "gsm8k":
		return GSM8K(prediction, truth), true
	case "math":
		return MATH(prediction, truth), true
	case "bert_score":
		return 0, false
	default:
		return CEM(prediction, truth), true
	}
}
