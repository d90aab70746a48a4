package openai

// Bounds of Options.
const (
	maxBatchTexts = 2048    // what OpenAI's own service takes
	maxBatchBytes = 1 << 30 // a request is held in memory
	maxDim        = 1 << 20 // far above any model: a slip, or an answer that would fill the memory
	maxRequests   = 1024    // connections of one process to one service
	maxRetries    = 100     // beyond that a failure does not pass
)

const (
	maxErrorBody = 64 << 10 // read of a refusal, whose message takes less than 1 kB
	maxCode      = 100      // bytes of a service's error code that an error shows
	maxMessage   = 500      // bytes of its message
	maxDoublings = 20       // of the wait before a retry, so that it does not overflow; MaxWait comes before
)
