package analysis

import "github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"

// Kinds of warnings, [Warning.Kind].
const (
	// What reading a table gives.
	WarnUnreadable   = dataset.WarnUnreadable
	WarnNoRows       = dataset.WarnNoRows
	WarnInvalid      = dataset.WarnInvalid
	WarnGraded       = dataset.WarnGraded
	WarnNotEvaluated = dataset.WarnNotEvaluated
	WarnSharedID     = dataset.WarnSharedID
	WarnVectors      = dataset.WarnVectors

	// WarnDuplicate: queries whose text an earlier one of the split has.
	WarnDuplicate = "duplicate_queries"
	// WarnLeak: queries whose text an earlier split has.
	WarnLeak = "leaking_queries"
	// WarnMissing: pairs of a query and a candidate without a row.
	WarnMissing = "missing_pairs"
	// WarnOrder: queries whose rows do not follow each other in candidate
	// order.
	WarnOrder = "candidate_order"
	// WarnTies: candidates that are the label of more than half of the queries by
	// ties alone, since their rows come first, and are not the best single one.
	WarnTies = "labels_by_tie"
	// WarnConstant: tasks and candidates whose rated rows all have one
	// performance.
	WarnConstant = "constant_metric"
	// WarnFailed, WarnUnscored, WarnEmpty, WarnThought and WarnTruncated: candidates,
	// or candidates at one task, more than 5 % of whose rows are failed calls, rows
	// that were not evaluated, empty answers, thoughts without an answer, answers that
	// were cut.
	WarnFailed    = "failed_calls"
	WarnUnscored  = "not_evaluated_rows"
	WarnEmpty     = "empty_answers"
	WarnThought   = "thought_only_answers"
	WarnTruncated = "truncated_answers"
	// WarnPrice: candidates whose prices are 0.
	WarnPrice = "zero_price"
	// WarnUnlisted: candidates of rows that the candidate file does not have;
	// their price is unknown and counts as 0.
	WarnUnlisted = "unlisted_candidate"
	// WarnSilent: candidates of the candidate file without any row.
	WarnSilent = "candidate_without_rows"
	// WarnEmbedding: queries whose embedding is missing or has numbers that
	// are not finite.
	WarnEmbedding = "missing_embeddings"
)

// warningOrder is the order in which a report lists warnings.
var warningOrder = []string{
	WarnUnreadable, WarnSharedID, WarnNoRows, WarnFailed, WarnUnscored, WarnEmpty, WarnThought, WarnTruncated, WarnMissing, WarnSilent, WarnUnlisted, WarnLeak, WarnDuplicate, WarnOrder, WarnTies, WarnConstant,
	WarnNotEvaluated, WarnInvalid, WarnGraded, WarnPrice, WarnVectors, WarnEmbedding,
}

// Warning is something that looks wrong.
type Warning = dataset.Warning

// listWarnings sorts warnings by weight.
func listWarnings(found dataset.Warnings) []Warning {
	list := []Warning{}
	for _, kind := range warningOrder {
		if one, ok := found[kind]; ok {
			list = append(list, one)
		}
	}
	return list
}
