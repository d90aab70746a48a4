package textfile

const (
	// bufferSize is how many bytes are read at once.
	bufferSize = 64 << 10
	// maxWindow is how many bytes of text a Zstandard file may refer back to,
	// which the decoder holds in memory: as many as the zstd program takes by
	// default, 128 MiB.
	maxWindow = 128 << 20
)
