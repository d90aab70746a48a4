// Package routers fits routers to a finished data set and says, with intervals,
// whether they are worth having.
//
//	train, err := routers.FromTable(ctx, table, dataset.Train)
//	...
//	router, err := routers.Fit(ctx, train, routers.Ridge{}, nil)
//	...
//	choice, err := router.Route(vector) // of the query, by the encoder of the data set
//
// # Terms
//
// A model is a candidate that a router may choose. A pair is a query and a model,
// with the score from 0 to 1 that the model's answer has and the tokens that it
// took. A router predicts a score and a cost of every model from the vector of a
// query; a [Rule] makes a choice of them. A replay looks up what choices would
// have given on queries whose scores are recorded.
//
// # What is fitted
//
// Every model has a target of its own, its score: queries that several models
// answer equally well, or none does, are what they are, and the order of the
// candidates in a file has no effect. A pair without a score, because the call
// failed or the answer could not be evaluated, is left out of the fit; it is
// never a zero. Vectors are brought to unit length, centred and scaled.
//
// All kinds of routers use the tasks of the training queries unless they are told
// not to: a regression tells the task from the vector, and the mean scores of the
// tasks, by their chances, are what the rest of the router adds to. Routing needs
// no task.
//
// # What is judged
//
// [Train] finds settings and rule on the training queries alone, by
// cross-validation; [Evaluate] judges the router on the test queries, beside
// always calling the best single model of the training queries, by a paired
// bootstrap. Queries with equal texts are never on both sides. Only queries that
// every model has a score of are judged, and how many are not is said.
//
// # Same data, same bytes
//
// A fit gives the same router for the same data, settings, seed and kernel tier,
// whatever the workers. A fitted router gives scores within 1e-6 on every
// machine.
package routers
