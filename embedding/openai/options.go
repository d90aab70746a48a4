package openai

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// Secret is a credential that does not show when it is printed, logged or
// marshalled.
type Secret = secret.Secret

// Options say which model is asked and how. Model is required.
type Options struct {
	// Model is the model's id, as the service calls it.
	Model string

	// Endpoint is the service's base URL, to which "/embeddings" is added;
	// default "https://api.openai.com/v1".
	Endpoint string

	// APIKey is sent as a bearer token; empty sends none.
	APIKey Secret

	// Dim is the length of the vectors, at most 1,048,576; 0 finds it out by
	// embedding a word.
	Dim int

	// RequestDim asks the service for vectors of length Dim, which then must
	// be set. Not every model can shorten its vectors.
	RequestDim bool

	// Name stands for the model and its weights in the fingerprint; default
	// Endpoint and Model. Set it where a model moves between endpoints.
	Name string

	// BatchTexts is the largest number of texts in a request; default 64, at
	// most 2048.
	BatchTexts int

	// BatchBytes is the largest number of bytes of text in a request; default
	// 262,144. A longer text goes in a request of its own.
	BatchBytes int

	// Requests is how many requests are under way at the same time; default 4.
	Requests int

	// MaxRetries is how often a request is tried again after a failure that
	// may pass: connection errors, timeouts, answers cut short or not of the
	// form of an answer, and HTTP 408, 409, 425, 429 and 5xx. nil means 4.
	MaxRetries *int

	// MaxWait bounds the wait before a retry, which is what the service asks
	// for or else doubles from 0.5 s; default 30 s. A service that asks for
	// more ends the retries.
	MaxWait time.Duration

	// Timeout bounds one attempt, up to the last byte of the answer; default
	// 60 s.
	Timeout time.Duration

	// MaxResponseBytes bounds an answer; default 256 MiB.
	MaxResponseBytes int64

	// HTTPClient makes the requests; nil means one with the default transport.
	// It is not changed. Unless it says otherwise, redirects are not followed.
	HTTPClient *http.Client
}

const (
	defaultEndpoint = "https://api.openai.com/v1"
	maxBatchTexts   = 2048
	maxDim          = 1 << 20
)

// complete checks o and fills in the defaults.
func (o *Options) complete() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("openai: Options.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if o.Model == "" {
		fault("Model", "empty")
	}
	if o.Endpoint == "" {
		o.Endpoint = defaultEndpoint
	}
	switch u, err := url.Parse(o.Endpoint); {
	case err != nil:
		fault("Endpoint", "not a URL") // which may hold a password, so it is not shown
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		fault("Endpoint", "want http:// or https:// and a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		fault("Endpoint", "with a user, a query or a fragment")
	}
	if o.Dim < 0 || o.Dim > maxDim {
		fault("Dim", "%d is not in 0..%d", o.Dim, maxDim)
	}
	if o.RequestDim && o.Dim == 0 {
		fault("RequestDim", "needs Dim")
	}
	count := func(field string, value *int, standard, most int) {
		switch {
		case *value == 0:
			*value = standard
		case *value < 0 || *value > most:
			fault(field, "%d is not in 1..%d", *value, most)
		}
	}
	count("BatchTexts", &o.BatchTexts, 64, maxBatchTexts)
	count("BatchBytes", &o.BatchBytes, 256<<10, 1<<30)
	count("Requests", &o.Requests, 4, 1024)
	if o.MaxRetries == nil {
		o.MaxRetries = new(4)
	}
	if n := *o.MaxRetries; n < 0 || n > 100 {
		fault("MaxRetries", "%d is not in 0..100", n)
	}
	duration := func(field string, value *time.Duration, standard time.Duration) {
		switch {
		case *value == 0:
			*value = standard
		case *value < 0:
			fault(field, "%v is negative", *value)
		}
	}
	duration("MaxWait", &o.MaxWait, 30*time.Second)
	duration("Timeout", &o.Timeout, time.Minute)
	switch {
	case o.MaxResponseBytes == 0:
		o.MaxResponseBytes = 256 << 20
	case o.MaxResponseBytes < 0:
		fault("MaxResponseBytes", "%d is negative", o.MaxResponseBytes)
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	o.HTTPClient = &client
	return errors.Join(faults...)
}
