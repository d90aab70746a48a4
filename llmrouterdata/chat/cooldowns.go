package chat

import "time"

// Cooldowns is what clients that share keys tell one another, so that a key which
// one of them found busy is left alone by all. It is safe for concurrent use, and
// neither method waits: both are called between attempts.
type Cooldowns interface {
	// Tell says that the key of a label is not to be used before a time: with a
	// model, or with any for "".
	Tell(label, model string, until time.Time)
	// Until returns what others said of the key: the time before which it is not to
	// be used, which may be over; zero where nothing was said.
	Until(label, model string) time.Time
}

// alone is for clients that share their keys with nobody.
type alone struct{}

func (alone) Tell(string, string, time.Time) {}

func (alone) Until(string, string) time.Time { return time.Time{} }
