package metrics

// Each bounds the time that a hostile reply can cost.
const (
	// maxIntDigits is how many digits Python's int takes (since 3.11).
	maxIntDigits = 4300
	// maxRatDigits is how long a number may be to be calculated with.
	maxRatDigits = 200
	// maxBraces is how many pairs of braces around an answer are dropped.
	maxBraces = 8
	// maxFillers is how many fillers and LaTeX commands may stand between the
	// statement of an answer and its label.
	maxFillers = 10
)

// maxShown is how many bytes of a name that comes from data a message bears.
const maxShown = 60
