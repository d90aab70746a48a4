package spell

const (
	maxLen   = 64 // of names compared: the time grows with the square, and nobody mistypes a longer one
	maxNames = 3  // that a message can bear
)
