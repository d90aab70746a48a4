package embedding

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// tensorSource is a set of named tensors: a checkpoint.
type tensorSource interface {
	// Names yields the names of all tensors.
	Names() iter.Seq[string]
	// Shape returns the shape of a tensor, and false where there is none of
	// that name.
	Shape(name string) ([]int, bool)
	// Err says why a tensor that is there cannot be read, nil where it can.
	Err(name string) error
	// Read fills dst, which has as many elements as the tensor, with its
	// elements in row-major order, widened to float32. It is called from
	// several goroutines.
	Read(name string, dst []float32) error
}

// wrappers are what the names of tensors may begin with beside the model's own
// prefix, in any order: those of what it was saved in.
var wrappers = []string{"module.", "model.", "auto_model.", "0.auto_model.", "base_model."}

// findPrefix gives what the names of a checkpoint's tensors begin with, "" where
// that is unknown. Where a checkpoint holds several models, the one without a
// wrapper counts.
func findPrefix(src tensorSource, own string) (string, error) {
	var found []string
	for name := range src.Names() {
		if prefix, ok := strings.CutSuffix(name, firstName); ok && isPrefix(prefix, own) {
			found = append(found, prefix)
		}
	}
	for _, plain := range []string{own, ""} {
		if slices.Contains(found, plain) {
			return plain, nil
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", fmt.Errorf("the checkpoint holds several models, by the names of their tensors: %q", found)
}

func isPrefix(s, own string) bool {
	parts := append([]string{own}, wrappers...)
	for s != "" {
		i := slices.IndexFunc(parts, func(part string) bool { return strings.HasPrefix(s, part) })
		if i < 0 {
			return false
		}
		s = s[len(parts[i]):]
	}
	return true
}

// network is a model's weights, ready for the kernels.
type network struct {
	config design

	word     []float32       // [VocabSize, HiddenSize]
	position []float32       // [MaxPositions, HiddenSize]
	kind     []float32       // [TypeVocabSize, HiddenSize], or zeros [HiddenSize]
	distance []float32       // [buckets, Heads], or nil
	biases   []kernel.Biases // of distance, by the head, or nil
	norm     scaleOffset     // of the embeddings
	layers   []layer
	pooler   *kernel.Weights // [HiddenSize, HiddenSize], or nil

	local  bool             // there are no projections for global tokens
	width  int              // of a head, rounded up to whole panels
	places map[string]place // of the parameters, by their names
}

// place is where a parameter lies once it is loaded.
type place struct {
	rows int
	row  func(i int, buf []float32) []float32 // gives row i, perhaps in buf
}

// layer is one layer's weights.
type layer struct {
	side int // tokens that a query sees on each side

	// local and global give queries, keys and values: 3*Heads planes of width
	// outputs, those beyond a head's real width being zero. global is nil where
	// the checkpoint has no such projections.
	local, global *kernel.Weights
	output        *kernel.Weights // [HiddenSize, HiddenSize]
	expand        *kernel.Weights // [IntermediateSize, HiddenSize]
	contract      *kernel.Weights // [HiddenSize, IntermediateSize]

	attentionNorm, outputNorm scaleOffset
}

// scaleOffset is the gain and the bias of a layer normalisation, [HiddenSize]
// each.
type scaleOffset struct{ gain, bias []float32 }

// loadNetwork reads the weights of a model. Besides the weights themselves it
// holds one tensor a worker in memory.
func loadNetwork(ctx context.Context, c design, src tensorSource, workers int) (*network, error) {
	l := &loader{ctx: ctx, src: src}
	var err error
	if l.prefix, err = findPrefix(src, c.prefix); err != nil {
		return nil, err
	}
	hasGlobal := l.hasAny(c.globalParameters())
	params := c.parameters(hasGlobal)
	if err := l.check(params); err != nil {
		return nil, err
	}
	hasPooler := l.hasAny(c.poolerParameters())
	if hasPooler {
		if err := l.check(c.poolerParameters()); err != nil {
			return nil, err
		}
	}

	n := &network{config: c, local: !hasGlobal, width: kernel.RoundUp(c.headWidth()), layers: make([]layer, c.Layers)}
	l.places = make(map[string]place, len(params))
	n.places = l.places
	h := c.HiddenSize

	l.embeddings(n)
	for i := range n.layers {
		y := &n.layers[i]
		p := layerName(i)
		y.side = c.MaxPositions
		if c.windows {
			y.side = c.AttentionWindow[i] / 2
		}
		y.local = l.heads(p, c.attention, &c, n.width)
		if hasGlobal {
			y.global = l.heads(p, globalNames, &c, n.width)
		}
		y.output = l.linear(p+c.output, h, h)
		y.expand = l.linear(p+"intermediate.dense", c.IntermediateSize, h)
		y.contract = l.linear(p+"output.dense", h, c.IntermediateSize)
		l.norm(&y.attentionNorm, p+c.norm, h)
		l.norm(&y.outputNorm, p+"output.LayerNorm", h)
	}
	if hasPooler {
		n.pooler = l.linear("pooler.dense", h, h)
	}
	if err := l.run(workers); err != nil {
		return nil, err
	}
	if c.relates {
		n.biases = distanceBiases(n.distance, c.Heads, c.MaxPositions)
	}
	return n, nil
}

// embeddings asks for what comes before the layers.
func (l *loader) embeddings(n *network) {
	c, h := &n.config, n.config.HiddenSize
	l.vector(&n.word, firstName, c.VocabSize*h)
	l.vector(&n.position, "embeddings.position_embeddings.weight", c.MaxPositions*h)
	n.kind = make([]float32, h)
	if c.types {
		l.vector(&n.kind, "embeddings.token_type_embeddings.weight", c.TypeVocabSize*h)
	}
	if c.relates {
		l.vector(&n.distance, distancesName, c.buckets*c.Heads)
	}
	l.norm(&n.norm, "embeddings.LayerNorm", h)
}

// loader collects what is to be read, then reads it with several goroutines.
type loader struct {
	ctx    context.Context
	src    tensorSource
	prefix string
	jobs   []func(scratch *[]float32) error
	places map[string]place
}

// stored is the name that a parameter has in the checkpoint. Checkpoints that
// came from TensorFlow call a normalisation's weight gamma and its bias beta.
func (l *loader) stored(name string) string {
	name = l.prefix + name
	if _, ok := l.src.Shape(name); ok {
		return name
	}
	for plain, old := range map[string]string{".LayerNorm.weight": ".LayerNorm.gamma", ".LayerNorm.bias": ".LayerNorm.beta"} {
		if base, ok := strings.CutSuffix(name, plain); ok {
			if _, ok := l.src.Shape(base + old); ok {
				return base + old
			}
		}
	}
	return name
}

// hasAny says whether the checkpoint has any of some parameters.
func (l *loader) hasAny(params []parameter) bool {
	return slices.ContainsFunc(params, func(p parameter) bool { _, ok := l.src.Shape(l.stored(p.name)); return ok })
}

// check reports every parameter that src lacks, cannot read or has in another
// shape. It runs before anything is allocated, so that a configuration cannot
// ask for more memory than the file has tensors for.
func (l *loader) check(params []parameter) error {
	var errs []error
	for _, p := range params {
		name := l.stored(p.name)
		shape, ok := l.src.Shape(name)
		err := l.src.Err(name)
		switch {
		case !ok:
			errs = append(errs, &TensorError{Name: name, Want: p.shape})
		case err != nil:
			errs = append(errs, fmt.Errorf("tensor %s: %w", name, err))
		case !slices.Equal(shape, p.shape):
			errs = append(errs, &TensorError{Name: name, Want: p.shape, Got: shape})
		}
	}
	if len(errs) > maxTensorErrors {
		more := fmt.Errorf("and %d more tensors", len(errs)-maxTensorErrors)
		errs = append(errs[:maxTensorErrors:maxTensorErrors], more)
	}
	return errors.Join(errs...)
}

// read fills dst with a tensor.
func (l *loader) read(name string, dst []float32) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if err := l.src.Read(l.stored(name), dst); err != nil {
		return fmt.Errorf("tensor %s: %w", l.stored(name), err)
	}
	return nil
}

func (l *loader) vector(dst *[]float32, name string, n int) {
	l.places[name] = place{1, func(int, []float32) []float32 { return *dst }}
	l.jobs = append(l.jobs, func(*[]float32) error {
		*dst = make([]float32, n)
		return l.read(name, *dst)
	})
}

func (l *loader) norm(dst *scaleOffset, name string, n int) {
	l.vector(&dst.gain, name+".weight", n)
	l.vector(&dst.bias, name+".bias", n)
}

func (l *loader) linear(name string, out, in int) *kernel.Weights {
	w := new(kernel.Weights)
	l.place(name, w, out, func(row int) int { return row })
	l.jobs = append(l.jobs, func(scratch *[]float32) error {
		*w = *kernel.NewWeights(out, in)
		return l.matrix(name, out, in, scratch, func(rows, bias []float32) {
			w.SetRows(0, rows)
			w.SetBias(0, bias)
		})
	})
	return w
}

// place notes where a linear layer lies in w: at gives the output of w that is a
// row of the layer.
func (l *loader) place(name string, w *kernel.Weights, out int, at func(row int) int) {
	l.places[name+".weight"] = place{out, func(i int, buf []float32) []float32 {
		w.Row(buf[:w.In()], at(i))
		return buf[:w.In()]
	}}
	l.places[name+".bias"] = place{out, func(i int, buf []float32) []float32 {
		buf[0] = w.Bias(at(i))
		return buf[:1]
	}}
}

// heads reads three linear layers as one, each head on planes of its own.
func (l *loader) heads(prefix string, names [3]string, c *design, width int) *kernel.Weights {
	w := new(kernel.Weights)
	h, d := c.HiddenSize, c.headWidth()
	for i, name := range names {
		l.place(prefix+name, w, h, func(row int) int { return (i*c.Heads+row/d)*width + row%d })
	}
	l.jobs = append(l.jobs, func(scratch *[]float32) error {
		*w = *kernel.NewWeights(3*c.Heads*width, h)
		for i, name := range names {
			err := l.matrix(prefix+name, h, h, scratch, func(rows, bias []float32) {
				for head := range c.Heads {
					at := (i*c.Heads + head) * width
					w.SetRows(at, rows[head*d*h:(head+1)*d*h])
					w.SetBias(at, bias[head*d:(head+1)*d])
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

func (l *loader) matrix(name string, out, in int, scratch *[]float32, use func(rows, bias []float32)) error {
	if cap(*scratch) < out*(in+1) {
		*scratch = make([]float32, out*(in+1))
	}
	rows, bias := (*scratch)[:out*in], (*scratch)[out*in:out*(in+1)]
	if err := l.read(name+".weight", rows); err != nil {
		return err
	}
	if err := l.read(name+".bias", bias); err != nil {
		return err
	}
	use(rows, bias)
	return nil
}

func (l *loader) run(workers int) error {
	g, ctx := errgroup.WithContext(l.ctx)
	l.ctx = ctx
	jobs := make(chan func(*[]float32) error, len(l.jobs))
	for _, job := range l.jobs {
		jobs <- job
	}
	close(jobs)
	for range min(workers, maxLoaders) {
		g.Go(func() error {
			var scratch []float32
			for job := range jobs {
				if err := job(&scratch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// TensorError is a tensor that a checkpoint lacks, or has in another shape than
// its configuration asks for.
type TensorError struct {
	Name string
	// Want is the shape that the configuration asks for.
	Want []int
	// Got is the shape in the checkpoint, nil where the tensor is missing.
	Got []int
}

// Error names the tensor and both shapes.
func (e *TensorError) Error() string {
	var b strings.Builder
	if e.Got == nil {
		fmt.Fprintf(&b, "tensor %s %v is missing", e.Name, e.Want)
	} else {
		fmt.Fprintf(&b, "tensor %s is %v, not %v", e.Name, e.Got, e.Want)
	}
	return b.String()
}
