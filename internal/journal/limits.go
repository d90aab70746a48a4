package journal

import "time"

const (
	// maxLine bounds the memory for a line that is read; a longer one is
	// damaged.
	maxLine = 64 << 20
	// maxEntry bounds an entry that is appended, so that its row can be read by
	// whoever keeps to llmrouterdata.DefaultMaxLine. The longest answer that
	// chat.Options allow by default is 8 MiB.
	maxEntry = 12 << 20
	// scanChunk is about how many bytes of lines are decoded at once: enough to
	// make the hand-over cheap, and a few of them fit in any memory.
	scanChunk = 1 << 20
	// scanBuffer is how much is read at once.
	scanBuffer = 256 << 10
	// keepLine is how much of the buffer of a long entry is kept for the next.
	keepLine = 1 << 20

	// syncEvery and syncAfter bound what a power cut costs: this many entries,
	// or those of this time and the one behind it.
	syncEvery = 256
	syncAfter = time.Second
)
