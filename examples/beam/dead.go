package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics"
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
	for _, split := range []string{shards.Train, shards.Test} {
		if n, all := dead[split], good[split]+dead[split]; n > 0 && (n == all || float64(n) > most*float64(all)) {
			bad = append(bad, fmt.Sprintf("%d of %d queries of the %s split", n, all, split))
		}
	}
	if bad == nil {
		return nil
	}
	c := causes{}
	if err := each(deadLetterFile(work), c.add); err != nil {
		return err
	}
	return fmt.Errorf("%s have no rows, more than --max_dead %v allows, or all of them; nothing is merged. They are in %s: %s",
		strings.Join(bad, " and "), most, deadLetterFile(work), c)
}

// checkShards demands that some query of each split can have rows, if it has any,
// before anything is called and paid for: as far as the queries themselves tell,
// without an encoder.
func checkShards(ctx context.Context, f *shards.Folder) error {
	prompts, registry := chat.BuiltinPrompts(), metrics.Builtin()
	for _, split := range []string{shards.Train, shards.Test} {
		alive, n, c := false, 0, causes{}
		for _, s := range f.Shards() {
			if s.Split != split {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			good, dead, err := readShard(f, s, &prompts, &registry)
			if err != nil {
				return err
			}
			if alive = len(good) > 0; alive {
				break
			}
			n += len(dead)
			for _, d := range dead {
				c.add(d)
			}
		}
		if !alive && n > 0 {
			return fmt.Errorf("%d of %d queries of the %s split can have no rows; nothing is called: %s", n, n, split, c)
		}
	}
	return nil
}

// causes are why there are dead letters, by the error.
type causes map[string]*cause

type cause struct {
	n     int
	first DeadLetter
}

func (c causes) add(d DeadLetter) {
	known := c[d.Error]
	if known == nil {
		known = &cause{first: d}
		c[d.Error] = known
	}
	known.n++
	if cmp.Or(cmp.Compare(d.File, known.first.File), cmp.Compare(d.Line, known.first.Line)) < 0 {
		known.first = d
	}
}

// String tells the causes, the most frequent first, with the first line of each.
func (c causes) String() string {
	list := slices.SortedFunc(maps.Values(c), func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.first.File, b.first.File), cmp.Compare(a.first.Line, b.first.Line))
	})
	var said []string
	for i, one := range list {
		if i == maxCauses {
			said = append(said, fmt.Sprintf("%d causes more", len(list)-i))
			break
		}
		said = append(said, fmt.Sprintf("%d because of %s (first %s:%d)", one.n, one.first.Error, one.first.File, one.first.Line))
	}
	return strings.Join(said, "; ")
}
