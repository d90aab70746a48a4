package serve

import "time"

// The defaults of Options.
const (
	defaultMaxBody      = 10 << 20         // a long transcript with a picture or two
	defaultMaxBodies    = 128 << 20        // all that are being answered; each takes about four times its size
	defaultMaxRequests  = 4096             // 400 a second of 10 s each, in some hundred MB
	defaultReadTimeout  = 30 * time.Second // for a request of that size over a slow line
	defaultWriteTimeout = 30 * time.Second // for a client to take what it asked for, piece by piece
)

// What a connection may take.
const (
	headerTimeout  = 10 * time.Second // no client that means well takes longer
	idleTimeout    = 2 * time.Minute  // of connections kept between requests
	maxHeaderBytes = 64 << 10         // a request of the common clients has less than 2 KiB
	maxScores      = 4 << 10          // bytes of a header with a number for each model: proxies take 8 KiB of all
	slowest        = 1 << 10          // bytes of an answer that a client takes in a second, at least
)

// lastLines is how long lines of the log that wait have when all else has ended.
const lastLines = time.Second

// maxUnlogged is how many bytes of lines wait for a log that is slow, before further
// ones are lost.
const maxUnlogged = 64 << 20
