package safetensors

const (
	// MaxHeader is the longest header that is read, in bytes, as in the format's
	// own implementation.
	MaxHeader = 100_000_000
	ioBuffer  = 1 << 16 // written, and of other types than float32 read, at a time
)
