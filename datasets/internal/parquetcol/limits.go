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
	// footerMemory bounds the decoded form of a footer: eight bytes for one of
	// the largest.
	footerMemory = 512 << 20
	// headerMemory bounds the decoded form of a page's header, which holds a few
	// structures.
	headerMemory = 16 * structCost
	// headerAhead is what is read to find a page's header; most have some ten
	// bytes, those with statistics of long texts more.
	headerAhead = 4 << 10
	// maxDepth bounds nested structures, and a schema's: those of the format nest less
	// than ten deep.
	maxDepth = 32
	// zstdMemory bounds the window that a zstd frame may ask for.
	zstdMemory = 256 << 20
	// unpackAhead is the least memory that a page gets before its bytes come;
	// the rest follows as they do.
	unpackAhead = 64 << 10
	// maxDeltaBlock bounds the values of a block; writers use some hundred.
	maxDeltaBlock = 1 << 20
	// readAhead is ColumnOptions.ReadBytes by default.
	readAhead = 256 << 10
)
