package cybertron_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/cybertron/pkg/tasks/textencoding"
	"github.com/nlpodyssey/spago/mat"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/embedding/cybertron"
)

// model gives each text the vector (length, number of a, pooling), in the
// precision asked for.
type model struct {
	double bool
	fail   string // a text for which it fails
	long   string // a text whose vector is longer
	none   string // a text without a vector
	calls  atomic.Int32
}

var errModel = errors.New("out of order")

func (m *model) Encode(ctx context.Context, text string, pooling int) (textencoding.Response, error) {
	m.calls.Add(1)
	if err := ctx.Err(); err != nil {
		return textencoding.Response{}, err
	}
	v := []float64{float64(len(text)), float64(strings.Count(text, "a")), float64(pooling)}
	switch {
	case m.fail != "" && text == m.fail:
		return textencoding.Response{}, errModel
	case m.none != "" && text == m.none:
		return textencoding.Response{}, nil
	case m.long != "" && text == m.long:
		v = append(v, 0)
	}
	if m.double {
		return textencoding.Response{Vector: mat.NewDense[float64](mat.WithBacking(v))}, nil
	}
	single := make([]float32, len(v))
	for i, x := range v {
		single[i] = float32(x)
	}
	return textencoding.Response{Vector: mat.NewDense[float32](mat.WithBacking(single))}, nil
}

func TestEncoder(t *testing.T) {
	for _, workers := range []int{0, 1, 7} {
		for _, double := range []bool{false, true} {
			m := &model{double: double}
			enc, err := cybertron.New(t.Context(), m, &cybertron.Options{Name: "m", Pooling: 2, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if enc.Dim() != 3 {
				t.Errorf("dimension %d", enc.Dim())
			}
			var texts []string
			var want [][]float32
			for i := range 50 {
				texts = append(texts, strings.Repeat("a", i)+"b")
				want = append(want, []float32{float32(i + 1), float32(i), 2})
			}
			got, err := enc.Encode(t.Context(), texts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d workers: (-want +got)\n%s", workers, diff)
			}
			if got, err := enc.Encode(t.Context(), nil); err != nil || len(got) != 0 {
				t.Errorf("no texts: %v, %v", got, err)
			}
		}
	}
}

func TestEncoderErrors(t *testing.T) {
	m := &model{fail: "bad", long: "long", none: "none"}
	enc, err := cybertron.New(t.Context(), m, &cybertron.Options{Name: "m", Dim: 3})
	if err != nil {
		t.Fatal(err)
	}
	if n := m.calls.Load(); n != 0 {
		t.Errorf("%d calls with a dimension given", n)
	}
	if _, err := enc.Encode(t.Context(), []string{"a", "bad"}); !errors.Is(err, errModel) || !strings.Contains(err.Error(), "cybertron: m: text 1") {
		t.Errorf("%v", err)
	}
	var dim *cybertron.DimError
	if _, err := enc.Encode(t.Context(), []string{"long"}); !errors.As(err, &dim) || dim.Got != 4 || dim.Want != 3 {
		t.Errorf("%v", err)
	}
	if got, err := enc.Encode(t.Context(), []string{"a", "none"}); err == nil || got != nil {
		t.Errorf("%v, %v: no error without a vector", got, err)
	}
	for name, o := range map[string]cybertron.Options{
		"no name": {}, "dimension": {Name: "m", Dim: -1}, "workers": {Name: "m", Workers: -1},
	} {
		if _, err := cybertron.New(t.Context(), m, &o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := cybertron.New(t.Context(), nil, &cybertron.Options{Name: "m"}); err == nil {
		t.Error("no model: no error")
	}
	if _, err := cybertron.New(t.Context(), &model{fail: "dimension"}, &cybertron.Options{Name: "m"}); !errors.Is(err, errModel) {
		t.Errorf("%v", err)
	}
}

func TestEncoderStops(t *testing.T) {
	m := &model{}
	enc, err := cybertron.New(t.Context(), m, &cybertron.Options{Name: "m", Dim: 3, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := enc.Encode(ctx, make([]string, 1000)); !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("%d vectors, %v", len(got), err)
	}
	if n := m.calls.Load(); n > 0 {
		t.Errorf("%d calls once stopped", n)
	}
}

func TestFingerprint(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range []cybertron.Options{{Name: "m", Dim: 3}, {Name: "m", Dim: 4}, {Name: "m2", Dim: 3}, {Name: "m", Dim: 3, Pooling: 1}} {
		enc, err := cybertron.New(t.Context(), &model{}, &o)
		if err != nil {
			t.Fatal(err)
		}
		if f := enc.Fingerprint(); seen[f] || !strings.HasPrefix(f, "cybertron ") {
			t.Errorf("fingerprint %s", f)
		}
		seen[enc.Fingerprint()] = true
	}
}

func TestTextEncoder(t *testing.T) {
	inner, err := cybertron.New(t.Context(), &model{}, &cybertron.Options{Name: "m", Dim: 3, Pooling: 1})
	if err != nil {
		t.Fatal(err)
	}
	enc := cybertron.NewTextEncoder(inner, 1)
	r, err := enc.Encode(t.Context(), "banana", 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{6, 3, 1}, r.Vector.Data().F32()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]int{3, 1}, r.Vector.Shape()); diff != "" {
		t.Errorf("shape (-want +got)\n%s", diff)
	}
	if _, err := enc.Encode(t.Context(), "banana", 0); !errors.Is(err, cybertron.ErrPooling) {
		t.Errorf("another pooling: %v", err)
	}
	if _, err := cybertron.NewTextEncoder(empty{}, 0).Encode(t.Context(), "a", 0); err == nil {
		t.Error("no vector: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := enc.Encode(ctx, "a", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// empty is an encoder that breaks its promise.
type empty struct{}

func (empty) Dim() int                                              { return 3 }
func (empty) Encode(context.Context, []string) ([][]float32, error) { return nil, nil }

// lengths is an embedding.Encoder of its own.
type lengths struct{}

func (lengths) Dim() int { return 2 }
func (lengths) Encode(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{float32(len(text)), 0.1}
	}
	return vectors, nil
}

// TestBothDirections sends texts through both adapters: the vectors are the
// encoder's own.
func TestBothDirections(t *testing.T) {
	var inner embedding.Encoder = lengths{}
	enc, err := cybertron.New(t.Context(), cybertron.NewTextEncoder(inner, 1), &cybertron.Options{Name: "m", Pooling: 1, Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"", "a question", "naïve"}
	want, err := inner.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	got, err := enc.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || enc.Dim() != inner.Dim() {
		t.Errorf("dimension %d, vectors (-want +got)\n%s", enc.Dim(), diff)
	}
}

func TestConcurrentUse(t *testing.T) {
	enc, err := cybertron.New(t.Context(), &model{}, &cybertron.Options{Name: "m", Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	text := cybertron.NewTextEncoder(enc, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				r, err := text.Encode(t.Context(), strings.Repeat("a", i), 0)
				if err != nil || r.Vector.Data().F32()[1] != float32(i) {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func ExampleNew() {
	// bert.LoadTextEncoding, or any other text encoder of cybertron.
	var text textencoding.Interface = &model{}
	enc, err := cybertron.New(context.Background(), text, &cybertron.Options{Name: "my-model", Pooling: 1})
	if err != nil {
		panic(err)
	}
	vectors, err := enc.Encode(context.Background(), []string{"banana", "apple"})
	if err != nil {
		panic(err)
	}
	fmt.Println(enc.Dim(), vectors)
	fmt.Println(enc.Fingerprint())
	// Output:
	// 3 [[6 3 1] [5 1 1]]
	// cybertron model="my-model" pooling=1 dim=3
}
