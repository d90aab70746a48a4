package analysis

const (
	// fitNumbers is how many numbers the components of a map are computed from
	// at most: 16 MiB of float32, some 5,000 vectors of 768, which tell two
	// directions of all as well as more would.
	fitNumbers = 1 << 22

	// maxIterations bounds the search for them; a cloud that is round in all
	// directions has no principal ones, and then any will do.
	maxIterations = 40

	// maxFrontier is how many points of the oracle's frontier are kept: more
	// than a figure can show.
	maxFrontier = 200

	// maxBins is how many bins a histogram has at most, as many as can be told
	// apart in a figure.
	maxBins = 40

	// minConstant is how many rated rows it takes for equal ones to be suspicious.
	minConstant = 10

	// minPromise is how many queries it takes to say anything of routers: with
	// fewer, intervals are as wide as the range of scores.
	minPromise = 20

	// muchTrouble is the share of a candidate's rows above which failed calls and
	// their like are a warning: means over the others still hold, but no longer of
	// the same queries. At one task it takes minTrouble rows: of fewer, one is
	// much.
	muchTrouble = 0.05
	minTrouble  = 20
)
