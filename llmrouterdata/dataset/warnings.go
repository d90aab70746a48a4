package dataset

import "slices"

// Kinds of [Warning] that reading a table gives.
const (
	// WarnUnreadable: lines of a routing file that are no records.
	WarnUnreadable = "unreadable_lines"
	// WarnInvalid: rows with a performance outside of 0 to 1 (not evaluated)
	// or counts or times that cannot be (taken as 0).
	WarnInvalid = "invalid_numbers"
	// WarnSharedID: queries with an embedding id that an earlier query of another
	// key has ([ErrSharedID]); they are taken to have no embedding.
	WarnSharedID = "shared_embedding_ids"
	// WarnVectors: vectors of candidates that do not fit those of the queries, or
	// their own texts ([StaleVectors]), or cannot be read.
	WarnVectors = "candidate_embeddings"
	// WarnGraded: failed calls that have a performance other than 0, as the
	// Python pipeline gives when it grades an error text. They count as 0.
	WarnGraded = "graded_failures"
	// WarnNoRows: queries of the query files that have no row.
	WarnNoRows = "queries_without_rows"
	// WarnNotEvaluated: counts of answers that were not evaluated that do not
	// tell which rows they are, or counts and lines that do not fit the rows.
	WarnNotEvaluated = "unclear_evaluation"
)

// Warning is something that looks wrong.
type Warning struct {
	// Kind is one of the Warn constants.
	Kind string `json:"kind"`
	// Count is how many there are, of what the kind counts.
	Count int `json:"count"`
	// Examples are the first of them, at most 8, in the order of the files.
	Examples []string `json:"examples"`
}

// Warnings collects warnings by kind.
type Warnings map[string]Warning

// Add counts one more of a kind and keeps the example if it is among the first.
func (w Warnings) Add(kind, example string) {
	one := w[kind]
	one.Kind = kind
	one.Count++
	if len(one.Examples) < maxExamples {
		one.Examples = append(slices.Clip(one.Examples), example) // clones share them
	}
	w[kind] = one
}
