package embedding

import (
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// definition computes a Longformer in float64 as the paper and its published
// code define it: no batch, no panels, no window but a condition.
type definition struct {
	c Config
	p map[string][]float64
}

func newDefinition(t testing.TB, c Config, fsys fs.FS) *definition {
	t.Helper()
	raw, err := fs.ReadFile(fsys, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	d := &definition{c: c, p: map[string][]float64{}}
	for _, x := range tensorsOf(t, raw) {
		wide := make([]float64, len(x.Data))
		for i, v := range x.Data {
			wide[i] = float64(v)
		}
		d.p[strings.TrimPrefix(x.Name, "longformer.")] = wide
	}
	return d
}

// linear is x·Wᵀ + b for rows of x.
func (d *definition) linear(x [][]float64, name string) [][]float64 {
	w, b := d.p[name+".weight"], d.p[name+".bias"]
	out := make([][]float64, len(x))
	for r := range x {
		out[r] = make([]float64, len(b))
		for o := range b {
			out[r][o] = b[o]
			for i, v := range x[r] {
				out[r][o] += v * w[o*len(x[r])+i]
			}
		}
	}
	return out
}

// normalize is the layer normalisation of x+y.
func (d *definition) normalize(x, y [][]float64, name string) [][]float64 {
	gain, bias := d.p[name+".weight"], d.p[name+".bias"]
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

// forward returns the hidden states after each layer.
func (d *definition) forward(s *Sequence) [][][]float64 {
	c, n := d.c, len(s.IDs)
	seen := func(i int) bool { return s.Mask == nil || s.Mask[i] }
	global := func(i int) bool { return s.Global != nil && s.Global[i] && seen(i) }

	words, places := make([][]float64, n), make([][]float64, n)
	count := 0
	for i, id := range s.IDs {
		position := c.PadTokenID
		if int(id) != c.PadTokenID {
			count++
			position += count
		}
		words[i] = d.p["embeddings.word_embeddings.weight"][int(id)*c.HiddenSize:][:c.HiddenSize]
		places[i] = make([]float64, c.HiddenSize)
		for j := range places[i] {
			places[i][j] = d.p["embeddings.position_embeddings.weight"][position*c.HiddenSize+j] + d.p["embeddings.token_type_embeddings.weight"][j]
		}
	}
	x := d.normalize(words, places, "embeddings.LayerNorm")
	states := [][][]float64{x}
	width := c.headWidth()
	for l := range c.Layers {
		p := "encoder.layer." + string(rune('0'+l)) + "."
		var local, wide [3][][]float64
		for i := range local {
			local[i] = d.linear(x, p+"attention.self."+localNames[i])
			wide[i] = d.linear(x, p+"attention.self."+globalNames[i])
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

// TestDefinition holds every layer's states against the definition, for a model
// whose heads fill no panel, with masks, holes, padding and global tokens.
func TestDefinition(t *testing.T) {
	c := smallConfig()
	fsys := seededFS(c, 7, seededweights.Tiny)
	d := newDefinition(t, c, fsys)
	seqs := someSequences(12, 9)
	want := make([][][][]float64, len(seqs))
	for i := range seqs {
		want[i] = d.forward(&seqs[i])
	}
	h := c.HiddenSize
	for _, k := range kernel.Available() {
		m := openSmall(t, &LongformerOptions{Kernel: k.Name()})
		largest := 0.0
		for i, out := range mustForward(t, m, seqs, &ForwardOptions{AllHidden: true}) {
			for l, states := range want[i] {
				for row := range states {
					if seqs[i].Mask != nil && !seqs[i].Mask[row] {
						continue
					}
					for j, v := range states[row] {
						diff := math.Abs(float64(out.Hidden[l][row*h+j]) - v)
						largest = max(largest, diff)
						if !(diff <= 5e-5) {
							t.Fatalf("%s: sequence %d, layer %d, row %d, element %d is %v, not %v", k.Name(), i, l, row, j, out.Hidden[l][row*h+j], v)
						}
					}
				}
			}
		}
		t.Logf("%s: largest difference %.2g", k.Name(), largest)
	}
}
