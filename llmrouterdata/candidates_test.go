package llmrouterdata

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

func TestPublishedCandidates(t *testing.T) {
	dir := filepath.Join(golden.DataDir(t), "llm_candidates")
	list, err := ReadCandidatesFile(filepath.Join(dir, "default_llm.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 7 || list[0].Name != "qwen2.5-7b-instruct" || list[0].InputPrice != 0.2 || list[0].Service != "NVIDIA" || list[0].Extra != nil {
		t.Errorf("%d candidates, the first %+v", len(list), list[0])
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

	name := filepath.Join(dir, "default_llm_embeddings.json")
	embedded, err := ReadCandidatesFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range embedded {
		if len(c.Embedding) != 768 || c.Feature == "" {
			t.Errorf("%s: %d numbers, feature %q", c.Name, len(c.Embedding), c.Feature)
		}
	}
	b.Reset()
	if err := WriteEmbeddedCandidates(&b, embedded); err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// Published with ensure_ascii=True; the newest pipeline and we write raw text.
	value, err := pyjson.Parse(published)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pyjson.Append(nil, value, pyjson.Style{Indent: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), raw) {
		t.Error("the published embeddings are written otherwise than published")
	}
}

func TestCandidateFieldsKeepOrderAndContent(t *testing.T) {
	in := `{"m/1": {"zeta": [1, {"b": 1.0, "a": "é"}], "service": "S", "size": "7B", "model": "m", "output_price": 1, "input_price": 0.25,
		"feature": "f", "api_endpoint": "http://x/v1", "alpha": null}, "vector": [1, -2.5], "tensor": {"embedding": "tensor([0.5, 1.0], device='cuda:0')"}}`
	list, err := ReadCandidates(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{1, -2.5}, list[1].Embedding); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{0.5, 1}, list[2].Embedding); diff != "" {
		t.Error(diff)
	}
	var b bytes.Buffer
	if err := WriteCandidates(&b, list[:1]); err != nil {
		t.Fatal(err)
	}
	want := `{
  "m/1": {
    "size": "7B",
    "feature": "f",
    "input_price": 0.25,
    "output_price": 1.0,
    "model": "m",
    "service": "S",
    "api_endpoint": "http://x/v1",
    "zeta": [
      1,
      {
        "b": 1.0,
        "a": "é"
      }
    ],
    "alpha": null
  }
}`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
	list[0].Embedding = []float32{0.1, 1e-5}
	b.Reset()
	if err := WriteEmbeddedCandidates(&b, list[:1]); err != nil {
		t.Fatal(err)
	}
	want = `{
  "m/1": {
    "feature": "f",
    "input_price": 0.25,
    "output_price": 1.0,
    "model": "m",
    "api_endpoint": "http://x/v1",
    "embedding": [
      0.10000000149011612,
      9.999999747378752e-06
    ],
    "size": "7B",
    "service": "S",
    "zeta": [
      1,
      {
        "b": 1.0,
        "a": "é"
      }
    ],
    "alpha": null
  }
}`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("embeddings (-want +got):\n%s", diff)
	}
}

func TestBadCandidatesAreNamed(t *testing.T) {
	for name, test := range map[string]struct{ in, candidate, field string }{
		"entry a string":     {`{"m": "x"}`, "m", ""},
		"size a number":      {`{"m": {"size": 7}}`, "m", "size"},
		"price text":         {`{"m": {"input_price": "0.2"}}`, "m", "input_price"},
		"price negative":     {`{"m": {"output_price": -1}}`, "m", "output_price"},
		"price NaN":          {`{"m": {"output_price": NaN}}`, "m", "output_price"},
		"price null":         {`{"m": {"output_price": null}}`, "m", "output_price"},
		"embedding text":     {`{"m": {"embedding": "x"}}`, "m", "embedding"},
		"embedding infinite": {`{"m": {"embedding": [1e39]}}`, "m", "embedding"},
		"vector of text":     {`{"m": ["x"]}`, "m", ""},
	} {
		_, err := ReadCandidates(strings.NewReader(test.in))
		at, ok := errors.AsType[*CandidateError](err)
		if !ok || at.Candidate != test.candidate || at.Field != test.field {
			t.Errorf("%s: %v, want a *CandidateError for %q, field %q", name, err, test.candidate, test.field)
		}
	}
	for name, in := range map[string]string{"empty": "", "a list": "[]", "cut": `{"m": {`, "a name twice": `{"m": {}, "m": {}}`} {
		if list, err := ReadCandidates(strings.NewReader(in)); err == nil {
			t.Errorf("%s was read as %v", name, list)
		}
	}
	if err := WriteEmbeddedCandidates(&bytes.Buffer{}, []Candidate{{Name: "m"}}); !errors.Is(err, ErrMissing) {
		t.Errorf("no embedding: %v", err)
	}
	if err := WriteCandidates(&bytes.Buffer{}, []Candidate{{Name: "m"}, {Name: "m"}}); err == nil {
		t.Error("a duplicate name was written")
	}
}

func FuzzReadCandidates(f *testing.F) {
	f.Add([]byte(`{"m": {"size": "7B", "input_price": 1, "embedding": [0.5], "x": {"y": [null]}}}`))
	f.Add([]byte(callingCandidate))
	f.Add([]byte(`{"m": {"size": "", "sizes": "x", "worker": 1, "params": {"a": [null]}}}`))
	f.Add([]byte(`{"m": [1, 2], "n": {"embedding": "tensor([0.5])"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ReadCandidates(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteCandidates(&b, list); err != nil {
			return // text with lone surrogates
		}
		if _, err := ReadCandidates(&b); err != nil {
			t.Fatalf("%s: %v", b.Bytes(), err)
		}
	})
}
