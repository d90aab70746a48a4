package shards

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// NotDoneError says that shards are missing for a merge.
type NotDoneError struct {
	// NotDone are the names of the shards that are not done, and Running how many
	// of them a process works on.
	NotDone []string
	Running int
}

func (e *NotDoneError) Error() string {
	names, more := e.NotDone, ""
	if len(names) > 5 {
		names, more = names[:5], fmt.Sprintf(" and %d more", len(e.NotDone)-5)
	}
	return fmt.Sprintf("shards: %d shards are not done, %d of them running: %s%s", len(e.NotDone), e.Running, strings.Join(names, ", "), more)
}

// MergeReport is what [Folder.Merge] has written.
type MergeReport struct {
	dataset.MergeReport
	// Failed is how many of the rows are failed calls.
	Failed int `json:"failed"`
	// CostUSD is what the calls of all shards have cost.
	CostUSD float64 `json:"cost_usd"`
}

// Merge makes of the shards the files that one run with the configuration writes,
// response times apart; see [dataset.Merge]. The error is a *[NotDoneError]
// while shards are missing. Shards that were asked other things, or embedded by
// other models, are no parts of one run and an error.
func (f *Folder) Merge(ctx context.Context, c *llmrouterdata.Config, o *dataset.MergeOptions) (*MergeReport, error) {
	var report MergeReport
	var missing NotDoneError
	var first State
	parts := make([]*llmrouterdata.Config, len(f.shards))
	for i, s := range f.shards {
		state, err := f.state(s)
		if err != nil {
			return nil, err
		}
		if !state.isDone(s) {
			claimed, err := f.claimed(s)
			if err != nil {
				return nil, err
			}
			if claimed {
				missing.Running++
			}
			missing.NotDone = append(missing.NotDone, s.Name)
			continue
		}
		if first.Shard == "" {
			first = state
		}
		if err := first.sameRun(&state); err != nil {
			return nil, err
		}
		parts[i] = f.Config(c, s)
		report.Failed += state.Failed
		report.CostUSD += state.CostUSD
	}
	if len(missing.NotDone) > 0 {
		return nil, &missing
	}
	merged, err := dataset.Merge(ctx, c, parts, o)
	if err != nil {
		return nil, err
	}
	report.MergeReport = *merged
	return &report, nil
}

// sameRun demands that two shards could be of one run.
func (s *State) sameRun(other *State) error {
	if s.Asked != other.Asked {
		return fmt.Errorf("shards: shards %s and %s were asked different things (candidates, models, parameters); run them again with the same ones", s.Shard, other.Shard)
	}
	if s.Encoder != other.Encoder {
		return errors.New("shards: shards " + s.Shard + " and " + other.Shard + " were embedded by different models; remove the state.json of those that are to be embedded again, and run them")
	}
	return nil
}
