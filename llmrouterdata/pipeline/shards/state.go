package shards

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// What a [State] says of a shard.
const (
	waiting = "waiting" // nobody works on it, and it is not done
	running = "running"
	done    = "done"
	stopped = "stopped" // its calls ended early; the next process goes on
	failed  = "failed"
)

// State is how far a shard has come.
type State struct {
	// Shard is the name.
	Shard string `json:"shard"`
	// Status is "waiting", "running", "done", "stopped" (its calls ended early: the
	// next process goes on from the journal) or "failed".
	Status string `json:"status"`
	// Error says why the shard is stopped or failed.
	Error string `json:"error,omitempty"`
	// Queries is the hash of the queries that it is of; Asked is equal where the
	// same is asked of the same candidates, and Encoder where vectors are.
	Queries string `json:"queries"`
	Asked   string `json:"asked"`
	Encoder string `json:"encoder,omitempty"`
	// Host and PID are those of the last process.
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Updated is when this was written.
	Updated time.Time `json:"updated"`
	// Pairs is how many calls there are, Done how many have an outcome: Resumed
	// from the journal, the others by the last process. Failed of them failed.
	Pairs   int `json:"pairs"`
	Done    int `json:"done"`
	Resumed int `json:"resumed"`
	Failed  int `json:"failed"`
	// Rate is the calls per second of the process that runs.
	Rate float64 `json:"rate"`
	// CostUSD is what all calls of the shard have cost, those of earlier processes
	// included; while it is running, what earlier ones have paid. SpentUSD is what
	// its last process has paid.
	CostUSD  float64 `json:"cost_usd"`
	SpentUSD float64 `json:"spent_usd"`
}

// state returns what is written of a shard; waiting where nothing is.
func (f *Folder) state(s Shard) (State, error) {
	state := State{Shard: s.Name, Status: waiting}
	name := f.in(s, "state.json")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		return state, fmt.Errorf("shards: %s: %w", name, err)
	}
	return state, nil
}

// put writes the state of a shard that this process has claimed.
func (f *Folder) put(s Shard, state *State) error {
	state.Updated = time.Now()
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(f.in(s, "state.json"), append(text, '\n'))
}

// isDone reports whether the state is that of the shard's queries, all done.
func (s *State) isDone(shard Shard) bool {
	return s.Status == done && s.Queries == shard.SHA256
}

// paid is what all calls of the shard have cost, as far as is written.
func (s *State) paid() float64 {
	if s.Status == running {
		return s.CostUSD + s.SpentUSD
	}
	return s.CostUSD
}

// progress takes up how far the calls have come.
func (s *State) progress(p pipeline.Progress) {
	s.Pairs, s.Done, s.Resumed, s.Failed = p.Total, p.Done, p.Resumed, p.Failed
	s.Rate, s.SpentUSD = p.Rate, p.CostUSD
}

// ended takes up what became of the shard. The report may be nil.
func (s *State) ended(report *pipeline.Report, err error) {
	s.Rate = 0
	if report != nil {
		s.Pairs, s.Done, s.Resumed, s.Failed = report.Pairs, report.Pairs-report.Missing, report.Resumed, report.Failed
		s.CostUSD, s.SpentUSD = report.CostUSD, report.SpentUSD
	}
	switch {
	case err == nil:
		s.Status = done
		return
	case endsEarly(err):
		s.Status = stopped
	default:
		s.Status = failed
	}
	s.Error = err.Error()
}
