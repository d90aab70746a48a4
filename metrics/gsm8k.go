package metrics

import (
	"bytes"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// GSM8K is 1 when the last number of the prediction equals the truth's final
// answer as text, else 0. It is the Python pipeline's GSM8K, for the answers of
// Cobbe et al. (2021).
//
// The truth's answer is what follows its last "####" (all of it without one).
// A number of the prediction is a run of ASCII digits, full stops and commas
// with or without one minus before it; the last one that is not "." counts, or
// the first one where all are. Of both, ',', '$' and '.' are deleted and white
// space trimmed, and the rest is compared.
//
// A prediction without a number gives 0, whatever the truth. The rule has
// quirks, which are kept so that scores are comparable; see [GSM8KStrict] for
// a metric without them:
//
//   - "4.2" equals "42", and "3.50" equals "350" but not "3.5";
//   - a comma that stands alone is a number: "5 , done" gives 0 for 5;
//   - the minus of a difference counts: the number of "10-5" is "-5";
//   - digits inside a word count: the number of "1e5" is "5".
//
// Time is linear.
func GSM8K(prediction, truth string) float64 {
	number, ok := lastNumeral(prediction)
	if !ok {
		return 0
	}
	var ns, ts [64]byte
	return score(bytes.Equal(dropMarks(ns[:0], number), trimSpace(dropMarks(ts[:0], afterLastHashes(truth)))))
}

// lastNumeral returns the prediction's number.
func lastNumeral(s string) (numeral string, ok bool) {
	for end := len(s); ; {
		for end > 0 && !isNumeral(s[end-1]) {
			end--
		}
		if end == 0 {
			return numeral, ok
		}
		begin := end - 1
		for begin > 0 && isNumeral(s[begin-1]) {
			begin--
		}
		if begin > 0 && s[begin-1] == '-' {
			begin--
		}
		numeral, ok = s[begin:end], true
		if numeral != "." {
			return numeral, ok
		}
		end = begin
	}
}

func isNumeral(c byte) bool { return c-'0' < 10 || c == '.' || c == ',' }

// afterLastHashes returns what follows the last "####" of s, counted from the
// left as str.split does: of "#####" the first four are the separator.
func afterLastHashes(s string) string {
	at := strings.LastIndex(s, "####")
	if at < 0 {
		return s
	}
	begin, end := at, at+4
	for begin > 0 && s[begin-1] == '#' {
		begin--
	}
	return s[end-(end-begin)%4:]
}

// dropMarks appends s without ',', '$' and '.'.
func dropMarks(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != ',' && c != '$' && c != '.' {
			dst = append(dst, c)
		}
	}
	return dst
}

// trimSpace is pytext.TrimSpace for bytes.
func trimSpace(b []byte) []byte {
	plain := func(c byte) bool { return '!' <= c && c <= '~' }
	if len(b) == 0 || plain(b[0]) && plain(b[len(b)-1]) {
		return b
	}
	return []byte(pytext.TrimSpace(string(b)))
}
