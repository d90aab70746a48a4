// Package pipeline makes the training data of LLM routers, in the three steps
// of the Python pipeline and from the same configuration:
//
//   - [GenerateQueries] draws queries from the benchmarks (step 2a),
//   - [EmbedCandidates] embeds the candidates' descriptions (step 2b),
//   - [NewPlan] reads what step 3 needs and says all that is missing,
//     [Plan.Estimate] what the calls will cost, and [Plan.Run] sends every query
//     to every candidate, scores the answers, embeds the queries, and writes the
//     routing files (step 3).
//
// Package dataset opens, checks and merges what was made.
//
// # Nothing is lost
//
// Every finished call is appended to a journal beside the outputs before it
// counts. A run that was interrupted, however it was, goes on from the journal
// and calls only what is missing; its outputs are those of an undisturbed run.
// Vectors of queries are kept in a cache beside the embedding file in the same
// way. The outputs themselves are written under temporary names, checked, and
// renamed when all of them are complete.
//
// # Nothing depends on the order of events
//
// Rows stand in query order and, within a query, in candidate order, however
// the calls finish. Embedding ids count the unique queries in order of first
// appearance, training before test.
package pipeline
