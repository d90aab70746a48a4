// Package service is the one policy of the HTTP clients: what an answer that is
// no success means, whose fault it is, how long to wait before the next attempt,
// and what of a service's words may be shown.
//
//	b := service.ReadBody(text)
//	v := service.Judge(response.StatusCode, response.Header, b)
//	wait, ok := service.RetryAfter(response.Header, b, time.Now())
//
// docs/CALLING.md has the rules as a table. What only one protocol knows (the
// form of a completion, the hub's own headers) stays with its client.
package service
