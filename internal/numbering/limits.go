package numbering

const (
	// runLength is how many hashes are sorted in memory: 40 MiB.
	runLength = 1 << 20
	// spillBuffer is how much of a sorted run is written at once, mergeBuffer how
	// much of each run is read at once: there may be hundreds.
	spillBuffer = 1 << 20
	mergeBuffer = 64 << 10
)
