package pyrandom

const (
	mtN = 624
	mtM = 397
)

// mt19937 is the Mersenne Twister after its authors' 2002 definition, with
// the initialisation by an array that Python uses for every seed.
type mt19937 struct {
	state [mtN]uint32
	next  int // index of the next word, mtN when the state must be renewed
}

// initByScalar fills the state from one word.
func (m *mt19937) initByScalar(s uint32) {
	m.state[0] = s
	for i := uint32(1); i < mtN; i++ {
		prev := m.state[i-1]
		m.state[i] = 1812433253*(prev^prev>>30) + i
	}
	m.next = mtN
}

// initByArray fills the state from key, which holds at least one word.
func (m *mt19937) initByArray(key []uint32) {
	m.initByScalar(19650218)
	i, j := 1, 0
	step := func(factor, add uint32, sub bool) {
		prev := m.state[i-1]
		mixed := m.state[i] ^ (prev^prev>>30)*factor
		if sub {
			m.state[i] = mixed - uint32(i)
		} else {
			m.state[i] = mixed + add
		}
		if i++; i == mtN {
			m.state[0] = m.state[mtN-1]
			i = 1
		}
	}
	for range max(mtN, len(key)) {
		step(1664525, key[j]+uint32(j), false)
		if j++; j == len(key) {
			j = 0
		}
	}
	for range mtN - 1 {
		step(1566083941, 0, true)
	}
	m.state[0] = 0x80000000
}

// uint32 returns the next tempered word.
func (m *mt19937) uint32() uint32 {
	if m.next == mtN {
		m.renew()
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (m *mt19937) renew() {
	s := &m.state
	twist := func(i, next, far int) {
		y := s[i]&0x80000000 | s[next]&0x7fffffff
		v := s[far] ^ y>>1
		if y&1 != 0 {
			v ^= 0x9908b0df
		}
		s[i] = v
	}
	for i := range mtN - mtM {
		twist(i, i+1, i+mtM)
	}
	for i := mtN - mtM; i < mtN-1; i++ {
		twist(i, i+1, i+mtM-mtN)
	}
	twist(mtN-1, 0, mtM-1)
	m.next = 0
}
