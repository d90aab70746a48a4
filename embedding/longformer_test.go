package embedding

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// smallConfig is a model whose dimensions are as uneven as they may be: heads
// that are no whole panel, windows that differ.
func smallConfig() Config {
	return Config{
		VocabSize: 300, HiddenSize: 60, Layers: 3, Heads: 3, IntermediateSize: 100, MaxPositions: 402,
		AttentionWindow: Windows{8, 20, 34}, TypeVocabSize: 2, PadTokenID: 1, LayerNormEps: 1e-5, HiddenAct: "gelu",
	}
}

func openSmall(t testing.TB, o *LongformerOptions) *Longformer {
	t.Helper()
	m, err := OpenLongformerFS(t.Context(), seededFS(smallConfig(), 7, seededweights.Tiny), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// someSequences are sequences of many lengths, some with masks and global tokens.
func someSequences(n int, seed uint64) []Sequence {
	r := rand.New(rand.NewPCG(seed, 1))
	seqs := make([]Sequence, n)
	for i := range seqs {
		s := &seqs[i]
		s.IDs = make([]int32, 1+r.IntN(120))
		for j := range s.IDs {
			s.IDs[j] = int32(r.IntN(300))
		}
		if i%3 == 1 {
			s.Mask = make([]bool, len(s.IDs))
			for j := range s.Mask {
				s.Mask[j] = r.IntN(5) > 0
			}
			s.Mask[r.IntN(len(s.Mask))] = true
		}
		if i%4 == 2 {
			s.Global = make([]bool, len(s.IDs))
			for j := range s.Global {
				s.Global[j] = r.IntN(6) == 0
			}
		}
	}
	return seqs
}

func mustForward(t testing.TB, m *Longformer, seqs []Sequence, o *ForwardOptions) []Output {
	t.Helper()
	out, err := m.Forward(t.Context(), seqs, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// difference tells where two outputs differ in a bit, "" where nowhere.
func difference(want, got Output) string {
	parts := func(o Output) [][]float32 { return append([][]float32{o.Pooled, o.Last, o.Pooler}, o.Hidden...) }
	a, b := parts(want), parts(got)
	if len(a) != len(b) {
		return fmt.Sprintf("%d layers, not %d", len(b)-3, len(a)-3)
	}
	for p := range a {
		if len(a[p]) != len(b[p]) {
			return fmt.Sprintf("part %d has %d values, not %d", p, len(b[p]), len(a[p]))
		}
		for i, v := range a[p] {
			if math.Float32bits(v) != math.Float32bits(b[p][i]) {
				return fmt.Sprintf("part %d, value %d: %v, not %v", p, i, b[p][i], v)
			}
		}
	}
	return ""
}

// TestBatchInvariance holds that a sequence's results are the same bits alone
// and in any company, with any number of workers, in any order.
func TestBatchInvariance(t *testing.T) {
	all := &ForwardOptions{LastHidden: true, AllHidden: true, Pooler: true}
	all24 := someSequences(24, 1)
	for _, k := range kernel.Available() {
		t.Run(k.Name(), func(t *testing.T) {
			seqs := all24
			if k != kernel.Default() {
				seqs = all24[:8] // enough of the slow ones
			}
			alone := openSmall(t, &LongformerOptions{Kernel: k.Name(), Workers: 1})
			var want []Output
			for i := range seqs {
				want = append(want, mustForward(t, alone, seqs[i:i+1], all)...)
			}
			for _, o := range []LongformerOptions{{Workers: 1}, {Workers: 3}, {Workers: 8, BatchTokens: 100}, {Workers: 2, BatchTokens: 1 << 20}} {
				o.Kernel = k.Name()
				m := openSmall(t, &o)
				for i, got := range mustForward(t, m, seqs, all) {
					if where := difference(want[i], got); where != "" {
						t.Errorf("%d workers, batches of %d, sequence %d: %s", o.Workers, o.BatchTokens, i, where)
					}
				}
				order := rand.New(rand.NewPCG(uint64(o.Workers), 2)).Perm(len(seqs))
				shuffled := make([]Sequence, len(seqs))
				for i, at := range order {
					shuffled[i] = seqs[at]
				}
				for i, got := range mustForward(t, m, shuffled, all) {
					if where := difference(want[order[i]], got); where != "" {
						t.Errorf("%d workers, shuffled, sequence %d: %s", o.Workers, order[i], where)
					}
				}
			}
		})
	}
}

// TestWideTiersGiveEqualBits holds the promise that avx2 and avx512 agree.
func TestWideTiersGiveEqualBits(t *testing.T) {
	var outs [][]Output
	for _, k := range kernel.Available() {
		if k.Name() == "avx2" || k.Name() == "avx512" {
			outs = append(outs, mustForward(t, openSmall(t, &LongformerOptions{Kernel: k.Name()}), someSequences(20, 3), nil))
		}
	}
	if len(outs) < 2 {
		t.Skip("this processor has not both")
	}
	if diff := cmp.Diff(outs[0], outs[1]); diff != "" {
		t.Error(diff)
	}
}

// TestMaskedEndsCostNothing holds that padding changes no bit, wherever it is,
// and that rows of masked tokens are zero.
func TestMaskedEnds(t *testing.T) {
	m := openSmall(t, nil)
	ids := []int32{0, 9, 8, 7, 2}
	want := mustForward(t, m, []Sequence{{IDs: ids}}, &ForwardOptions{LastHidden: true})[0]
	const pad = 1
	for _, front := range []int{0, 3} {
		for _, back := range []int{0, 1, 70} {
			s := Sequence{
				IDs:  slices.Concat(slices.Repeat([]int32{pad}, front), ids, slices.Repeat([]int32{pad}, back)),
				Mask: slices.Concat(make([]bool, front), slices.Repeat([]bool{true}, len(ids)), make([]bool, back)),
			}
			got := mustForward(t, m, []Sequence{s}, &ForwardOptions{LastHidden: true})[0]
			if diff := cmp.Diff(want.Pooled, got.Pooled); diff != "" {
				t.Errorf("%d before, %d behind: %s", front, back, diff)
			}
			padded := slices.Concat(make([]float32, front*m.Dim()), want.Last, make([]float32, back*m.Dim()))
			if diff := cmp.Diff(padded, got.Last); diff != "" {
				t.Errorf("%d before, %d behind: %s", front, back, diff)
			}
		}
	}
	prepared, err := m.prepare(&Sequence{IDs: []int32{1, 1, 5, 1}, Mask: []bool{false, false, true, false}})
	if err != nil || len(prepared.ids) != 1 {
		t.Errorf("%d tokens are computed, not 1 (%v)", len(prepared.ids), err)
	}
}

// TestHammer lets many goroutines share one model.
func TestHammer(t *testing.T) {
	m := openSmall(t, &LongformerOptions{Workers: 2, BatchTokens: 64})
	texts := []string{"", "a", "Which eats other creatures?", strings.Repeat("long text ", 30), "naïve café", "a"}
	want, err := m.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	seqs := someSequences(6, 5)
	wantOut := mustForward(t, m, seqs, nil)
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			for i := range 4 {
				switch (g + i) % 3 {
				case 0:
					got, err := m.Encode(t.Context(), texts)
					if err != nil || !cmp.Equal(got, want) {
						t.Errorf("Encode: %v, %s", err, cmp.Diff(want, got))
					}
				case 1:
					got, err := m.Forward(t.Context(), seqs, nil)
					if err != nil || !cmp.Equal(got, wantOut) {
						t.Errorf("Forward: %v, %s", err, cmp.Diff(wantOut, got))
					}
				case 2:
					ctx, cancel := context.WithCancel(t.Context())
					go cancel()
					if _, err := m.Encode(ctx, texts); err != nil && !errors.Is(err, context.Canceled) {
						t.Errorf("cancelled Encode: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestEncode(t *testing.T) {
	var progress []int
	total := 0
	m := openSmall(t, &LongformerOptions{BatchTokens: 20, Progress: func(done, of int) { progress, total = append(progress, done), of }})
	texts := []string{"one", "two", "one", "three", "one", "three"}
	got, err := m.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(progress) || progress[len(progress)-1] != len(texts) || total != len(texts) {
		t.Errorf("progress %v of %d", progress, total)
	}
	for i, text := range texts {
		alone, err := m.Encode(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], got[i]) || len(got[i]) != m.Dim() {
			t.Errorf("text %d: %v alone, %v in company", i, alone[0][:3], got[i][:3])
		}
	}
	got[0][0] = 99
	if got[2][0] == 99 || got[4][0] == 99 {
		t.Error("equal texts share one vector")
	}
	for _, none := range [][]string{nil, {}} {
		got, err := m.Encode(t.Context(), none)
		if err != nil || len(got) != 0 {
			t.Errorf("no texts give %v, %v", got, err)
		}
	}
	// The empty text is that of its special tokens.
	empty, err := m.Encode(t.Context(), []string{""})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mustForward(t, m, []Sequence{{IDs: []int32{0, 2}}}, nil)[0].Pooled, empty[0]); diff != "" {
		t.Error(diff)
	}
}

// TestComputedOnce counts the tokens that reach the forward pass.
func TestComputedOnce(t *testing.T) {
	calls := 0
	m := openSmall(t, &LongformerOptions{BatchTokens: 1, Progress: func(done, total int) { calls++ }})
	if _, err := m.Encode(t.Context(), []string{"same", "other", "same", "same"}); err != nil {
		t.Fatal(err)
	}
	if calls != 2 {
		t.Errorf("%d batches of one text for two distinct texts", calls)
	}
}

func TestTruncation(t *testing.T) {
	long := strings.Repeat("many words ", 1000)
	m := openSmall(t, nil)
	got, err := m.Encode(t.Context(), []string{long})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := m.tokenizer.Encode(long, &tokenizer.Options{MaxTokens: 400})
	if err != nil || len(ids) != 400 {
		t.Fatalf("%d ids, %v", len(ids), err)
	}
	if diff := cmp.Diff(mustForward(t, m, []Sequence{{IDs: ids}}, nil)[0].Pooled, got[0]); diff != "" {
		t.Error(diff)
	}
	short := openSmall(t, &LongformerOptions{MaxTokens: 10})
	got, err = short.Encode(t.Context(), []string{long})
	if err != nil {
		t.Fatal(err)
	}
	cut := append(slices.Clone(ids[:9]), ids[399])
	if diff := cmp.Diff(mustForward(t, short, []Sequence{{IDs: cut}}, nil)[0].Pooled, got[0]); diff != "" {
		t.Error(diff)
	}
}

func TestTokenize(t *testing.T) {
	m := openSmall(t, &LongformerOptions{MaxTokens: 6})
	const text = "né, yes and more"
	tokens, err := m.Tokenize(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if len(tokens) != 6 || tokens[0] != (Token{}) || tokens[5].ID != 2 {
		t.Errorf("tokens %v", tokens)
	}
	at := 0
	for _, token := range tokens[1:5] { // single bytes, in this model
		if token.Start != at || token.End != at+1 {
			t.Errorf("token %v is not at %d", token, at)
		}
		at = token.End
	}
	if _, err := m.Tokenize(t.Context(), "\xff"); err == nil {
		t.Error("text that is not UTF-8 has tokens")
	}
}

// TestHugeText embeds 10 MB: the model computes no more than its limit.
func TestHugeText(t *testing.T) {
	m := openSmall(t, nil)
	huge := strings.Repeat("no spaces here", 10<<20/14)
	got, err := m.Encode(t.Context(), []string{huge})
	if err != nil {
		t.Fatal(err)
	}
	same, err := m.Encode(t.Context(), []string{huge[:1000]})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(same, got); diff != "" {
		t.Error(diff)
	}
	if _, err := m.Encode(t.Context(), []string{huge + "\xff"}); err == nil || !strings.Contains(err.Error(), "text 0") {
		t.Errorf("10 MB that end in no UTF-8: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Encode(ctx, []string{huge}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestPooling(t *testing.T) {
	seqs := []Sequence{{IDs: []int32{0, 5, 6, 7, 2}, Mask: []bool{true, true, false, true, true}}}
	mean := openSmall(t, nil)
	cls := openSmall(t, &LongformerOptions{Pooling: CLS})
	out := mustForward(t, mean, seqs, &ForwardOptions{LastHidden: true})[0]
	h := mean.Dim()
	for j := range h {
		sum := 0.0
		for _, i := range []int{0, 1, 3, 4} {
			sum += float64(out.Last[i*h+j])
		}
		if math.Abs(float64(out.Pooled[j])-sum/4) > 1e-6 {
			t.Errorf("element %d is %v, not %v", j, out.Pooled[j], sum/4)
		}
	}
	if diff := cmp.Diff(out.Last[:h], mustForward(t, cls, seqs, nil)[0].Pooled); diff != "" {
		t.Error(diff)
	}
	if mean.Fingerprint() == cls.Fingerprint() {
		t.Errorf("the fingerprint %s does not tell the pooling", mean.Fingerprint())
	}
}

func TestFingerprint(t *testing.T) {
	base := openSmall(t, nil)
	same := openSmall(t, &LongformerOptions{Workers: 3, BatchTokens: 5, Kernel: "generic"})
	if base.Fingerprint() != same.Fingerprint() {
		t.Errorf("%s is not %s", same.Fingerprint(), base.Fingerprint())
	}
	c := smallConfig()
	otherWindow := smallConfig()
	otherWindow.AttentionWindow = Windows{8, 20, 36}
	seen := map[string]string{base.Fingerprint(): "base"}
	for name, open := range map[string]func() (*Longformer, error){
		"seed": func() (*Longformer, error) {
			return OpenLongformerFS(t.Context(), seededFS(c, 8, seededweights.Tiny), nil)
		},
		"window": func() (*Longformer, error) {
			return OpenLongformerFS(t.Context(), seededFS(otherWindow, 7, seededweights.Tiny), nil)
		},
		"limit": func() (*Longformer, error) {
			return OpenLongformerFS(t.Context(), seededFS(c, 7, seededweights.Tiny), &LongformerOptions{MaxTokens: 9})
		},
		"spreads": func() (*Longformer, error) { return OpenLongformerFS(t.Context(), SeededModel(c, 7), nil) },
	} {
		m, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if of, ok := seen[m.Fingerprint()]; ok {
			t.Errorf("%s has the fingerprint of %s", name, of)
		}
		seen[m.Fingerprint()] = name
	}
}

func TestForwardErrors(t *testing.T) {
	m := openSmall(t, nil)
	good := Sequence{IDs: []int32{0, 2}}
	for name, bad := range map[string]Sequence{
		"no tokens":            {},
		"all masked":           {IDs: []int32{0, 2}, Mask: []bool{false, false}},
		"an id too large":      {IDs: []int32{0, 300}},
		"a negative id":        {IDs: []int32{-1}},
		"a short mask":         {IDs: []int32{0, 2}, Mask: []bool{true}},
		"a short global mask":  {IDs: []int32{0, 2}, Global: []bool{true}},
		"too many tokens":      {IDs: make([]int32, 401)},
		"too many, some masks": {IDs: make([]int32, 401), Mask: append(make([]bool, 400), true)},
	} {
		if _, err := m.Forward(t.Context(), []Sequence{good, bad}, nil); err == nil || !strings.Contains(err.Error(), "sequence 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Forward(t.Context(), []Sequence{{IDs: make([]int32, 400)}}, nil); err != nil {
		t.Errorf("as many tokens as there are positions: %v", err)
	}
	if _, err := m.Encode(t.Context(), []string{"good", "bad \xff"}); err == nil || !strings.Contains(err.Error(), "text 1") {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if out, err := m.Forward(t.Context(), nil, nil); err != nil || len(out) != 0 {
		t.Errorf("no sequences give %v, %v", out, err)
	}
}

func TestClose(t *testing.T) {
	m := openSmall(t, nil)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Encode(t.Context(), []string{"a"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Encode after Close: %v", err)
	}
	if _, err := m.Forward(t.Context(), nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Forward after Close: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestCancel(t *testing.T) {
	m := openSmall(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Encode(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := m.Encode(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("no texts, with an ended context: %v", err)
	}
	// Between two batches.
	stopping := openSmall(t, &LongformerOptions{BatchTokens: 1, Progress: func(int, int) { cancel() }})
	ctx, cancel = context.WithCancel(t.Context())
	if _, err := stopping.Encode(ctx, []string{"a", "b", "c"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after the first batch: %v", err)
	}
	// While waiting for a turn.
	ws := <-m.turn
	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := m.Encode(ctx, []string{"a"})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
	m.turn <- ws
	if _, err := m.Encode(t.Context(), []string{"a"}); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// readerFunc is an io.ReaderAt.
type readerFunc func(b []byte, off int64) (int, error)

func (f readerFunc) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

// TestCancelWithinTensor stops the reading of a tensor of 154 MB, the largest
// of the base model, at its second piece.
func TestCancelWithinTensor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	r := &stoppableReader{ctx, readerFunc(func(b []byte, off int64) (int, error) {
		if off != int64(read) {
			t.Errorf("read at %d after %d", off, read)
		}
		if read += len(b); off > 0 {
			cancel()
		}
		return len(b), nil
	})}
	b := make([]byte, 50265*768*4)
	if n, err := r.ReadAt(b, 0); !errors.Is(err, context.Canceled) || n != read || n > 16<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	// What is read in pieces is what the file holds, up to its end.
	whole := []byte(strings.Repeat("0123456789", 1<<20))
	got := make([]byte, len(whole)+1)
	n, err := (&stoppableReader{t.Context(), bytes.NewReader(whole)}).ReadAt(got, 1)
	if n != len(whole)-1 || err != io.EOF || !bytes.Equal(got[:n], whole[1:]) {
		t.Errorf("%d bytes of %d, %v", n, len(whole)-1, err)
	}
}

// TestCancelWithinLayer stops a pass at its first task: none of the others may
// run, and all workers must come to an end.
func TestCancelWithinLayer(t *testing.T) {
	m := openSmall(t, &LongformerOptions{Workers: 4})
	ctx, cancel := context.WithCancel(t.Context())
	states := 0
	s, err := m.prepare(&Sequence{IDs: make([]int32, 200)})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	s.states = func(layer int) [][]float32 {
		mu.Lock()
		defer mu.Unlock()
		states++
		if layer == 1 {
			cancel()
		}
		return nil
	}
	net, err := m.network()
	if err != nil {
		t.Fatal(err)
	}
	ws := <-m.turn
	defer func() { m.turn <- ws }()
	if err := net.forward(ctx, m.kernels, ws, []*sequence{s}, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("the pass ended with %v", err)
	}
	if last := 13 * (m.design.Layers + 1); states >= last {
		t.Errorf("all %d row tasks ran", states)
	}
}

// TestSteadyState holds that a pass allocates nothing for each layer.
func TestSteadyState(t *testing.T) {
	allocations := func(layers int) float64 {
		c := smallConfig()
		c.Layers, c.AttentionWindow = layers, slices.Repeat(Windows{16}, layers)
		m, err := OpenLongformerFS(t.Context(), seededFS(c, 7, seededweights.Tiny), &LongformerOptions{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		seqs := []Sequence{{IDs: make([]int32, 100)}, {IDs: make([]int32, 30)}}
		return testing.AllocsPerRun(20, func() { mustForward(t, m, seqs, nil) })
	}
	few, many := allocations(2), allocations(20)
	if many > few+2 { // another goroutine may allocate meanwhile
		t.Errorf("%v allocations with 2 layers, %v with 20", few, many)
	}
}

// TestWorkspace adds up the activations of a 4,096-token text of the base model.
func TestWorkspace(t *testing.T) {
	c := LongformerBase()
	net := &network{config: design{architecture: longformer, Config: c}, width: kernel.RoundUp(c.headWidth())}
	ws := new(workspace)
	r := &run{net: net, ws: ws, workers: 2}
	r.prepare([]*sequence{{ids: make([]int32, 4096)}})
	bytes := 4 * (cap(ws.x.Data) + cap(ws.y.Data) + cap(ws.context.Data) + cap(ws.middle.Data) + cap(ws.local) + cap(ws.global))
	t.Logf("%d MB", bytes>>20)
	if bytes > 200e6 {
		t.Errorf("the activations take %d bytes", bytes)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]LongformerOptions{
		"Pooling is Pooling(7)": {Pooling: 7},
		"MaxTokens is 1;":       {MaxTokens: 1},
		"MaxTokens is 401;":     {MaxTokens: 401},
		"Workers is -1":         {Workers: -1},
		"BatchTokens is -5":     {BatchTokens: -5},
		`no tier "mmx"`:         {Kernel: "mmx"},
	} {
		_, err := OpenLongformerFS(t.Context(), seededFS(smallConfig(), 7, seededweights.Tiny), &o)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckpointOfUnreadTensors reads what it can of a torch file and names the
// tensor that is asked for and cannot be read.
func TestCheckpointOfUnreadTensors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "torchio", "testdata", "kinds", "qint8.pt"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := openCheckpoint(t.Context(), fstest.MapFS{"pytorch_model.bin": {Data: raw}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := &loader{ctx: t.Context(), src: c}
	if err := l.check([]parameter{{"before", []int{2}}, {"after", []int{2}}}); err != nil {
		t.Errorf("the tensors beside it: %v", err)
	}
	var unsupported *torchio.UnsupportedError
	if err := l.check([]parameter{{"value", []int{2, 3}}}); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "tensor value: ") {
		t.Errorf("%v, want an UnsupportedError that names the tensor", err)
	}
}

// modelFiles returns the files of the small model.
func modelFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	fsys := seededFS(smallConfig(), 7, seededweights.Tiny)
	files := fstest.MapFS{}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: b}
	}
	return files
}

// tensorsOf reads a safetensors file.
func tensorsOf(t testing.TB, raw []byte) []safetensors.Float32 {
	t.Helper()
	f, err := safetensors.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var all []safetensors.Float32
	for name, x := range f.All() {
		values := make([]float32, x.NumElements())
		if err := x.CopyTo(values); err != nil {
			t.Fatal(err)
		}
		all = append(all, safetensors.Float32{Name: name, Shape: x.Shape(), Data: values})
	}
	return all
}

func writeTensors(t testing.TB, all []safetensors.Float32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, all, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenForms(t *testing.T) {
	want := openSmall(t, nil).Fingerprint()
	open := func(name string, change func(files fstest.MapFS)) {
		t.Helper()
		files := modelFiles(t)
		change(files)
		m, err := OpenLongformerFS(t.Context(), files, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if got := m.Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, not %s", name, got, want)
		}
	}
	open("as it is", func(fstest.MapFS) {})
	open("without the prefix", func(files fstest.MapFS) {
		all := tensorsOf(t, files["model.safetensors"].Data)
		for i := range all {
			all[i].Name = strings.TrimPrefix(all[i].Name, "longformer.")
		}
		files["model.safetensors"].Data = writeTensors(t, all)
	})
	open("with further tensors, without the pooler", func(files fstest.MapFS) {
		all := tensorsOf(t, files["model.safetensors"].Data)
		all = slices.DeleteFunc(all, func(x safetensors.Float32) bool { return strings.Contains(x.Name, "pooler") })
		all = append(all, safetensors.Float32{Name: "lm_head.bias", Shape: []int{2}, Data: []float32{1, 2}})
		files["model.safetensors"].Data = writeTensors(t, all)
	})
	open("in shards", func(files fstest.MapFS) {
		all := tensorsOf(t, files["model.safetensors"].Data)
		delete(files, "model.safetensors")
		index := map[string]string{}
		for i := range 3 {
			name := fmt.Sprintf("model-0000%d-of-00003.safetensors", i+1)
			var part []safetensors.Float32
			for j, x := range all {
				if j%3 == i {
					part = append(part, x)
					index[x.Name] = name
				}
			}
			files[name] = &fstest.MapFile{Data: writeTensors(t, part)}
		}
		raw, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 1}, "weight_map": index})
		if err != nil {
			t.Fatal(err)
		}
		files["model.safetensors.index.json"] = &fstest.MapFile{Data: raw}
	})

	rename := func(change func(name string) string) func(files fstest.MapFS) {
		return func(files fstest.MapFS) {
			all := tensorsOf(t, files["model.safetensors"].Data)
			for i := range all {
				all[i].Name = change(strings.TrimPrefix(all[i].Name, weightsPrefix))
			}
			files["model.safetensors"].Data = writeTensors(t, all)
		}
	}
	for _, prefix := range []string{"model.", "module.", "auto_model.", "0.auto_model.", "base_model.longformer.", "module.0.auto_model.", "base_model.model.longformer.", "module.model.longformer."} {
		open("below "+prefix, rename(func(name string) string { return prefix + name }))
	}
	open("as TensorFlow names it", rename(func(name string) string {
		return strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
	}))
	open("below a wrapper and beside it", func(files fstest.MapFS) {
		all := tensorsOf(t, files["model.safetensors"].Data)
		for _, x := range all {
			x.Name = "model." + x.Name
			x.Data = make([]float32, len(x.Data))
			all = append(all, x)
		}
		files["model.safetensors"].Data = writeTensors(t, all)
	})
	open("with copies of an earlier save", func(files fstest.MapFS) {
		all := tensorsOf(t, files["model.safetensors"].Data)
		delete(files, "model.safetensors")
		var stale []safetensors.Float32
		index := map[string]string{}
		for _, x := range all {
			index[x.Name] = "model-00002-of-00003.safetensors"
			x.Data = make([]float32, len(x.Data))
			stale = append(stale, x)
			x.Name = strings.TrimPrefix(x.Name, weightsPrefix) // not listed at all
			stale = append(stale, x)
		}
		index["lm_head.bias"] = "model-00001-of-00003.safetensors"
		index["lm_head.weight"] = "model-00003-of-00003.safetensors"
		raw, err := json.Marshal(map[string]any{"weight_map": index})
		if err != nil {
			t.Fatal(err)
		}
		files["model.safetensors.index.json"] = &fstest.MapFile{Data: raw}
		files["model-00001-of-00003.safetensors"] = &fstest.MapFile{Data: writeTensors(t, stale)}
		files["model-00002-of-00003.safetensors"] = &fstest.MapFile{Data: writeTensors(t, all)}
		files["model-00003-of-00003.safetensors"] = &fstest.MapFile{Data: writeTensors(t, stale)}
	})

	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, seededFS(smallConfig(), 7, seededweights.Tiny)); err != nil {
		t.Fatal(err)
	}
	m, err := OpenLongformer(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Fingerprint(); got != want {
		t.Errorf("in a folder: fingerprint %s, not %s", got, want)
	}
}

// TestNoGlobalProjections opens a checkpoint without the projections of global
// attention: its vectors are the same, its fingerprint says so, and a global
// token is an error.
func TestNoGlobalProjections(t *testing.T) {
	files := modelFiles(t)
	whole, err := OpenLongformerFS(t.Context(), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	without := func(drop func(name string) bool) fstest.MapFS {
		files := modelFiles(t)
		all := slices.DeleteFunc(tensorsOf(t, files["model.safetensors"].Data), func(x safetensors.Float32) bool { return drop(x.Name) })
		files["model.safetensors"].Data = writeTensors(t, all)
		return files
	}
	local, err := OpenLongformerFS(t.Context(), without(func(name string) bool { return strings.Contains(name, "_global.") }), nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"a text", "another one, which is longer than the first"}
	want, err := whole.Encode(t.Context(), texts)
	got, err2 := local.Encode(t.Context(), texts)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || err2 != nil {
		t.Errorf("%v, %v, %s", err, err2, diff)
	}
	if f := local.Fingerprint(); f == whole.Fingerprint() || !strings.Contains(f, "-mean-local-") {
		t.Errorf("fingerprint %s beside %s", f, whole.Fingerprint())
	}
	in := Sequence{IDs: []int32{0, 5, 2}, Global: []bool{true, false, false}}
	if _, err := local.Forward(t.Context(), []Sequence{in}, nil); err == nil || !strings.Contains(err.Error(), "sequence 0: global attention") {
		t.Errorf("a global token: %v", err)
	}
	in.Global[0] = false
	mustForward(t, local, []Sequence{in}, nil)

	var missing *TensorError
	if _, err := OpenLongformerFS(t.Context(), without(func(name string) bool { return strings.Contains(name, "layer.1.attention.self.key_global.") }), nil); !errors.As(err, &missing) {
		t.Errorf("some of the projections: %v", err)
	}
	files["model.safetensors"].Data = writeTensors(t, func() (both []safetensors.Float32) {
		for _, prefix := range []string{"model.", "module."} {
			for _, x := range tensorsOf(t, files["model.safetensors"].Data) {
				x.Name = prefix + x.Name
				both = append(both, x)
			}
		}
		return both
	}())
	if _, err := OpenLongformerFS(t.Context(), files, nil); err == nil || !strings.Contains(err.Error(), "several models") {
		t.Errorf("two models: %v", err)
	}
}

// TestPointers opens models whose files are Git LFS pointers.
func TestPointers(t *testing.T) {
	pointer := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2306545\n")
	for _, name := range []string{"config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"} {
		files := modelFiles(t)
		files[name] = &fstest.MapFile{Data: pointer}
		if _, err := OpenLongformerFS(t.Context(), files, nil); err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), "git lfs pull") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"pytorch_model.bin", "model.safetensors.index.json"} {
		files := modelFiles(t)
		delete(files, "model.safetensors")
		files[name] = &fstest.MapFile{Data: pointer}
		if _, err := OpenLongformerFS(t.Context(), files, nil); err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), "git lfs pull") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHalfPrecision opens a float16 and a bfloat16 checkpoint whose values are
// exact in these types.
func TestHalfPrecision(t *testing.T) {
	widths := map[string]func(float32) uint16{
		"BF16": func(v float32) uint16 { return uint16(math.Float32bits(v) >> 16) },
		"F16": func(v float32) uint16 { // only for the values below
			if v == 0 {
				return 0
			}
			b := math.Float32bits(v)
			return uint16(b>>31<<15 | (b>>23&0xff-112)<<10 | b>>13&0x3ff)
		},
	}
	for dtype, narrow := range widths {
		files := modelFiles(t)
		all := tensorsOf(t, files["model.safetensors"].Data)
		for i := range all {
			for j, v := range all[i].Data {
				all[i].Data[j] = float32(math.Round(float64(v)*16)+0) / 16 // a few bits, and no -0
			}
		}
		files["model.safetensors"].Data = writeTensors(t, all)
		wide, err := OpenLongformerFS(t.Context(), files, nil)
		if err != nil {
			t.Fatal(err)
		}

		header := map[string]any{}
		var data []byte
		for _, x := range all {
			at := len(data)
			for _, v := range x.Data {
				data = binary.LittleEndian.AppendUint16(data, narrow(v))
			}
			header[x.Name] = map[string]any{"dtype": dtype, "shape": x.Shape, "data_offsets": [2]int{at, len(data)}}
		}
		text, err := json.Marshal(header)
		if err != nil {
			t.Fatal(err)
		}
		files["model.safetensors"].Data = slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, data)
		half, err := OpenLongformerFS(t.Context(), files, nil)
		if err != nil {
			t.Fatal(err)
		}
		if half.Fingerprint() != wide.Fingerprint() {
			t.Errorf("%s: fingerprint %s, not %s", dtype, half.Fingerprint(), wide.Fingerprint())
		}
	}
}

func TestOpenErrors(t *testing.T) {
	const layer = "longformer.encoder.layer.1.intermediate.dense.weight"
	edit := func(change func(all []safetensors.Float32) []safetensors.Float32) func(fstest.MapFS) {
		return func(files fstest.MapFS) {
			files["model.safetensors"].Data = writeTensors(t, change(tensorsOf(t, files["model.safetensors"].Data)))
		}
	}
	config := func(field string, value any) func(fstest.MapFS) {
		return func(files fstest.MapFS) {
			fields := map[string]any{}
			if err := json.Unmarshal(files["config.json"].Data, &fields); err != nil {
				t.Fatal(err)
			}
			fields[field] = value
			raw, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			files["config.json"].Data = raw
		}
	}
	for name, c := range map[string]struct {
		change func(files fstest.MapFS)
		want   string
		is     error
	}{
		"an empty folder":        {func(f fstest.MapFS) { clear(f) }, "not a checkpoint", fs.ErrNotExist},
		"no weights":             {func(f fstest.MapFS) { delete(f, "model.safetensors") }, "pytorch_model.bin", fs.ErrNotExist},
		"config is no JSON":      {func(f fstest.MapFS) { f["config.json"].Data = []byte("{") }, "config.json", nil},
		"config is a list":       {func(f fstest.MapFS) { f["config.json"].Data = []byte("[]") }, "config.json", nil},
		"a huge config":          {func(f fstest.MapFS) { f["config.json"].Data = make([]byte, 2<<20) }, "config.json", nil},
		"another architecture":   {config("model_type", "bert"), "model_type is bert", ErrArchitecture},
		"no architecture":        {config("model_type", nil), "supported are longformer", ErrArchitecture},
		"another activation":     {config("hidden_act", "relu"), `hidden_act is "relu"`, ErrArchitecture},
		"relative positions":     {config("position_embedding_type", "relative_key"), "relative_key", ErrArchitecture},
		"an odd window":          {config("attention_window", []int{8, 7, 8}), "attention_window of layer 1 is 7", nil},
		"a window missing":       {config("attention_window", []int{8, 8}), "attention_window lists 2 layers of 3", nil},
		"a window of text":       {config("attention_window", "wide"), "attention_window", nil},
		"heads that do not fit":  {config("num_attention_heads", 7), "num_attention_heads is 7", nil},
		"no heads":               {config("num_attention_heads", 0), "num_attention_heads is 0", nil},
		"no layers":              {config("num_hidden_layers", 0), "num_hidden_layers is 0", nil},
		"endless layers":         {config("num_hidden_layers", 1<<40), "num_hidden_layers", nil},
		"a negative size":        {config("hidden_size", -60), "hidden_size is -60", nil},
		"another vocabulary":     {config("vocab_size", 16777216), "word_embeddings.weight is [300 60], not [16777216 60]", nil},
		"a small vocabulary":     {config("vocab_size", 100), "the tokenizer has ids up to 260", nil},
		"no positions":           {config("max_position_embeddings", 2), "max_position_embeddings is 2", nil},
		"a negative epsilon":     {config("layer_norm_eps", -1), "layer_norm_eps is -1", nil},
		"a broken tokenizer":     {func(f fstest.MapFS) { f["vocab.json"].Data = []byte("{") }, "vocab.json", nil},
		"half a tokenizer":       {func(f fstest.MapFS) { delete(f, "merges.txt") }, "merges.txt", nil},
		"truncated weights":      {func(f fstest.MapFS) { d := f["model.safetensors"]; d.Data = d.Data[:len(d.Data)-9] }, "model.safetensors", nil},
		"no weights in the file": {func(f fstest.MapFS) { f["model.safetensors"].Data = nil }, "model.safetensors", nil},
		"a torch file that is none": {func(f fstest.MapFS) {
			delete(f, "model.safetensors")
			f["pytorch_model.bin"] = &fstest.MapFile{Data: []byte("not a torch file at all")}
		}, "pytorch_model.bin", nil},
		"a missing tensor": {edit(func(all []safetensors.Float32) []safetensors.Float32 {
			return slices.DeleteFunc(all, func(x safetensors.Float32) bool { return x.Name == layer })
		}), "tensor " + layer + " [100 60] is missing", nil},
		"a misshapen tensor": {edit(func(all []safetensors.Float32) []safetensors.Float32 {
			for i := range all {
				if all[i].Name == layer {
					all[i].Shape = []int{60, 100}
				}
			}
			return all
		}), "tensor " + layer + " is [60 100], not [100 60]", nil},
		"a tensor turned scalar": {edit(func(all []safetensors.Float32) []safetensors.Float32 {
			for i := range all {
				if all[i].Name == layer {
					all[i].Shape, all[i].Data = nil, all[i].Data[:1]
				}
			}
			return all
		}), "tensor " + layer + " is [], not [100 60]", nil},
		"half a pooler": {edit(func(all []safetensors.Float32) []safetensors.Float32 {
			return slices.DeleteFunc(all, func(x safetensors.Float32) bool { return strings.HasSuffix(x.Name, "pooler.dense.bias") })
		}), "pooler.dense.bias [60] is missing", nil},
		"nothing but a tensor": {edit(func(all []safetensors.Float32) []safetensors.Float32 { return all[:1] }), "more tensors", nil},
		"an index that leads out": {func(f fstest.MapFS) {
			delete(f, "model.safetensors")
			f["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {"x": "../secret"}}`)}
		}, `"../secret"`, nil},
		"an empty index": {func(f fstest.MapFS) {
			delete(f, "model.safetensors")
			f["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{}`)}
		}, "no weight_map", nil},
		"a missing shard": {func(f fstest.MapFS) {
			delete(f, "model.safetensors")
			f["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {"x": "gone.safetensors"}}`)}
		}, "gone.safetensors", fs.ErrNotExist},
	} {
		files := modelFiles(t)
		c.change(files)
		_, err := OpenLongformerFS(t.Context(), files, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "embedding: ") {
			t.Errorf("%s: %v", name, err)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v is not %v", name, err, c.is)
		}
	}

	var tensor *TensorError
	files := modelFiles(t)
	files["config.json"].Data = bytes.Replace(files["config.json"].Data, []byte(`"intermediate_size":100`), []byte(`"intermediate_size":99`), 1)
	if _, err := OpenLongformerFS(t.Context(), files, nil); !errors.As(err, &tensor) || tensor.Got == nil {
		t.Errorf("the wrong size of a layer: %v", err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLongformer(t.Context(), file, nil); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
	if _, err := OpenLongformer(t.Context(), "allenai/longformer-base-4096", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name without a hub: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenLongformerFS(ctx, modelFiles(t), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestNoTokenizer(t *testing.T) {
	files := modelFiles(t)
	delete(files, "vocab.json")
	delete(files, "merges.txt")
	m, err := OpenLongformerFS(t.Context(), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Encode(t.Context(), []string{"a"}); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("Encode: %v", err)
	}
	mustForward(t, m, []Sequence{{IDs: []int32{0, 2}}}, nil)
}

func TestParseConfig(t *testing.T) {
	got, err := parseDesign([]byte(`{"model_type": "longformer", "num_hidden_layers": 2, "attention_window": 64}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		VocabSize: 30522, HiddenSize: 768, Layers: 2, Heads: 12, IntermediateSize: 3072, MaxPositions: 512,
		AttentionWindow: Windows{64, 64}, TypeVocabSize: 2, PadTokenID: 1, LayerNormEps: 1e-12, HiddenAct: "gelu",
	}
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Error(diff)
	}
	for _, c := range []Config{LongformerBase(), LongformerLarge(), smallConfig()} {
		raw, err := fs.ReadFile(SeededModel(c, 1), "config.json")
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseDesign(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got.Config); diff != "" {
			t.Error(diff)
		}
	}
	base := LongformerBase()
	if base.MaxTokens() != 4096 || base.Validate() != nil {
		t.Errorf("the base model takes %d tokens: %v", base.MaxTokens(), base.Validate())
	}
	base.AttentionWindow, base.Heads = base.AttentionWindow[:3], 7
	if err := base.Validate(); err == nil || !strings.Contains(err.Error(), "attention_window") || !strings.Contains(err.Error(), "num_attention_heads") {
		t.Errorf("three windows, seven heads: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"model_type": "longformer", "attention_window": [8], "num_hidden_layers": 1}`))
	f.Add([]byte(`{"model_type": "longformer", "attention_window": null}`))
	f.Add([]byte(`[1]`))
	f.Add([]byte(`{"model_type": "bert", "max_position_embeddings": 1, "attention_window": [7]}`))
	f.Add([]byte(`{"model_type": "mpnet", "relative_attention_num_buckets": 33, "pad_token_id": 9, "type_vocab_size": 0}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseDesign(raw)
		if err == nil && (c.validate() != nil || c.headWidth() < 1 || c.maxTokens() < 1) {
			t.Errorf("accepted %+v", c)
		}
	})
}

func FuzzReadIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map": {"a": "b.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "/etc/passwd"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, shards, err := readIndex(fstest.MapFS{"i": {Data: raw}}, "i")
		if err == nil && (len(shards) == 0 || slices.ContainsFunc(shards, func(s string) bool { return !isPlainName(s) })) {
			t.Errorf("accepted %q", shards)
		}
	})
}

func TestSeededModel(t *testing.T) {
	if err := fstest.TestFS(SeededModel(smallConfig(), 1), "config.json", "model.safetensors", "vocab.json", "merges.txt"); err != nil {
		t.Error(err)
	}
	tiny := smallConfig()
	tiny.VocabSize = 100
	if _, err := fs.Stat(SeededModel(tiny, 1), "vocab.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tokenizer with more tokens than the model: %v", err)
	}
}

// TestEndlessConfig opens a folder whose config.json states no size and has no
// end.
func TestEndlessConfig(t *testing.T) {
	const endless = "/dev/zero"
	if _, err := os.Stat(endless); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(endless, filepath.Join(dir, "config.json")); err != nil {
		t.Skip(err)
	}
	_, err := OpenLongformer(t.Context(), dir, nil)
	if err == nil || !strings.Contains(err.Error(), "config.json has more than") {
		t.Error(err)
	}
}
