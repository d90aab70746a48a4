package pricing

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// ErrNoTable is the error for a file that holds no table of prices.
var ErrNoTable = errors.New("no table of prices")

// Entry is what one model costs at one provider.
type Entry struct {
	// Key is the entry's key in the table, for example "azure/gpt-4o" or
	// "gpt-4o", Provider and Model what it stands for.
	Key, Provider, Model string
	// InputPrice and OutputPrice are in USD per million tokens, from 0.
	InputPrice, OutputPrice float64
	// CachedInputPrice and ReasoningPrice are those of prompt tokens read from
	// a cache and of tokens spent on thinking, per million. Nil: not given.
	CachedInputPrice, ReasoningPrice *float64
	// BatchFactor is the price of a batch's tokens as a share of the others'.
	// Nil: not given, not the same for input and output, or more than 1.
	BatchFactor *float64
	// Tiered says that long prompts cost more; the prices are those of short
	// ones.
	Tiered bool
}

// FullKey returns provider and model, for example "openai/gpt-4o".
func (e Entry) FullKey() string { return e.Provider + "/" + e.Model }

// prices is what an entry costs, without its name.
func (e Entry) prices() string {
	optional := func(p *float64) float64 {
		if p == nil {
			return -1
		}
		return *p
	}
	return fmt.Sprint(e.InputPrice, e.OutputPrice, optional(e.CachedInputPrice), optional(e.ReasoningPrice), optional(e.BatchFactor), e.Tiered)
}

// Table is a table of prices. It is not changed after it was read and may be
// shared.
type Table struct {
	entries   []Entry
	byOwnKey  map[string]int   // by the table's own key
	byKey     map[string][]int // by full key, in lower case
	byName    map[string][]int // by the last part of the model's name, in lower case
	providers map[string]bool  // in lower case
}

// ReadFile is [Read] over a file, compressed where its name ends in .gz or .zst;
// or over the table in a wheel of litellm, by the ending .whl.
func ReadFile(name string) (*Table, error) {
	text, err := fileText(name)
	if err != nil {
		return nil, err
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("pricing: %s: %w", name, err)
	}
	return t, nil
}

func fileText(name string) ([]byte, error) {
	if strings.HasSuffix(strings.ToLower(name), ".whl") {
		return wheelText(name)
	}
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return limited(f, name)
}

// wheelText returns the table that a wheel of litellm carries.
func wheelText(name string) ([]byte, error) {
	wheel, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("pricing: %s: %w", name, err)
	}
	defer wheel.Close()
	for _, member := range wheel.File {
		if base := path.Base(member.Name); strings.HasPrefix(base, "model_prices") && strings.HasSuffix(base, ".json") {
			f, err := member.Open()
			if err != nil {
				return nil, fmt.Errorf("pricing: %s: %s: %w", name, member.Name, err)
			}
			defer f.Close()
			return limited(f, name)
		}
	}
	return nil, fmt.Errorf("pricing: %s: %w: no model_prices*.json in the wheel", name, ErrNoTable)
}

func limited(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	if err == nil && len(text) > maxTable {
		err = fmt.Errorf("more than %d bytes", maxTable)
	}
	if err != nil {
		return nil, fmt.Errorf("pricing: reading %s: %w", name, err)
	}
	return text, nil
}

// Read reads a table: a JSON object whose keys name the models. Of an entry
// count litellm_provider, input_cost_per_token, output_cost_per_token,
// cache_read_input_token_cost, output_cost_per_reasoning_token and
// input_cost_per_token_batches with output_cost_per_token_batches. One without
// provider or without both prices a token, as of pictures, is passed over.
func Read(r io.Reader) (*Table, error) {
	text, err := limited(r, "prices")
	if err != nil {
		return nil, err
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("pricing: %w", err)
	}
	return t, nil
}

func parse(text []byte) (*Table, error) {
	v, err := pyjson.ParseUnique(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		return nil, err
	}
	all, ok := v.(*pyjson.Object)
	if !ok {
		return nil, fmt.Errorf("%w: want an object whose keys name the models", ErrNoTable)
	}
	t := &Table{byOwnKey: map[string]int{}, byKey: map[string][]int{}, byName: map[string][]int{}, providers: map[string]bool{}}
	for i := range all.Len() {
		key, v := all.At(i)
		if o, ok := v.(*pyjson.Object); ok {
			t.add(key, o)
		}
	}
	if len(t.entries) == 0 {
		return nil, fmt.Errorf("%w: no entry has litellm_provider, input_cost_per_token and output_cost_per_token", ErrNoTable)
	}
	return t, nil
}

// add takes up an entry that has prices a token.
func (t *Table) add(key string, o *pyjson.Object) {
	provider, _ := get(o, "litellm_provider").(string)
	input, output := perMillion(o, "input_cost_per_token"), perMillion(o, "output_cost_per_token")
	if provider == "" || input == nil || output == nil {
		return
	}
	e := Entry{
		Key: key, Provider: provider, Model: strings.TrimPrefix(key, provider+"/"),
		InputPrice: *input, OutputPrice: *output,
		CachedInputPrice: perMillion(o, "cache_read_input_token_cost"),
		ReasoningPrice:   perMillion(o, "output_cost_per_reasoning_token"),
		BatchFactor:      batchFactor(o, *input, *output),
		Tiered:           tiered(o),
	}
	i := len(t.entries)
	t.entries = append(t.entries, e)
	t.providers[strings.ToLower(provider)] = true
	full, name := strings.ToLower(e.FullKey()), lastPart(e.Model)
	t.byOwnKey[key] = i
	t.byKey[full] = append(t.byKey[full], i)
	t.byName[name] = append(t.byName[name], i)
}

func get(o *pyjson.Object, field string) any {
	v, _ := o.Get(field)
	return v
}

// perMillion reads a price a token as one of a million, to the last decimal: 6
// is added to the exponent. Nil: there is no price.
func perMillion(o *pyjson.Object, field string) *float64 {
	var usd float64
	switch v := get(o, field).(type) {
	case float64:
		usd = v
	case pyjson.Int:
		usd = v.Float64()
	default:
		return nil
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(usd, 'e', -1, 64), "e")
	n, err := strconv.Atoi(exponent)
	if err != nil { // NaN, infinite
		return nil
	}
	million, err := strconv.ParseFloat(fmt.Sprintf("%se%d", mantissa, n+6), 64)
	if err != nil || !(million >= 0 && million <= llmrouterdata.MaxPrice) {
		return nil
	}
	return &million
}

// batchFactor is what a batch's tokens cost of the others', where that is one
// number for input and output.
func batchFactor(o *pyjson.Object, input, output float64) *float64 {
	batchInput, batchOutput := perMillion(o, "input_cost_per_token_batches"), perMillion(o, "output_cost_per_token_batches")
	if batchInput == nil || batchOutput == nil || input == 0 || output == 0 {
		return nil
	}
	round := func(share float64) float64 { // of decimals that were divided
		short, _ := strconv.ParseFloat(strconv.FormatFloat(share, 'g', 6, 64), 64)
		return short
	}
	factor := round(*batchInput / input)
	if factor != round(*batchOutput/output) || factor > 1 {
		return nil
	}
	return &factor
}

func tiered(o *pyjson.Object) bool {
	for i := range o.Len() {
		if key, _ := o.At(i); key == "tiered_pricing" || strings.HasPrefix(key, "input_cost_per_token_above_") || strings.HasPrefix(key, "output_cost_per_token_above_") {
			return true
		}
	}
	return false
}

// lastPart is the end of a model's name, without whose it is.
func lastPart(model string) string {
	return strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
}

// Len is the number of entries.
func (t *Table) Len() int { return len(t.entries) }

// Lookup returns the entries of a full key, letter case not counted: none, one,
// or several whose prices differ.
func (t *Table) Lookup(key string) []Entry {
	var found []Entry
	for _, i := range t.byKey[strings.ToLower(key)] {
		if !slices.ContainsFunc(found, func(e Entry) bool { return e.prices() == t.entries[i].prices() }) {
			found = append(found, t.entries[i])
		}
	}
	return found
}

// Offers returns the entries of models that are called so at any provider, by
// the last part of the name, the first 20 by their full keys.
func (t *Table) Offers(model string) []Entry {
	var found []Entry
	for _, i := range t.byName[lastPart(model)] {
		found = append(found, t.entries[i])
	}
	slices.SortStableFunc(found, func(a, b Entry) int { return cmp.Compare(a.FullKey(), b.FullKey()) })
	return found[:min(len(found), maxOffers)]
}
