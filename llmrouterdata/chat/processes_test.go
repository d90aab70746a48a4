package chat_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// Several clients that stand for processes with the same key pass no limit
// together that one would have kept, whether it is the key's or the candidate's.
func TestProcesses(t *testing.T) {
	for name, o := range map[string]struct {
		key, candidate int
	}{"key": {key: 13}, "candidate": {candidate: 13}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const processes, calls = 3, 10
				server := chaos.New(chaos.Config{})
				transport, stop := server.Pipe()
				defer stop()
				var running sync.WaitGroup
				began := time.Now()
				for range processes {
					client, err := chat.New(&chat.Options{Transport: transport, Processes: processes, Limits: chat.Limits{RequestsPerMinute: o.key}})
					if err != nil {
						t.Fatal(err)
					}
					targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "a", Model: "a", Workers: 7, RequestsPerMinute: o.candidate}},
						chaos.PipeURL, chat.Keys{}, &chat.ResolveOptions{Processes: processes})
					if err != nil {
						t.Fatal(err)
					}
					if targets[0].Workers != 2 {
						t.Errorf("%d workers of 7", targets[0].Workers)
					}
					for range calls {
						running.Go(func() {
							if _, err := client.Complete(t.Context(), chat.Request{Target: targets[0], Prompt: chat.Prompt{User: "?"}}); err != nil {
								t.Error(err)
							}
						})
					}
				}
				time.Sleep(time.Minute - time.Second)
				if n := server.Stats().Requests; n != 12 { // 4 each: the 13th has no process
					t.Errorf("%d requests in the first minute, want 12", n)
				}
				running.Wait()
				if took := time.Since(began); took < 2*time.Minute || took > 3*time.Minute {
					t.Errorf("10 calls of each process, 4 a minute, took %v", took)
				}
			})
		})
	}
}
