package shards

import "time"

const (
	// DefaultSize is the queries of a shard: 10,000 calls of ten candidates, so
	// that 10^6 queries are 1,000 shards, and one that is interrupted costs little.
	DefaultSize = 1000
	// defaultAtOnce is how many shards a process has under way: the second keeps
	// the calls going while the first waits for its last answers.
	defaultAtOnce = 2
	// maxBudget, in USD, is that of chat.NewBudget.
	maxBudget = 1e5
)

const (
	// stateEvery is how often the state of a running shard is written.
	stateEvery = 2 * time.Second
	// claimPatience is how long a claim is tried for again: whoever looks whether
	// a shard is claimed holds its lock for a moment.
	claimPatience, claimPause = 200 * time.Millisecond, 20 * time.Millisecond
	// ledgerPatience is how long the ledger's lock is tried for: who holds it may
	// be reading the journals of the dead.
	ledgerPatience, ledgerPause = time.Minute, 5 * time.Millisecond
)

// blockShare is the share of what is left of the budget that a shard is granted at
// once: some hundred visits to the ledger spend all of it, and a few dozen shards
// leave enough to others.
const blockShare = 32

const (
	// cooldownsEvery is how often the cooldowns that others tell are looked at.
	cooldownsEvery = time.Second
	// longestCooldown is the longest that is believed: that of a client with its
	// defaults.
	longestCooldown = time.Minute
	// tellsWaiting is how many cooldowns wait to be written.
	tellsWaiting = 64
)

// copyBuffer is how much of a query file is read or written at once.
const copyBuffer = 1 << 20
