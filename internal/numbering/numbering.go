// Package numbering gives things numbers, from 0, in order of first appearance:
// a [Set] in memory, and [Hashes] where there are more things than memory holds.
package numbering

// Set gives numbers to what is told apart. The zero value is empty.
type Set[T comparable] struct {
	list    []T
	numbers map[T]int32
}

// Number returns the number of one, which it has from now on.
func (s *Set[T]) Number(one T) int32 {
	i, known := s.numbers[one]
	if !known {
		if s.numbers == nil {
			s.numbers = map[T]int32{}
		}
		i = int32(len(s.list))
		s.list, s.numbers[one] = append(s.list, one), i
	}
	return i
}

// Lookup returns the number of one; false where it has none.
func (s *Set[T]) Lookup(one T) (number int32, known bool) {
	number, known = s.numbers[one]
	return number, known
}

// List is what has numbers, in their order. It is not to be changed.
func (s *Set[T]) List() []T { return s.list }
