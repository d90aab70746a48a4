package metrics

import (
	"bytes"
	"strings"
)

// ExactMatch is 1 when the prediction and the truth are equal after
// [NormalizeAnswer], else 0. It is the Python pipeline's em.
//
// Two texts that normalise to nothing are equal: the empty prediction matches
// the truth "The".
func ExactMatch(prediction, truth string) float64 {
	var ps, ts [512]byte
	return score(bytes.Equal(appendNormalized(ps[:0], prediction), appendNormalized(ts[:0], truth)))
}

// CEM, contained exact match, is 1 when the truth occurs in the prediction,
// both after [NormalizeAnswer], else 0. It is the Python pipeline's cem.
//
// The truth is sought as plain text, not as whole words: "art" occurs in
// "cartoon". A truth that normalises to nothing ("", "The") occurs in every
// prediction.
func CEM(prediction, truth string) float64 {
	var ps, ts [512]byte
	return score(bytes.Contains(appendNormalized(ps[:0], prediction), appendNormalized(ts[:0], truth)))
}

// CEMF1 is 1 where [CEM] is 1, and the F1 of [F1] elsewhere. It is the Python
// pipeline's cemf1; its range is 0 to 1.
func CEMF1(prediction, truth string) float64 {
	var ps, ts [512]byte
	p := appendNormalized(ps[:0], prediction)
	t := appendNormalized(ts[:0], truth)
	if bytes.Contains(p, t) {
		return 1
	}
	f1, _, _ := f1OfNormalized(p, t)
	return f1
}

// F1 is the harmonic mean of precision and recall of the prediction's words
// against the truth's, both after [NormalizeAnswer]; a word counts as often as
// it occurs in both. Precision is the share of the prediction's words that are
// common, recall that of the truth's. It is the Python pipeline's f1_score,
// after SQuAD (Rajpurkar et al., 2016) and HotpotQA (Yang et al., 2018); all
// three are 0 to 1.
//
// All three are 0 when no word is common, so when either text normalises to
// nothing, even when both do; and when one of the texts normalises to "yes",
// "no" or "noanswer" and the other to anything else.
func F1(prediction, truth string) (f1, precision, recall float64) {
	var ps, ts [512]byte
	return f1OfNormalized(appendNormalized(ps[:0], prediction), appendNormalized(ts[:0], truth))
}

func f1OfNormalized(p, t []byte) (f1, precision, recall float64) {
	if (isVerdict(p) || isVerdict(t)) && !bytes.Equal(p, t) {
		return 0, 0, 0
	}
	np, nt := countWords(p), countWords(t)
	common := commonWords(p, np, t, nt)
	if common == 0 {
		return 0, 0, 0
	}
	precision = float64(common) / float64(np)
	recall = float64(common) / float64(nt)
	return (2 * precision * recall) / (precision + recall), precision, recall
}

func isVerdict(s []byte) bool {
	switch string(s) {
	case "yes", "no", "noanswer":
		return true
	}
	return false
}

// countWords returns the number of words of a normalised text.
func countWords(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	return bytes.Count(s, space) + 1
}

var space = []byte{' '}

// fewWords is up to how many words a list beats a map.
const fewWords = 16

// commonWords returns the size of the intersection of two normalised texts'
// multisets of words, given the number of words of each.
func commonWords(a []byte, na int, b []byte, nb int) int {
	if na > nb {
		a, na, b, nb = b, nb, a, na
	}
	if na == 0 {
		return 0
	}
	common := 0
	if na <= fewWords {
		var words [fewWords][]byte // those of a that are not yet taken
		for i := range na {
			words[i], a = cutWord(a)
		}
		for ; nb > 0 && na > 0; nb-- {
			var w []byte
			w, b = cutWord(b)
			for i, left := range words[:na] {
				if len(left) == len(w) && string(left) == string(w) {
					common++
					na--
					words[i] = words[na]
					break
				}
			}
		}
		return common
	}
	left := make(map[string]int, na)
	for text, i := string(a), 0; i < na; i++ {
		word, rest, _ := strings.Cut(text, " ")
		left[word]++
		text = rest
	}
	for range nb {
		var w []byte
		w, b = cutWord(b)
		if n := left[string(w)]; n > 0 {
			left[string(w)] = n - 1
			common++
		}
	}
	return common
}

// cutWord returns the first word of a normalised text and the rest.
func cutWord(s []byte) (word, rest []byte) {
	if i := bytes.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, nil
}

// score is 1 for true and 0 for false.
func score(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
