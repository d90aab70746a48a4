package shards

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Status is how far the shards of a folder have come.
type Status struct {
	// Shards is how many there are: those Done, Running, Failed, and Waiting for
	// whoever comes next, the interrupted ones among them.
	Shards  int `json:"shards"`
	Done    int `json:"done"`
	Running int `json:"running"`
	Failed  int `json:"failed"`
	Waiting int `json:"waiting"`
	// Calls are all calls of all shards, CallsDone those that have an outcome, as
	// far as is written, and CallsFailed the failed ones among them.
	Calls       int `json:"calls"`
	CallsDone   int `json:"calls_done"`
	CallsFailed int `json:"calls_failed"`
	// CostUSD is what the calls have cost so far, about.
	CostUSD float64 `json:"cost_usd"`
	// Rate is the calls per second of the processes that run, SecondsLeft the time
	// until all calls are made at this rate; 0 while unknown.
	Rate        float64 `json:"rate"`
	SecondsLeft float64 `json:"seconds_left"`
	// States are those of the shards, in order.
	States []State `json:"states"`
}

// Status looks at all shards. It disturbs no process.
func (f *Folder) Status(c *llmrouterdata.Config) (*Status, error) {
	if err := c.Require("llm_data"); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	models := len(llmrouterdata.CalledNames(candidates))
	status := &Status{Shards: len(f.shards)}
	for _, s := range f.shards {
		state, err := f.look(s)
		if err != nil {
			return nil, err
		}
		state.Pairs = cmp.Or(state.Pairs, models*s.Count)
		status.add(state)
	}
	if status.Rate > 0 {
		status.SecondsLeft = float64(status.Calls-status.CallsDone) / status.Rate
	}
	return status, nil
}

// look returns the state of a shard as it is now: of a process that was killed,
// the state says that it runs.
func (f *Folder) look(s Shard) (State, error) {
	state, err := f.state(s)
	if err != nil {
		return state, err
	}
	if state.Status == running {
		claimed, err := f.claimed(s)
		if err != nil {
			return state, err
		}
		if !claimed {
			state.CostUSD, state.Status, state.Rate = state.paid(), stopped, 0
			state.Error = "its process has ended without a word"
		}
	}
	if state.Status != waiting && state.Queries != s.SHA256 {
		return State{Shard: s.Name, Status: waiting}, nil // it was cut anew
	}
	return state, nil
}

func (s *Status) add(state State) {
	switch state.Status {
	case done:
		s.Done++
	case running:
		s.Running++
	case failed:
		s.Failed++
	default:
		s.Waiting++
	}
	s.Calls += state.Pairs
	s.CallsDone += state.Done
	s.CallsFailed += state.Failed
	s.CostUSD += state.paid()
	s.Rate += state.Rate
	s.States = append(s.States, state)
}

// WriteText writes the sums, and a line for each shard that runs or failed.
func (s *Status) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d shards: %d done, %d running, %d failed, %d waiting\n", s.Shards, s.Done, s.Running, s.Failed, s.Waiting)
	fmt.Fprintf(&b, "%d of %d calls, %d failed, %.6f USD", s.CallsDone, s.Calls, s.CallsFailed, s.CostUSD)
	if s.Rate > 0 {
		fmt.Fprintf(&b, ", %.1f/s, %.0f s left", s.Rate, s.SecondsLeft)
	}
	b.WriteString("\n")
	for _, state := range s.States {
		if state.Status == running || state.Error != "" {
			fmt.Fprintf(&b, "%s %s: %d of %d calls, on %s, pid %d", state.Shard, state.Status, state.Done, state.Pairs, state.Host, state.PID)
			if state.Error != "" {
				fmt.Fprintf(&b, ": %s", strings.ReplaceAll(state.Error, "\n", "; "))
			}
			b.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
