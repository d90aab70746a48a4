package chat

import (
	"cmp"
	"slices"
	"time"
)

// Stats is what a client has done so far.
type Stats struct {
	// Keys holds one entry for each key at each endpoint, by service and label.
	Keys []KeyStats `json:"keys"`
	// Candidates holds one entry for each candidate called, by name.
	Candidates []CandidateStats `json:"candidates"`
}

// KeyStats is the use of one key at one endpoint.
type KeyStats struct {
	// Label stands for the key, for example "NVIDIA-2"; "" for a local endpoint
	// that is called without one.
	Label string `json:"label"`
	// Service is the service of the first candidate that used it.
	Service string `json:"service,omitempty"`
	// Attempts is the number of attempts begun.
	Attempts int `json:"attempts"`
	// Failed is how many of them failed.
	Failed int `json:"failed"`
	// RateLimited is how many of them met HTTP 429.
	RateLimited int `json:"rate_limited"`
	// InFlight is how many are under way.
	InFlight int `json:"in_flight"`
	// CooldownUntil is the end of the key's last cooldown; zero if it had none.
	CooldownUntil time.Time `json:"cooldown_until,omitzero"`
	// Disabled is why the key is used no more; "" while it is in use.
	Disabled string `json:"disabled,omitempty"`
}

// CandidateStats is the calling of one candidate.
type CandidateStats struct {
	// Candidate is the candidate's name.
	Candidate string `json:"candidate"`
	// Calls is the number of calls answered or failed for good.
	Calls int `json:"calls"`
	// Failed is how many of them failed.
	Failed int `json:"failed"`
	// Attempts is the number of attempts made for them.
	Attempts int `json:"attempts"`
	// Stopped is why the candidate takes no more calls, as its circuit breaker
	// tripped; "" if it does.
	Stopped string `json:"stopped,omitempty"`
}

// Stats returns what the client has done so far. It may be called at any time.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s Stats
	for _, p := range c.pools {
		s.Keys = append(s.Keys, p.snapshot()...)
	}
	slices.SortStableFunc(s.Keys, func(a, b KeyStats) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), compareLabels(a.Label, b.Label))
	})
	for _, st := range c.targets {
		_ = st.tripped(&c.o, 0) // by its host, which need not be noticed yet
		s.Candidates = append(s.Candidates, st.snapshot())
	}
	slices.SortFunc(s.Candidates, func(a, b CandidateStats) int { return cmp.Compare(a.Candidate, b.Candidate) })
	return s
}

// compareLabels puts "key-2" before "key-10".
func compareLabels(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
