package rounds

import (
	"context"
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// A Rule says what the next round calls. A run asks it before the first round and
// after each; a resumed run asks from the beginning, so that the answer should
// depend on what it is given alone.
type Rule interface {
	// Next returns the round that follows. One that has nothing new, and is not
	// the last, is an error of the run.
	Next(ctx context.Context, s *State) (Round, error)
}

// State is what a rule is given. It is not to be changed or kept.
type State struct {
	// Queries are all queries, Train of them for training, which come first.
	Queries []llmrouterdata.StandardQueryData
	Train   int
	// Candidates are those that are called, in the order of llm_data.
	Candidates []llmrouterdata.Candidate
	// Round is the round that has ended, without queries before the first.
	Round Round
	// Answered is what its candidates made of its training queries, as
	// [routers.FromTable] has it: candidates and queries without a single score are
	// not there. It is nil where none has a score.
	Answered *routers.Data
}

// A Round is what is called: each of the candidates for each of the queries.
type Round struct {
	// Queries are numbers of State.Queries, each once, in the order in which they
	// are called: when the budget is spent the first of them have all their rows.
	Queries []int
	// Candidates are numbers of State.Candidates, in ascending order.
	Candidates []int
	// Last says that no round follows: the data set is that of this round.
	Last bool
}

// check demands that a round can be.
func (r *Round) check(s *State) error {
	if len(r.Queries) == 0 || len(r.Candidates) == 0 {
		return fmt.Errorf("rounds: the rule gave a round of %d queries and %d candidates", len(r.Queries), len(r.Candidates))
	}
	seen := make([]bool, len(s.Queries))
	for _, q := range r.Queries {
		if q < 0 || q >= len(seen) || seen[q] {
			return fmt.Errorf("rounds: the rule gave query %d of %d, or gave it twice", q, len(seen))
		}
		seen[q] = true
	}
	for i, c := range r.Candidates {
		if c < 0 || c >= len(s.Candidates) || i > 0 && c <= r.Candidates[i-1] {
			return fmt.Errorf("rounds: the rule gave candidate %d of %d, or not in ascending order", c, len(s.Candidates))
		}
	}
	if !r.Last && !r.adds(&s.Round) {
		return errors.New("rounds: the rule gave a round that has nothing new and is not the last")
	}
	return nil
}

// adds reports whether a round has a pair that the one before it had not.
func (r *Round) adds(before *Round) bool {
	return !contains(before.Queries, r.Queries) || !contains(before.Candidates, r.Candidates)
}

// contains reports whether a list of numbers has all of another.
func contains(list, part []int) bool {
	has := make(map[int]bool, len(list))
	for _, n := range list {
		has[n] = true
	}
	for _, n := range part {
		if !has[n] {
			return false
		}
	}
	return true
}
