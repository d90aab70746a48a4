package analysis

import "slices"

// Kinds of warnings, [Warning.Kind].
const (
	// WarnUnreadable: lines of a routing file that are no records.
	WarnUnreadable = "unreadable_lines"
	// WarnInvalid: rows with a performance outside of 0 to 1 (not evaluated)
	// or counts or times that cannot be (taken as 0).
	WarnInvalid = "invalid_numbers"
	// WarnGraded: failed calls that have a performance other than 0, as the
	// Python pipeline gives when it grades an error text. They count as 0.
	WarnGraded = "graded_failures"
	// WarnDuplicate: queries whose text stands more than once in one split.
	WarnDuplicate = "duplicate_queries"
	// WarnLeak: queries whose text stands in two splits.
	WarnLeak = "leaking_queries"
	// WarnMissing: pairs of a query and a candidate without a row.
	WarnMissing = "missing_pairs"
	// WarnOrder: queries whose rows do not follow each other in candidate
	// order.
	WarnOrder = "candidate_order"
	// WarnConstant: tasks and candidates whose rated rows all have one
	// performance.
	WarnConstant = "constant_metric"
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
	// WarnNotEvaluated: counts of answers that were not evaluated that do not
	// tell which rows they are, or counts and lines that do not fit the rows.
	WarnNotEvaluated = "unclear_evaluation"
)

// warningOrder is the order in which a report lists warnings.
var warningOrder = []string{
	WarnUnreadable, WarnMissing, WarnSilent, WarnUnlisted, WarnLeak, WarnDuplicate, WarnOrder, WarnConstant,
	WarnNotEvaluated, WarnInvalid, WarnGraded, WarnPrice, WarnEmbedding,
}

// Warning is something that looks wrong.
type Warning struct {
	// Kind is one of the Warn constants.
	Kind string `json:"kind"`
	// Count is how many there are, of what the kind counts.
	Count int `json:"count"`
	// Examples are the first of them, in the order of the files.
	Examples []string `json:"examples"`
}

// maxExamples is how many examples a warning gives.
const maxExamples = 8

// warnings collects warnings by kind.
type warnings map[string]*Warning

func (w *warnings) add(kind, example string) {
	if *w == nil {
		*w = warnings{}
	}
	one := (*w)[kind]
	if one == nil {
		one = &Warning{Kind: kind}
		(*w)[kind] = one
	}
	one.Count++
	if len(one.Examples) < maxExamples {
		one.Examples = append(one.Examples, example)
	}
}

// list returns the warnings of several collections, sorted by weight.
func (w warnings) list(others ...warnings) []Warning {
	list := []Warning{}
	for _, kind := range warningOrder {
		for _, collection := range append([]warnings{w}, others...) {
			if one := collection[kind]; one != nil {
				if n := len(list); n > 0 && list[n-1].Kind == kind {
					list[n-1].Count += one.Count
					list[n-1].Examples = append(list[n-1].Examples, one.Examples...)
					list[n-1].Examples = list[n-1].Examples[:min(len(list[n-1].Examples), maxExamples)]
					continue
				}
				list = append(list, Warning{kind, one.Count, slices.Clone(one.Examples)})
			}
		}
	}
	return list
}
