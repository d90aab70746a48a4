package pipeline

// In a test run step 3 takes this many queries of each split, as the Python
// pipeline does.
const (
	testRunTrain = 50
	testRunTest  = 20
)

// embedChunk is how many texts are given to the encoder at once: enough for
// it to form good batches, few enough to report progress and lose little.
const embedChunk = 64

// A candidate's prompts are cut by its server where at least leastCut of them,
// and this share of those of more than longPrompt tokens, were counted as less
// than half of what they are estimated at.
const (
	longPrompt = 1000
	leastCut   = 5
	cutShare   = 0.05
)

// maxReasons is how many reasons a report gives why answers were not evaluated:
// an error of a sandbox may have words of its own for each.
const maxReasons = 20
