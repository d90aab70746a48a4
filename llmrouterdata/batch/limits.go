package batch

import "time"

// What services allow in a batch: OpenAI and Azure 50,000 requests and 200 MB,
// Groq 50,000 and 200 MB, Together 50,000 and 100 MB. No part has more than all of
// them take.
const (
	maxRequests = 50_000
	maxBytes    = 100_000_000
)

const (
	defaultLook  = time.Minute // most batches take hours
	defaultTries = 3           // a part that expires is no reason to give its calls up, and two are a bad day

	// A request that fails in passing is made again as calls are.
	attempts   = 8
	backoff    = 500 * time.Millisecond
	maxBackoff = 8 * time.Second
	maxWait    = time.Minute // what a service asks for is clamped to it

	// patience is how long a service may leave looks unanswered: batches go on
	// meanwhile, and the next run finds them.
	patience = time.Hour
	// maxHold is the longest wait before a part is offered again to a service that
	// has as many as it takes, and maxHolds how many there are in a row.
	maxHold  = 30 * time.Minute
	maxHolds = 20

	// A batch may be listed a little later than it was accepted.
	listings    = 3
	listingWait = 10 * time.Second
	listed      = 100  // batches of a page
	maxPages    = 1000 // of a listing

	requestTime  = time.Minute // of a small request
	transferTime = time.Hour   // of a file: 100 MB at 30 kB/s
	maxAnswer    = 16 << 20    // bytes of what tells of batches: a page of them has some 100 kB
	// maxLine is how long a line of results may be: as that of a routing file.
	maxLine = 16 << 20
	// maxReads is how often results are read again that lack lines.
	maxReads = 3
	// stopAfter is how many calls must fail by the candidate's fault, and none be
	// answered, for the candidate to be stopped, as by the circuit breaker of calls.
	stopAfter = 5
)
