package rounds

const (
	// leastPilot is how many queries a pilot has at least, unless there are fewer:
	// of fewer, a mean score is not known to a tenth.
	leastPilot = 100
	// pilotShare is the part of all queries that a pilot has: four rounds follow.
	pilotShare = 16
	// standardGain is the expected gain of mean performance, at most, for which a
	// round is not called.
	standardGain = 0.002
	// surely is by how many standard errors of each a candidate's mean must be above
	// another's. Weaker evidence leaves out candidates that help a router on some
	// queries: it made routers worse (docs/COLLECTING.md).
	surely = 2
)
