// Package spell finds the names that a mistyped one may have meant.
package spell

import (
	"cmp"
	"slices"
	"strings"
)

// Near returns up to three of the names that are spelled much like name,
// letter case, dashes, underscores and blanks not counted: about a third of it may
// differ, or it is the beginning of one. The nearest come first.
func Near(name string, names []string) []string { return near(name, names, true) }

// Mistyped is Near without the names that name is only the beginning of: what
// it returns differs in some letters alone.
func Mistyped(name string, names []string) []string { return near(name, names, false) }

func near(name string, names []string, beginnings bool) []string {
	if name == "" || len(name) > maxLen {
		return nil
	}
	folded := fold(name)
	type miss struct {
		name     string
		distance int
	}
	var misses []miss
	for _, n := range names {
		if len(n) > maxLen {
			continue
		}
		f := fold(n)
		d := editDistance(folded, f)
		if d > max(1, (len(folded)+1)/3) {
			if !beginnings || !strings.HasPrefix(f, folded) || len(folded) < 2 {
				continue
			}
			d = len(f) // the beginning of a name: after all typing errors
		}
		misses = append(misses, miss{n, d})
	}
	slices.SortStableFunc(misses, func(a, b miss) int { return cmp.Compare(a.distance, b.distance) })
	if len(misses) > 0 && misses[0].distance == 0 { // only the letter case is wrong
		misses = slices.DeleteFunc(misses, func(m miss) bool { return m.distance > 0 })
	}
	var out []string
	for _, m := range misses[:min(maxNames, len(misses))] {
		out = append(out, m.name)
	}
	return out
}

// fold leaves out what does not count.
func fold(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// editDistance is the Levenshtein distance of two short texts, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
