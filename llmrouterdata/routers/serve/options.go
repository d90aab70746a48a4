package serve

import (
	"io"
	"log/slog"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// Options configures a [Server]; nil and the zero value give the defaults.
type Options struct {
	// Token is what clients send as their API key; "": any will do, and
	// [Server.Serve] listens on this machine alone.
	Token string
	// Transcript routes by all messages of the request; default: by the last user
	// message that has text.
	Transcript bool
	// Field adds a field "x_router" to whole answers and to the first event of
	// streams, with what the headers say.
	Field bool
	// MaxBody is the longest request read, in bytes, from 0 up; 0: 10 MiB.
	MaxBody int64
	// MaxRequests is how many requests for completions are answered at once, from 0
	// up; 0: 4096. MaxBodies is how many bytes they have in all, from MaxBody up; 0:
	// 128 MiB, or MaxBody where that is more. A request whose length is not known in
	// advance counts with MaxBody until it is read. What is beyond is refused with 503.
	MaxRequests int
	MaxBodies   int64
	// ReadTimeout bounds the reading of a request's body, and WriteTimeout each
	// write of an answer, from 0 up; 0: 30 s. All writes of an answer have a second
	// more for each KiB.
	ReadTimeout, WriteTimeout time.Duration
	// Log gets a line of JSON for each request that reached a candidate, in one
	// Write, from a goroutine of its own; see [Server.Flush] and docs/SERVING.md. An
	// error of it stops no answer: it is told to Logger, and counted, and so are lines
	// that are lost as more than 64 MiB wait. Nil: nothing is logged.
	Log io.Writer
	// Logger takes notice of a log that cannot be written (Error) and of requests
	// that failed (Debug), never of what was asked or answered; nil: silent.
	Logger *slog.Logger
	// Drain is closed for a graceful shutdown: requests that are being answered are
	// finished, those that wait for a key fail, new ones are refused. Nil: never.
	Drain <-chan struct{}

	token *secret.Secret // Token, where fmt does not show it
}

func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "serve: Options")
	options.Number(f, "MaxBody", &v.MaxBody, defaultMaxBody, 1, 0)
	options.Number(f, "MaxRequests", &v.MaxRequests, defaultMaxRequests, 1, 0)
	options.Number(f, "MaxBodies", &v.MaxBodies, max(defaultMaxBodies, v.MaxBody), v.MaxBody, 0)
	options.Number(f, "ReadTimeout", &v.ReadTimeout, defaultReadTimeout, 1, 0)
	options.Number(f, "WriteTimeout", &v.WriteTimeout, defaultWriteTimeout, 1, 0)
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	if v.Log == nil {
		v.Log = io.Discard
	}
	v.token, v.Token = new(secret.Secret(v.Token)), ""
	return v, f.Err()
}
