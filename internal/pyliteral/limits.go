package pyliteral

const (
	// maxBrackets is how deeply CPython's tokenizer lets brackets nest.
	maxBrackets = 200
	// maxBits is our limit on an integer in another base than ten, which has
	// none in CPython: bringing it into decimal digits takes more than linear
	// time.
	maxBits = 1 << 18
)
