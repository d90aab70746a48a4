package llmrouterdata

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// Candidate is one LLM that a router may choose: an entry of the candidate
// file (default_llm.json) or of the LLM-embedding file.
type Candidate struct {
	// Name is the entry's key, the model_name of routing records.
	Name string
	// Size is the number of parameters as text, for example "7B".
	Size string
	// Feature describes the model; its embedding represents the model.
	Feature string
	// InputPrice and OutputPrice are in USD per million tokens, from 0.
	InputPrice, OutputPrice float64
	// Unpriced says that the file lacks one of the two, which then is 0: what
	// calls cost is not known. A candidate whose price is given as 0 is free.
	Unpriced bool
	// CachedInputPrice is the price of prompt tokens that the service read from
	// its cache, and ReasoningPrice that of completion tokens spent on thinking,
	// both in USD per million tokens, from 0. Nil: InputPrice and OutputPrice.
	CachedInputPrice, ReasoningPrice *float64
	// BatchPriceFactor is what calls cost that go in batches, as a share of all
	// these prices, from 0 to 1. Nil: 0.5, as services ask as a rule.
	BatchPriceFactor *float64
	// Model is the identifier that the API knows, for example
	// "qwen/qwen2.5-7b-instruct".
	Model string
	// Service names the provider, for keys given per service.
	Service string
	// APIEndpoint is the base URL, for example
	// "https://integrate.api.nvidia.com/v1". A query string is sent with every
	// request.
	APIEndpoint string

	// Params are further fields of every request, or other values for those
	// that are sent anyway: the name and its JSON. Nil: none.
	Params map[string]json.RawMessage
	// Headers are sent with every request; ${NAME} in a value stands for the
	// environment's NAME. Nil: none.
	Headers map[string]string
	// Timeout bounds an attempt, ConnectTimeout the making of its connection,
	// and FirstByteTimeout the wait for the first byte of a streamed answer:
	// seconds, above 0 and at most 86,400. 0: the run's own limits.
	Timeout, ConnectTimeout, FirstByteTimeout float64
	// Workers is how many calls of the candidate may be under way at once, up
	// to 100,000; 0: as many as the run makes.
	Workers int
	// RequestsPerMinute and TokensPerMinute bound the candidate's calls in any
	// 60 s, up to 1e9. 0: the run's own limits.
	RequestsPerMinute, TokensPerMinute int
	// StrictModel makes an answer that names another model than Model a
	// failure.
	StrictModel bool
	// Batch says that the service takes calls of the candidate in batches, which a
	// run may be asked to make.
	Batch bool

	// Embedding is the vector of Feature, [dim]; nil in a candidate file.
	Embedding []float32
	// EmbeddingEncoder is the fingerprint of the encoder that made Embedding, and
	// EmbeddingFeature the [Candidate.FeatureHash] of the text that it was made of.
	// "": not known, as in files of the Python pipeline.
	EmbeddingEncoder, EmbeddingFeature string
	// Extra holds every other field in the order of the file.
	Extra []ExtraField
}

// Called reports whether the pipeline calls the candidate. As in the Python
// pipeline, a name that ends in "_think" marks an entry that is not called.
func (c Candidate) Called() bool { return !strings.HasSuffix(c.Name, "_think") }

// FeatureHash is a hash of Feature: 32 hexadecimal digits of its SHA-256.
func (c Candidate) FeatureHash() string {
	sum := sha256.Sum256([]byte(c.Feature))
	return hex.EncodeToString(sum[:16])
}

// Cost returns what tokens cost in USD, none of them cached or thought.
func (c *Candidate) Cost(inputTokens, outputTokens int) float64 {
	return (float64(inputTokens)*c.InputPrice + float64(outputTokens)*c.OutputPrice) / 1e6
}

// price is a field of a candidate with what it holds.
type price struct {
	field string
	usd   float64
}

func (c Candidate) prices() []price {
	list := []price{{"input_price", c.InputPrice}, {"output_price", c.OutputPrice}}
	for field, usd := range c.finePrices() {
		list = append(list, price{field, *usd})
	}
	return list
}

// finePrices are the prices of parts of the tokens, those that are given.
func (c Candidate) finePrices() iter.Seq2[string, *float64] {
	return func(yield func(string, *float64) bool) {
		_ = (c.CachedInputPrice == nil || yield("cached_input_price", c.CachedInputPrice)) &&
			(c.ReasoningPrice == nil || yield("reasoning_price", c.ReasoningPrice))
	}
}

// PriceErrors returns an error for each price at which the candidate cannot be
// called, as it is not from 0 to [MaxPrice].
func (c Candidate) PriceErrors() []*CandidateError {
	var errs []*CandidateError
	for _, p := range c.prices() {
		if !(p.usd >= 0 && p.usd <= MaxPrice) {
			errs = append(errs, &CandidateError{Candidate: c.Name, Field: p.field, Err: fmt.Errorf("%v is no price in USD per million tokens", p.usd)})
		}
	}
	if p := c.BatchPriceFactor; p != nil && !isShare(*p) {
		errs = append(errs, &CandidateError{Candidate: c.Name, Field: batchPriceFactor, Err: fmt.Errorf("%v is no share of a price, from 0 to 1", *p)})
	}
	return errs
}

// batchPriceFactor is the field of a candidate that holds its BatchPriceFactor.
const batchPriceFactor = "batch_price_factor"

func isShare(p float64) bool { return p >= 0 && p <= 1 }

// CalledNames returns the names of the candidates that are called.
func CalledNames(candidates []Candidate) []string {
	var names []string
	for _, c := range candidates {
		if c.Called() {
			names = append(names, c.Name)
		}
	}
	return names
}

// CandidateError is a candidate with a field that cannot be used.
type CandidateError struct {
	File      string // may be empty
	Candidate string
	Field     string // empty where the whole entry is at fault
	Err       error
}

func (e *CandidateError) Error() string {
	text := fmt.Sprintf("candidate %q: ", e.Candidate)
	if e.File != "" {
		text = e.File + ": " + text
	}
	if e.Field != "" {
		text += fmt.Sprintf("field %q: ", e.Field)
	}
	return "llmrouterdata: " + text + e.Err.Error()
}

// Unwrap returns the reason.
func (e *CandidateError) Unwrap() error { return e.Err }

// ReadCandidates reads a candidate file or an LLM-embedding file: one JSON
// object whose keys name the models, in the order of the file. Missing text
// fields are empty and missing prices 0 (see Candidate.Unpriced); null stands for
// a missing field, but not for a price. An entry that is a bare array is the
// model's embedding. A field of a wrong type or out of its range is a
// *CandidateError, and so is one that is spelled much like a field that the
// candidate lacks; every other field is kept. A duplicate name is an error.
func ReadCandidates(r io.Reader) ([]Candidate, error) { return readCandidates(r, "") }

// ReadCandidatesFile is [ReadCandidates] over a file, which its errors name and
// [OpenFile] opens.
func ReadCandidatesFile(name string) ([]Candidate, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readCandidates(f, name)
}

func readCandidates(r io.Reader, name string) ([]Candidate, error) {
	fail := func(err error) ([]Candidate, error) {
		return nil, fmt.Errorf("llmrouterdata: %s: %w", cmp.Or(name, "candidates"), err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxCandidatesFile+1))
	switch {
	case err != nil:
		return fail(err)
	case len(text) > maxCandidatesFile:
		return fail(fmt.Errorf("more than %d bytes", maxCandidatesFile))
	}
	v, err := pyjson.ParseUnique(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		return fail(err)
	}
	entries, ok := v.(*pyjson.Object)
	if !ok {
		return fail(fmt.Errorf("want an object whose keys name the models, have %s", describe(v)))
	}
	list := make([]Candidate, entries.Len())
	for i := range list {
		key, entry := entries.At(i)
		var at *FieldError
		if list[i], at = decodeCandidate(key, entry); at != nil {
			return nil, &CandidateError{File: name, Candidate: key, Field: at.Field, Err: at.Err}
		}
	}
	return list, nil
}

func decodeCandidate(name string, entry any) (Candidate, *FieldError) {
	c := Candidate{Name: name}
	if list, ok := entry.([]any); ok {
		var err error
		c.Embedding, err = vector(list)
		if err != nil {
			return c, &FieldError{"", err}
		}
		return c, nil
	}
	o, ok := entry.(*pyjson.Object)
	if !ok {
		return c, &FieldError{"", fmt.Errorf("want an object, have %s", describe(entry))}
	}
	f := &fields{o: o}
	for i := range o.Len() {
		key, v := o.At(i)
		if known, ok := candidateFields[key]; ok {
			known.read(f, key, &c)
			continue
		}
		text, err := pyjson.Append(nil, v, pyjson.Style{})
		if err != nil {
			f.fail(key, err)
		}
		c.Extra = append(c.Extra, ExtraField{key, text})
	}
	for _, field := range [...]string{"input_price", "output_price"} {
		if _, given := o.Get(field); !given {
			c.Unpriced = true
		}
	}
	for _, extra := range c.Extra {
		f.mistyped(extra.Name, &c)
	}
	return c, f.err
}

// price reads USD per million tokens: a finite number that is not negative.
func (f *fields) price(name string) float64 {
	p := f.number(name)
	if !(p >= 0) || math.IsInf(p, 0) {
		f.fail(name, fmt.Errorf("a price is a number from 0 up, have %v", p))
	}
	return p
}

// decodeVector reads an embedding: an array of numbers, or the printed form of
// a torch tensor.
func decodeVector(v any) ([]float32, error) {
	if s, ok := v.(string); ok {
		t, err := pyliteral.ParseTensor(s)
		if err != nil {
			return nil, err
		}
		v = t
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want an array of numbers, have %s", describe(v))
	}
	return vector(list)
}

func vector(list []any) ([]float32, error) {
	out := make([]float32, len(list))
	for i, item := range list {
		switch n := item.(type) {
		case float64:
			out[i] = float32(n)
		case pyjson.Int:
			out[i] = float32(n.Float64())
		default:
			return nil, fmt.Errorf("item %d: want a number, have %s", i, describe(item))
		}
		if f := float64(out[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("item %d: %v is no finite float32", i, item)
		}
	}
	return out, nil
}

// WriteCandidates writes a candidate file: size, feature, input_price,
// output_price, model, service, api_endpoint, then what is given of the fields
// that say how the candidate is called, and then every other field, as
// json.dump(..., indent=2, ensure_ascii=False) does. Size, service and
// api_endpoint are left out where they are empty, and prices of 0 where the
// candidate is Unpriced. Headers and a query string may hold what is not for
// everyone's eyes: the file is one to be called from, not one to be published.
func WriteCandidates(w io.Writer, candidates []Candidate) error {
	return writeCandidates(w, candidates, func(c Candidate, o *pyjson.Object) error {
		c.optional(o, "size", c.Size)
		o.Set("feature", c.Feature)
		for _, p := range c.prices()[:2] {
			if p.usd != 0 || !c.Unpriced {
				o.Set(p.field, p.usd)
			}
		}
		o.Set("model", c.Model)
		c.optional(o, "service", c.Service)
		c.optional(o, "api_endpoint", c.APIEndpoint)
		c.setPrices(o)
		if err := c.setCalling(o); err != nil {
			return err
		}
		if c.Embedding != nil {
			o.Set("embedding", c.Embedding)
		}
		return nil
	})
}

// WriteEmbeddedCandidates writes an LLM-embedding file: feature, input_price,
// output_price, model, api_endpoint, embedding, and then embedding_encoder and
// embedding_feature (where they are known), size, service, further prices and every
// other field, as json.dump(..., indent=2, ensure_ascii=False)
// does. How a candidate is called is left out: its params, headers, limits and
// the query string of its endpoint, which may hold secrets. Missing prices are
// written as 0, since the Python trainers read both. A candidate without an
// embedding is a *CandidateError.
func WriteEmbeddedCandidates(w io.Writer, candidates []Candidate) error {
	for _, c := range candidates {
		if len(c.Embedding) == 0 {
			return &CandidateError{Candidate: c.Name, Field: "embedding", Err: ErrMissing}
		}
	}
	return writeCandidates(w, candidates, func(c Candidate, o *pyjson.Object) error {
		endpoint, _, _ := strings.Cut(c.APIEndpoint, "?")
		o.Set("feature", c.Feature)
		o.Set("input_price", c.InputPrice)
		o.Set("output_price", c.OutputPrice)
		o.Set("model", c.Model)
		o.Set("api_endpoint", endpoint)
		o.Set("embedding", c.Embedding)
		c.optional(o, "embedding_encoder", c.EmbeddingEncoder)
		c.optional(o, "embedding_feature", c.EmbeddingFeature)
		c.optional(o, "size", c.Size)
		c.optional(o, "service", c.Service)
		c.setPrices(o)
		return nil
	})
}

func (c Candidate) optional(o *pyjson.Object, key, value string) {
	if value != "" {
		o.Set(key, value)
	}
}

func writeCandidates(w io.Writer, candidates []Candidate, known func(Candidate, *pyjson.Object) error) error {
	all := &pyjson.Object{}
	for _, c := range candidates {
		if _, duplicate := all.Get(c.Name); duplicate {
			return &CandidateError{Candidate: c.Name, Err: errors.New("duplicate name")}
		}
		for _, p := range c.prices() {
			if math.IsNaN(p.usd) || math.IsInf(p.usd, 0) {
				return &CandidateError{Candidate: c.Name, Field: p.field, Err: fmt.Errorf("%v has no place in JSON", p.usd)}
			}
		}
		o := &pyjson.Object{}
		if err := known(c, o); err != nil {
			return err
		}
		for _, extra := range c.Extra {
			v, err := pyjson.Parse(extra.JSON)
			if err != nil {
				return &CandidateError{Candidate: c.Name, Field: extra.Name, Err: err}
			}
			o.Set(extra.Name, v)
		}
		all.Set(c.Name, o)
	}
	text, err := pyjson.Append(nil, all, pyjson.Style{Indent: 2})
	if err != nil {
		return fmt.Errorf("llmrouterdata: candidates: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("llmrouterdata: candidates: %w", err)
	}
	return nil
}
