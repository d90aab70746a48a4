package pricing

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

const prices = `{
  "sample_spec": {"litellm_provider": "one of ...", "max_tokens": "a text"},
  "gpt": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
    "cache_read_input_token_cost": 7.5e-08, "input_cost_per_token_batches": 7.5e-08, "output_cost_per_token_batches": 3e-07},
  "azure/gpt": {"litellm_provider": "azure", "input_cost_per_token": 1.65e-07, "output_cost_per_token": 6.6e-07,
    "input_cost_per_token_above_128k_tokens": 3e-07},
  "chat": {"litellm_provider": "deep", "input_cost_per_token": 2e-07, "output_cost_per_token": 0},
  "deep/chat": {"litellm_provider": "deep", "input_cost_per_token": 3e-07, "output_cost_per_token": 0},
  "twin": {"litellm_provider": "deep", "input_cost_per_token": 2e-07, "output_cost_per_token": 4e-07, "output_cost_per_reasoning_token": 5e-07},
  "deep/twin": {"litellm_provider": "deep", "input_cost_per_token": 2e-07, "output_cost_per_token": 4e-07, "output_cost_per_reasoning_token": 5e-07},
  "odd/batch": {"litellm_provider": "odd", "input_cost_per_token": 2e-07, "output_cost_per_token": 4e-07,
    "input_cost_per_token_batches": 1e-07, "output_cost_per_token_batches": 1e-07},
  "picture": {"litellm_provider": "openai", "output_cost_per_image": 0.04, "input_cost_per_token": 1e-07},
  "below/zero": {"litellm_provider": "below", "input_cost_per_token": -1, "output_cost_per_token": 1}
}`

func table(t *testing.T) *Table {
	t.Helper()
	list, err := Read(strings.NewReader(prices))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRead(t *testing.T) {
	list := table(t)
	if list.Len() != 7 {
		t.Errorf("%d entries", list.Len())
	}
	for _, tt := range []struct {
		key  string
		want []Entry
	}{
		{"openai/gpt", []Entry{{Key: "gpt", Provider: "openai", Model: "gpt", InputPrice: 0.15, OutputPrice: 0.6, CachedInputPrice: new(0.075), BatchFactor: new(0.5)}}},
		{"Azure/GPT", []Entry{{Key: "azure/gpt", Provider: "azure", Model: "gpt", InputPrice: 0.165, OutputPrice: 0.66, Tiered: true}}},
		{"deep/chat", []Entry{
			{Key: "chat", Provider: "deep", Model: "chat", InputPrice: 0.2},
			{Key: "deep/chat", Provider: "deep", Model: "chat", InputPrice: 0.3},
		}},
		{"deep/twin", []Entry{{Key: "twin", Provider: "deep", Model: "twin", InputPrice: 0.2, OutputPrice: 0.4, ReasoningPrice: new(0.5)}}},
		{"odd/batch", []Entry{{Key: "odd/batch", Provider: "odd", Model: "batch", InputPrice: 0.2, OutputPrice: 0.4}}},
		{"gpt", nil}, {"openai/picture", nil}, {"below/zero", nil}, {"", nil},
	} {
		if diff := cmp.Diff(tt.want, list.Lookup(tt.key)); diff != "" {
			t.Errorf("%q:\n%s", tt.key, diff)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"a": {"litellm_provider": "p"}}`, `{"a": {}, "a": {}}`, "{", "\xff"} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q is a table", text)
		}
	}
	if _, err := Read(strings.NewReader("{}")); !errors.Is(err, ErrNoTable) {
		t.Errorf("%v, want ErrNoTable", err)
	}
}

// wheel writes a wheel with one member.
func wheel(t *testing.T, member, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(member)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "litellm-1.0-py3-none-any.whl")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadFile(t *testing.T) {
	list, err := ReadFile(wheel(t, "litellm/model_prices_and_context_window_backup.json", prices))
	if err != nil || list.Len() != 7 {
		t.Errorf("%v", err)
	}
	if _, err := ReadFile(wheel(t, "litellm/main.py", prices)); !errors.Is(err, ErrNoTable) {
		t.Errorf("a wheel without a table: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "broken.whl")
	if err := os.WriteFile(broken, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{broken, filepath.Join(t.TempDir(), "none.json")} {
		if _, err := ReadFile(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestFill(t *testing.T) {
	priced := llmrouterdata.Candidate{Name: "priced", Service: "OpenAI", Model: "gpt", InputPrice: 9, OutputPrice: 0.6}
	candidates := []llmrouterdata.Candidate{
		{Name: "missing", Service: "OpenAI", Model: "gpt", Unpriced: true},
		{Name: "half", Service: "openai", Model: "gpt", InputPrice: 0.15, Unpriced: true},
		priced,
		{Name: "unclear", Service: "deep", Model: "chat", Unpriced: true},
		{Name: "elsewhere", Service: "Elsewhere", Model: "owner/gpt", Unpriced: true},
		{Name: "nowhere", Model: "gpt", Unpriced: true},
		{Name: "chosen", Model: "whatever", Unpriced: true},
		{Name: "mapped", Service: "MS", Model: "gpt", Unpriced: true},
		{Name: "own key", Service: "deep", Model: "chat", Unpriced: true},
	}
	before := append([]llmrouterdata.Candidate(nil), candidates...)
	o := &FillOptions{Keys: map[string]string{"chosen": "deep/twin", "own key": "deep/chat"}, Providers: map[string]string{"MS": "azure"}}
	filled, outcomes, err := Fill(candidates, table(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, candidates); diff != "" {
		t.Errorf("the candidates given were changed:\n%s", diff)
	}
	full := llmrouterdata.Candidate{
		Name: "missing", Service: "OpenAI", Model: "gpt", InputPrice: 0.15, OutputPrice: 0.6, CachedInputPrice: new(0.075), BatchPriceFactor: new(0.5),
	}
	half := full
	half.Name, half.Service = "half", "openai"
	want := []llmrouterdata.Candidate{
		full, half, priced, before[3], before[4], before[5],
		{Name: "chosen", Model: "whatever", InputPrice: 0.2, OutputPrice: 0.4, ReasoningPrice: new(0.5)},
		{Name: "mapped", Service: "MS", Model: "gpt", InputPrice: 0.165, OutputPrice: 0.66},
		{Name: "own key", Service: "deep", Model: "chat", InputPrice: 0.3},
	}
	if diff := cmp.Diff(want, filled); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Change{{Field: "input_price", From: new(9.0), To: 0.15}}, outcomes[2].Kept); diff != "" || outcomes[2].Changes != nil {
		t.Errorf("priced:\n%s", diff)
	}
	checkOffers(t, outcomes)
	checkFilled(t, filled, o)
}

// checkOffers holds the outcomes of TestFill against the keys that they offer.
func checkOffers(t *testing.T, outcomes []Outcome) {
	t.Helper()
	for i, keys := range map[int][]string{3: {"chat", "deep/chat"}, 4: {"azure/gpt", "gpt"}, 5: {"azure/gpt", "gpt"}, 0: nil} {
		var got []string
		for _, e := range outcomes[i].Offers {
			got = append(got, e.Key)
		}
		if diff := cmp.Diff(keys, got); diff != "" || (keys != nil) != (outcomes[i].Found == nil) {
			t.Errorf("offers of %s:\n%s", outcomes[i].Candidate, diff)
		}
	}
}

// checkFilled demands that candidates make a file that reads back, in which
// there is nothing left to fill.
func checkFilled(t *testing.T, filled []llmrouterdata.Candidate, o *FillOptions) {
	t.Helper()
	var text bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&text, filled); err != nil {
		t.Fatal(err)
	}
	again, err := llmrouterdata.ReadCandidates(&text)
	if err != nil {
		t.Fatal(err)
	}
	_, outcomes, err := Fill(again, table(t), o)
	for _, out := range outcomes {
		if err != nil || out.Changes != nil {
			t.Errorf("%s: %v, %v", out.Candidate, out.Changes, err)
		}
	}
}

func TestFillReplaces(t *testing.T) {
	candidates := []llmrouterdata.Candidate{{
		Name: "priced", Service: "openai", Model: "gpt", InputPrice: 9, OutputPrice: 9, CachedInputPrice: new(9.0),
		BatchPriceFactor: new(0.9), Extra: []llmrouterdata.ExtraField{{Name: "own", JSON: []byte("1")}},
	}}
	filled, outcomes, err := Fill(candidates, table(t), &FillOptions{Replace: true})
	if err != nil || len(outcomes[0].Changes) != 4 {
		t.Fatalf("%v, %v", outcomes, err)
	}
	want := llmrouterdata.Candidate{
		Name: "priced", Service: "openai", Model: "gpt", InputPrice: 0.15, OutputPrice: 0.6, CachedInputPrice: new(0.075),
		BatchPriceFactor: new(0.5), Extra: []llmrouterdata.ExtraField{{Name: "own", JSON: []byte("1")}},
	}
	if diff := cmp.Diff(want, filled[0]); diff != "" {
		t.Error(diff)
	}
}

func TestFillOptions(t *testing.T) {
	candidates := []llmrouterdata.Candidate{{Name: "qwen-small"}}
	_, _, err := Fill(candidates, table(t), &FillOptions{Keys: map[string]string{"qwen-smal": "deep/chat"}, Providers: map[string]string{"MS": "azur"}})
	if err == nil || !strings.Contains(err.Error(), `was "qwen-small" meant?`) || !strings.Contains(err.Error(), `was "azure" meant?`) {
		t.Errorf("%v", err)
	}
}

// TestPeerTable reads the table that litellm ships and compares prices with
// those that its own entries say.
func TestPeerTable(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(peertest.Dir(t, "litellm"), "lib", "python*", "site-packages", "litellm", "model_prices_and_context_window_backup.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	list, err := ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if list.Len() < 3000 {
		t.Errorf("%d entries", list.Len())
	}
	candidates := []llmrouterdata.Candidate{{Name: "a", Service: "OpenAI", Model: "gpt-4o", Unpriced: true}, {Name: "b", Model: "gpt-4o", Unpriced: true}}
	filled, outcomes, err := Fill(candidates, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := filled[0]; c.InputPrice != 2.5 || c.OutputPrice != 10 || c.CachedInputPrice == nil || *c.CachedInputPrice != 1.25 || c.BatchPriceFactor == nil || *c.BatchPriceFactor != 0.5 || len(c.Extra) != 0 {
		t.Errorf("%+v", c)
	}
	if out := outcomes[1]; out.Found != nil || len(out.Offers) < 2 || !filled[1].Unpriced {
		t.Errorf("a name without a provider: %+v", out)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(prices))
	f.Add([]byte(`{"a": {"litellm_provider": "p", "input_cost_per_token": 1e400, "output_cost_per_token": NaN}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range list.entries {
			for _, p := range []float64{e.InputPrice, e.OutputPrice} {
				if !(p >= 0 && p <= llmrouterdata.MaxPrice) {
					t.Errorf("%s costs %v", e.Key, p)
				}
			}
			if len(list.Lookup(e.FullKey())) == 0 {
				t.Errorf("%s is not found by its key", e.FullKey())
			}
		}
	})
}
