package kernel

// lane is the width of a weight panel in columns, and of a block of queries in
// attention. All tiers share it, and so share every data layout.
const lane = 16

// Lane is the number of columns in a weight panel: every row of a matrix that
// receives a product has room for a multiple of Lane values.
const Lane = lane

// RoundUp returns n rounded up to a multiple of [Lane].
func RoundUp(n int) int { return (n + lane - 1) / lane * lane }

// Matrix is a row-major matrix of float32 values, [Rows, Cols]. Row r starts at
// Data[r*Stride]; Stride leaves room for Cols rounded up to [Lane], and is an
// odd number of cache lines so that the rows of a tile do not fall on the same
// cache sets.
type Matrix struct {
	Data               []float32
	Rows, Cols, Stride int
}

// NewMatrix returns a zeroed matrix.
func NewMatrix(rows, cols int) Matrix {
	var m Matrix
	m.Reset(rows, cols)
	return m
}

// Reset gives m a new shape and reuses its memory where that is large enough.
// The contents are then unspecified, but finite if they were before.
func (m *Matrix) Reset(rows, cols int) {
	stride := RoundUp(cols)
	if stride/lane%2 == 0 {
		stride += lane
	}
	if n := rows * stride; cap(m.Data) < n {
		m.Data = newFloats(n)
	} else {
		m.Data = m.Data[:n]
	}
	m.Rows, m.Cols, m.Stride = rows, cols, stride
}

// Row returns row r without its padding.
func (m *Matrix) Row(r int) []float32 { return m.Data[r*m.Stride:][:m.Cols:m.Cols] }
