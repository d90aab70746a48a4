package metrics

import (
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// CommonGenCoverage is the share of the truth's concepts that the prediction
// holds, 0 to 1: the commongen_coverage of the published data, for CommonGen
// (Lin et al., 2020). The truth is a list of concepts, separated by commas;
// each counts as often as it is listed.
//
// Words are compared in lower case and without one suffix of "ing", "ed", "er"
// and "s", tried in this order and cut where more than one character stays. The
// prediction's words are what white space separates, marks included: "dogs,"
// does not hold "dog". A concept of several words is never held.
//
// It is 0 for a prediction or a truth without words. Time is linear.
func CommonGenCoverage(prediction, truth string) float64 {
	var concepts []string
	for concept := range strings.SplitSeq(truth, ",") {
		if concept = pytext.TrimSpace(concept); concept != "" {
			concepts = append(concepts, stem(pytext.Lower(concept)))
		}
	}
	if len(concepts) == 0 || prediction == "" {
		return 0
	}
	words := make(map[string]struct{}, len(concepts))
	for _, c := range concepts {
		words[c] = struct{}{}
	}
	held := make(map[string]struct{}, len(concepts))
	prediction = pytext.Lower(prediction)
	for i := 0; i < len(prediction); {
		begin := skipSpace(prediction, i)
		i = skipWord(prediction, begin)
		word := stem(prediction[begin:i])
		if _, ok := words[word]; ok {
			held[word] = struct{}{}
		}
	}
	covered := 0
	for _, c := range concepts {
		if _, ok := held[c]; ok {
			covered++
		}
	}
	return float64(covered) / float64(len(concepts))
}

// skipWord returns where the first white space stands in s[at:], or len(s).
func skipWord(s string, at int) int {
	for at < len(s) {
		r, size := pytext.DecodeRune(s[at:])
		if pytext.IsSpace(r) {
			break
		}
		at += size
	}
	return at
}

// stem cuts one suffix off a lower-case word.
func stem(word string) string {
	for _, suffix := range [...]string{"ing", "ed", "er", "s"} {
		if rest, ok := strings.CutSuffix(word, suffix); ok && longerThanOne(rest) {
			return rest
		}
	}
	return word
}

// longerThanOne reports whether s holds more than one code point.
func longerThanOne(s string) bool {
	if len(s) < 2 || len(s) > utf8.UTFMax {
		return len(s) > 1
	}
	_, size := pytext.DecodeRune(s)
	return size < len(s)
}
