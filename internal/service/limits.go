package service

import "time"

const (
	// MaxErrorBody is how many bytes are read of an answer that is no success:
	// code and message take less than a thousandth of it.
	MaxErrorBody = 64 << 10

	maxRetryAfter = 366 * 24 * time.Hour // keeps a date or a number within time.Duration
	maxShown      = 2 << 10              // bytes of a message that are looked at, before it is cut for showing
	maxJudged     = 4 << 10              // bytes of a service's words that are searched for their meaning
	maxDepth      = 6                    // of objects in a body, from outside in, that are searched for a message
	maxTitle      = 200                  // bytes of a page's title
)

// piece is the length from which a piece of a secret counts as the secret.
const piece = 6
