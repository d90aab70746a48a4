package tokenizer

const (
	// maxFile is the largest tokenizer file that is read, in bytes; the
	// published ones have 1.4 MB and the largest of any model some 20 MB.
	maxFile = 128 << 20
	// maxID bounds the tables that are indexed by id.
	maxID = 1<<22 - 1
	// maxPairs bounds the pairs of special tokens that are compared: those of 200
	// tokens.
	maxPairs = 10_000
	// pieceBytes is about how much of a text is changed at a time.
	pieceBytes = 1 << 12
	// maxWordChars is the largest number of characters in a word that a file
	// may ask to be cut into tokens; files ask for 100.
	maxWordChars = 1 << 20
	// stopInterval is how many bytes are encoded, in a few milliseconds,
	// between two looks at whether to stop.
	stopInterval = 1 << 16
)
