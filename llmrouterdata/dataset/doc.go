// Package dataset opens a finished data set: the routing files, the queries,
// the candidates and the embeddings of one configuration, joined.
//
//	data, err := dataset.Open(ctx, config, nil)
//	...
//	defer data.Close()
//	for row, err := range data.Rows(ctx, dataset.Train) { ... }
//
// # Terms
//
// A row is a line of a routing file: what one candidate made of one query, with
// the query's embedding. A group is the rows of one query that follow each
// other. A [Table] holds what all rows say but for their texts, in memory, as
// queries by candidates. A split is the training or the test half. Two queries
// are the same if their [llmrouterdata.QueryKey] is; they are duplicates if
// their texts are, whatever task they belong to, and a duplicate across splits
// leaks.
//
// [Check] holds a data set against all that step 3 of the pipeline promises of it.
// [Merge] makes one of several that keep it, [Dataset.Repair] one of a set that does
// not, and [Reorder] gives one another order of candidates. Everything else takes
// files as they are.
//
// # What counts
//
// Every pair of a query and a candidate has one of four outcomes. A [Scored] one
// counts with its performance. A [Failed] call counts with 0, as the pipeline counts
// it: its response begins with "API Error: ", or, where the row has no tokens and no
// time, with "ERROR: ", as the Python pipeline writes of calls that it could not
// make. A call is answered if it has a row and did not fail. One that was [NotEvaluated]
// counts nowhere. A pair without a row is [Missing] and counts nowhere either.
//
// Routing files do not tell a wrong answer from one that could not be
// evaluated: both have performance 0.0. What step 3 reports of its run does; see
// [Options].
package dataset
