package datasets

// maxOpening is how many benchmarks are opened at a time: enough to hide the
// wait for a hub, few enough not to be refused by it.
const maxOpening = 4

// maxRowBytes is the longest line of a .jsonl file and the longest record of a
// .csv file, so that a file without line ends cannot fill the memory.
const maxRowBytes = 64 << 20

// maxShown is how many bytes of a text from a file a message shows.
const maxShown = 40

// Rows decoded at a time in a scan, and the length of the strings that short
// texts share then: a text that is kept keeps at most that much alive.
const (
	batchRows  = 512
	shareBytes = 4 << 10
)

// How many batches of a scan are decoded before the caller asks for them: as
// many as fit into aheadBytes, so that rows of much text do not add to the
// memory of the pages, but enough that neither side waits for the other at each
// of them.
const (
	minAhead   = 2
	maxAhead   = 4
	aheadBytes = 1 << 20
)

// Bytes read at a time: of a scan of a parquet column, for single rows of it,
// and of a text file.
const (
	scanAhead = 256 << 10
	seekAhead = 16 << 10
	textAhead = 64 << 10
)
