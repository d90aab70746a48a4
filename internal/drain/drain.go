// Package drain ends work that a graceful shutdown does not wait for.
package drain

import "context"

// Context returns a context that ends with ctx and, with the cause given, when
// drain is closed; nil never is. The caller calls the function when the work has
// ended.
func Context(ctx context.Context, drain <-chan struct{}, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-drain:
			cancel(cause)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
