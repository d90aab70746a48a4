// Package analysis computes what a router's author wants to know of a data set
// before training on it: how the candidates do at which task, what they cost,
// what a perfect router would win over the best single candidate, how answers
// fail, how queries lie to each other, and what looks wrong.
//
//	table, err := analysis.ReadConfig(ctx, config, nil)
//	...
//	report, err := table.Report(ctx, nil)
//
// A [Table] holds 40 bytes for each pair of query and candidate and no
// text, so that 100,000 queries by 10 candidates take some 50 MB. It is read
// from the routing files of a configuration ([ReadConfig]) or from a file of
// scores ([ReadScores]). A [Report] holds numbers alone; encoding/json writes
// it in a form that stays as it is (see [Format]).
//
// # What counts
//
// Every row has one of four outcomes. A scored row counts with its
// performance. A failed call (its response begins with "API Error: ") counts
// with 0, as the pipeline counts it. A row that was not evaluated counts
// nowhere: in no mean of performance or cost, in no router, in no comparison
// of candidates. A pair without a row is missing and counts nowhere either.
//
// Routing files do not tell a wrong answer from one that could not be
// evaluated: both have performance 0.0. What step 3 of the pipeline reports
// of its run does; see [ReadOptions].
//
// Means of routers (oracle, random choice, best single candidate) weigh every
// query alike. Percentiles are by nearest rank.
package analysis
