// Package rounds runs step 3 of the pipeline in rounds, so that no more is called
// than helps a router.
//
//	result, err := rounds.Run(ctx, config, &rounds.Options{Rule: rule, Pipeline: pipeline.Options{...}})
//
// # Terms
//
// A round is queries and candidates: each candidate answers each of the queries.
// Rounds grow: what an earlier round has called is in the journal and is not called
// again. The first is the pilot. A [Rule] says what the next round is, given what
// the last one's candidates made of its training queries, and which is the last.
// [Doubling] is the rule of the pipeline.
//
// # What is where
//
// Each round is a data set of its own, beside the routing files in a folder that
// [Folder] names: its queries in the order in which they are called, its
// candidates, its rows and embeddings. What the last round has is then written as
// the data set of the configuration, in the order of the query files. [Collected]
// is the configuration of that set: its query files and candidate files name the
// queries that have rows and the candidates that were not left out. [Pilot] is that
// of the pilot, with the rows of all candidates.
//
// A run that was interrupted, however it was, goes on from the journal: the rule
// is asked again and finds the same, from the same answers. With a larger budget,
// or another rule that begins in the same order, it goes on beyond the last round.
package rounds
