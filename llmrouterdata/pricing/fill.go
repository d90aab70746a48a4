package pricing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/spell"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// FillOptions configures [Fill]; nil and the zero value give the defaults.
type FillOptions struct {
	// Keys are keys of the table, or full keys, by the names of candidates.
	// Default, and for others: the provider of the candidate's service, and its
	// model.
	Keys map[string]string
	// Providers are the table's names of services, by the candidates'. Default,
	// and for others: the service's own name. The empty service stands for
	// candidates that name none; without it these have no key.
	Providers map[string]string
	// Replace overrides the prices that a candidate has. Default: they stay.
	Replace bool
}

// validate checks the options against what they speak of.
func (o *FillOptions) validate(candidates []llmrouterdata.Candidate, t *Table) (FillOptions, error) {
	v, f := options.Begin(o, "pricing: FillOptions")
	names := make([]string, len(candidates))
	for i, c := range candidates {
		names[i] = c.Name
	}
	for _, name := range slices.Sorted(maps.Keys(v.Keys)) {
		if !slices.Contains(names, name) {
			f.Add("Keys", "names the candidate %q, which is not there%s", name, meant(name, names))
		}
	}
	for _, service := range slices.Sorted(maps.Keys(v.Providers)) {
		if provider := v.Providers[service]; !t.providers[strings.ToLower(provider)] {
			f.Add("Providers", "names the provider %q, which the table does not have%s", provider, meant(provider, slices.Sorted(maps.Keys(t.providers))))
		}
	}
	return v, f.Err()
}

func meant(name string, names []string) string {
	if near := spell.Near(name, names); near != nil {
		return fmt.Sprintf("; was %q meant?", near[0])
	}
	return ""
}

// Outcome is what became of a candidate's prices.
type Outcome struct {
	Candidate string
	// Key is the key that was looked up; "" where the candidate gives none.
	Key string
	// Found is the entry whose prices were taken; nil where there is none, or
	// several that differ.
	Found *Entry
	// Offers are entries that may be meant where none was taken: those of the
	// key that differ, or those of other providers. None was used.
	Offers []Entry
	// Changes are the fields that were filled in or replaced, Kept those whose
	// own value differs from the table's.
	Changes, Kept []Change
}

// Change is a field of a candidate and its values, in USD per million tokens or,
// for batch_price_factor, a share.
type Change struct {
	Field string
	// From is the candidate's own value; nil where it has none.
	From *float64
	// To is the table's.
	To float64
}

// Fill returns the candidates with the prices of the table, and what became of
// each, in their order. Input and output prices are filled where they are
// missing; then, where they are the table's, the prices of cached and of
// reasoning tokens, and the factor of batches. The candidates given are not
// changed.
func Fill(candidates []llmrouterdata.Candidate, t *Table, o *FillOptions) ([]llmrouterdata.Candidate, []Outcome, error) {
	v, err := o.validate(candidates, t)
	if err != nil {
		return nil, nil, err
	}
	filled := slices.Clone(candidates)
	outcomes := make([]Outcome, len(filled))
	for i := range filled {
		outcomes[i] = v.find(&filled[i], t)
		if outcomes[i].Found != nil {
			v.fill(&filled[i], &outcomes[i])
		}
	}
	return filled, outcomes, nil
}

// find looks up the entry of a candidate.
func (o *FillOptions) find(c *llmrouterdata.Candidate, t *Table) Outcome {
	out := Outcome{Candidate: c.Name, Key: o.key(c)}
	found := t.Lookup(out.Key)
	if i, own := t.byOwnKey[o.Keys[c.Name]]; own {
		found = t.entries[i : i+1]
	}
	switch len(found) {
	case 0:
		out.Offers = t.Offers(c.Model)
	case 1:
		out.Found = &found[0]
	default:
		out.Offers = found
	}
	return out
}

func (o *FillOptions) key(c *llmrouterdata.Candidate) string {
	if key, given := o.Keys[c.Name]; given {
		return key
	}
	provider, given := o.Providers[c.Service]
	if !given {
		provider = c.Service
	}
	if provider == "" || c.Model == "" {
		return ""
	}
	return provider + "/" + c.Model
}

// fill sets the prices of a candidate from the entry that was found.
func (o *FillOptions) fill(c *llmrouterdata.Candidate, out *Outcome) {
	e := out.Found
	base := o.set(out, "input_price", given(c, &c.InputPrice), e.InputPrice, func(p float64) { c.InputPrice = p })
	base = o.set(out, "output_price", given(c, &c.OutputPrice), e.OutputPrice, func(p float64) { c.OutputPrice = p }) && base
	c.Unpriced = false
	if !base {
		return // somebody else's prices: these parts would not fit them
	}
	if p := e.CachedInputPrice; p != nil {
		o.set(out, "cached_input_price", c.CachedInputPrice, *p, func(p float64) { c.CachedInputPrice = &p })
	}
	if p := e.ReasoningPrice; p != nil {
		o.set(out, "reasoning_price", c.ReasoningPrice, *p, func(p float64) { c.ReasoningPrice = &p })
	}
	if p := e.BatchFactor; p != nil {
		o.set(out, "batch_price_factor", c.BatchPriceFactor, *p, func(p float64) { c.BatchPriceFactor = &p })
	}
}

// given returns one of the two prices, nil where it is missing: of an unpriced
// candidate that is the one that is 0.
func given(c *llmrouterdata.Candidate, price *float64) *float64 {
	if c.Unpriced && *price == 0 {
		return nil
	}
	return new(*price)
}

// set gives a field the table's value where it has none, or where its own is
// replaced. It reports whether the field has the table's value.
func (o *FillOptions) set(out *Outcome, field string, from *float64, to float64, set func(float64)) bool {
	change := Change{Field: field, From: from, To: to}
	switch {
	case from != nil && *from == to:
		return true
	case from == nil || o.Replace:
		out.Changes = append(out.Changes, change)
		set(to)
		return true
	}
	out.Kept = append(out.Kept, change)
	return false
}
