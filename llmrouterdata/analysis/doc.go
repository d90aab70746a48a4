// Package analysis computes what a router's author wants to know of a data set
// before training on it: how the candidates do at which task, what they cost,
// what a perfect router would win over the best single candidate, how answers
// fail, how queries lie to each other, and what looks wrong.
//
//	data, err := dataset.Open(ctx, config, nil)
//	...
//	defer data.Close()
//	table, err := data.Table(ctx)
//	...
//	report, err := analysis.NewReport(ctx, table, nil)
//
// A [dataset.Table] holds 40 bytes for each pair of query and candidate and no
// text, so that 100,000 queries by 10 candidates take some 50 MB. It is read
// from routing files or from published scores ([dataset.ReadScores]). A [Report]
// holds numbers alone; encoding/json writes it in a form that stays as it is
// (see [Format]).
//
// # What counts
//
// See package dataset for the four outcomes of a pair. What counts nowhere is in
// no mean of performance or cost, in no router, in no comparison of candidates.
//
// Means of routers (oracle, random choice, best single candidate) weigh every
// query alike. Percentiles are by nearest rank.
package analysis
