package torchio

// Bounds of ReadOptions.
const (
	defaultPickleBytes      = 256 << 20 // the directory of some four million tensors
	maxPickleBytes          = 1 << 30   // the archive's directory is held in memory
	defaultObjectBytes      = 2 << 30   // several times the size of a pickle above
	defaultInflatedBytes    = 1 << 30   // torch compresses nothing
	defaultExpandedElements = 1 << 24   // 64 MiB of float32
	maxBytes                = 1 << 62   // so that sums of two do not overflow
)

// What a file may hold, so that a short one cannot ask for endless memory or
// time. Each is far above what torch writes.
const (
	maxProtocol  = 5       // of pickles; torch writes 2
	maxLongBytes = 1 << 10 // an integer of 8192 bits
	maxLine      = 4 << 10 // of a pickle: names of modules and classes
	maxDims      = 64      // the most that torch's operations take
	maxDepth     = 1000    // containers within containers
	maxTreeSize  = 1 << 28 // values met on a walk of the whole tree
	maxSmall     = 64      // bytes of the records that hold a version or a word
	maxShown     = 64      // bytes of a name that a message shows
	// maxKeyBytes bounds the text that stands for a composite key: tuples can
	// share parts, so that a short pickle could describe an endless one.
	maxKeyBytes = 4096
	// maxDeflateRatio is the most that deflate can compress (1032:1), with room
	// for the block headers of a short record.
	maxDeflateRatio = 1040
)

// What a Writer takes.
const (
	maxFolderBytes = 255     // as file systems have it
	maxNameBytes   = 1 << 20 // names stay in memory until Close
	// maxRun is where a shared storage ends: below what 32-bit sizes hold, so
	// that every header and descriptor has torch's own short form.
	maxRun = 1<<32 - 1<<20
)

// Memory that is used again and again.
const (
	sourceWindow = 64 << 10  // read of a pickle at a time
	pickleChunk  = 64 << 10  // the grain in which a pickle grows
	writeBuffer  = 256 << 10 // joins the small writes between tensors
	dirBuffer    = 64 << 10  // written of an archive's directory at a time
	convertChunk = 16 << 10  // elements converted at a time: little beside the result of a large tensor
	gatherWhole  = 1 << 20   // a strided tensor's memory that is read whole, whatever lies between its elements
	slabBlock    = 256       // values made at once
)
