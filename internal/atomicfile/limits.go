package atomicfile

const (
	// maxTempBase keeps temporary names below the 255 bytes (or UTF-16 units)
	// that file systems allow a name.
	maxTempBase = 200
	// maxTempNames is how many random names are tried before a folder is taken
	// to refuse all of them.
	maxTempNames = 100
)
