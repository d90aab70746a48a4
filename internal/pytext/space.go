package pytext

import "unicode/utf8"

// TrimSpace is str.strip without arguments.
func TrimSpace(s string) string {
	for s != "" {
		if c := s[0]; c < utf8.RuneSelf {
			if !IsSpace(rune(c)) {
				break
			}
			s = s[1:]
			continue
		}
		r, size := DecodeRune(s)
		if !IsSpace(r) {
			break
		}
		s = s[size:]
	}
	for s != "" {
		if c := s[len(s)-1]; c < utf8.RuneSelf {
			if !IsSpace(rune(c)) {
				break
			}
			s = s[:len(s)-1]
			continue
		}
		r, size := DecodeLastRune(s)
		if !IsSpace(r) {
			break
		}
		s = s[:len(s)-size]
	}
	return s
}

// Fields is str.split without arguments: the parts of s between runs of white
// space, none of them empty. Text without any gives nil.
func Fields(s string) []string {
	var parts []string
	begin := -1
	for i := 0; i < len(s); {
		r, size := DecodeRune(s[i:])
		switch space := IsSpace(r); {
		case space && begin >= 0:
			parts = append(parts, s[begin:i])
			begin = -1
		case !space && begin < 0:
			begin = i
		}
		i += size
	}
	if begin >= 0 {
		parts = append(parts, s[begin:])
	}
	return parts
}
