package shards

import (
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/internal/shared"
)

// share has the runs with these options share a client, an encoder and metrics. A
// client that is not the caller's shares cooldowns with those of other processes.
func (f *Folder) share(o *pipeline.Options) (*shared.Resources, error) {
	resources := shared.Share(o)
	if o.Client == nil {
		cooldowns, err := OpenCooldowns(f.dir, o.Logger)
		if err != nil {
			return nil, err
		}
		client, err := chat.New(&chat.Options{Logger: o.Logger, Cooldowns: cooldowns})
		if err != nil {
			return nil, err
		}
		o.Client = client
		resources.Own(client, cooldowns)
	}
	o.Client = Limit(o.Client, o.Workers)
	return resources, nil
}
