package batch

import (
	"log/slog"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Options configures [Make] and [Write]; nil and the zero value give the defaults.
type Options struct {
	// MaxRequests and MaxBytes bound a part, from 1 to 50,000 and to 100,000,000;
	// 0: as much as that. A part has one call at least.
	MaxRequests int
	MaxBytes    int64
	// Look is the time between two looks at batches, above 0; 0: 1 min.
	Look time.Duration
	// Tries is how many parts a call may be in that end without its outcome, from
	// 1; 0: 3.
	Tries int
	// Read is a folder of results, .jsonl files as services give them: they are
	// taken in the place of any service's. "": calls go to the services.
	Read string
	// Logger receives warnings, and what becomes of parts (Info). Nil: silent.
	Logger *slog.Logger
}

// validate returns the options with every default in its place.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "batch: Options")
	options.Number(f, "MaxRequests", &v.MaxRequests, maxRequests, 1, maxRequests)
	options.Number(f, "MaxBytes", &v.MaxBytes, maxBytes, 1, maxBytes)
	options.Number(f, "Look", &v.Look, defaultLook, 1, 0)
	options.Number(f, "Tries", &v.Tries, defaultTries, 1, 0)
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	return v, f.Err()
}

// Validate reports every option that is out of range.
func (o *Options) Validate() error {
	_, err := o.validate()
	return err
}
