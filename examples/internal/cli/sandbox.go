package cli

import (
	"context"
	"errors"

	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// OpenMetrics returns the metrics with code_eval in the best sandbox that this
// machine has, and what closes it. Without a sandbox code_eval evaluates
// nothing, and why says so.
func (e Env) OpenMetrics(ctx context.Context) (registry metrics.Registry, why error, closeSandbox func(), err error) {
	open := e.Sandbox
	if open == nil {
		open = func(ctx context.Context) (codeeval.Sandbox, error) {
			return codeeval.Open(ctx, &codeeval.Options{Logger: e.Logger()})
		}
	}
	sandbox, err := open(ctx)
	if errors.Is(err, codeeval.ErrNoSandbox) {
		return metrics.Builtin(), err, func() {}, nil
	}
	if err != nil {
		return registry, nil, nil, err
	}
	registry, err = metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
	if err != nil {
		return registry, nil, nil, errors.Join(err, sandbox.Close())
	}
	return registry, nil, func() { _ = sandbox.Close() }, nil
}
