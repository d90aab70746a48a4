package metrics

// Each but the last bounds the time that a hostile reply can cost.
const (
	maxIntDigits  = 4300 // that Python's int takes (since 3.11)
	maxRatDigits  = 200  // of a number that is calculated with
	maxBraces     = 8    // pairs of braces around an answer that are dropped
	maxFillers    = 10   // words and LaTeX commands between the statement of an answer and its label
	maxAttributes = 200  // bytes of the attributes of a thought's tag
	maxShown      = 60   // bytes of a name from the data that a message shows
)
