// Command router_server answers OpenAI-compatible chat completions by the
// candidate that a trained router chooses.
//
//	export API_KEYS='["key1", "key2"]'
//	go run ./examples/router_server --router router.safetensors --config my_config.yaml
//
// Clients use http://127.0.0.1:8080/v1 and the model "auto", or a candidate's name.
// The candidates, and the encoder, are those of the configuration. API_KEYS is that
// of step 3. To listen on other addresses than this machine's own, ROUTER_TOKEN must
// hold an access token, which clients send as their API key.
//
// The first interrupt lets the requests under way finish, the second stops at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

func main() { cli.Main("router_server", run) }

// What a server does otherwise than a run that ends: a client waits, so that what
// is not answered soon is left to the next candidate, and what was stopped is
// tried again.
const (
	backoff     = 100 * time.Millisecond
	maxBackoff  = time.Second
	hostTimeout = 2 * time.Second
	stopTime    = 30 * time.Second
)

type options struct {
	router, config, root, encoder, listen, log string
	anyEncoder                                 bool
	serve                                      serve.Options
	chat                                       chat.Options
	calling                                    chat.ResolveOptions
}

func parse(e cli.Env) (*options, error) {
	o := &options{chat: chat.Options{Backoff: backoff, MaxBackoff: maxBackoff, HostTimeout: hostTimeout, StopTime: stopTime}}
	flags := e.Flags("router_server", "Answers OpenAI-compatible chat completions by the candidate that a trained router chooses.")
	flags.StringVar(&o.router, "router", "", "router `file`, as train_router writes it; needed")
	cli.ConfigFlags(flags, &o.config, &o.root, " with candidates and encoder; needed")
	flags.StringVar(&o.encoder, "encoder", "", "embedding model: a folder or a published `name`; overrides the configuration")
	flags.BoolVar(&o.anyEncoder, "any_encoder", false, "take a router file that does not say which encoder it was trained with")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen on; other addresses than this machine's own need ROUTER_TOKEN")
	flags.StringVar(&o.log, "log", "", "`file` that gets a line of JSON for each request: query, choice, answer, usage (default: nothing is written)")
	flags.BoolVar(&o.serve.Transcript, "transcript", false, "route by all messages of a request (default: by the last user message)")
	flags.BoolVar(&o.serve.Field, "field", false, "add what the headers say to answers, as the field x_router")
	budget := flags.Float64("budget", 0, "refuse what would cost more than this many `USD` in all by the candidates' prices")
	flags.IntVar(&o.chat.Attempts, "attempts", 2, "attempts at a candidate before the next one is asked")
	flags.DurationVar(&o.chat.Timeout, "timeout", 2*time.Minute, "`time` for an attempt to be answered to the end")
	flags.DurationVar(&o.calling.FirstByteTimeout, "first_byte_timeout", 0, "`time` for a streamed answer to begin (default: that of --timeout)")
	flags.DurationVar(&o.chat.MaxWait, "max_wait", 2*time.Second, "`time` to wait for a key that is at its limits, or for the budget, before the next candidate is asked")
	flags.Int64Var(&o.chat.MaxResponseBytes, "max_answer", 64<<20, "most `bytes` of an answer, streamed or not")
	flags.IntVar(&o.serve.MaxRequests, "max_requests", 4096, "most requests for completions that are answered at once")
	flags.IntVar(&o.chat.Limits.RequestsPerMinute, "requests_per_minute", 0, "most requests a minute for each key")
	flags.IntVar(&o.chat.Limits.TokensPerMinute, "tokens_per_minute", 0, "most tokens a minute for each key")
	if err := e.Parse(flags); err != nil {
		return nil, err
	}
	if o.router == "" || o.config == "" {
		return nil, e.Usage(flags, "--router and --config are needed")
	}
	o.chat.TotalTimeout = 2 * o.chat.Timeout
	o.calling.Lookup = func(name string) (string, bool) {
		value := e.Getenv(name)
		return value, value != ""
	}
	if cli.Given(flags)["budget"] {
		var err error
		if o.chat.Budget, err = chat.NewBudget(*budget); err != nil {
			return nil, e.Usage(flags, "--budget: %v", err)
		}
	}
	o.serve.Token = e.Getenv("ROUTER_TOKEN")
	o.serve.Logger, o.chat.Logger = e.Logger(), e.Logger()
	return o, nil
}

func run(ctx context.Context, e cli.Env) (err error) {
	o, err := parse(e)
	if err != nil {
		return err
	}
	config, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	targets, err := o.targets(e, config)
	if err != nil {
		return err
	}
	client, err := chat.New(&o.chat)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.encoder != "" {
		config.Embedding.Model = o.encoder
	}
	bar := progress.New(e.Stderr)
	encoder, err := e.OpenEncoder(ctx, config.Embedding.Model, bar)
	bar.Close()
	if err != nil {
		return err
	}
	defer encoder.Close()
	router, err := o.openRouter(encoder)
	if err != nil {
		return err
	}
	if o.log != "" {
		file, openErr := serve.OpenLog(o.log)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		o.serve.Log = file
	}
	o.serve.Drain = e.Drain(cli.Grace)
	server, err := serve.New(router, encoder, client, targets, &o.serve)
	if err != nil {
		return err
	}
	listener, err := server.Listen(ctx, o.listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s chooses among %d candidates: http://%s/v1, model %q\n", router, len(router.Models()), listener.Addr(), serve.Auto)
	return server.Serve(ctx, listener)
}

// targets are the candidates of the configuration.
func (o *options) targets(e cli.Env, config *llmrouterdata.Config) ([]chat.Target, error) {
	keys, err := chat.ParseKeys(e.Getenv("API_KEYS"))
	if err != nil {
		return nil, fmt.Errorf("API_KEYS: %w", err)
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(config.DataPath.LLMData)
	if err != nil {
		return nil, fmt.Errorf("the candidates (llm_data): %w", err)
	}
	targets, err := chat.Resolve(candidates, config.APIEndpoint, keys, &o.calling)
	if err != nil || o.chat.Budget == nil {
		return targets, err
	}
	return targets, unpriced(candidates, targets)
}

// unpriced are the errors of candidates that a budget cannot bound.
func unpriced(candidates []llmrouterdata.Candidate, targets []chat.Target) error {
	local := map[string]bool{}
	for _, t := range targets {
		local[t.Name] = t.Local()
	}
	var errs []error
	for _, c := range candidates {
		if c.Called() && c.Unpriced && !local[c.Name] {
			errs = append(errs, &llmrouterdata.CandidateError{Candidate: c.Name, Err: pipeline.ErrUnpriced})
		}
	}
	return errors.Join(errs...)
}

// openRouter opens the router for the encoder.
func (o *options) openRouter(encoder *embedding.Model) (*routers.Router, error) {
	router, err := routers.Open(o.router, &routers.OpenOptions{Encoder: encoder.Fingerprint(), Dim: encoder.Dim()})
	if errors.Is(err, routers.ErrEncoder) && !o.anyEncoder {
		return nil, fmt.Errorf("%w (train_router --encoder %s names this one; --any_encoder takes a file that names none)", err, encoder.Fingerprint())
	}
	if errors.Is(err, routers.ErrEncoder) {
		router, err = routers.Open(o.router, &routers.OpenOptions{Dim: encoder.Dim()})
		if err == nil && router.Card().Encoder != "" {
			return nil, fmt.Errorf("%s: %w, by what it says", o.router, routers.ErrEncoder)
		}
	}
	return router, err
}
