package importing

const (
	maxLine     = 64 << 20 // bytes of a line: a sample of a harness holds its whole conversation
	maxDocument = 1 << 30  // bytes of a JSON document or of a zip's member, which are read whole
	maxZstd     = 1 << 27  // bytes that a zip's member may refer back to, as elsewhere
	maxAmount   = 1e9      // seconds or USD: what is not less was not spent on an answer
	maxExamples = 5        // places that are named of what was skipped
	maxMessage  = 500      // characters of a failed call's message
	scoreChunk  = 64       // queries whose answers are in memory while they are scored
	encodeChunk = 64       // texts that are encoded at once
)
