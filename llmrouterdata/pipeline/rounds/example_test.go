package rounds_test

import (
	"context"
	"fmt"
	"log"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/rounds"
)

// upTo is a rule of one's own: all candidates for the first queries of each task,
// and no second round.
type upTo int

func (n upTo) Next(_ context.Context, s *rounds.State) (rounds.Round, error) {
	round := rounds.Round{Last: true}
	of := map[string]int{}
	for i, q := range s.Queries {
		if of[q.TaskName]++; of[q.TaskName] <= int(n) {
			round.Queries = append(round.Queries, i)
		}
	}
	for c := range s.Candidates {
		round.Candidates = append(round.Candidates, c)
	}
	return round, nil
}

// A program brings a rule of its own; rounds.Run takes it.
func ExampleRule() {
	s := &rounds.State{Candidates: []llmrouterdata.Candidate{{Name: "small"}, {Name: "large"}}}
	for _, task := range []string{"gsm8k", "gsm8k", "gsm8k", "mbpp"} {
		s.Queries = append(s.Queries, llmrouterdata.StandardQueryData{TaskName: task})
	}
	var rule rounds.Rule = upTo(2)
	round, err := rule.Next(context.Background(), s)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(round.Queries, round.Candidates, round.Last)
	// Output: [0 1 3] [0 1] true
}
