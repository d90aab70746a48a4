package chat_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

type told struct{ Label, Model string }

// board is what clients tell one another.
type board struct {
	mu    sync.Mutex
	until map[told]time.Time
}

func (b *board) Tell(label, model string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until[told{label, model}] = until
}

func (b *board) Until(label, model string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until[told{label, model}]
}

// A client tells which keys cool down and for how long: with a model, or whole
// where the service speaks of the account. It leaves those alone that others tell
// of, until their time is over.
func TestCooldownsAreShared(t *testing.T) {
	for _, of := range []told{{"key-1", "m"}, {"key-1", ""}} {
		synctest.Test(t, func(t *testing.T) {
			shared := &board{until: map[told]time.Time{}}
			refusal := reply{status: 429, header: map[string]string{"Retry-After": "20"}}
			if of.Model == "" {
				refusal.body = `{"error":{"message":"too many requests of your account"}}`
			}
			first := newClient(t, chat.Options{Attempts: 1, Cooldowns: shared, Transport: &script{next: always(refusal)}})
			began := time.Now()
			if _, err := first.Complete(t.Context(), ask(resolve(t, remote, []string{"a"}, "m")[0], "x")); err == nil {
				t.Error("it was answered")
			}
			if diff := cmp.Diff(map[told]time.Time{of: began.Add(20 * time.Second)}, shared.until); diff != "" {
				t.Errorf("told: %s", diff)
			}
			second := newClient(t, chat.Options{Cooldowns: shared, Transport: &script{next: always(reply{})}})
			if _, err := second.Complete(t.Context(), ask(resolve(t, remote, []string{"a", "b"}, "m")[0], "x")); err != nil || !time.Now().Equal(began) {
				t.Errorf("with another key: %v after %v", err, time.Since(began))
			}
			if _, err := second.Complete(t.Context(), ask(resolve(t, remote, []string{"a"}, "m")[0], "x")); err != nil || time.Since(began) != 20*time.Second {
				t.Errorf("with this key: %v after %v", err, time.Since(began))
			}
		})
	}
}
