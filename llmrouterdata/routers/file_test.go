package routers

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/safetensors"
)

func file(t testing.TB, r *Router) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFileIsTheRouter holds that a router read back is the same to the bit, and
// that its file is the same whatever the workers.
func TestFileIsTheRouter(t *testing.T) {
	train, test := halves(t, 400, 3, 0.1)
	for _, trainer := range kinds() {
		o := FitOptions{Rule: Rule{Lambda: 0.7, Tolerance: new(0.01)}, Encoder: "an encoder", Precision: "float32", Workers: 1, Seed: 3}
		r := fit(t, train, trainer, &o)
		j, err := Evaluate(t.Context(), r, train, test, &JudgeOptions{Draws: 100})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "router.safetensors")
		if err := r.WithFigures(j).Save(name); err != nil {
			t.Fatal(err)
		}
		o.Workers = 3
		if other := fit(t, train, trainer, &o); !bytes.Equal(file(t, r), file(t, other)) {
			t.Errorf("%s: another file with 3 workers", trainer)
		}
		back, err := Open(name, &OpenOptions{Encoder: "an encoder", Dim: 14})
		if err != nil {
			t.Fatalf("%s: %v", trainer, err)
		}
		if a, b := predictions(t, r, test), predictions(t, back, test); !slices.Equal(a.scores, b.scores) || !slices.Equal(a.costs, b.costs) {
			t.Errorf("%s: other predictions", trainer)
		}
		describes(t, back, trainer, train, j)
		if again := file(t, back); !bytes.Equal(again, readFile(t, name)) {
			t.Errorf("%s: written again, the file differs", trainer)
		}
	}
}

// describes holds what TestFileIsTheRouter wrote of a router.
func describes(t *testing.T, back *Router, trainer Trainer, train *Data, j *Judgement) {
	t.Helper()
	if back.String() != trainer.String() || back.Kind() != trainer.Kind() || !slices.Equal(back.Models(), train.Models()) ||
		back.Rule().Lambda != 0.7 || *back.Rule().Tolerance != 0.01 {
		t.Errorf("%s: read back as %s, %v, %+v", trainer, back, back.Models(), back.Rule())
	}
	card := back.Card()
	if card.Encoder != "an encoder" || card.Precision != "float32" || card.Queries != train.Len() || card.Seed != 3 || len(card.Hash) != 64 ||
		card.Figures == nil || card.Figures.Gain != j.Gain {
		t.Errorf("%s: card %+v", trainer, card)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestUnknownModelInAFile holds that what is known of no model survives.
func TestUnknownModelInAFile(t *testing.T) {
	d := newData(t, func() ([]Model, []Query) {
		models, queries := sample(60, 5, 3, 0, 8)
		return models, poor["a model without scores"](queries)
	})
	for _, trainer := range kinds() {
		r, err := Read(file(t, fit(t, d, trainer, nil)), nil)
		if err != nil {
			t.Fatalf("%s: %v", trainer, err)
		}
		if c, err := r.Route([]float32{1, 2, 3, 4, 5}); err != nil || c.Name != "model-b" || !math.IsInf(c.Scores[0], -1) {
			t.Errorf("%s: %+v, %v", trainer, c, err)
		}
	}
}

// TestHashTellsDataApart holds that every part of the training rows is in the hash.
func TestHashTellsDataApart(t *testing.T) {
	hashes := map[string]string{}
	for name, change := range map[string]func(models []Model, queries []Query){
		"as it is": func([]Model, []Query) {},
		"price":    func(models []Model, _ []Query) { models[0].InputPrice++ },
		"name":     func(models []Model, _ []Query) { models[0].Name += "x" },
		"score":    func(_ []Model, queries []Query) { queries[3].Pairs[1].Score = 0.75 },
		"none":     func(_ []Model, queries []Query) { queries[3].Pairs[1].Score = math.NaN() },
		"tokens":   func(_ []Model, queries []Query) { queries[3].Pairs[1].OutputTokens++ },
		"task":     func(_ []Model, queries []Query) { queries[3].Task = "another" },
		"vector":   func(_ []Model, queries []Query) { queries[3].Vector[1]++ },
		"order":    func(_ []Model, queries []Query) { queries[3], queries[4] = queries[4], queries[3] },
	} {
		models, queries := sample(20, 4, 2, 0, 1)
		change(models, queries)
		hash, err := newData(t, func() ([]Model, []Query) { return models, queries }).hash(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if other, seen := hashes[hash]; seen {
			t.Errorf("%q and %q have one hash", name, other)
		}
		hashes[hash] = name
	}
}

func TestOpenRefuses(t *testing.T) {
	d := sampleData(t, 40, 5, 2, 0, 1)
	r := fit(t, d, KNN{K: 3}, &FitOptions{Encoder: "this"})
	good := file(t, r)
	if _, err := Read(good, &OpenOptions{Encoder: "another"}); !errors.Is(err, ErrEncoder) || !strings.Contains(err.Error(), `"this", not "another"`) {
		t.Errorf("another encoder: %v", err)
	}
	if _, err := Read(good, &OpenOptions{Dim: 6}); !errors.Is(err, ErrVector) {
		t.Errorf("another width: %v", err)
	}
	if _, err := Read(file(t, fit(t, d, Ridge{}, nil)), &OpenOptions{Encoder: "this"}); !errors.Is(err, ErrEncoder) {
		t.Errorf("an encoder that is not known: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	name := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(name, good[:len(good)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	if bad, ok := errors.AsType[*FormatError](second(Open(name, nil))); !ok || bad.File != name {
		t.Errorf("a file cut short: %v", bad)
	}
}

// broken makes files that are none of a good one, a KNN's.
var broken = map[string]struct {
	change func(metadata map[string]string, tensors map[string]*safetensors.Float32)
	says   string
}{
	"another format":  {func(m map[string]string, _ map[string]*safetensors.Float32) { m["format"] = "pt" }, `format is "pt"`},
	"a later version": {func(m map[string]string, _ map[string]*safetensors.Float32) { m["format_version"] = "2" }, `version "2"`},
	"no models":       {func(m map[string]string, _ map[string]*safetensors.Float32) { delete(m, "models") }, `no "models"`},
	"no JSON":         {func(m map[string]string, _ map[string]*safetensors.Float32) { m["rule"] = "{" }, `"rule" of the metadata`},
	"a bad rule":      {func(m map[string]string, _ map[string]*safetensors.Float32) { m["rule"] = `{"lambda": -1}` }, "Lambda"},
	"a model twice": {func(m map[string]string, _ map[string]*safetensors.Float32) {
		m["models"] = `[{"name": "a"}, {"name": "a"}]`
	}, "twice"},
	"more models": {func(m map[string]string, _ map[string]*safetensors.Float32) {
		m["models"] = `[{"name": "a"}, {"name": "b"}, {"name": "c"}]`
	}, "has the shape [2 2], want [2 3]"},
	"no tasks": {func(m map[string]string, _ map[string]*safetensors.Float32) { m["tasks"] = "[]" }, "0 tasks"},
	"another kind": {func(m map[string]string, _ map[string]*safetensors.Float32) {
		m["router"] = `{"kind": "svm", "dim": 5}`
	}, `kind "svm"`},
	"a huge width": {func(m map[string]string, _ map[string]*safetensors.Float32) {
		m["router"] = `{"kind": "knn", "dim": 99999999}`
	}, "99999999"},
	"no neighbours": {func(m map[string]string, _ map[string]*safetensors.Float32) {
		m["router"] = `{"kind": "knn", "dim": 5}`
	}, "0 neighbours of 40"},
	"NaN": {func(_ map[string]string, f map[string]*safetensors.Float32) {
		f["vectors"].Data[7] = float32(math.NaN())
	}, `number 7 of tensor "vectors" is NaN`},
	"a long vector": {func(_ map[string]string, f map[string]*safetensors.Float32) { f["vectors"].Data[7] = 5 }, `number 7 of tensor "vectors" is 5`},
	"infinite": {func(_ map[string]string, f map[string]*safetensors.Float32) {
		f["tasks.scores"].Data[1] = float32(math.Inf(1))
	}, "+Inf"},
	"no tensor": {func(_ map[string]string, f map[string]*safetensors.Float32) { delete(f, "scale") }, `no tensor "scale"`},
	"another shape": {func(_ map[string]string, f map[string]*safetensors.Float32) {
		f["scale"].Shape, f["scale"].Data = []int{2}, []float32{1, 2}
	}, "want [1]"},
}

func TestReadRefusesBrokenFiles(t *testing.T) {
	good := file(t, fit(t, sampleData(t, 40, 5, 2, 0, 1), KNN{K: 3}, nil))
	for name, tt := range broken {
		_, err := Read(rewrite(t, good, tt.change), nil)
		if _, ok := errors.AsType[*FormatError](err); !ok || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// rewrite changes a file's parts.
func rewrite(t testing.TB, file []byte, change func(metadata map[string]string, tensors map[string]*safetensors.Float32)) []byte {
	t.Helper()
	f, err := safetensors.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]*safetensors.Float32{}
	for name, tensor := range f.All() {
		data := make([]float32, tensor.NumElements())
		if err := tensor.CopyTo(data); err != nil {
			t.Fatal(err)
		}
		parts[name] = &safetensors.Float32{Name: name, Shape: tensor.Shape(), Data: data}
	}
	metadata := f.Metadata()
	change(metadata, parts)
	var list []safetensors.Float32
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, *parts[name])
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, list, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzRead holds that no file makes reading or routing panic, and that what is
// read routes.
func FuzzRead(f *testing.F) {
	models, queries := sample(6, 3, 2, 0.2, 1)
	d, err := NewData(models, queries)
	if err != nil {
		f.Fatal(err)
	}
	for _, trainer := range kinds() {
		f.Add(file(f, fit(f, d, trainer, nil)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(data, nil)
		if err != nil {
			if r != nil {
				t.Error("a router with an error")
			}
			return
		}
		vector := make([]float32, r.Dim())
		vector[0] = 1
		if c, err := r.Route(vector); err == nil && (c.Model < 0 || c.Name != r.Models()[c.Model].Name) {
			t.Errorf("%+v", c)
		}
		if _, err := json.Marshal(r.Card()); err != nil {
			t.Error(err)
		}
	})
}

// TestRouteFromManyGoroutines is for the race detector too.
func TestRouteFromManyGoroutines(t *testing.T) {
	d := sampleData(t, 80, 6, 3, 0.1, 2)
	for _, trainer := range kinds() {
		r := fit(t, d, trainer, nil)
		p := predictions(t, r, d)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for q := range d.Len() {
					x, err := d.Vector(nil, q)
					if err != nil {
						t.Error(err)
						return
					}
					scores, costs := make([]float64, 3), make([]float64, 3)
					b := r.buffer()
					r.predictUnit(scores, costs, x, b)
					r.buffers.Put(b)
					if want, _ := p.row(q); !slices.Equal(scores, want) {
						t.Errorf("%s: query %d: %v, alone %v", trainer, q, scores, want)
						return
					}
				}
			})
		}
		group.Wait()
	}
}
