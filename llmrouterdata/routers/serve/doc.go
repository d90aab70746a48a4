// Package serve answers OpenAI-compatible chat completions by the model that a
// trained router chooses.
//
//	server, err := serve.New(router, encoder, client, targets, nil)
//	...
//	listener, err := net.Listen("tcp", "127.0.0.1:8080")
//	...
//	err = server.Serve(ctx, listener)
//
// A client asks for the model "auto", and gets the answer of the candidate that
// the router chooses for the last user message; or for a candidate by its name. All
// else of the request goes to the candidate as it was sent, and the answer comes
// back as the candidate gave it, streams event by event. Headers X-Router-... say
// what was chosen and why. Where the fault is a host's, a key's, a candidate's or
// nobody's, the next best is asked, as long as nothing of an answer was sent.
//
// Calls are made by a [chat.Client], whose keys, limits, budget and circuit
// breakers are what decides about them. docs/SERVING.md has headers, errors,
// metrics and the form of the log.
package serve
