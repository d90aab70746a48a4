package pyjson

const (
	// MaxDepth is how deeply arrays and objects may nest, about as deeply as
	// Python's recursion limit allows.
	MaxDepth = 980
	// MaxIntDigits is CPython's default limit on the digits of a decimal
	// integer, since 3.11: reading and printing one takes more than linear time.
	MaxIntDigits = 4300
)
