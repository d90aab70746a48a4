package spell

const (
	// maxLen is the longest name that is compared: the time grows with the
	// square, and nobody mistypes a longer one.
	maxLen = 64
	// maxNames is how many names a message can bear.
	maxNames = 3
)
