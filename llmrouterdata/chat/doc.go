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
// over the keys and retries elsewhere what may go better. A key cools down after
// 429 and 5xx, and is disabled after 401 and 403. A circuit breaker stops a
// candidate that the service no longer has, or whose service cannot be reached.
// A [Budget] bounds what the calls may cost, and an [Estimate] says beforehand
// what they will.
//
// Calls that find no free key wait, oldest first. After its cooldown, a key that
// met 429 carries only as many calls at once as it is found to bear. What speaks
// of a model rather than of the key, 5xx and 403, is held against the key's use
// for that model alone, so that one broken candidate does not take the keys from
// the others.
//
// A failed call is an [*Error], whose Message is the same in every run: it
// holds no address, port, key or text of the service. Calls that were not made
// end with [ErrStopped] (by the circuit breaker), [ErrBudget] or [ErrDrained] (by
// a graceful shutdown), and can be made later.
//
// The package reads no environment and prints nothing.
package chat
