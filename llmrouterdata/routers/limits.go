package routers

const (
	// blockRows is how many queries are read and multiplied at a time: float32
	// sums over them stay short, and are added up in float64.
	blockRows = 256

	// residentFloats is how many numbers of vectors are kept in memory at most,
	// 512 MiB of float32; larger data are read from their file block by block, as
	// often as a fit passes over them.
	residentFloats = 128 << 20

	// maxModels and maxDim bound what a router may have, in files too: a bound for
	// allocations, far above what is in use.
	maxModels, maxDim = 10_000, 1 << 16

	// maxPasses bounds how often a logistic fit passes over the data. Each pass
	// divides what is left to go by two to ten, so that it is not reached but where
	// float64 cannot tell the steps any more.
	maxPasses = 100
	// smallStep ends a logistic fit: the largest change of a weight in a pass,
	// relative to the largest weight.
	smallStep = 1e-5

	// similarityError bounds the error of a float32 dot product of two unit
	// vectors, whichever way the kernels sum it: (384+dim/384) roundings of 2^-24.
	similarityError = 5e-5
)

const (
	// leastSpread is the mean square length of centred unit vectors below which
	// they count as equal: what rounding to float32 leaves of equal ones.
	leastSpread = 1e-12
)

const (
	// taskPenalty is the penalty of the regressions that tell the task: about the
	// middle of a wide range in which routers do not differ.
	taskPenalty = 0.3
	// taskPrior is how many queries of the overall mean are taken together with
	// those of a task.
	taskPrior = 5
	// leastChance is how near to 0 and 1 a mean score comes as a chance.
	leastChance = 1e-3
)

// standardTolerance is the difference of utilities that counts as none: a router
// file gives scores within 1e-6 on every machine.
const standardTolerance = 1e-6

const (
	// gridSize is how many Lambdas above 0 a curve has: steps of 9 %.
	gridSize = 160
	// lowestWorth and highestWorth are the scores that the cost of the dearest
	// expected call is worth at the ends of the grid: from what no two models
	// differ by to more than any score.
	lowestWorth, highestWorth = 1e-4, 100
)

// learningShares are the shares of the training queries that a learning curve has
// points for, learningDraws how often a share is drawn, so that a point does not
// depend on one draw, and leastLearning how few queries make a point.
var learningShares = [...]float64{0.125, 0.25, 0.5, 1}

const learningDraws, leastLearning = 3, 20

// roundingError is what sums of scores differ by that are equal but for the order
// of their terms.
const roundingError = 1e-12

// nearFloats is how many products of queries and training vectors are computed at
// a time: 8 MiB.
const nearFloats = 2 << 20

const (
	// codeBits is how many bits an index has of a vector.
	codeBits = 1024
	// indexSample is how many of the vectors an index is calibrated by: some 20,000
	// neighbours, a hundredth of which is known to a tenth of itself.
	indexSample = 256
	// leastSaving is the part of the vectors that an index may multiply; with more,
	// exact search takes hardly longer.
	leastSaving = 8
	// keptMargin is by how much more an index keeps than it had to for the vectors
	// that it is calibrated by.
	keptMargin = 1.1
	// sampleStep is of how many estimates one is looked at to guess which are high.
	sampleStep = 16
)

// maxNeighbours bounds the neighbours that a router asks.
const maxNeighbours = 10_000

const (
	// batchRows is how many queries a network learns from at a time.
	batchRows = 64
	// The settings of a network whose fields are 0.
	defaultHidden, defaultRank, defaultEpochs, defaultDecay = 64, 16, 10, 1
	// maxHidden and maxEpochs bound the settings of networks.
	maxHidden, maxEpochs = 4096, 10_000
	// maxNewton bounds the steps of Newton's method, which takes some five, and
	// smallNewton is the step that ends it.
	maxNewton, smallNewton = 100, 1e-9
)

// leastGain is the performance that counts as none where costs are weighed: a
// router that saves and loses less keeps the performance.
const leastGain = 0.005

// maxLine is how long a line of choices may be: 64 MiB.
const maxLine = 64 << 20
