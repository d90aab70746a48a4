package parquetcol

// Limits bounds what a file may ask for. Zero fields take the defaults.
type Limits struct {
	// FooterBytes is the largest footer in bytes, by default 64 MiB.
	FooterBytes int
	// PageBytes is the largest page in bytes, compressed or not, by default
	// 256 MiB.
	PageBytes int
	// PageValues is the largest number of values of a page, by default 2^24.
	PageValues int
	// ListValues is the largest number of values of one row's list, by default
	// 2^20.
	ListValues int
}

// The defaults are far above what writers make (footers of some kB, pages of
// about 1 MiB) and still fit a small machine's memory.
func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.FooterBytes, 64<<20)
	set(&l.PageBytes, 256<<20)
	set(&l.PageValues, 1<<24)
	set(&l.ListValues, 1<<20)
	return l
}

const (
	footerMemory  = 512 << 20       // of the decoded form of a footer: eight bytes for one of the largest
	headerMemory  = 16 * structCost // of a page's decoded header, which holds a few structures
	headerAhead   = 4 << 10         // read to find a page's header; more where it holds long statistics
	readAhead     = 256 << 10       // ColumnOptions.ReadBytes by default
	unpackAhead   = 64 << 10        // memory for a page before its bytes come; the rest follows as they do
	zstdMemory    = 256 << 20       // the window that a zstd frame may ask for
	lz4Most       = 255             // bytes that one byte of an LZ4 block gives at most: a length goes on in such steps
	maxDepth      = 32              // of nested structures and of schemas; the format's own nest less than ten deep
	maxDeltaBlock = 1 << 20         // values of a block of differences; writers use some hundred
)
