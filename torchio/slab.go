package torchio

// slab hands out zero values from blocks. A file of many tensors has that
// many of a few types, and making them one by one takes several times longer.
type slab[T any] struct {
	block []T
	made  int
}

func (s *slab[T]) new() *T {
	if len(s.block) == 0 {
		s.block = make([]T, min(max(s.made, 4), slabBlock))
	}
	v := &s.block[0]
	s.block = s.block[1:]
	s.made++
	return v
}
