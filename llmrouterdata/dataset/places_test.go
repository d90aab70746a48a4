package dataset

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// forms write the vectors {id, id+1/8, id+1/4} of the ids 0 to 6, and say whether
// their places are enough to read them.
var forms = map[string]struct {
	places bool
	write  func(w *torchio.Writer) error
}{
	"dict":          {true, func(w *torchio.Writer) error { return putAll[float32](w, 0, 1, 2, 3, 4, 5, 6) }},
	"another order": {true, func(w *torchio.Writer) error { return putAll[float32](w, 3, 2, 6, 1, 0, 5, 4) }},
	"stacked": {true, func(w *torchio.Writer) error {
		return w.PutTensor(torchio.Of(rowsOf[float32](0, 1, 2, 3, 4, 5, 6), 7, 3))
	}},
	"float64": {false, func(w *torchio.Writer) error { return putAll[float64](w, 0, 1, 2, 3, 4, 5, 6) }},
	"stacked double": {false, func(w *torchio.Writer) error {
		return w.PutTensor(torchio.Of(rowsOf[float64](0, 1, 2, 3, 4, 5, 6), 7, 3))
	}},
	"one other width": {false, func(w *torchio.Writer) error {
		if err := putAll[float32](w, 0, 1, 2, 3, 4, 5, 6); err != nil {
			return err
		}
		return w.PutInt(8, torchio.Of([]float32{1}, 1))
	}},
}

func rowsOf[T float32 | float64](ids ...int) (rows []T) {
	for _, id := range ids {
		rows = append(rows, T(id), T(id)+0.125, T(id)+0.25)
	}
	return rows
}

func putAll[T float32 | float64](w *torchio.Writer, ids ...int) error {
	for _, id := range ids {
		if err := w.PutInt(int64(id), torchio.Of(rowsOf[T](id), 3)); err != nil {
			return err
		}
	}
	return nil
}

func TestReaders(t *testing.T) {
	for form, tt := range forms {
		t.Run(form, func(t *testing.T) {
			name := t.TempDir() + "/vectors.pt"
			writeTensors(t, name, tt.write)
			r, err := openReader(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, is := r.(*places); is != tt.places {
				t.Errorf("read by %T", r)
			}
			for id := range 7 {
				got, err := r.appendTo([]float32{-1}, id)
				if want := append([]float32{-1}, rowsOf[float32](id)...); err != nil || !r.has(id) || !slices.Equal(got, want) {
					t.Errorf("vector %d is %v, want %v (%v)", id, got, want, err)
				}
			}
			for _, id := range []int{-1, 7, 1 << 40} {
				if got, err := r.appendTo(nil, id); err == nil || r.has(id) || got != nil {
					t.Errorf("vector %d is %v", id, got)
				}
			}
			if err := r.close(); err != nil {
				t.Error(err)
			}
			if _, err := r.appendTo(nil, 0); tt.places && err == nil {
				t.Error("read from a closed file")
			}
		})
	}
}

// TestFileCutShort: what is cut off after the file was opened is an error.
func TestFileCutShort(t *testing.T) {
	name := t.TempDir() + "/vectors.pt"
	writeTensors(t, name, forms["dict"].write)
	r, err := openReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := os.Truncate(name, r.(*places).at[5].offset+4); err != nil {
		t.Fatal(err)
	}
	if _, err := r.appendTo(nil, 5); err == nil || !strings.Contains(err.Error(), "vector of embedding id 5") {
		t.Errorf("a vector that is cut: %v", err)
	}
	if _, err := r.appendTo(nil, 4); err != nil {
		t.Error(err)
	}
}

// TestQueryVectors: vectors and places of queries of both splits.
func TestQueryVectors(t *testing.T) {
	d, err := Open(t.Context(), perSplit(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := d.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	queries := []int{6, 0, 4, 5}
	v := table.QueryVectors(queries)
	for i, q := range queries {
		want, err := table.AppendEmbedding(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Append(nil, i); err != nil || !slices.Equal(got, want) || v.Where(i) != table.Where(q) {
			t.Errorf("query %d at %s: %v, want %v at %s (%v)", q, v.Where(i), got, want, table.Where(q), err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Append(nil, 0); err == nil {
		t.Error("a vector of a closed data set")
	}
}

// TestTableEncoder: the encoder of the options, or that of all candidates' vectors
// that are as long as the queries'.
func TestTableEncoder(t *testing.T) {
	candidate := func(name, encoder string, numbers int) llmrouterdata.Candidate {
		return llmrouterdata.Candidate{Name: name, EmbeddingEncoder: encoder, Embedding: make([]float32, numbers)}
	}
	for name, tt := range map[string]struct {
		given    string
		embedded []llmrouterdata.Candidate
		want     string
	}{
		"nothing":     {"", nil, ""},
		"given":       {"x", []llmrouterdata.Candidate{candidate("a", "y", 4)}, "x"},
		"all one":     {"", []llmrouterdata.Candidate{candidate("a", "y", 4), candidate("b", "y", 4)}, "y"},
		"two":         {"", []llmrouterdata.Candidate{candidate("a", "y", 4), candidate("b", "z", 4)}, ""},
		"one unnamed": {"", []llmrouterdata.Candidate{candidate("a", "", 4), candidate("b", "z", 4)}, "z"},
		"other width": {"", []llmrouterdata.Candidate{candidate("a", "y", 3)}, ""},
	} {
		d, err := Open(t.Context(), goodSet(t), &Options{Encoder: tt.given})
		if err != nil {
			t.Fatal(err)
		}
		d.EmbeddedCandidates = tt.embedded
		table, err := d.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Encoder(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
