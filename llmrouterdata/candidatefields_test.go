package llmrouterdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const callingCandidate = `{"m": {
	"size": "7B", "feature": "f", "input_price": 1, "output_price": 4, "model": "m", "service": "S",
	"api_endpoint": "https://x.example/openai?api-version=2024-10-21",
	"params": {"max_completion_tokens": 900, "reasoning": {"effort": "high"}, "temperature": 1.0},
	"headers": {"X-Team": "${TEAM}"},
	"timeout": 120.5, "connect_timeout": 5, "first_byte_timeout": 300, "workers": 3,
	"requests_per_minute": 60, "tokens_per_minute": 90000,
	"cached_input_price": 0.1, "reasoning_price": 0, "strict_model": true, "batch": true, "batch_price_factor": 0.4, "note": "kept"}}`

func TestHowACandidateIsCalled(t *testing.T) {
	list, err := ReadCandidates(strings.NewReader(callingCandidate))
	if err != nil {
		t.Fatal(err)
	}
	want := Candidate{
		Name: "m", Size: "7B", Feature: "f", InputPrice: 1, OutputPrice: 4, Model: "m", Service: "S",
		APIEndpoint:      "https://x.example/openai?api-version=2024-10-21",
		CachedInputPrice: new(0.1), ReasoningPrice: new(0.0),
		Params: map[string]json.RawMessage{
			"max_completion_tokens": json.RawMessage(`900`), "reasoning": json.RawMessage(`{"effort": "high"}`), "temperature": json.RawMessage(`1.0`),
		},
		Headers: map[string]string{"X-Team": "${TEAM}"},
		Timeout: 120.5, ConnectTimeout: 5, FirstByteTimeout: 300, Workers: 3, RequestsPerMinute: 60, TokensPerMinute: 90000, StrictModel: true,
		Batch: true, BatchPriceFactor: new(0.4),
		Extra: []ExtraField{{"note", json.RawMessage(`"kept"`)}},
	}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := WriteCandidates(&b, list); err != nil {
		t.Fatal(err)
	}
	again, err := ReadCandidates(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, again); diff != "" {
		t.Errorf("written and read back (-want +got):\n%s", diff)
	}
}

// An LLM-embedding file is made to be published.
func TestEmbeddingFileHoldsNothingOfTheCalls(t *testing.T) {
	list, err := ReadCandidates(strings.NewReader(callingCandidate))
	if err != nil {
		t.Fatal(err)
	}
	list[0].Embedding = []float32{1}
	var b bytes.Buffer
	if err := WriteEmbeddedCandidates(&b, list); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"api-version", "params", "effort", "headers", "TEAM", "timeout", "per_minute", "workers", `"batch"`} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q stands in the embedding file:\n%s", secret, b.Bytes())
		}
	}
	for _, kept := range []string{`"api_endpoint": "https://x.example/openai"`, `"cached_input_price": 0.1`, `"reasoning_price": 0.0`, `"batch_price_factor": 0.4`, `"note": "kept"`} {
		if !strings.Contains(b.String(), kept) {
			t.Errorf("%s is not in the embedding file:\n%s", kept, b.Bytes())
		}
	}
}

func TestPricesAreGivenOrNot(t *testing.T) {
	for in, want := range map[string]bool{
		`{}`:                                    true,
		`{"input_price": 1}`:                    true,
		`{"output_price": 0}`:                   true,
		`{"input_price": 0, "output_price": 0}`: false,
		`{"input_price": 0.5, "output_price": 1.5}`: false,
	} {
		list, err := ReadCandidates(strings.NewReader(`{"m": ` + in + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if list[0].Unpriced != want {
			t.Errorf("%s: Unpriced is %v", in, list[0].Unpriced)
		}
		var b bytes.Buffer
		if err := WriteCandidates(&b, list); err != nil {
			t.Fatal(err)
		}
		again, err := ReadCandidates(&b)
		if err != nil || again[0].Unpriced != want {
			t.Errorf("%s: written and read back, Unpriced is %v (%v)", in, again[0].Unpriced, err)
		}
	}
}

func TestCallingFieldsOutOfRange(t *testing.T) {
	for field, values := range map[string][]string{
		"timeout":             {`0`, `-1`, `86401`, `NaN`, `"30s"`, `true`},
		"connect_timeout":     {`0`, `1e300`},
		"first_byte_timeout":  {`Infinity`},
		"workers":             {`0`, `-1`, `1.5`, `100001`, `"4"`},
		"requests_per_minute": {`0`, `1e10`},
		"tokens_per_minute":   {`-5`, `123456789012345678901234567890`},
		"cached_input_price":  {`-1`, `null`, `"0.1"`},
		"reasoning_price":     {`Infinity`},
		"params":              {`[]`, `"x"`, `1`},
		"headers":             {`[]`, `"X: y"`},
		"strict_model":        {`1`, `"true"`},
		"batch":               {`1`, `"true"`},
		"batch_price_factor":  {`-0.1`, `1.1`, `"0.5"`, `Infinity`},
	} {
		for _, value := range values {
			if value == "NaN" {
				continue // pandas' word for a missing value
			}
			_, err := ReadCandidates(strings.NewReader(`{"m": {"` + field + `": ` + value + `}}`))
			at, ok := errors.AsType[*CandidateError](err)
			if !ok || at.Field != field {
				t.Errorf("%s %s: %v, want a *CandidateError that names the field", field, value, err)
			}
		}
	}
	for in, field := range map[string]string{
		`{"params": {"top_k": NaN}}`:          "params.top_k",
		`{"headers": {"X-Key": ["s3cr3t!"]}}`: "headers.X-Key",
	} {
		_, err := ReadCandidates(strings.NewReader(`{"m": ` + in + `}`))
		at, ok := errors.AsType[*CandidateError](err)
		if !ok || at.Field != field || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want a *CandidateError for %s", in, err, field)
		}
	}
	for _, null := range []string{"timeout", "workers", "params", "headers", "strict_model", "tokens_per_minute"} {
		if _, err := ReadCandidates(strings.NewReader(`{"m": {"` + null + `": null}}`)); err != nil {
			t.Errorf("%s null: %v", null, err)
		}
	}
}

func TestMistypedFieldsAreNamed(t *testing.T) {
	for in, meant := range map[string]string{
		`"ouput_price": 4`:              "output_price",
		`"inputPrice": 4`:               "input_price",
		`"api_endpont": "http://x/v1"`:  "api_endpoint",
		`"request_per_minute": 4`:       "requests_per_minute",
		`"tokens_per_min": 4`:           "tokens_per_minute",
		`"time_out": 4`:                 "timeout",
		`"first-byte-timeout": 4`:       "first_byte_timeout",
		`"header": {"X": "y"}`:          "headers",
		`"parms": {}`:                   "params",
		`"worker": 4`:                   "workers",
		`"max_workers": 4`:              "workers",
		`"strict_modle": true`:          "strict_model",
		`"cache_input_price": 0.1`:      "cached_input_price",
		`"serivce": "NVIDIA"`:           "service",
		`"model": "m", "featur": "..."`: "feature",
	} {
		_, err := ReadCandidates(strings.NewReader(`{"m": {` + in + `}}`))
		if at, ok := errors.AsType[*CandidateError](err); !ok || !strings.Contains(err.Error(), `"`+meant+`"`) || at.Candidate != "m" {
			t.Errorf("%s: %v, want %q to be named", in, err, meant)
		}
	}
	// A field of its own, and one beside the field that it resembles, stay.
	for _, in := range []string{
		`"num_params": 7e9`, `"params_b": 7`, `"context_length": 4096`, `"family": "qwen"`, `"license": "mit"`, `"reasoning": true`,
		`"size_gb": 14.5`, `"note": ""`, `"model": "m", "mode": "chat"`, `"service": "S", "service_tier": "flex"`,
		`"input_price": 1, "output_price": 2, "output_prices": []`, `"embeddings_of": "x"`, `"max_tokens": 4096`,
	} {
		list, err := ReadCandidates(strings.NewReader(`{"m": {` + in + `}}`))
		if err != nil || len(list[0].Extra) != 1 {
			t.Errorf("%s: %v, %v; want one extra field", in, list, err)
		}
	}
}
