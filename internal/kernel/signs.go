package kernel

import "fmt"

// SignBlock is how many vectors the kernels of [Signs] take at once: a register
// of bytes.
const SignBlock = 32

// maxSignNumbers is how many numbers of a vector can have signs: their levels add
// up to no more than 16 bits hold.
const maxSignNumbers = 4096

// MaxLevel is the highest level of a number of a query, so that the levels of four
// numbers fit in a quarter of a byte's range, and four such sums in a byte.
const MaxLevel = 15

// Signs are the signs of the numbers of some vectors, one bit each: for each 32
// vectors, for each eight numbers, 32 bytes, one of each vector, the lowest bit for
// the first number. Vectors past the last have no bits.
type Signs struct {
	numbers int
	data    []byte // [blocks][numbers/8][32]
}

// NewSigns returns the signs of n vectors, none of whose numbers is positive. The
// numbers of a vector are a multiple of 16, from 16 to 4,096.
func NewSigns(n, numbers int) *Signs {
	if numbers < 16 || numbers > maxSignNumbers || numbers%16 != 0 {
		panic(fmt.Sprintf("kernel: signs of %d numbers", numbers))
	}
	return &Signs{numbers, make([]byte, (n+SignBlock-1)/SignBlock*SignBlock*numbers/8)}
}

// Set takes the signs of vector i, which had none; calls for vectors of different
// blocks may go on at a time.
func (s *Signs) Set(i int, vector []float32) {
	perBlock := s.numbers / 8 * SignBlock
	block := s.data[i/SignBlock*perBlock:][:perBlock]
	for j, v := range vector[:s.numbers] {
		if v > 0 {
			block[j/8*SignBlock+i%SignBlock] |= 1 << (j % 8)
		}
	}
}

// Padded is the number of vectors, rounded up to whole blocks.
func (s *Signs) Padded() int { return len(s.data) / (s.numbers / 8) }

// SignQuery is what vectors' signs are held against: for each four numbers, what
// every combination of their signs gives.
type SignQuery struct{ table []byte } // [numbers/4][16]

// NewSignQuery is a query of levels 0 for vectors of that many numbers.
func NewSignQuery(numbers int) *SignQuery { return &SignQuery{make([]byte, numbers/4*16)} }

// Set takes the levels of the query's numbers, from 0 to 15.
func (q *SignQuery) Set(levels []byte) {
	for i := 0; i < len(levels); i += 4 {
		four := levels[i:][:4]
		sums := q.table[4*i:][:16]
		sums[0] = 4*MaxLevel - four[0] - four[1] - four[2] - four[3]
		for signs := 1; signs < len(sums); signs++ {
			rest := signs & (signs - 1)
			sums[signs] = sums[rest] + 2*four[lowestBit[signs^rest]] - MaxLevel
		}
	}
}

// lowestBit are the places of single bits.
var lowestBit = [9]int{1: 0, 2: 1, 4: 2, 8: 3}

// Estimate writes, for each vector and those that pad them, the product of its
// signs, 1 and -1, with the query's numbers, 2*level-15, times a scale; and for each
// block of 32 vectors the largest of these. It is the same in all tiers.
func (s *Set) Estimate(dst, largest []float32, signs *Signs, q *SignQuery, scales []float32) {
	n := signs.Padded()
	if len(q.table) != 4*signs.numbers || len(dst) != n || len(largest) != n/SignBlock || len(scales) != n {
		panic(fmt.Sprintf("kernel: %d estimates and %d scales of %d vectors' signs, %d numbers for %d", len(dst), len(scales), n, len(q.table)/4, signs.numbers))
	}
	if n > 0 {
		s.estimate(dst, largest, signs.data, q.table, scales)
	}
}

// Dots writes the products of x with the rows of a matrix, [n, len(x)], that are
// listed. Tiers differ in the order of the sums.
func (s *Set) Dots(dst []float32, x, rows []float32, list []int32) {
	for i, r := range list {
		next := list[min(i+1, len(list)-1)]
		dst[i] = s.dot(x, rows[int(r)*len(x):][:len(x)], rows[int(next)*len(x):][:len(x)])
	}
}
