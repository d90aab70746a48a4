package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A Relay is a call whose request somebody else has written, and whose answer
// goes on to them as it comes.
type Relay struct {
	// Target is the candidate to call, as [Resolve] made it.
	Target Target
	// Body is the request. The model's name is replaced by the target's, and the
	// candidate's own params come before what the request says.
	Body *Body
	// To gets the answer as the service sent it, byte for byte but for whole keys of
	// ours, which are struck out: with one Write where it is whole, and one for each
	// event, and for each comment between events, where it is a stream. Nothing is
	// written before something has come that the model wrote, so that what fails
	// before can be tried again; nothing is tried again after. A stream in which
	// something comes for 10 s, if only comments, begins without that. While a Write
	// lasts the time of the attempt stands still.
	To io.Writer
	// Drain is that of [Request].
	Drain <-chan struct{}
}

// Relay makes one call and passes its answer on. Whatever the model answers is an
// answer: a call of tools, a refusal, sound, one that was cut for its length. It is
// otherwise as [Client.Complete], with the same errors, and these differences, as the
// request is not ours:
//   - what a service says of the request counts for the request alone; see
//     [Error].Isolated;
//   - calls that time out before anything comes count for the circuit breaker, as
//     somebody waits;
//   - one that the budget does not allow leaves the budget to others.
//
// Where r.To fails, the error wraps its own. After an error something may have been
// written.
func (c *Client) Relay(ctx context.Context, r Relay) (Response, error) {
	if r.Body == nil || r.To == nil {
		return Response{}, fmt.Errorf("chat: candidate %q: the relay has no body, or nowhere to write to", r.Target.Name)
	}
	return c.do(ctx, &call{target: r.Target, asked: r.Body, drain: r.Drain, budget: c.o.Budget, pass: &passing{to: r.To}})
}

// passing is the passing on of an answer. A nil one passes nothing on.
type passing struct {
	to    io.Writer
	begun bool
	err   error // of to

	// Of the attempt.
	began  time.Time
	clock  *clock
	held   [][]byte                  // events that came before one that tells something
	admit  func(model string) *Error // whether the answer is to be passed on, by the model that gave it
	pieces *service.Pieces           // what of it is not to be shown
}

// hasBegun reports whether something was passed on.
func (p *passing) hasBegun() bool { return p != nil && p.begun }

// failed returns why nothing more can be passed on, nil where it can.
func (p *passing) failed() error {
	if p == nil {
		return nil
	}
	return p.err
}

// event passes an event on. Those before the first that tells something are held
// back until then, for as long as the client can do without a sign of life.
func (p *passing) event(text []byte, tells bool, model string) error {
	p.held = append(p.held, text)
	if !p.begun && !tells && time.Since(p.began) < signOfLife {
		return nil
	}
	return p.release(model)
}

// release passes on what is held, but for what may hold a key.
func (p *passing) release(model string) error {
	if !p.begun {
		if e := p.admit(model); e != nil {
			return e
		}
	}
	held := p.held
	p.held = nil
	for _, text := range held {
		if err := p.write(p.pieces.Add(text)); err != nil {
			return err
		}
	}
	return nil
}

func (p *passing) write(texts [][]byte) error {
	for _, text := range texts {
		p.begun = true
		p.clock.stop()
		_, p.err = p.to.Write(text)
		p.clock.goOn()
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

// passOn passes on what was read of a stream, unless it says that the answer failed.
func (r *reading) passOn(text []byte) error {
	switch {
	case len(text) == 0, !r.streamed:
		return nil
	case r.failure != nil:
		return r.failure
	case endingOf(r.finish) == endBroken:
		return r.end(true, nil)
	}
	return r.pass.event(text, r.told, r.model)
}

// tells reports whether a piece of a stream holds something that the model wrote, in
// whatever field, or says why it ended.
func tells(text []byte) bool {
	var w struct {
		Choices []struct {
			Delta, Message map[string]any
			Text           any
			FinishReason   any `json:"finish_reason"`
		}
	}
	_ = json.Unmarshal(text, &w) // what has the right type was read
	for _, c := range w.Choices {
		if present(c.Text) || present(c.FinishReason) {
			return true
		}
		for _, fields := range []map[string]any{c.Delta, c.Message} {
			for name, value := range fields {
				if name != "role" && present(value) {
					return true
				}
			}
		}
	}
	return false
}

// passRest passes on what is left of an answer that was read; err is why it is
// none in the eyes of a caller who asked for text. What the model answered is
// passed on all the same.
func (r *reading) passRest(err error) error {
	p := r.pass
	e, ok := errors.AsType[*Error](err)
	switch {
	case p.err != nil:
		return err
	case err != nil && !(ok && answers(e.Kind)):
		if p.begun {
			_ = p.write(p.pieces.Rest())
		}
		return err
	case r.streamed != r.asked.stream:
		e := bad(KindInvalidJSON, "a stream where none was asked for, or none where one was")
		e.Isolated = true
		return e
	}
	if err := p.release(r.model); err != nil {
		return err
	}
	return p.write(p.pieces.Rest())
}

// answers reports whether a failure is an answer to somebody who wants whatever
// the model says.
func answers(k Kind) bool {
	switch k {
	case KindRefusal, KindToolCalls, KindLength, KindNoContent:
		return true
	}
	return false
}
