package golden

// Owners names, for each reference function that we reproduce, the package
// whose TestGolden... runs its vectors.
var Owners = map[string]string{
	"normalize_answer":           "metrics",
	"normalize_answer_mc":        "metrics",
	"f1_score":                   "metrics",
	"exact_match_score":          "metrics",
	"exact_match_score_mc":       "metrics",
	"cem_score":                  "metrics",
	"cemf1_score":                "metrics",
	"eval_perf":                  "metrics",
	"calculate_task_performance": "metrics",
	"last_boxed_only_string":     "metrics",
	"remove_boxed":               "metrics",
	"strip_string":               "metrics",
	"remove_right_units":         "metrics",
	"fix_fracs":                  "metrics",
	"fix_sqrt":                   "metrics",
	"fix_a_slash_b":              "metrics",
	"is_equiv":                   "metrics",
	"extract_code":               "metrics/codeeval",

	"block_lower":       "internal/pytext",
	"block_final_sigma": "internal/pytext",
	"block_word":        "internal/pytext",
	"block_space":       "internal/pytext",
	"block_printable":   "internal/pytext",
	"block_decimal":     "internal/pytext",

	"seq":            "internal/pyrandom",
	"chain_samples":  "datasets",
	"chain_split":    "datasets",
	"chain_old_base": "datasets",

	"json_dumps":              "internal/pyjson",
	"json_loads":              "internal/pyjson",
	"float_repr":              "internal/pyjson",
	"float32_tolist_json":     "internal/pyjson",
	"float64_to_float32_json": "internal/pyjson",
	"literal_eval":            "internal/pyliteral",
	"py_str_of_json":          "internal/pyliteral",
	"to_tensor":               "internal/pyliteral",
	"parse_choices":           "llmrouterdata",
	"save_query_data_jsonl":   "llmrouterdata",
	"load_query_data_jsonl":   "llmrouterdata",
	"routing_e2e":             "llmrouterdata/pipeline",
}

// NotReproduced gives, for each reference function that nothing of ours
// reproduces, the reason.
var NotReproduced = map[string]string{
	"old.eval_perf":                  "metrics of the older version; scores follow the newest one",
	"old.remove_boxed":               "metrics of the older version; scores follow the newest one",
	"old.strip_string":               "metrics of the older version; scores follow the newest one",
	"old.remove_right_units":         "metrics of the older version; scores follow the newest one",
	"old.is_equiv":                   "metrics of the older version; scores follow the newest one",
	"old.calculate_task_performance": "metrics of the older version; scores follow the newest one",
	"to_json_float":                  "the text of pandas to_json, which the newest pipeline no longer writes",
	"to_json_records":                "the text of pandas to_json, which the newest pipeline no longer writes",
	"hellaswag_preprocess":           "prepares a benchmark that the pipeline does not hold",
}
