package dataset

const (
	// blockSize is how many bytes of a file are decoded at a time: enough that
	// handing blocks over costs nothing, and small beside what a query needs in
	// memory. A block ends with a line, so it is longer where a line is.
	blockSize = 256 << 10

	// chunk is how many queries the pairs of a table are allocated for at a time:
	// 100 kB with 10 candidates.
	chunk = 256

	// farAway is how many equal queries are looked at one by one before it is
	// remembered how far a candidate has come among them.
	farAway = 32

	// maxKinds is how many kinds of failures are told apart; an API that puts a
	// request id into its messages has a kind for each call.
	maxKinds = 40
	// maxKindRunes is how long the name of a kind may be: it is read in a table.
	maxKindRunes = 100

	// maxExamples is how many examples a warning gives: enough to see a pattern.
	maxExamples = 8

	// mergeWorkers is how many blocks of a routing file are decoded at once when
	// data sets are merged: enough to keep the writer busy, and a bound for the
	// memory on machines with more processors.
	mergeWorkers = 4

	// maxShown is how much of a query a message shows, in characters.
	maxShown = 60

	// Times of at least maxSeconds cannot be; below minSeconds, a nanosecond,
	// they are none. Between them the logarithm of a time is harmless.
	minSeconds, maxSeconds = 1e-9, 1e9
)
