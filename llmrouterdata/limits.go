package llmrouterdata

// DefaultMaxLine is how long a line may be, in bytes, unless ReadOptions says
// otherwise: 16 MiB, more than the longest answer that is read, in JSON.
const DefaultMaxLine = 16 << 20

// MaxPrice is the highest price, in USD per million tokens, at which a candidate
// is called: one dollar a token, so that no sum of costs overflows.
const MaxPrice = 1e6

const (
	maxCandidatesFile = 1 << 30  // bytes of a candidate file: some 60,000 embeddings
	maxResponseTime   = 1e9      // seconds: what is not shorter is no time an answer took
	bufferSize        = 64 << 10 // bytes read or written at once
	maxMergeDepth     = 1000     // mappings of a configuration that are merged one into the other: as deep as Python goes

	// The most that a candidate may ask for.
	maxCandidateTimeout = 86_400 // seconds: no answer is worth more than a day
	maxCandidateWorkers = 100_000
	maxCandidateRate    = 1e9 // requests or tokens a minute
)
