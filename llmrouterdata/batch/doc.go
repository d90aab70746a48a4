// Package batch makes calls at half their price: in batches, files of requests
// that a service answers within a day (OpenAI's Batch API, and those of Azure,
// Groq, Together and others that speak as it does).
//
//	batch.Make(ctx, batch.Work{Client: client, Target: target, Calls: calls, Source: source, Ledger: ledger}, nil)
//
// Make cuts the calls of a candidate into parts, uploads each and has it accepted
// as a batch, looks after it, and reads its results. What is asked, what an answer
// means and what it costs, package chat says, as for calls.
//
// # Nothing is paid twice
//
// A [Ledger] outlives the process. A part is noted there before its requests are
// uploaded, before the service is asked to accept it, and when it has. Where a
// process ends between the last two, the next one looks for the batch among those of
// the account, by the part's name in its metadata or by its file, and makes another
// only where there is none. So it does where the answer to that request was lost.
//
// # Nothing is lost
//
// Results come in any order. Lines that are missing, as the file was cut short, are
// asked for again; calls that a part leaves without an outcome, as it expired, was
// cancelled or failed, go into the next one. What a service answered twice counts
// once, and an answer goes before a failure.
//
// [Write] makes files of the requests instead, for a service that is not spoken to
// here, such as vLLM's run-batch, and Options.Read takes its results from files.
package batch
