// Package chat calls OpenAI-compatible chat-completion services for a set of
// candidate models: many keys, many faults, nothing sent that cannot help.
//
//	keys, err := chat.ParseKeys(os.Getenv("API_KEYS"))
//	targets, err := chat.Resolve(candidates, config.APIEndpoint, keys, nil)
//	client, err := chat.New(nil)
//	defer client.Close()
//
//	prompt, err := chat.BuiltinPrompts().For(query)
//	answer, err := client.Complete(ctx, chat.Request{Target: targets[0], Prompt: prompt})
//
// [ParseKeys] and [Resolve] report everything that is wrong with the keys and
// the candidates before the first call. [Client.Complete] then spreads calls
// over the keys and retries elsewhere what may go better. Whose fault a failure
// is decides what is done: a key is disabled, a candidate stopped by its circuit
// breaker, the candidates of a host that answers nobody stopped, or the call
// tried again after the key has rested for the model. docs/CALLING.md has the
// rules as a table. A [Budget] bounds what the calls may cost, and an [Estimate]
// says beforehand what they will.
//
// Calls that find no free key wait, oldest first. After its cooldown, a key that
// met 429 carries only as many calls of the model at once as it is found to bear,
// and a host whose calls time out together only as many as it answers in time.
// One busy or broken candidate does not take the keys from the others.
//
// A failed call is an [*Error], whose Message is the same in every run: it
// holds no address, port, key or text of the service. Calls that were not made
// end with [ErrStopped] (by the circuit breaker), [ErrBudget] or [ErrDrained] (by
// a graceful shutdown), and can be made later; so can those that failed by the
// fault of host or key.
//
// A request that somebody else has written, with tools, pictures and whatever
// fields it has, goes on by [Client.Relay], and its answer comes back as it was
// sent, a stream event by event. A process that does not end sets
// [Options].StopTime, so that what was stopped is tried again.
//
// The package reads no environment and prints nothing.
package chat
