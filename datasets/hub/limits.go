package hub

import (
	"math"
	"time"
)

// Bounds of Options, beyond which a value is a slip.
const (
	maxConcurrency    = 1024
	maxRetries        = 100
	maxTimeoutSeconds = 1e6 // of HF_HUB_DOWNLOAD_TIMEOUT: 11 days, far below what a Duration holds
)

// What a server may send, so that a hostile one cannot fill the memory.
const (
	maxInfoBytes = 64 << 20  // a repository's description lists every file name
	maxPageBytes = 32 << 20  // of a listing; the hub's own have 1,000 files, below 1 MiB
	maxEntries   = 2_000_000 // files of a repository; the hub advises 100,000
	maxErrorBody = 64 << 10  // a refusal's message takes less than 1 kB
	maxMessage   = 300       // bytes of what the hub says that go into an error
	maxETag      = 128       // it becomes a file's name; a SHA-256 has 64 digits
	maxRef       = 128       // bytes of a cached reference: a commit has 40 digits
	maxID        = 96        // the hub's own rule for names
	maxRedirects = 10        // as net/http follows
	maxDrain     = 4 << 10   // bytes read of a redirect's body to use its connection again
)

// Waits and retries.
const (
	// maxBackoffShift bounds the doubling: 1, 2, 4, 8, 8, ... times
	// Options.Backoff.
	maxBackoffShift = 3
	// maxRetryAfter, in seconds, is beyond any MaxWait and keeps arithmetic with
	// what a server asks for from overflowing.
	maxRetryAfter = math.MaxInt32
	// maxRaces is how often a download begins anew because another process took
	// its part or its blob away; this only happens where locks do not work.
	maxRaces = 2
	// maxNames is how many random names of 32 bits are tried for a new file:
	// two taken ones in a row are all but impossible.
	maxNames = 100
	// The holder of a lock is asked at once, then less and less often.
	lockPollMin = 5 * time.Millisecond
	lockPollMax = 250 * time.Millisecond
	// staleAfter is far longer than a live transfer goes without writing.
	staleAfter = 24 * time.Hour
	// progressEvery is the least time between two reports on a file in transfer.
	progressEvery = 100 * time.Millisecond
)

// Memory of transfers.
const (
	// copyBuffer is what a download reads at a time; a connection gives less.
	copyBuffer = 256 << 10
	// blockSize is the grain of small reads: what parquet's footers and pages
	// ask for falls into few of them.
	blockSize = 256 << 10
	// maxBlocks bounds the blocks kept by one RemoteFile, 8 MiB in all.
	maxBlocks = 32
	// directRead is the length from which a read bypasses the blocks.
	directRead = 2 << 20
	// skipLimit is how large a file may be to be read from a server that
	// ignores ranges and sends all of it each time.
	skipLimit = 16 << 20
)
