// Package importing makes a data set of results that exist: what evaluation
// harnesses, gateways and benchmarks of routers have written of models' answers.
//
//	reader, err := importing.Open(importing.LMEval, &importing.ReaderOptions{Filter: "strict-match"})
//	...
//	report, err := importing.Import(ctx, config, reader.Read(ctx, files), &importing.Options{Encoder: encoder})
//
// A [Reader] gives the results of one format as a stream. [Import] joins the
// results of all models by query and writes the files of step 3, so that whatever
// reads a data set reads these.
//
// # Nothing is invented
//
// What a source does not say stays unsaid: tokens and times are 0 in the row, and
// the [Report] counts them as unknown. A result that has no place is counted by
// its reason. Scores are taken as they stand, or computed anew by our metrics.
package importing
