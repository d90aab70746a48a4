package pricing

const (
	maxTable  = 256 << 20 // bytes of a table: the published one has 3 MB
	maxOffers = 20        // keys that are listed for a candidate: more are no help
)
