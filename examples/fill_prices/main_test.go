package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

const (
	table = `{"gpt": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "input_cost_per_token_above_128k_tokens": 3e-07},
		"azure/gpt": {"litellm_provider": "azure", "input_cost_per_token": 1.65e-07, "output_cost_per_token": 6.6e-07},
		"deep": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-07, "output_cost_per_token": 1e-07},
		"deepseek/deep": {"litellm_provider": "deepseek", "input_cost_per_token": 2e-07, "output_cost_per_token": 2e-07}}`
	llm = `{"one": {"feature": "One.", "model": "gpt", "service": "OpenAI"},
		"two": {"feature": "Two.", "model": "gpt", "service": "Two", "input_price": 1, "output_price": 1},
		"three": {"feature": "Three.", "model": "deep", "service": "deepseek"},
		"four": {"feature": "Four.", "model": "gpt"}}`
)

func TestFillPrices(t *testing.T) {
	dir := t.TempDir()
	from, input := clitest.Write(t, dir, "prices.json", table), clitest.Write(t, dir, "llm.json", llm)
	out, errs, err := clitest.Run(t.Context(), run, nil, "--from", from, "--input", input)
	if err == nil || !strings.HasSuffix(err.Error(), "no prices of three, four") || errs != "" {
		t.Errorf("%v, %q", err, errs)
	}
	want := `one: openai/gpt
  input_price: 0.15
  output_price: 0.6
  long prompts cost more there, which a candidate's prices do not say
two: the table has no Two/gpt
  --key 'two=azure/gpt': azure/gpt, input 0.165, output 0.66
  --key 'two=gpt': openai/gpt, input 0.15, output 0.6
three: deepseek/deep stands for several entries, whose prices differ: none was taken
  --key 'three=deep': deepseek/deep, input 0.1, output 0.1
  --key 'three=deepseek/deep': deepseek/deep, input 0.2, output 0.2
four: it names no service, or no model: give --provider or --key
  --key 'four=azure/gpt': azure/gpt, input 0.165, output 0.66
  --key 'four=gpt': openai/gpt, input 0.15, output 0.6
`
	if out != want {
		t.Errorf("printed\n%s", out)
	}
	if text, err := os.ReadFile(input); err != nil || string(text) != llm {
		t.Errorf("without --output the file was changed: %v", err)
	}

	config := clitest.Write(t, dir, "config.yaml", "data_path: {llm_data: llm.json}")
	clitest.Write(t, dir, "llm.json", strings.Replace(llm, `"deep"`, `"gpt"`, 1))
	args := []string{
		"--from", from, "--config", config, "--root", dir, "--provider", "=azure", "--provider", "deepseek=azure",
		"--key", "two=openai/gpt", "--replace", "--output", input,
	}
	if out, _, err = clitest.Run(t.Context(), run, nil, args...); err != nil || !strings.Contains(out, "input_price: 1 -> 0.15") {
		t.Fatalf("%v\n%s", err, out)
	}
	filled, err := llmrouterdata.ReadCandidatesFile(input)
	if err != nil {
		t.Fatal(err)
	}
	for i, price := range []float64{0.15, 0.15, 0.165, 0.165} {
		if filled[i].InputPrice != price || filled[i].Unpriced {
			t.Errorf("%+v", filled[i])
		}
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	from, input := clitest.Write(t, dir, "prices.json", table), clitest.Write(t, dir, "llm.json", llm)
	for _, args := range [][]string{{}, {"--from", from}, {"--input", input}, {"--from", from, "--input", input, "--key", "one"}} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{
		{"--from", filepath.Join(dir, "none"), "--input", input},
		{"--from", from, "--input", filepath.Join(dir, "none")},
		{"--from", from, "--config", clitest.Write(t, dir, "empty.yaml", "")},
		{"--from", from, "--input", input, "--key", "none=openai/gpt"},
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); err == nil || errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }
