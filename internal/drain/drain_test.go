package drain

import (
	"context"
	"errors"
	"testing"
)

func TestContext(t *testing.T) {
	cause := errors.New("asked to stop")
	drain := make(chan struct{})
	ctx, cancel := Context(t.Context(), drain, cause)
	defer cancel()
	if ctx.Err() != nil {
		t.Fatal(ctx.Err())
	}
	close(drain)
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), cause) {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}

	outer, stop := context.WithCancel(t.Context())
	inner, cancel := Context(outer, nil, cause)
	defer cancel()
	stop()
	<-inner.Done()
	if !errors.Is(context.Cause(inner), context.Canceled) {
		t.Errorf("the cause is %v", context.Cause(inner))
	}

	ended, cancel := Context(t.Context(), nil, cause)
	cancel()
	if ended.Err() == nil {
		t.Error("the function does not end the context")
	}
}
