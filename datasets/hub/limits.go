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
	maxMessage   = 300       // bytes of what the hub says that go into an error
	maxRef       = 128       // bytes of a cached reference: a commit has 40 digits
	maxShown     = 5         // commits that a message names
	maxID        = 96        // the hub's own rule for names
	maxRedirects = 10        // as net/http follows
	maxDrain     = 4 << 10   // bytes read of a redirect's body to use its connection again
)

// Waits and retries.
const (
	maxBackoffShift = 3             // waits of 1, 2, 4, 8, 8, ... times Options.Backoff
	maxReset        = math.MaxInt32 // seconds, beyond any MaxWait: sums with it do not overflow
	maxRaces        = 2             // fresh starts of a download whose blob another process took, where locks do not work
	maxNames        = 100           // random names of 32 bits tried for a new file
	// The holder of a lock is asked at once, then less and less often.
	lockPollMin = 5 * time.Millisecond
	lockPollMax = 250 * time.Millisecond
	// A part without a write for this long is no live transfer's.
	staleAfter    = 24 * time.Hour
	progressEvery = 100 * time.Millisecond // between two reports on a file in transfer
)

// Memory of transfers.
const (
	copyBuffer = 256 << 10 // read of a download at a time; a connection gives less
	// Small reads of a RemoteFile are served in blocks: what parquet's footers
	// and pages ask for falls into few of them. 8 MiB of blocks are kept, and
	// a read from directRead on bypasses them.
	blockSize  = 256 << 10
	maxBlocks  = 32
	directRead = 2 << 20
	// maxListings is how many commits' listings are kept parsed, of some 100
	// bytes a file.
	maxListings = 8
	// skipLimit is how large a file may be to be read from a server that
	// ignores ranges and sends all of it each time.
	skipLimit = 16 << 20
	// maxChecked is how large a cached file may be to be hashed each time that
	// it is asked for, where no listing tells its size: some 30 ms.
	maxChecked = 16 << 20
)
