package openai

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// Encoder asks a service for embeddings. It is safe for concurrent use; each
// call of Encode has Options.Requests of its own.
type Encoder struct {
	options Options // without the key
	secrets *service.Redactor
	service sdk.EmbeddingService
	wait    waiter
}

var (
	_ embedding.Encoder       = (*Encoder)(nil)
	_ embedding.Fingerprinter = (*Encoder)(nil)
)

// New makes an encoder. Where Options.Dim is 0 it makes one request, which ctx
// bounds; otherwise it makes none.
func New(ctx context.Context, o *Options) (*Encoder, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	key := v.APIKey
	v.APIKey = ""
	e := &Encoder{options: v, secrets: service.NewRedactor(key), wait: wait}
	settings := []option.RequestOption{
		option.WithBaseURL(v.Endpoint),
		option.WithHTTPClient(v.HTTPClient),
		option.WithMaxRetries(0), // this package retries: also timeouts and answers cut short
		option.WithMiddleware(e.guard),
	}
	if key != "" {
		settings = append(settings, option.WithAPIKey(string(key)))
	}
	// The service, unlike the client, reads no environment variables.
	e.service = sdk.NewEmbeddingService(settings...)
	if v.Dim == 0 {
		vectors, err := e.request(ctx, []string{"dimension"})
		if err != nil {
			return nil, fmt.Errorf("%w, finding out the dimension", err)
		}
		e.options.Dim = len(vectors[0])
	}
	return e, nil
}

// Dim is the length of every vector.
func (e *Encoder) Dim() int { return e.options.Dim }

// Fingerprint names the endpoint and the model, or Options.Name, and the
// dimension.
func (e *Encoder) Fingerprint() string {
	if e.options.Name != "" {
		return fmt.Sprintf("openai name=%q dim=%d", e.options.Name, e.options.Dim)
	}
	return fmt.Sprintf("openai endpoint=%q model=%q dim=%d", e.options.Endpoint, e.options.Model, e.options.Dim)
}

// Encode gives one vector a text, in the order of texts. A text that is not
// UTF-8 is a *TextError, and nothing is sent. The first request that fails for
// good ends the others; the error is an *Error. Services refuse empty texts and
// texts longer than their model takes.
func (e *Encoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	for i, text := range texts {
		if !utf8.ValidString(text) {
			return nil, &TextError{Index: i, Offset: invalidAt(text)}
		}
	}
	unique, place := distinct(texts)
	batches := e.batches(unique)
	found := make([][][]float32, len(batches))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(e.options.Requests)
	for i, batch := range batches {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			found[i], err = e.request(groupCtx, batch)
			return err
		})
	}
	err := group.Wait()
	if err == nil && ctx.Err() != nil { // which has kept batches from being sent
		err = &Error{Model: e.options.Model, Err: ctx.Err()}
	}
	if err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	vectors := make([][]float32, len(texts))
	used := make([]bool, len(all))
	for i, p := range place {
		vectors[i] = all[p]
		if used[p] { // each vector is the caller's to change
			vectors[i] = slices.Clone(all[p])
		}
		used[p] = true
	}
	return vectors, nil
}

// distinct gives the texts without duplicates, and the place of each text among
// them.
func distinct(texts []string) (unique []string, place []int) {
	seen := make(map[string]int, len(texts))
	place = make([]int, len(texts))
	for i, text := range texts {
		p, ok := seen[text]
		if !ok {
			p = len(unique)
			seen[text] = p
			unique = append(unique, text)
		}
		place[i] = p
	}
	return unique, place
}

// batches cuts the texts into those of each request.
func (e *Encoder) batches(texts []string) [][]string {
	var batches [][]string
	first, size := 0, 0
	for i, text := range texts {
		if i > first && (i-first == e.options.BatchTexts || size+len(text) > e.options.BatchBytes) {
			batches = append(batches, texts[first:i])
			first, size = i, 0
		}
		size += len(text)
	}
	if first < len(texts) {
		batches = append(batches, texts[first:])
	}
	return batches
}

// request embeds the texts of one batch, trying again where that may help.
func (e *Encoder) request(ctx context.Context, texts []string) ([][]float32, error) {
	for attempt := 1; ; attempt++ {
		vectors, err := e.attempt(ctx, texts)
		if err == nil {
			return vectors, nil
		}
		failed := &Error{Model: e.options.Model, Attempts: attempt, Err: err}
		if ctx.Err() != nil {
			failed.Err = ctx.Err()
			return nil, failed
		}
		if attempt > *e.options.MaxRetries || !mayPass(err) {
			return nil, failed
		}
		delay, ok := e.delay(attempt, err)
		if !ok {
			return nil, failed
		}
		if err := e.wait(ctx, delay); err != nil {
			failed.Err = err
			return nil, failed
		}
	}
}

// mayPass says whether another attempt may succeed where this error arose.
func mayPass(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.passing
	}
	if _, ok := errors.AsType[*DimError](err); ok {
		return false
	}
	return !errors.Is(err, ErrTooLarge)
}

func invalidAt(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return i
			}
		}
	}
	return len(text)
}
