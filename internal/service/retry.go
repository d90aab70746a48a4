package service

import (
	"context"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Doubling returns first, doubled so many times (0 or more), at most longest.
func Doubling(first time.Duration, times int, longest time.Duration) time.Duration {
	if times > 62 || first > longest>>times {
		return longest
	}
	return first << times
}

// Jitter draws a wait between half of d and all of it, so that calls that failed
// together are not tried again together.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Sleep waits for d and reports whether neither ctx nor stop ended it. A nil
// stop never does.
func Sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	}
}

// gateway begins the names of the headers that a gateway took over from its
// upstream's answer.
const gateway = "Llm_provider-"

// RetryAfter reads how long a service asks to wait, and whether it does: in the
// header (a number of seconds, a date, or Retry-After-Ms in milliseconds; of the
// service itself or, renamed by a gateway, of its upstream), else in the words of
// the error. A date is taken relative to the service's own clock where it tells
// its time. The wait is at most 366 days.
func RetryAfter(h http.Header, b Body, now time.Time) (d time.Duration, ok bool) {
	for _, prefix := range []string{"", gateway} {
		if d, ok := seconds(h.Get(prefix+"Retry-After-Ms"), time.Millisecond); ok {
			return d, true
		}
		text := strings.TrimSpace(h.Get(prefix + "Retry-After"))
		if d, ok := seconds(text, time.Second); ok {
			return d, true
		}
		if at, err := http.ParseTime(text); err == nil {
			if date, err := http.ParseTime(h.Get("Date")); err == nil {
				now = date
			}
			return min(max(at.Sub(now), 0), maxRetryAfter), true
		}
	}
	return b.wait, b.waits
}

// seconds reads a number of units. One that is out of range is the longest wait.
func seconds(text string, unit time.Duration) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if !(f >= 0) || (err != nil && f == 0) { // out of range gives +Inf and an error
		return 0, false
	}
	return time.Duration(min(f*float64(unit), float64(maxRetryAfter))), true
}

// askedWait finds the wait that a message asks for: "try again in 20s", "retry
// in 6m0.5s", "after 30 seconds", "250ms".
var askedWait = regexp.MustCompile(`\b(?:again|retry|retrying|wait)\b[^.;]{0,20}?\b(?:in|after|for)?\s*((?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?)\b`)

// waitInWords reads such a wait from a message in lower case.
func waitInWords(words string) (time.Duration, bool) {
	m := askedWait.FindStringSubmatch(words)
	if m == nil {
		return 0, false
	}
	unit := m[2]
	switch {
	case strings.HasPrefix(unit, "ms"), strings.HasPrefix(unit, "mill"):
		unit = "ms"
	case strings.HasPrefix(unit, "s"):
		unit = "s"
	default:
		unit = "m"
	}
	d, err := time.ParseDuration(m[1] + unit)
	if err != nil || d < 0 {
		return 0, false
	}
	return min(d, maxRetryAfter), true
}
