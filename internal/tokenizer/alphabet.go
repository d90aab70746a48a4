package tokenizer

// The files write each byte as one visible character: the printable ones of
// Latin-1 stand for themselves, the other 68 bytes for U+0100, U+0101, ... in
// order. A space is thus written as U+0120, a line feed as U+010A.

// alphabet holds the mapping in both directions.
type alphabet struct {
	char [256]rune
	byte map[rune]byte
}

func newAlphabet() *alphabet {
	a := &alphabet{byte: make(map[rune]byte, 256)}
	next := rune(256)
	for b := range 256 {
		c := rune(b)
		visible := '!' <= c && c <= '~' || 0xA1 <= c && c <= 0xAC || 0xAE <= c
		if !visible {
			c = next
			next++
		}
		a.char[b] = c
		a.byte[c] = byte(b)
	}
	return a
}

// bytes gives the bytes that a token stands for, and false when it holds a
// character outside the alphabet.
func (a *alphabet) bytes(token string) (string, bool) {
	raw := make([]byte, 0, len(token))
	for _, c := range token {
		b, ok := a.byte[c]
		if !ok {
			return "", false
		}
		raw = append(raw, b)
	}
	return string(raw), true
}
