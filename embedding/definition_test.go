package embedding

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// definition computes a Longformer in float64 as the paper and its published
// code define it: no batch, no panels, no window but a condition.
type definition struct {
	t    testing.TB
	c    Config
	file *safetensors.File
}

func newDefinition(t testing.TB, c Config, fsys fs.FS) *definition {
	t.Helper()
	f, err := fsys.Open("model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.NewReader(f.(io.ReaderAt), info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return &definition{t, c, file}
}

// parameter reads a parameter. None is kept: a large model would take gigabytes.
func (d *definition) parameter(name string) []float64 {
	d.t.Helper()
	x, ok := d.file.Tensor(weightsPrefix + name)
	if !ok {
		d.t.Fatalf("no parameter %s", name)
	}
	values := make([]float32, x.NumElements())
	if err := x.CopyTo(values); err != nil {
		d.t.Fatal(err)
	}
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// linear is x·Wᵀ + b for rows of x.
func (d *definition) linear(x [][]float64, name string) [][]float64 {
	w, b := d.parameter(name+".weight"), d.parameter(name+".bias")
	out := make([][]float64, len(x))
	var wg sync.WaitGroup
	for r := range x {
		wg.Go(func() {
			row := make([]float64, len(b))
			for o := range row {
				weights := w[o*len(x[r]):][:len(x[r])]
				sum := b[o]
				for i, v := range x[r] {
					sum += v * weights[i]
				}
				row[o] = sum
			}
			out[r] = row
		})
	}
	wg.Wait()
	return out
}

// normalize is the layer normalisation of x+y.
func (d *definition) normalize(x, y [][]float64, name string) [][]float64 {
	gain, bias := d.parameter(name+".weight"), d.parameter(name+".bias")
	out := make([][]float64, len(x))
	for r := range x {
		n := float64(len(x[r]))
		var mean, variance float64
		for i := range x[r] {
			mean += (x[r][i] + y[r][i]) / n
		}
		for i := range x[r] {
			variance += (x[r][i] + y[r][i] - mean) * (x[r][i] + y[r][i] - mean) / n
		}
		out[r] = make([]float64, len(x[r]))
		for i := range x[r] {
			out[r][i] = (x[r][i]+y[r][i]-mean)/math.Sqrt(variance+d.c.LayerNormEps)*gain[i] + bias[i]
		}
	}
	return out
}

// forward returns the hidden states after the embeddings and after each layer.
func (d *definition) forward(s *Sequence) [][][]float64 {
	c, n := d.c, len(s.IDs)
	seen := func(i int) bool { return s.Mask == nil || s.Mask[i] }
	global := func(i int) bool { return s.Global != nil && s.Global[i] && seen(i) }

	words, places := make([][]float64, n), make([][]float64, n)
	wordRows := d.parameter("embeddings.word_embeddings.weight")
	positionRows := d.parameter("embeddings.position_embeddings.weight")
	kind := d.parameter("embeddings.token_type_embeddings.weight")[:c.HiddenSize]
	count := 0
	for i, id := range s.IDs {
		position := c.PadTokenID
		if int(id) != c.PadTokenID {
			count++
			position += count
		}
		words[i] = wordRows[int(id)*c.HiddenSize:][:c.HiddenSize]
		places[i] = make([]float64, c.HiddenSize)
		for j := range places[i] {
			places[i][j] = positionRows[position*c.HiddenSize+j] + kind[j]
		}
	}
	x := d.normalize(words, places, "embeddings.LayerNorm")
	states := [][][]float64{x}
	width := c.headWidth()
	for l := range c.Layers {
		p := fmt.Sprintf("encoder.layer.%d.", l)
		var local, wide [3][][]float64
		for i := range local {
			local[i] = d.linear(x, p+longformer.attention[i])
			wide[i] = d.linear(x, p+globalNames[i])
		}
		context := make([][]float64, n)
		for i := range n {
			context[i] = make([]float64, c.HiddenSize)
			from := &local
			if global(i) {
				from = &wide
			}
			for head := range c.Heads {
				at := head * width
				total := 0.0
				for j := range n {
					near := i-j <= c.AttentionWindow[l]/2 && j-i <= c.AttentionWindow[l]/2
					if !seen(j) || !near && !global(i) && !global(j) {
						continue
					}
					score := 0.0
					for k := at; k < at+width; k++ {
						score += from[0][i][k] * from[1][j][k] / math.Sqrt(float64(width))
					}
					weight := math.Exp(score)
					total += weight
					for k := at; k < at+width; k++ {
						context[i][k] += weight * from[2][j][k]
					}
				}
				for k := at; k < at+width; k++ {
					context[i][k] /= total
				}
			}
		}
		x = d.normalize(d.linear(context, p+"attention.output.dense"), x, p+"attention.output.LayerNorm")
		middle := d.linear(x, p+"intermediate.dense")
		for i := range middle {
			for j, v := range middle[i] {
				middle[i][j] = v * 0.5 * math.Erfc(-v/math.Sqrt2)
			}
		}
		x = d.normalize(d.linear(middle, p+"output.dense"), x, p+"output.LayerNorm")
		states = append(states, x)
	}
	return states
}

// hold compares the states of every layer, for tokens that are not masked, and
// returns the largest difference.
func (d *definition) hold(t *testing.T, m *Longformer, seqs []Sequence, want [][][][]float64, tolerance float64) (largest float64) {
	t.Helper()
	h := d.c.HiddenSize
	for i, out := range mustForward(t, m, seqs, &ForwardOptions{AllHidden: true}) {
		if len(out.Hidden) != len(want[i]) {
			t.Fatalf("%d states, not %d", len(out.Hidden), len(want[i]))
		}
		for l, states := range want[i] {
			for row := range states {
				if seqs[i].Mask != nil && !seqs[i].Mask[row] {
					continue
				}
				for j, v := range states[row] {
					diff := math.Abs(float64(out.Hidden[l][row*h+j]) - v)
					largest = max(largest, diff)
					if !(diff <= tolerance) {
						t.Fatalf("%s: sequence %d, layer %d, row %d, element %d is %v, not %v", m.Kernel(), i, l, row, j, out.Hidden[l][row*h+j], v)
					}
				}
			}
		}
	}
	return largest
}

// TestDefinition holds every layer's states against the definition, for a model
// whose heads fill no panel, with masks, holes, padding and global tokens.
func TestDefinition(t *testing.T) {
	c := smallConfig()
	d := newDefinition(t, c, seededFS(c, 7, seededweights.Tiny))
	seqs := someSequences(12, 9)
	want := make([][][][]float64, len(seqs))
	for i := range seqs {
		want[i] = d.forward(&seqs[i])
	}
	for _, k := range kernel.Available() {
		m := openSmall(t, &LongformerOptions{Kernel: k.Name()})
		t.Logf("%s: largest difference %.2g", k.Name(), d.hold(t, m, seqs, want, 5e-5))
	}
}

// TestDefinitionLarge does so for the shape of allenai/longformer-large-4096, all
// of its layers on the fastest kernels and the first ones on the others. (The
// vocabulary is cut, as most of its rows would not be read.)
func TestDefinitionLarge(t *testing.T) {
	c := LongformerLarge()
	c.VocabSize = 300
	shallow := c
	shallow.Layers = 2
	shallow.AttentionWindow = shallow.AttentionWindow[:2]
	seqs := []Sequence{{
		IDs:    []int32{0, 299, 17, 2, 1},
		Mask:   []bool{true, true, true, true, false},
		Global: []bool{true, false, false, false, false},
	}}
	for i, k := range kernel.Available() { // the fastest first
		c := c
		if i > 0 || testing.Short() {
			c = shallow
		}
		fsys := seededFS(c, 3, seededweights.Base)
		d := newDefinition(t, c, fsys)
		m, err := OpenLongformerFS(t.Context(), fsys, &LongformerOptions{Kernel: k.Name()})
		if err != nil {
			t.Fatal(err)
		}
		largest := d.hold(t, m, seqs, [][][][]float64{d.forward(&seqs[0])}, 5e-5)
		t.Logf("%s, %d layers: largest difference %.2g", k.Name(), c.Layers, largest)
		m.Close()
	}
}
