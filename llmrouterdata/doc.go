// Package llmrouterdata holds the records of LLM-routing training data and
// their files: queries and routing rows as JSON Lines, the candidate LLMs, and
// the pipeline's configuration.
//
// A query file holds one [StandardQueryData] a line. A routing file holds one
// [RoutingRecord] a line: a query, one candidate's answer to it, its cost and
// its score, and the id of the query's embedding. [Records] reads either as a
// stream, [Writer] writes them; both use constant memory.
//
// Files are written byte for byte as Python's json.dumps(record,
// ensure_ascii=False) writes them, so that the trainers built on the Python
// pipeline load them unchanged. The reader is wider than the writer: it takes
// every form that published files are known to hold (see [Records]).
package llmrouterdata
