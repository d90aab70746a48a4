package metrics

import (
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// cutTextWord returns the first word of s in small letters, a run of letters and
// digits of any script, and the rest of s; "" where there is none.
func cutTextWord(s string) (word, rest string) {
	begin := 0
	for begin < len(s) {
		r, size := pytext.DecodeRune(s[begin:])
		if pytext.IsWord(r) && r != '_' {
			break
		}
		begin += size
	}
	end := begin
	for end < len(s) {
		r, size := pytext.DecodeRune(s[end:])
		if !pytext.IsWord(r) || r == '_' {
			break
		}
		end += size
	}
	return pytext.Lower(s[begin:end]), s[end:]
}

// textWords returns the words of a text, an article before them left out.
func textWords(s string) []string {
	var words []string
	for {
		var word string
		if word, s = cutTextWord(s); word == "" {
			break
		}
		words = append(words, word)
	}
	if len(words) > 1 && (words[0] == "a" || words[0] == "an" || words[0] == "the") {
		words = words[1:]
	}
	return words
}

// textsWords returns the words of each option's text; none for one that equals
// another one, which would name two options.
func (l labels) textsWords() [][]string {
	if len(*l.words) == len(l.texts) {
		return *l.words
	}
	words := make([][]string, len(l.texts))
	for i, text := range l.texts {
		words[i] = textWords(text)
		for k := range i {
			if equalWords(words[i], words[k]) {
				words[i], words[k] = nil, nil
			}
		}
	}
	*l.words = words
	return words
}

// readText returns the option whose text all of s is.
func (l labels) readText(s string) (label, bool) {
	longest := 0
	for _, text := range l.texts {
		longest = max(longest, len(text))
	}
	if longest == 0 || len(s) > 4*longest+maxWrapped {
		return 0, false
	}
	got := textWords(s)
	for i, words := range l.textsWords() {
		if equalWords(got, words) {
			return l.nth(i), true
		}
	}
	return 0, false
}

func equalWords(a, b []string) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// textAt returns the option with the longest text that s begins with. A text of
// one letter must be followed by nothing.
func (l labels) textAt(s string) (found label, ok bool) {
	if len(l.texts) == 0 {
		return 0, false
	}
	got := textWords(s[:min(len(s), maxStatement)])
	longest := 0
	for i, words := range l.textsWords() {
		n := len(words)
		if n <= longest || n > len(got) || !equalWords(got[:n], words) || n == 1 && len(words[0]) == 1 && len(got) > 1 {
			continue
		}
		found, ok, longest = l.nth(i), true, n
	}
	return found, ok
}

// named returns the option whose text the last sentence names that names any, if
// it names no other.
func (l labels) named(s string) (label, bool) {
	if len(l.texts) == 0 {
		return 0, false
	}
	options := slices.Clone(l.textsWords())
	for i, words := range options {
		if len(words) > maxTextWords || len(words) == 1 && len(words[0]) == 1 && !isDigit(words[0][0]) {
			options[i] = nil
		}
	}
	for end := len(s); end > 0; {
		begin := sentenceBegin(s, end)
		if found, n := namedIn(textWords(s[begin:end]), options); n > 0 {
			return l.nth(found), n == 1
		}
		end = begin
	}
	return 0, false
}

// sentenceBegin returns where the sentence begins that ends at s[end].
func sentenceBegin(s string, end int) int {
	for i := end - 1; i > 0; i-- {
		if s[i-1] == '\n' || strings.IndexByte(".!?;", s[i-1]) >= 0 && (s[i] == ' ' || s[i] == '\n') && i < end-1 {
			return i
		}
	}
	return 0
}

// namedIn returns an option that the words name and how many options they name:
// as whole words, not after a negation, and not as a part of another option.
func namedIn(words []string, options [][]string) (found, n int) {
	first := map[string][]int{} // options by their first words
	for i, o := range options {
		if len(o) > 0 {
			first[o[0]] = append(first[o[0]], i)
		}
	}
	seen := map[int]bool{}
	for at := 0; at < len(words); {
		longest, option := 0, -1
		for _, i := range first[words[at]] {
			o := options[i]
			if len(o) > longest && len(o) <= len(words)-at && equalWords(words[at:at+len(o)], o) {
				longest, option = len(o), i
			}
		}
		if option < 0 {
			at++
			continue
		}
		if !isNegatedAt(words, at) && !seen[option] {
			seen[option] = true
			found = option
		}
		at += longest
	}
	return found, len(seen)
}

// isNegatedAt reports whether the words before words[at] say that it is not
// meant.
func isNegatedAt(words []string, at int) bool {
	for i := at - 1; i >= 0 && i >= at-2; i-- {
		switch words[i] {
		case "not", "t", "never", "than", "unlike", "without", "neither", "nor", "except":
			return true
		case "of":
			return i > 0 && words[i-1] == "instead"
		case "a", "an", "the", "in":
		default:
			return false
		}
	}
	return false
}
