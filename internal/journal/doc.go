// Package journal keeps finished calls in a file, so that a run that was
// interrupted, however it was, goes on without making them again.
//
// # Terms
//
// A call is one request to one candidate. Its [CallID] is the same in every run
// that asks the same.
//
// An entry is the outcome of a finished call: an answer, or the [Error] of a
// call that failed for good. Entries are never changed; a later entry of a call
// replaces the earlier one. A void entry takes the outcome away: the call is to
// be made again. What entries say of money adds up, whatever replaces them.
//
// A note says what no entry does: the name of what has scored answers, once for
// each, or what became of a part.
//
// A part is calls that go to a service as one batch. It is noted before its
// requests are uploaded, when they are, when the service has accepted it, and when
// it is over. Its calls are under way until an entry behind its first note is
// theirs, or until it is over: they are in no other part, and not made alone.
//
// A line is what the file is made of: JSON text that ends with a line feed. The
// first line, the header, says what the file is and its version; every further
// one is an entry or a note.
//
// The offset of an entry is the byte at which its line begins. It stays valid
// as long as the file does, and is never 0.
//
// A torn line is a last line without its line feed: a crash interrupted its
// writing. A damaged line has its line feed, but is neither an entry nor
// a note.
//
// An entry counts when Append has returned its offset. It is then with the
// operating system and outlives the process. It is durable, and outlives a
// power cut, after the next sync, which is due with every syncEvery-th entry,
// with the first one later than syncAfter, and at Close.
//
// # Recovery
//
// [Open] takes the lock, which a crash gives back. [Journal.Scan] then gives
// all entries, cuts a torn line off, passes over damaged lines with a warning
// (their calls are made again), and syncs the file and its folder. So all that
// a run goes on from is durable before it appends, and a power cut costs only
// entries that were appended since the last sync. A power cut may also leave
// lines damaged among these, since the system writes in any order.
package journal
