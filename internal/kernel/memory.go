package kernel

// newFloats returns n zeros. Large ones are asked to lie on huge pages, where
// the system has such: streaming weights through 4 kB pages costs up to a fifth
// of the time of a product with few rows.
func newFloats(n int) []float32 {
	x := make([]float32, n)
	if n >= hugeFloats {
		adviseHuge(x)
	}
	return x
}

// hugeFloats is the size from which huge pages are asked for: 4 MB, two of
// them.
const hugeFloats = 1 << 20
