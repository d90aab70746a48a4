package pipeline

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// compressed returns a configuration of a folder of its own whose JSON files
// have names that end in suffix, with the inputs of c.
func compressed(t *testing.T, c *llmrouterdata.Config, suffix string) *llmrouterdata.Config {
	t.Helper()
	packed := testConfig(t.TempDir())
	from, to := &c.DataPath, &packed.DataPath
	to.RoutingDataTrain += suffix
	to.RoutingDataTest += suffix
	for _, file := range []struct {
		from string
		to   *string
	}{{from.QueryDataTrain, &to.QueryDataTrain}, {from.QueryDataTest, &to.QueryDataTest}, {from.LLMData, &to.LLMData}} {
		*file.to += suffix
		text, err := os.ReadFile(file.from)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := textfile.NewWriter(&b, *file.to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, *file.to, b.String())
	}
	return packed
}

// contents returns the bytes of the outputs of c, and what they say: by the name
// that the file has where it is not compressed.
func contents(t *testing.T, c *llmrouterdata.Config, suffix string) (packed, text map[string]string) {
	t.Helper()
	packed, text = map[string]string{}, map[string]string{}
	for _, name := range []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		key := filepath.Base(name)
		if name != c.DataPath.QueryEmbeddingData {
			key = key[:len(key)-len(suffix)]
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		packed[key], text[key] = string(raw), string(raw)
		if name == c.DataPath.QueryEmbeddingData {
			continue
		}
		f, err := textfile.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		text[key] = string(b)
	}
	return packed, text
}

// evaluateTwice evaluates the inputs of c with compressed files, which must say
// what want says and be the same both times. It returns the configuration and
// the bytes of the second time.
func evaluateTwice(t *testing.T, c *llmrouterdata.Config, suffix string, want map[string]string) (done *llmrouterdata.Config, before map[string]string) {
	t.Helper()
	for range 2 {
		done = compressed(t, c, suffix)
		if _, err := evaluate(t, done, Options{Client: &fakeClient{}}); err != nil {
			t.Fatal(err)
		}
		packed, text := contents(t, done, suffix)
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("the texts are others:\n%.2000s", diff)
		}
		if len(packed["train.jsonl"]) > len(want["train.jsonl"])/2 {
			t.Error("the file is not compressed")
		}
		if before != nil && !cmp.Equal(before, packed) {
			t.Error("equal texts have other bytes")
		}
		before = packed
	}
	return done, before
}

// readCompressed reads a data set of 150 queries, and then one whose routing file
// is cut short, which is none.
func readCompressed(t *testing.T, c *llmrouterdata.Config) {
	t.Helper()
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	data, err := dataset.Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	table, err := data.Table(t.Context())
	if err != nil || table.Len() != 150 || len(data.TrainQueries) != 120 {
		t.Errorf("%v, %v", table, err)
	}
	text, err := os.ReadFile(c.DataPath.RoutingDataTest)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.DataPath.RoutingDataTest, string(text[:len(text)-5]))
	wantError(t, dataset.Check(t.Context(), c, nil), c.DataPath.RoutingDataTest, "cut short")
	_, err = data.Table(t.Context())
	wantError(t, err, c.DataPath.RoutingDataTest, "cut short")
}

// TestCompressed runs step 3, a merge and a check with files that are
// compressed: they say what the others say, and equal runs write equal bytes.
func TestCompressed(t *testing.T) {
	c := testSet(t, 120, 30, "a", "b")
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	_, want := contents(t, c, "")
	for _, suffix := range []string{".gz", ".zst"} {
		t.Run(suffix, func(t *testing.T) {
			done, before := evaluateTwice(t, c, suffix, want)
			// Again: the journal has it all.
			client := &fakeClient{}
			if _, err := evaluate(t, done, Options{Client: client}); err != nil || client.total != 0 {
				t.Errorf("the second run made %d calls: %v", client.total, err)
			}
			if packed, _ := contents(t, done, suffix); !cmp.Equal(before, packed) {
				t.Error("the second run wrote other bytes")
			}
			if _, err := os.Stat(done.DataPath.RoutingDataTrain + ".journal"); err != nil {
				t.Error(err)
			}
			into := compressed(t, c, suffix)
			if _, err := dataset.Merge(t.Context(), into, []*llmrouterdata.Config{done}, nil); err != nil {
				t.Fatal(err)
			}
			if packed, _ := contents(t, into, suffix); !cmp.Equal(before, packed) {
				t.Error("the merge wrote other bytes")
			}
			readCompressed(t, into)
		})
	}
}

// TestUnreadableQueries gives plans query files that are none.
func TestUnreadableQueries(t *testing.T) {
	line := `{"task_name": "gsm8k", "query": "q", "ground_truth": "#### 1", "metric": "GSM8K"}`
	unknown := `{"task_name": "gsm8k_custom", "query": "q", "ground_truth": "#### 1", "metric": "GSM8K"}`
	utf16 := "\xff\xfe"
	for _, b := range []byte(line) {
		utf16 += string([]byte{b, 0})
	}
	for _, tt := range []struct{ text, want string }{
		{"[" + line + ", " + line + "]", "a JSON array, not JSON Lines"},
		{"[\n" + line + ",\n" + line + "\n]\n", "a JSON array, not JSON Lines"},
		{utf16, "UTF-16"},
		{unknown + "\n" + unknown + "\n", "gsm8k_custom"},
		{"\x1f\x8b\x08\x00", "cut short"},
	} {
		c := testSet(t, 5, 5, "a")
		writeFile(t, c.DataPath.QueryDataTrain, tt.text)
		_, err := evaluate(t, c, Options{Client: &fakeClient{}})
		wantError(t, err, tt.want)
		wantNoFiles(t, c)
	}
}
