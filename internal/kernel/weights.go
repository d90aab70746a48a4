package kernel

import "fmt"

// depth is the number of products that are summed before the sum is added to
// the result. It is part of the numerical contract: all tiers that promise
// equal bits use the same depth, whatever the shape.
const depth = 384

// Weights is the weight and the bias of a linear layer y = x·Wᵀ + b, W being
// [out, in] as torch stores it, laid out for the tile kernels: for each block
// of depth inputs, for each panel of 16 outputs, for each input of the block,
// 16 consecutive values. Outputs beyond out are zero.
type Weights struct {
	in, out int
	data    []float32 // [in/depth][panels][depth][16]
	bias    []float32 // [panels*16]
}

// NewWeights returns zero weights of a layer with the given numbers of outputs
// and inputs, both at least 1.
func NewWeights(out, in int) *Weights {
	n := RoundUp(out)
	return &Weights{in: in, out: out, data: newFloats(n * in), bias: make([]float32, n)}
}

// In is the number of inputs of the layer.
func (w *Weights) In() int { return w.in }

// Out is the number of outputs of the layer.
func (w *Weights) Out() int { return w.out }

// Panels is the number of panels of [Lane] outputs.
func (w *Weights) Panels() int { return len(w.bias) / lane }

// SetRows copies rows of W, src being [n, in] row-major, to outputs first..first+n.
func (w *Weights) SetRows(first int, src []float32) {
	n := len(src) / w.in
	if n*w.in != len(src) || first < 0 || first+n > w.out {
		panic(fmt.Sprintf("kernel: %d values for outputs from %d of a layer [%d, %d]", len(src), first, w.out, w.in))
	}
	for k0 := 0; k0 < w.in; k0 += depth {
		kc := min(depth, w.in-k0)
		for r := 0; r < n; {
			panel, col := (first+r)/lane, (first+r)%lane
			group := min(lane-col, n-r)
			dst := w.panel(k0, panel)
			w.setGroup(dst, col, src[r*w.in+k0:], group, kc)
			r += group
		}
	}
}

// setGroup transposes group rows of kc values, in apart, into columns from col
// of a panel. Four rows at a time keep the writes of a line together.
func (w *Weights) setGroup(dst []float32, col int, src []float32, group, kc int) {
	r := 0
	for ; r+4 <= group; r += 4 {
		a, b := src[r*w.in:][:kc], src[(r+1)*w.in:][:kc]
		c, d := src[(r+2)*w.in:][:kc], src[(r+3)*w.in:][:kc]
		for k := range a {
			out := dst[k*lane+col+r:][:4]
			out[0], out[1], out[2], out[3] = a[k], b[k], c[k], d[k]
		}
	}
	for ; r < group; r++ {
		a := src[r*w.in:][:kc]
		for k := range a {
			dst[k*lane+col+r] = a[k]
		}
	}
}

// SetBias copies b to the biases of outputs first..first+len(b).
func (w *Weights) SetBias(first int, b []float32) {
	if first < 0 || first+len(b) > w.out {
		panic(fmt.Sprintf("kernel: %d biases from %d of a layer of %d outputs", len(b), first, w.out))
	}
	copy(w.bias[first:], b)
}

// panel returns the values of one panel for the block of inputs from k0, a
// multiple of depth.
func (w *Weights) panel(k0, panel int) []float32 {
	kc := min(depth, w.in-k0)
	at := k0*len(w.bias) + panel*kc*lane
	return w.data[at:][: kc*lane : kc*lane]
}

// Row copies row r of W, of In values, to dst.
func (w *Weights) Row(dst []float32, r int) {
	if r < 0 || r >= w.out {
		panic(fmt.Sprintf("kernel: row %d of a layer of %d outputs", r, w.out))
	}
	for k0 := 0; k0 < w.in; k0 += depth {
		values := w.panel(k0, r/lane)[r%lane:]
		for k := range min(depth, w.in-k0) {
			dst[k0+k] = values[k*lane]
		}
	}
}

// Bias returns the bias of output r.
func (w *Weights) Bias(r int) float32 { return w.bias[:w.out][r] }
