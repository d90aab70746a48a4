package shards

import (
	"context"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// Limit returns a client that has at most n calls of another one under way at
// once, n from 1, whichever of the runs that share it they are of. The others
// wait, and a graceful shutdown gives them up.
func Limit(client pipeline.Client, n int) pipeline.Client {
	return &limited{client, make(chan struct{}, n)}
}

type limited struct {
	client pipeline.Client
	slots  chan struct{}
}

func (l *limited) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	select {
	case l.slots <- struct{}{}:
	case <-r.Drain:
		return chat.Response{}, chat.ErrDrained
	case <-ctx.Done():
		return chat.Response{}, ctx.Err()
	}
	defer func() { <-l.slots }()
	return l.client.Complete(ctx, r)
}

// Budget is that of the client; nil: it has none.
func (l *limited) Budget() *chat.Budget {
	if c, ok := l.client.(interface{ Budget() *chat.Budget }); ok {
		return c.Budget()
	}
	return nil
}
