package pipeline

import "time"

// In a test run step 3 takes this many queries of each split, as the Python
// pipeline does.
const (
	testRunTrain = 50
	testRunTest  = 20
)

// embedChunk is how many texts are given to the encoder at once: enough for
// it to form good batches, few enough to report progress and lose little.
const embedChunk = 64

const (
	// runLength is the keys that are sorted in memory when data sets are merged:
	// 40 MiB.
	runLength = 1 << 20
	// spillBuffer is how much of a sorted run is written at once, mergeBuffer how
	// much of each run is read at once: there may be hundreds.
	spillBuffer = 1 << 20
	mergeBuffer = 64 << 10
)

// pause is the least time between two reports of one stage, so that a reader
// can follow.
const pause = 50 * time.Millisecond

// mergeWorkers is how many blocks of a routing file are decoded at once when
// data sets are merged: enough to keep the writer busy, and a bound for the
// memory on machines with more processors.
const mergeWorkers = 4

// A candidate's prompts are cut by its server where at least leastCut of them,
// and this share of those of more than longPrompt tokens, were counted as less
// than half of what they are estimated at.
const (
	longPrompt = 1000
	leastCut   = 5
	cutShare   = 0.05
)

// keepRefusals is how many failed calls of a candidate are kept in mind, as they
// may turn out to be void: more than a circuit breaker waits for.
const keepRefusals = 256
