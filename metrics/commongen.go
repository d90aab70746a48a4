package metrics

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// CommonGenCoverage is the share of the truth's concepts that the prediction
// holds, 0 to 1: the commongen_coverage of the published data, for CommonGen
// (Lin et al., 2020). The truth is a list of concepts, separated by commas;
// each counts as often as it is listed.
//
// Words are compared in lower case and without one suffix of "ing", "ed", "er"
// and "s", where more than one character stays. The prediction's words are what
// white space separates, marks included: "dogs," does not hold "dog". A concept
// of several words is never held.
//
// It is 0 for a prediction or a truth without words. Time is linear.
func CommonGenCoverage(prediction, truth string) float64 {
	var wanted conceptSet
	for i, end := 0, 0; i <= len(truth); i = end + 1 {
		if end = strings.IndexByte(truth[i:], ','); end < 0 {
			end = len(truth)
		} else {
			end += i
		}
		if concept := pytext.TrimSpace(truth[i:end]); concept != "" {
			wanted.add(stem(pytext.Lower(concept)))
		}
	}
	if wanted.total == 0 {
		return 0
	}
	prediction = pytext.Lower(prediction)
	held := 0
	for i := skipSpace(prediction, 0); i < len(prediction) && held < wanted.total; {
		end := skipWord(prediction, i)
		held += wanted.take(stem(prediction[i:end]))
		i = skipSpace(prediction, end)
	}
	return float64(held) / float64(wanted.total)
}

// conceptSet is a multiset of concepts that are still to be found. As a truth
// has about 25 of them, it has a hash table of its own up to the number that
// fills it well; past that it is a map.
type conceptSet struct {
	total int // concepts added
	list  [conceptBuckets]concept
	used  int                   // of list
	heads [conceptBuckets]uint8 // one more than where each bucket's first concept stands in list
	more  map[string]int        // the concepts that list has no room for: how often each is wanted
}

type concept struct {
	stem   string
	wanted int   // 0 once it is taken
	next   uint8 // as in heads
}

const conceptBuckets = 64

// bucket hashes what is not empty.
func bucket(stem string) int {
	return (len(stem) + 7*int(stem[0]) + 31*int(stem[len(stem)/2]) + 3*int(stem[len(stem)-1])) % conceptBuckets
}

func (c *conceptSet) find(stem string) *concept {
	for i := c.heads[bucket(stem)]; i > 0; {
		w := &c.list[i-1]
		if w.stem == stem {
			return w
		}
		i = w.next
	}
	return nil
}

func (c *conceptSet) add(stem string) {
	c.total++
	if w := c.find(stem); w != nil {
		w.wanted++
		return
	}
	if c.used == len(c.list) {
		if c.more == nil {
			c.more = map[string]int{}
		}
		c.more[stem]++
		return
	}
	head := &c.heads[bucket(stem)]
	c.list[c.used] = concept{stem, 1, *head}
	c.used++
	*head = uint8(c.used)
}

// take returns how often the concept is wanted, and from then on 0.
func (c *conceptSet) take(stem string) int {
	if w := c.find(stem); w != nil {
		n := w.wanted
		w.wanted = 0
		return n
	}
	if c.more == nil {
		return 0
	}
	n := c.more[stem]
	delete(c.more, stem)
	return n
}

// skipWord returns where the first white space stands in s[at:], or len(s).
func skipWord(s string, at int) int {
	for at < len(s) {
		if class := byteClass[s[at]]; class < byteSpace {
			at++
			continue
		} else if class == byteSpace {
			break
		}
		r, size := pytext.DecodeRune(s[at:])
		if pytext.IsSpace(r) {
			break
		}
		at += size
	}
	return at
}

// stem cuts one suffix off a lower-case word that is not empty. As they end in
// different letters, at most one of them fits.
func stem(word string) string {
	suffix := ""
	switch word[len(word)-1] {
	case 'g':
		suffix = "ing"
	case 'd':
		suffix = "ed"
	case 'r':
		suffix = "er"
	case 's':
		suffix = "s"
	default:
		return word
	}
	if rest, ok := strings.CutSuffix(word, suffix); ok && longerThanOne(rest) {
		return rest
	}
	return word
}

// longerThanOne reports whether s holds more than one code point.
func longerThanOne(s string) bool {
	_, size := pytext.DecodeRune(s)
	return size < len(s)
}
