package pyliteral

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/runenames"
)

// runeNamed finds the character of a \N{...} escape, in any letter case.
// Aliases for control characters and named sequences are not known.
func runeNamed(name string) (rune, bool) {
	name = strings.ToUpper(name)
	if r, ok := ideograph(name); ok {
		return r, true
	}
	if r, ok := hangul(name); ok {
		return r, true
	}
	r, ok := runesByName()[name]
	return r, ok
}

// runesByName is built on first use: escapes by name are rare.
var runesByName = sync.OnceValue(func() map[string]rune {
	names := make(map[string]rune, 34_000)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if s := runenames.Name(r); s != "" && s[0] != '<' {
			names[s] = r
		}
	}
	return names
})

// ideograph reads the names that Unicode derives from the code point.
func ideograph(name string) (rune, bool) {
	hex, ok := strings.CutPrefix(name, "CJK UNIFIED IDEOGRAPH-")
	if !ok || len(hex) < 4 || len(hex) > 5 {
		return 0, false
	}
	var r rune
	if n, err := fmt.Sscanf(hex, "%X", &r); n != 1 || err != nil || fmt.Sprintf("%04X", r) != hex {
		return 0, false
	}
	return r, unicode.Is(unicode.Unified_Ideograph, r)
}

// hangul reads the names that Unicode derives from the letters of a syllable.
func hangul(name string) (rune, bool) {
	syllable, ok := strings.CutPrefix(name, "HANGUL SYLLABLE ")
	if !ok {
		return 0, false
	}
	lead := strings.Split("G GG N D DD R M B BB S SS  J JJ C K T P H", " ")
	vowel := strings.Split("A AE YA YAE EO E YEO YE O WA WAE OE YO U WEO WE WI YU EU YI I", " ")
	tail := strings.Split(" G GG GS N NJ NH D L LG LM LB LS LT LP LH M B BS S SS NG J C K T P H", " ")
	for i, a := range lead {
		rest, ok := strings.CutPrefix(syllable, a)
		if !ok {
			continue
		}
		for j, b := range vowel {
			end, ok := strings.CutPrefix(rest, b)
			if !ok {
				continue
			}
			for k, c := range tail {
				if end == c {
					return rune(0xac00 + (i*len(vowel)+j)*len(tail) + k), true
				}
			}
		}
	}
	return 0, false
}
