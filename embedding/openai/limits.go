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
	// maxErrorBody is how much of an error's body is read: a message takes less
	// than 1 kB.
	maxErrorBody = 64 << 10
	// maxCode and maxMessage are how many bytes of what a service says go into
	// an error.
	maxCode    = 100
	maxMessage = 500
	// maxDoublings keeps the wait before a retry from overflowing; MaxWait
	// bounds it before.
	maxDoublings = 20
)
