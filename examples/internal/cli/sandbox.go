package cli

import (
	"context"

	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// OpenMetrics returns the metrics with code_eval in a sandbox, where this
// machine has one, and what closes it. Without a sandbox code_eval evaluates
// nothing, and why says so.
func (e Env) OpenMetrics(ctx context.Context) (registry metrics.Registry, why error, closeSandbox func(), err error) {
	sandbox, why := codeeval.OpenNative(ctx, nil)
	if why != nil {
		return metrics.Builtin(), why, func() {}, nil
	}
	registry, err = metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
	if err != nil {
		sandbox.Close()
		return registry, nil, nil, err
	}
	return registry, nil, func() { sandbox.Close() }, nil
}
