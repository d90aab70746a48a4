package shards

import "time"

const (
	// DefaultSize is the queries of a shard: 10,000 calls of ten candidates, so
	// that 10^6 queries are 1,000 shards, and one that is interrupted costs little.
	DefaultSize = 1000
	// defaultAtOnce is how many shards a process has under way: the second keeps
	// the calls going while the first waits for its last answers.
	defaultAtOnce = 2
)

const (
	// stateEvery is how often the state of a running shard is written.
	stateEvery = 2 * time.Second
	// claimPatience is how long a claim is tried for again: whoever looks whether
	// a shard is claimed holds its lock for a moment.
	claimPatience, claimPause = 200 * time.Millisecond, 20 * time.Millisecond
)

// copyBuffer is how much of a query file is read or written at once.
const copyBuffer = 1 << 20
