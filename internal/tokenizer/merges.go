package tokenizer

import (
	"math/bits"
	"slices"
)

// merger turns the bytes of one word into ids: as long as some neighbours form
// a pair of the merge list, the pair that comes first in the list is replaced
// by its token, leftmost place first.
type merger struct {
	byteID  [256]int32       // the token of each byte
	pairs   pairTable        // the merge list
	whole   map[string]int32 // words whose encoding is known to be one token
	longest int              // length of the longest key of whole
	size    []int32          // bytes that a token stands for, by id; 0 where unused

	// window is how many bytes of a long word are merged at a time. Results do
	// not depend on it.
	window int
}

const (
	// shortWord is the length up to which scanning for the best pair beats
	// keeping them in a heap; it is at most 1<<shortBits.
	shortWord = 48
	shortBits = 6
	// defaultWindow is such that windows that join at once need no heap.
	defaultWindow = shortWord
	// none is the rank of neighbours that do not merge; a merge list is
	// shorter.
	none = 1<<(32-shortBits) - 1
)

// appendWord appends the ids of word, which is not empty, to dst. Only a long
// word asks stop, which may be nil.
func (m *merger) appendWord(dst []int32, word string, stop func() error) ([]int32, error) {
	if len(word) <= m.longest {
		if id, ok := m.whole[word]; ok {
			return append(dst, id), nil
		}
	}
	if len(word) <= shortWord {
		return m.appendShort(dst, word), nil
	}
	return m.appendLong(dst, word, stop)
}

// appendAtOnce merges word as a whole.
func (m *merger) appendAtOnce(dst []int32, word string, s *heapSpace) []int32 {
	if len(word) <= shortWord {
		return m.appendShort(dst, word)
	}
	return m.appendHeap(dst, word, s)
}

// appendShort merges by looking at all pairs for each merge.
func (m *merger) appendShort(dst []int32, word string) []int32 {
	// A part is a token, with the rank of the pair that it makes with its right
	// neighbour and the token that they merge into.
	type part struct{ id, rank, merged int32 }
	var space [shortWord]part
	parts := space[:len(word)]
	for i := range parts {
		parts[i].id = m.byteID[word[i]]
	}
	last := len(parts) - 1
	for i := range last {
		parts[i].rank, parts[i].merged = m.pairs.lookup(parts[i].id, parts[i+1].id)
	}
	parts[last].rank = none
	for {
		// Rank and place in one number: the least is the leftmost of the best
		// pairs, and finding it takes no branches.
		best := uint32(none) << shortBits
		for i := range parts {
			best = min(best, uint32(parts[i].rank)<<shortBits|uint32(i))
		}
		if best >= none<<shortBits {
			break
		}
		i := int(best & (1<<shortBits - 1))
		parts[i].id = parts[i].merged
		copy(parts[i+1:], parts[i+2:])
		parts = parts[:last]
		last--
		if i > 0 {
			parts[i-1].rank, parts[i-1].merged = m.pairs.lookup(parts[i-1].id, parts[i].id)
		}
		if i < last {
			parts[i].rank, parts[i].merged = m.pairs.lookup(parts[i].id, parts[i+1].id)
		} else {
			parts[i].rank = none
		}
	}
	for i := range parts {
		dst = append(dst, parts[i].id)
	}
	return dst
}

// heapSpace is the working memory of appendHeap, reused from window to window.
type heapSpace struct {
	id, prev, next []int32 // the tokens as a list, by the place of their first byte
	heap           []uint64

	// stop, where it is not nil, is asked now and then; err is what ended the
	// work, and the ids are then worth nothing.
	stop func() error
	err  error
}

// appendHeap merges with a heap of the pairs: n log n in the length of word.
func (m *merger) appendHeap(dst []int32, word string, s *heapSpace) []int32 {
	n := len(word)
	s.id = slices.Grow(s.id[:0], n)[:n]
	s.prev = slices.Grow(s.prev[:0], n)[:n]
	s.next = slices.Grow(s.next[:0], n)[:n]
	s.heap = s.heap[:0]
	for i := range n {
		s.id[i] = m.byteID[word[i]]
		s.prev[i], s.next[i] = int32(i-1), int32(i+1)
	}
	for i := range n - 1 {
		if rank, _ := m.pairs.lookup(s.id[i], s.id[i+1]); rank != none {
			s.heap = append(s.heap, uint64(rank)<<32|uint64(i))
		}
	}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		siftDown(s.heap, i)
	}
	for pops := 1; len(s.heap) > 0; pops++ {
		if s.stop != nil && pops%stopInterval == 0 {
			if s.err = s.stop(); s.err != nil {
				return dst
			}
		}
		top := s.heap[0]
		last := len(s.heap) - 1
		s.heap[0] = s.heap[last]
		s.heap = s.heap[:last]
		siftDown(s.heap, 0)

		// An entry is stale when its pair is no longer there. A rank belongs
		// to one pair only, so comparing ranks tells.
		left := int32(uint32(top))
		right := s.next[left]
		if s.id[left] < 0 || int(right) == n {
			continue
		}
		rank, merged := m.pairs.lookup(s.id[left], s.id[right])
		if rank != int32(top>>32) {
			continue
		}
		s.id[left], s.id[right] = merged, -1
		after := s.next[right]
		s.next[left] = after
		if int(after) < n {
			s.prev[after] = left
			if rank, _ := m.pairs.lookup(merged, s.id[after]); rank != none {
				s.heap = siftUp(append(s.heap, uint64(rank)<<32|uint64(left)))
			}
		}
		if before := s.prev[left]; before >= 0 {
			if rank, _ := m.pairs.lookup(s.id[before], merged); rank != none {
				s.heap = siftUp(append(s.heap, uint64(rank)<<32|uint64(before)))
			}
		}
	}
	for i := int32(0); int(i) < n; i = s.next[i] {
		dst = append(dst, s.id[i])
	}
	return dst
}

func siftDown(h []uint64, i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

func siftUp(h []uint64) []uint64 {
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent] <= h[i] {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	return h
}

// appendLong merges a long word window by window, in linear time and little
// memory, with the result of merging it at once.
//
// It depends on this: a sequence of tokens is the encoding of its bytes if and
// only if each token is the encoding of its own bytes and each two neighbours
// are the encoding of theirs. For take the first merge, in the encoding of the
// whole, that crosses a boundary between two of the tokens. Until then nothing
// crossed any boundary, so the bytes of each token were merged in the order in
// which they are merged alone, and those of the two in question in the order in
// which they are merged as a pair: that merge would have been made in the
// encoding of the pair too. So windows may be encoded one by one wherever the
// last token of one and the first of the next join.
func (m *merger) appendLong(dst []int32, word string, stop func() error) ([]int32, error) {
	var (
		s      heapSpace
		base   = len(dst)
		start  = 0 // dst[base:] is the encoding of word[:start]
		window = m.window
		budget = 8 * len(word)
	)
	for asked := budget; ; {
		if stop != nil && asked-budget > stopInterval {
			asked = budget
			if err := stop(); err != nil {
				return dst[:base], err
			}
		}
		end := min(start+window, len(word))
		if budget -= end - start; budget < 0 {
			// A merge list for which windows hardly ever join: take the word
			// at once rather than go over it again and again.
			s.stop = stop
			dst = m.appendAtOnce(dst[:base], word, &s)
			return dst, s.err
		}
		mark := len(dst)
		dst = m.appendAtOnce(dst, word[start:end], &s)
		if mark > base && !m.joins(word, start, dst[mark-1], dst[mark], &s) {
			// Begin further left, where the tokens depend less on the cut.
			dst = dst[:mark]
			for stop := start - window; len(dst) > base && start > stop; {
				start -= int(m.size[dst[len(dst)-1]])
				dst = dst[:len(dst)-1]
			}
			window *= 2
			continue
		}
		if end == len(word) {
			return dst, nil
		}
		// Tokens near the cut are likely to change once more of the word is
		// seen: leave them to the next window.
		covered := end
		for len(dst) > mark && end-covered < m.window/4 {
			covered -= int(m.size[dst[len(dst)-1]])
			dst = dst[:len(dst)-1]
		}
		if len(dst) == mark { // tokens longer than the window
			window *= 2
			continue
		}
		start, window = covered, m.window
	}
}

// joins says whether the tokens a and b, which meet at word[at], are the
// encoding of their bytes.
func (m *merger) joins(word string, at int, a, b int32, s *heapSpace) bool {
	var buf [shortWord]int32
	ids := m.appendAtOnce(buf[:0], word[at-int(m.size[a]):at+int(m.size[b])], s)
	return len(ids) == 2 && ids[0] == a && ids[1] == b
}

// pairTable maps two neighbouring tokens to their place in the merge list and
// the token that they make: a hash table with open addressing.
type pairTable struct {
	entries []pairEntry // a power of two of them, at most half in use
	shift   uint
}

type pairEntry struct {
	left, right int32 // left is -1 in an unused entry
	rank, id    int32
}

func newPairTable(n int) pairTable {
	log := max(4, bits.Len(uint(2*n)))
	t := pairTable{entries: make([]pairEntry, 1<<log), shift: uint(64 - log)}
	for i := range t.entries {
		t.entries[i].left = -1
	}
	return t
}

func (t *pairTable) slot(left, right int32) uint64 {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	return key * 0x9E3779B97F4A7C15 >> t.shift
}

// put adds a pair, or replaces what it had.
func (t *pairTable) put(e pairEntry) {
	mask := uint64(len(t.entries) - 1)
	for i := t.slot(e.left, e.right); ; i++ {
		at := &t.entries[i&mask]
		if at.left < 0 || at.left == e.left && at.right == e.right {
			*at = e
			return
		}
	}
}

// lookup gives the rank and the token of a pair, or none.
func (t *pairTable) lookup(left, right int32) (rank, id int32) {
	mask := uint64(len(t.entries) - 1)
	for i := t.slot(left, right); ; i++ {
		e := &t.entries[i&mask]
		if e.left == left && e.right == right {
			return e.rank, e.id
		}
		if e.left < 0 {
			return none, -1
		}
	}
}
