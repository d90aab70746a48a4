package hub

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrIncomplete: files are missing of those that hold a split together.
var ErrIncomplete = errors.New("files are missing")

var (
	// numberedShard is a name by the libraries that datasets are written with;
	// older ones add 16 hex digits.
	numberedShard = regexp.MustCompile(`^(.*)-(\d{1,9})-of-(\d{1,9})(?:-[0-9a-f]{16})?(\.[^/]*)$`)
	// exportedShard is a name in the hub's own conversion.
	exportedShard = regexp.MustCompile(`^(?:(.*)/)?(\d{4})\.parquet$`)
	// exportedPart is the folder of such files where they are very many.
	exportedPart = regexp.MustCompile(`^(.*)-part(\d{1,9})$`)
)

// digits is a number in a name.
var digits = regexp.MustCompile(`\d+`)

// byValue puts the number of its digits before each number in a name, so that
// the order of texts is that of the numbers.
func byValue(name string) string {
	return digits.ReplaceAllStringFunc(name, func(n string) string {
		n = strings.TrimLeft(n, "0")
		return fmt.Sprintf("%09d", len(n)) + n
	})
}

// shard is what a file's name tells of its place in a split.
type shard struct {
	name         string
	set          string // what the split's files have in common
	part, number int
	total        int // 0 where the name does not tell
}

func parseShard(name string) (shard, bool) {
	s := shard{name: name}
	if m := numberedShard.FindStringSubmatch(name); m != nil {
		s.set = m[1] + m[4] + " of " + m[3]
		s.number, _ = strconv.Atoi(m[2]) // at most nine digits
		s.total, _ = strconv.Atoi(m[3])
		return s, true
	}
	if m := exportedShard.FindStringSubmatch(name); m != nil {
		s.set = m[1]
		s.number, _ = strconv.Atoi(m[2])
		if p := exportedPart.FindStringSubmatch(m[1]); p != nil {
			s.set = p[1]
			s.part, _ = strconv.Atoi(p[2])
		}
		return s, true
	}
	return s, false
}

// Shards puts the files of one split in the order of their rows, by the numbers
// in their names: "train-00000-of-00003.parquet" as the authors of datasets
// store them, "train/0000.parquet" (or "train-part0/0000.parquet") as the hub
// converts them. It is an ErrIncomplete if one is missing, is a duplicate or
// belongs to another set. Other names are put in their own order, numbers in
// them by their value: "data_2.parquet" before "data_10.parquet".
func Shards(names []string) ([]string, error) {
	shards := make([]shard, len(names))
	numbered := 0
	for i, name := range names {
		var ok bool
		if shards[i], ok = parseShard(name); ok {
			numbered++
		}
	}
	if numbered == 0 {
		sorted := slices.Clone(names)
		slices.SortFunc(sorted, func(a, b string) int { return cmp.Or(cmp.Compare(byValue(a), byValue(b)), cmp.Compare(a, b)) })
		return sorted, nil
	}
	slices.SortFunc(shards, func(a, b shard) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
	})
	if err := checkShards(shards); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	out := make([]string, len(shards))
	for i, s := range shards {
		out[i] = s.name
	}
	return out, nil
}

// checkShards holds that sorted shards are a whole set.
func checkShards(shards []shard) error {
	first := shards[0]
	for i, s := range shards[1:] {
		if s.set != first.set || s.part == shards[i].part && s.number == shards[i].number {
			return fmt.Errorf("file %s belongs to another set of shards than its neighbours", s.name)
		}
	}
	part := first.part
	for len(shards) > 0 {
		n := 0
		for n < len(shards) && shards[n].part == part {
			n++
		}
		if n == 0 {
			return fmt.Errorf("part %d of the shards is missing", part)
		}
		total := cmp.Or(first.total, n)
		for i := range total {
			if i >= n || shards[i].number != i {
				return fmt.Errorf("shard %d of %d is missing", i, total)
			}
		}
		if n > total {
			return fmt.Errorf("more shards than the %d announced", total)
		}
		shards = shards[n:]
		part++
	}
	return nil
}
