package metrics

// Each but the last bounds the time that a hostile reply can cost.
const (
	maxIntDigits      = 4300    // that Python's int takes (since 3.11)
	maxRatDigits      = 200     // of a number that is calculated with
	maxBraces         = 8       // pairs of braces around an answer that are dropped
	maxFillers        = 10      // words and LaTeX commands between the statement of an answer and its label
	maxAnswerWord     = 24      // bytes of a word that states or heads something
	maxRemarkLines    = 64      // lines of a remark below its heading
	maxClause         = 400     // bytes of a calculation whose result is sought, of a label in bold type
	maxWrapped        = 64      // bytes of a label with the marks around it
	maxTextWords      = 64      // words of an option's text that is sought in sentences
	maxStatement      = 200     // bytes between the word that begins a statement and its label
	maxTerms          = 200     // terms of an expression, factors of a term
	maxBits           = 1 << 13 // of a coefficient
	maxDivisor        = 10_000  // primes below it are sought in what stands under a root
	maxTokens         = 2000    // of an answer that is read as an expression
	maxDepth          = 40      // brackets in one another
	maxForms          = 8       // lists, tuples and matrices in one another
	maxNameTokens     = 12      // of what an answer is given for
	maxFormed         = 8000    // bytes of an answer that is read as an expression
	maxScript         = 64      // bytes of an exponent or an index in braces
	maxExponentDigits = 9
	maxPower          = 1000 // exponent of a power that is calculated
	maxShown          = 60   // bytes of a name from the data that a message shows
)
