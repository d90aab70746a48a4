package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// A Relay is a call whose request somebody else has written, and whose answer
// goes on to them as it comes.
type Relay struct {
	// Target is the candidate to call, as [Resolve] made it.
	Target Target
	// Body is the request. The model's name is replaced by the target's, and the
	// candidate's own params come before what the request says.
	Body *Body
	// To gets the answer as the service sent it, but for whole keys of ours, which
	// are struck out: with one Write where it is whole, and one for each event
	// where it is a stream. Nothing is written before something of the answer has
	// come that the model wrote, so that what fails before can be tried again;
	// nothing is tried again after.
	To io.Writer
	// Drain is that of [Request].
	Drain <-chan struct{}
}

// Relay makes one call and passes its answer on. Whatever the model answers is an
// answer: a call of tools, a refusal, one that was cut for its length. It is
// otherwise as [Client.Complete], with the same errors. Where r.To fails, the
// error wraps its own. After an error something may have been written.
func (c *Client) Relay(ctx context.Context, r Relay) (Response, error) {
	if r.Body == nil || r.To == nil {
		return Response{}, fmt.Errorf("chat: candidate %q: the relay has no body, or nowhere to write to", r.Target.Name)
	}
	return c.do(ctx, &call{target: r.Target, asked: r.Body, drain: r.Drain, budget: c.o.Budget, pass: &passing{to: r.To}})
}

// passing is the passing on of an answer. A nil one passes nothing on.
type passing struct {
	to    io.Writer
	held  [][]byte // events that came before one that tells something
	begun bool
	err   error // of to

	// Of the attempt: whether the answer is to be passed on, by the name of the
	// model that gave it, and what of it is not to be shown.
	admit func(model string) *Error
	clean func(text string) string
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
// back until then.
func (p *passing) event(text []byte, tells bool, model string) error {
	if !p.begun {
		p.held = append(p.held, text)
		if !tells {
			return nil
		}
		return p.begin(model)
	}
	return p.write(text)
}

// begin passes on what is held.
func (p *passing) begin(model string) error {
	if e := p.admit(model); e != nil {
		return e
	}
	held := p.held
	p.held = nil
	for _, text := range held {
		if err := p.write(text); err != nil {
			return err
		}
	}
	return nil
}

func (p *passing) write(text []byte) error {
	p.begun = true
	_, p.err = p.to.Write([]byte(p.clean(string(text))))
	return p.err
}

// passOn passes on the event that ends here, unless it says that the answer
// failed.
func (r *reading) passOn(e *event) error {
	raw := bytes.TrimRight(e.raw, "\n")
	e.raw = nil
	switch {
	case r.pass == nil, len(raw) == 0, !r.asked.stream:
		return nil
	case r.failure != nil:
		return r.failure
	case endingOf(r.finish) == endBroken:
		return r.end(true, nil)
	}
	tells := r.text.len() > 0 || r.thought.Len() > 0 || r.refusal.Len() > 0 || r.tools || r.finish != ""
	return r.pass.event(append(raw, "\n\n"...), tells, r.model)
}

// passRest passes on what is left of an answer that was read; err is why it is
// none in the eyes of a caller who asked for text. What the model answered is
// passed on all the same.
func (r *reading) passRest(err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case r.pass.err != nil, err != nil && !(ok && answers(e.Kind)):
		return err
	case r.streamed != r.asked.stream:
		return bad(KindInvalidJSON, "a stream where none was asked for, or none where one was")
	case r.pass.begun:
		return nil
	}
	return r.pass.begin(r.model)
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
