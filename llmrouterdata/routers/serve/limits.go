package serve

import "time"

// The defaults of Options.
const (
	defaultMaxBody      = 10 << 20         // a long transcript with a picture or two
	defaultReadTimeout  = 30 * time.Second // for a request of that size over a slow line
	defaultWriteTimeout = 30 * time.Second // for a client to take what it asked for, piece by piece
)

// What a connection may take.
const (
	headerTimeout  = 10 * time.Second // no client that means well takes longer
	idleTimeout    = 2 * time.Minute  // of connections kept between requests
	maxHeaderBytes = 64 << 10         // a request of the common clients has less than 2 KiB
	maxScores      = 4 << 10          // bytes of a header with a number for each model: proxies take 8 KiB of all
)
