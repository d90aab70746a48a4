package chat

import "time"

// Limits bound the use of one key at one endpoint.
type Limits struct {
	// RequestsPerMinute is the number of attempts started in any 60 s; default
	// 0: no limit.
	RequestsPerMinute int
	// TokensPerMinute is the number of prompt and completion tokens in any
	// 60 s; default 0: no limit. An attempt counts with its estimated prompt and
	// the most it may answer until its true use is known. A single attempt that
	// is larger than the limit has a minute to itself.
	TokensPerMinute int
}

const minute = time.Minute

// slidingWindow admits at most limit units in any minute. It is exact rather
// than a leaky bucket, whose burst and refill together let up to twice the
// limit through in the first minute.
type slidingWindow struct {
	limit int // 0: no limit
	used  int
	first int // index in uses of the first that is not older than a minute
	uses  []*use
}

type use struct {
	at time.Time
	n  int
}

func (w *slidingWindow) expire(now time.Time) {
	for w.first < len(w.uses) && !w.uses[w.first].at.Add(minute).After(now) {
		w.used -= w.uses[w.first].n
		w.uses[w.first].n = 0 // a late correction must not count again
		w.uses[w.first] = nil
		w.first++
	}
	if w.first > len(w.uses)/2 {
		w.uses = append(w.uses[:0], w.uses[w.first:]...)
		w.first = 0
	}
}

// ready returns the zero time when n more units may be used now, else the
// earliest time at which they may, provided that nothing else is used until
// then.
func (w *slidingWindow) ready(now time.Time, n int) time.Time {
	if w.limit == 0 {
		return time.Time{}
	}
	w.expire(now)
	left := w.used
	for _, u := range w.uses[w.first:] {
		if left+n <= w.limit || left == 0 {
			break
		}
		left -= u.n
		if left+n <= w.limit || left == 0 {
			return u.at.Add(minute)
		}
	}
	return time.Time{}
}

// take records the use of n units.
func (w *slidingWindow) take(now time.Time, n int) *use {
	if w.limit == 0 {
		return nil
	}
	u := &use{now, n}
	w.uses = append(w.uses, u)
	w.used += n
	return u
}

// correct replaces a use's estimate by the truth; an expired use stays expired.
func (w *slidingWindow) correct(now time.Time, u *use, n int) {
	if u == nil {
		return
	}
	w.expire(now)
	if u.at.Add(minute).After(now) {
		w.used += n - u.n
		u.n = n
	}
}
