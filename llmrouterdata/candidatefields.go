package llmrouterdata

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/spell"
)

// candidateField is a field of a candidate that has a meaning here.
type candidateField struct {
	read func(f *fields, name string, c *Candidate)
	// set reports whether the candidate has it, so that no other field is a
	// misspelling of it.
	set func(c *Candidate) bool
	// fits reports whether a value is of its kind.
	fits func(v any) bool
}

// candidateFields are the fields by their names in a file.
var candidateFields = map[string]candidateField{
	"size":               textField(func(c *Candidate) *string { return &c.Size }),
	"feature":            textField(func(c *Candidate) *string { return &c.Feature }),
	"model":              textField(func(c *Candidate) *string { return &c.Model }),
	"service":            textField(func(c *Candidate) *string { return &c.Service }),
	"api_endpoint":       textField(func(c *Candidate) *string { return &c.APIEndpoint }),
	"input_price":        priceField(func(c *Candidate) *float64 { return &c.InputPrice }),
	"output_price":       priceField(func(c *Candidate) *float64 { return &c.OutputPrice }),
	"cached_input_price": finePriceField(func(c *Candidate) **float64 { return &c.CachedInputPrice }),
	"reasoning_price":    finePriceField(func(c *Candidate) **float64 { return &c.ReasoningPrice }),
	"timeout":            secondsField(func(c *Candidate) *float64 { return &c.Timeout }),
	"connect_timeout":    secondsField(func(c *Candidate) *float64 { return &c.ConnectTimeout }),
	"first_byte_timeout": secondsField(func(c *Candidate) *float64 { return &c.FirstByteTimeout }),
	"workers":            countField(maxCandidateWorkers, func(c *Candidate) *int { return &c.Workers }),
	"requests_per_minute": countField(maxCandidateRate,
		func(c *Candidate) *int { return &c.RequestsPerMinute }),
	"tokens_per_minute": countField(maxCandidateRate,
		func(c *Candidate) *int { return &c.TokensPerMinute }),
	"params": {
		read: func(f *fields, name string, c *Candidate) { c.Params = f.jsonMap(name) },
		set:  func(c *Candidate) bool { return len(c.Params) > 0 },
		fits: isKind[*pyjson.Object],
	},
	"headers": {
		read: func(f *fields, name string, c *Candidate) { c.Headers = f.textMap(name) },
		set:  func(c *Candidate) bool { return len(c.Headers) > 0 },
		fits: isKind[*pyjson.Object],
	},
	"strict_model": {
		read: func(f *fields, name string, c *Candidate) { c.StrictModel = f.boolean(name) },
		set:  func(c *Candidate) bool { return c.StrictModel },
		fits: isKind[bool],
	},
	"batch": {
		read: func(f *fields, name string, c *Candidate) { c.Batch = f.boolean(name) },
		set:  func(c *Candidate) bool { return c.Batch },
		fits: isKind[bool],
	},
	batchPriceFactor: {
		read: func(f *fields, name string, c *Candidate) {
			if v, _ := f.o.Get(name); absent(v) {
				return
			}
			c.BatchPriceFactor = new(f.number(name))
			if p := *c.BatchPriceFactor; !isShare(p) {
				f.fail(name, fmt.Errorf("want a share of the prices, from 0 to 1, have %v", p))
			}
		},
		set:  func(c *Candidate) bool { return c.BatchPriceFactor != nil },
		fits: isNumber,
	},
	"embedding": {
		read: func(f *fields, name string, c *Candidate) {
			v, _ := f.o.Get(name)
			var err error
			if c.Embedding, err = decodeVector(v); err != nil {
				f.fail(name, err)
			}
		},
		set: inNoCandidateFile,
	},
	"embedding_encoder": {
		read: func(f *fields, name string, c *Candidate) { c.EmbeddingEncoder = f.optionalText(name) },
		set:  inNoCandidateFile,
	},
	"embedding_feature": {
		read: func(f *fields, name string, c *Candidate) { c.EmbeddingFeature = f.optionalText(name) },
		set:  inNoCandidateFile,
	},
}

// inNoCandidateFile is the set of a field that a candidate file does not have:
// nothing there is a misspelling of it.
func inNoCandidateFile(*Candidate) bool { return true }

func isKind[T any](v any) bool { _, ok := v.(T); return ok }

func isNumber(v any) bool { return isKind[float64](v) || isKind[pyjson.Int](v) }

func textField(at func(*Candidate) *string) candidateField {
	return candidateField{
		read: func(f *fields, name string, c *Candidate) { *at(c) = f.optionalText(name) },
		set:  func(c *Candidate) bool { return *at(c) != "" },
		fits: isKind[string],
	}
}

func priceField(at func(*Candidate) *float64) candidateField {
	return candidateField{
		read: func(f *fields, name string, c *Candidate) { *at(c) = f.price(name) },
		set:  func(c *Candidate) bool { return *at(c) != 0 || !c.Unpriced },
		fits: isNumber,
	}
}

func finePriceField(at func(*Candidate) **float64) candidateField {
	return candidateField{
		read: func(f *fields, name string, c *Candidate) { *at(c) = new(f.price(name)) },
		set:  func(c *Candidate) bool { return *at(c) != nil },
		fits: isNumber,
	}
}

// secondsField is a time limit.
func secondsField(at func(*Candidate) *float64) candidateField {
	return candidateField{
		read: func(f *fields, name string, c *Candidate) {
			if v, _ := f.o.Get(name); absent(v) {
				return
			}
			*at(c) = f.number(name)
			if s := *at(c); !(s > 0 && s <= maxCandidateTimeout) {
				f.fail(name, fmt.Errorf("want seconds, above 0 and at most %d, have %v", maxCandidateTimeout, s))
			}
		},
		set:  func(c *Candidate) bool { return *at(c) != 0 },
		fits: isNumber,
	}
}

// countField is a whole number from 1 to most.
func countField(most int, at func(*Candidate) *int) candidateField {
	return candidateField{
		read: func(f *fields, name string, c *Candidate) {
			if v, _ := f.o.Get(name); absent(v) {
				return
			}
			*at(c) = f.integer(name, 0)
			if n := *at(c); n < 1 || n > most {
				f.fail(name, fmt.Errorf("want a number from 1 to %d, have %d", most, n))
			}
		},
		set:  func(c *Candidate) bool { return *at(c) != 0 },
		fits: isNumber,
	}
}

func (f *fields) boolean(name string) bool {
	v, _ := f.o.Get(name)
	b, ok := v.(bool)
	if !ok && !absent(v) {
		f.failType(name, "a boolean", v)
	}
	return b
}

// object reads an object that may be null; nil where it is.
func (f *fields) object(name string) *pyjson.Object {
	v, _ := f.o.Get(name)
	o, ok := v.(*pyjson.Object)
	if !ok && !absent(v) {
		f.failType(name, "an object", v)
	}
	return o
}

// jsonMap reads an object of any values, which must be JSON: no NaN.
func (f *fields) jsonMap(name string) map[string]json.RawMessage {
	o := f.object(name)
	if o.Len() == 0 {
		return nil
	}
	m := make(map[string]json.RawMessage, o.Len())
	for i := range o.Len() {
		key, v := o.At(i)
		text, err := pyjson.Append(nil, v, pyjson.Style{})
		if err == nil && !json.Valid(text) {
			err = errors.New("NaN and Infinity cannot be sent")
		}
		if err != nil {
			f.fail(name+"."+key, err)
		}
		m[key] = text
	}
	return m
}

// textMap reads an object of strings. A fault does not show the value, which
// may be a secret.
func (f *fields) textMap(name string) map[string]string {
	o := f.object(name)
	if o.Len() == 0 {
		return nil
	}
	m := make(map[string]string, o.Len())
	for i := range o.Len() {
		key, v := o.At(i)
		text, ok := v.(string)
		if !ok {
			f.failType(name+"."+key, "a string", v)
		}
		m[key] = text
	}
	return m
}

// mistyped demands that an extra field is not a misspelling of a field that the
// candidate lacks. A name that has whole words more than the field's is one only
// if its value is what the field would take: max_workers: 4, but not
// num_params: 7e9.
func (f *fields) mistyped(extra string, c *Candidate) {
	var lacking []string
	for _, name := range slices.Sorted(maps.Keys(candidateFields)) {
		if !candidateFields[name].set(c) {
			lacking = append(lacking, name)
		}
	}
	v, _ := f.o.Get(extra)
	for _, name := range spell.Mistyped(extra, lacking) {
		if !moreWords(extra, name) || candidateFields[name].fits(v) {
			f.fail(extra, fmt.Errorf("unknown field; was %q meant?", name))
			return
		}
	}
}

// moreWords reports whether name has the words of field and others before or
// behind them.
func moreWords(name, field string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, field+"_") || strings.HasSuffix(name, "_"+field)
}

// setPrices adds the prices of parts of the tokens, and of batches.
func (c Candidate) setPrices(o *pyjson.Object) {
	for field, usd := range c.finePrices() {
		o.Set(field, *usd)
	}
	if c.BatchPriceFactor != nil {
		o.Set(batchPriceFactor, *c.BatchPriceFactor)
	}
}

// setCalling adds what says how the candidate is called.
func (c Candidate) setCalling(o *pyjson.Object) error {
	if len(c.Params) > 0 {
		params := &pyjson.Object{}
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			v, err := pyjson.Parse(c.Params[name])
			if err != nil {
				return &CandidateError{Candidate: c.Name, Field: "params." + name, Err: err}
			}
			params.Set(name, v)
		}
		o.Set("params", params)
	}
	if len(c.Headers) > 0 {
		headers := &pyjson.Object{}
		for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
			headers.Set(name, c.Headers[name])
		}
		o.Set("headers", headers)
	}
	for _, t := range [...]struct {
		field   string
		seconds float64
	}{{"timeout", c.Timeout}, {"connect_timeout", c.ConnectTimeout}, {"first_byte_timeout", c.FirstByteTimeout}} {
		if t.seconds != 0 {
			o.Set(t.field, t.seconds)
		}
	}
	for _, n := range [...]struct {
		field string
		count int
	}{{"workers", c.Workers}, {"requests_per_minute", c.RequestsPerMinute}, {"tokens_per_minute", c.TokensPerMinute}} {
		if n.count != 0 {
			o.Set(n.field, n.count)
		}
	}
	for _, b := range [...]struct {
		field string
		set   bool
	}{{"strict_model", c.StrictModel}, {"batch", c.Batch}} {
		if b.set {
			o.Set(b.field, true)
		}
	}
	return nil
}
