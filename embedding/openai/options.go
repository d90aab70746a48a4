package openai

import (
	"cmp"
	"net/http"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// Secret is a credential that does not show when it is printed, logged or
// marshalled.
type Secret = secret.Secret

const defaultEndpoint = "https://api.openai.com/v1"

// Options say which model is asked and how. Model is required.
type Options struct {
	// Model is the model's id, as the service calls it. Empty is an error.
	Model string

	// Endpoint is the service's base URL, http or https, to which "/embeddings"
	// is added; without a user, a query or a fragment. Empty:
	// "https://api.openai.com/v1".
	Endpoint string

	// APIKey is sent as a bearer token. Empty: none is sent.
	APIKey Secret

	// Dim is the length of the vectors, 1 to 1,048,576. 0: New finds it out by
	// embedding a word.
	Dim int

	// RequestDim asks the service for vectors of length Dim, which then must
	// be set. Not every model can shorten its vectors.
	RequestDim bool

	// Name stands for the model and its weights in the fingerprint. Set it where
	// a model moves between endpoints. Empty: Endpoint and Model stand for them.
	Name string

	// BatchTexts is the largest number of texts in a request, 1 to 2,048.
	// 0: 64.
	BatchTexts int

	// BatchBytes is the largest number of bytes of text in a request, 1 to
	// 2^30; a longer text goes in a request of its own. 0: 262,144.
	BatchBytes int

	// Requests is how many requests are under way at the same time, 1 to 1,024.
	// 0: 4.
	Requests int

	// MaxRetries is how often a request is tried again after a failure that
	// may pass: connection errors, timeouts, answers cut short or not of the
	// form of an answer, web pages, and what says "later": 429 unless credit is
	// used up, 5xx, 408 and its like, or words. 0 (never) to 100. nil: 4.
	MaxRetries *int

	// MaxWait is the longest wait before a retry. The wait is what the service
	// asks for, or else doubles from 0.5 s; a service that asks for more ends
	// the retries. More than 0; 0: 30 s.
	MaxWait time.Duration

	// Timeout bounds one attempt, up to the last byte of the answer. More than
	// 0; 0: 60 s.
	Timeout time.Duration

	// MaxResponseBytes bounds an answer. More than 0; 0: 256 MiB.
	MaxResponseBytes int64

	// HTTPClient makes the requests. It is not changed; unless it says
	// otherwise, redirects are not followed. nil: one with the default
	// transport.
	HTTPClient *http.Client
}

// validate fills in the defaults.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "openai: Options")
	if v.Model == "" {
		f.Add("Model", "is empty")
	}
	v.Endpoint = cmp.Or(v.Endpoint, defaultEndpoint)
	f.URL("Endpoint", v.Endpoint, "APIKey")
	if v.RequestDim && v.Dim == 0 {
		f.Add("RequestDim", "needs Dim")
	}
	options.Number(f, "Dim", &v.Dim, 0, 0, maxDim)
	options.Number(f, "BatchTexts", &v.BatchTexts, 64, 1, maxBatchTexts)
	options.Number(f, "BatchBytes", &v.BatchBytes, 256<<10, 1, maxBatchBytes)
	options.Number(f, "Requests", &v.Requests, 4, 1, maxRequests)
	options.Pointer(f, "MaxRetries", &v.MaxRetries, 4, 0, maxRetries)
	options.Number(f, "MaxWait", &v.MaxWait, 30*time.Second, 1, 0)
	options.Number(f, "Timeout", &v.Timeout, time.Minute, 1, 0)
	options.Number(f, "MaxResponseBytes", &v.MaxResponseBytes, 256<<20, 1, 0)
	client := http.Client{}
	if v.HTTPClient != nil {
		client = *v.HTTPClient
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	v.HTTPClient = &client
	return v, f.Err()
}
