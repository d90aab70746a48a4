package journal

import (
	"encoding/hex"
	"slices"
)

// Part is calls of one candidate that go to a service together, as one batch.
type Part struct {
	// ID is the part's own. It is not empty.
	ID        string `json:"id"`
	Candidate string `json:"candidate,omitempty"`
	// Key is the label of the key whose account has the part.
	Key string `json:"key,omitempty"`
	// Calls are the ids of its calls, as CallID.String gives them.
	Calls []string `json:"calls,omitempty"`
	// File is the service's id of the uploaded requests, Batch that of the
	// accepted batch; "" before.
	File  string `json:"file,omitempty"`
	Batch string `json:"batch,omitempty"`
	// Over says that no more is to be expected of the part.
	Over bool `json:"over,omitempty"`
}

// String is the id in 32 hexadecimal digits.
func (id CallID) String() string { return hex.EncodeToString(id[:]) }

// ParseCallID reads what String gives; the zero id is no call's.
func ParseCallID(text string) (id CallID) {
	if digits, err := hex.DecodeString(text); err == nil && len(digits) == len(id) {
		copy(id[:], digits)
	}
	return id
}

// parts are those that are not over.
type parts struct {
	list []Part            // in the order of their first notes
	open map[string]string // the part by the id of each call that it was to answer and has not
}

// index is the place of a part in the list; -1: it is not there.
func (p *parts) index(id string) int {
	return slices.IndexFunc(p.list, func(known Part) bool { return known.ID == id })
}

// put takes up what a note says: all of a part, or what has changed of it.
func (p *parts) put(change Part) {
	i := p.index(change.ID)
	switch {
	case i < 0 && !change.Over:
		p.list = append(p.list, change)
		if p.open == nil {
			p.open = map[string]string{}
		}
		for _, call := range change.Calls {
			p.open[call] = change.ID
		}
	case i < 0:
	case change.Over:
		for _, call := range p.left(i) {
			delete(p.open, call)
		}
		p.list = slices.Delete(p.list, i, i+1)
	default:
		p.list[i].File, p.list[i].Batch = change.File, change.Batch
	}
}

// left are the calls of a part of the list that are not answered.
func (p *parts) left(i int) []string {
	var left []string
	for _, call := range p.list[i].Calls {
		if p.open[call] == p.list[i].ID {
			left = append(left, call)
		}
	}
	return left
}

// settle takes an entry's call out of its part.
func (p *parts) settle(e *Entry) {
	if len(p.open) > 0 {
		delete(p.open, NewCallID(e.Candidate, e.Call).String())
	}
}

// PutPart notes a part, or what has changed of one that was noted. When it returns,
// the note is durable.
func (j *Journal) PutPart(part Part) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := part
	if j.parts.index(part.ID) >= 0 {
		line.Candidate, line.Key, line.Calls = "", "", nil // are as they were
	}
	if _, err := j.append(note{Part: &line}); err != nil {
		return err
	}
	j.parts.put(part)
	return j.sync()
}

// Parts returns the parts that are not over, in the order in which they were noted,
// each with those of its calls that have no entry behind it.
func (j *Journal) Parts() []Part {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []Part
	for i, p := range j.parts.list {
		p.Calls = j.parts.left(i)
		list = append(list, p)
	}
	return list
}
