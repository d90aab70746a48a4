package embedding

// What a config.json may ask for, far above any published model: it keeps a
// damaged file from asking for all memory.
const (
	maxLayers = 1 << 10
	maxWidth  = 1 << 16
	maxRows   = 1 << 24 // of a table: token ids, positions
)

// Sizes of the small files, which are read whole.
const (
	maxConfigBytes = 1 << 20  // of config.json, below 2 kB as published
	maxIndexBytes  = 64 << 20 // of the index of shards: some 100 bytes a tensor
)

const (
	// minTokens are <s> and </s>, which every text has.
	minTokens = 2
	// A batch of batchPerWorker tokens for each worker keeps all of them busy;
	// minBatch does so for few workers and short texts.
	batchPerWorker = 256
	minBatch       = 1024
	// maxLoaders bounds the tensors that are held beside the weights while they
	// load. More loaders than that wait for the disk.
	maxLoaders = 8
	// readStep is how much is read between two looks at the context: some
	// milliseconds, while the largest tensor is a quarter of a model.
	readStep = 4 << 20
	// maxTensorErrors is how many tensors an error names: where one is wrong,
	// often all are.
	maxTensorErrors = 8
)
