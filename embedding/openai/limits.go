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
	maxCode    = 100 // characters of a service's error code that an error shows
	maxMessage = 500 // of its message
)
