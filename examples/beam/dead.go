package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// DeadLetter is a query that has no rows, and why.
type DeadLetter struct {
	Shard string `json:"shard"`
	// File and Line, from 1, say where the query stands.
	File string `json:"file"`
	Line int    `json:"line"`
	// Stage is "read" for a line that is no query, "check" for a query without
	// prompt or metric, "embed" for a text that the encoder refuses.
	Stage string `json:"stage"`
	Task  string `json:"task_name,omitempty"`
	Error string `json:"error"`
	// Record is the line, cut short after 64 KiB.
	Record string `json:"record"`
}

// maxCauses is how many causes of dead letters an error tells.
const maxCauses = 5

// checkDead demands that not all queries of a split are dead letters, and no more
// than a share of them. Where a run was handed over its reports may not be there
// yet, and there is nothing to check.
func checkDead(work string, most float64) error {
	good, dead := map[string]int{}, map[string]int{}
	err := each(reportFile(work), func(r Report) {
		good[r.Split] += r.Queries
		dead[r.Split] += r.DeadLetters
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var bad []string
	for _, split := range []string{"train", "test"} {
		if n, all := dead[split], good[split]+dead[split]; n > 0 && (n == all || float64(n) > most*float64(all)) {
			bad = append(bad, fmt.Sprintf("%d of %d queries of the %s split", n, all, split))
		}
	}
	if bad == nil {
		return nil
	}
	causes, err := causesOfDeath(work)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s have no rows, more than --max_dead %v allows, or all of them; nothing is merged. They are in %s: %s",
		strings.Join(bad, " and "), most, deadLetterFile(work), causes)
}

// causesOfDeath says of what the dead letters are, the most frequent cause first,
// with the first line of each.
func causesOfDeath(work string) (string, error) {
	type cause struct {
		n     int
		first DeadLetter
	}
	causes := map[string]*cause{}
	err := each(deadLetterFile(work), func(d DeadLetter) {
		c := causes[d.Error]
		if c == nil {
			c = &cause{first: d}
			causes[d.Error] = c
		}
		c.n++
		if cmp.Or(cmp.Compare(d.File, c.first.File), cmp.Compare(d.Line, c.first.Line)) < 0 {
			c.first = d
		}
	})
	if err != nil {
		return "", err
	}
	list := slices.SortedFunc(maps.Values(causes), func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.first.File, b.first.File), cmp.Compare(a.first.Line, b.first.Line))
	})
	var said []string
	for i, c := range list {
		if i == maxCauses {
			said = append(said, fmt.Sprintf("%d causes more", len(list)-i))
			break
		}
		said = append(said, fmt.Sprintf("%d because of %s (first %s:%d)", c.n, c.first.Error, c.first.File, c.first.Line))
	}
	return strings.Join(said, "; "), nil
}
