package llmrouterdata

// StandardQueryData is one line of a query file
// (query_data_train.jsonl, query_data_test.jsonl): one question of one
// benchmark, with what is needed to score an answer to it.
type StandardQueryData struct {
	// TaskName names the benchmark, for example "gsm8k".
	TaskName string `json:"task_name"`
	// Query is the question as the benchmark puts it; it is what gets embedded.
	Query string `json:"query"`
	// GroundTruth is the expected answer. For MBPP it is the JSON text of the
	// array of assert statements.
	GroundTruth string `json:"ground_truth"`
	// Metric names the scorer, for example "em_mc".
	Metric string `json:"metric"`
	// Choices holds the options of a multiple-choice question, nil otherwise.
	Choices *Choices `json:"choices"`
	// TaskID identifies the problem of a code benchmark, nil otherwise.
	TaskID *string `json:"task_id"`
}

// QueryKey identifies a query: records with equal keys share one embedding id.
type QueryKey struct {
	TaskName, Query, GroundTruth, Metric string
}

// Key returns the record's identity.
func (d StandardQueryData) Key() QueryKey {
	return QueryKey{d.TaskName, d.Query, d.GroundTruth, d.Metric}
}
