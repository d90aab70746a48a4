package routers

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// A transform is what is done to unit vectors before a fit: the training rows'
// mean is taken off, since encoders give vectors that mostly have one direction
// in common, and what is left is divided by its root mean square length, so that
// penalties mean the same for every encoder.
type transform struct {
	mean  []float64 // [dim]
	scale float64   // what is multiplied by; 0 where all vectors are equal
}

// apply writes (x-mean)*scale to dst, of the same length.
func (t *transform) apply(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32((float64(v) - t.mean[i]) * t.scale)
	}
}

// block is a run of queries with their transformed vectors.
type block struct {
	first, n int           // queries of the data
	x        kernel.Matrix // [n, dim], columns up to Lane are 0
}

// sweeper passes over the rows of data in blocks.
type sweeper struct {
	data    *Data
	workers int
	set     *kernel.Set
	by      *transform // nil: unit vectors as they are
}

// wave is how many blocks are under way at most; each has memory for its result.
const wave = 8

// sweep passes over all rows once. Each block's result is computed into a part
// that make made, by one of the workers, and given to reduce in the order of the
// rows, so that sums do not depend on who was faster. Parts are used again and
// hold what the block before left.
func sweep[P any](ctx context.Context, s *sweeper, make func() P, work func(b *block, part P), reduce func(b *block, part P)) error {
	var blocks [wave]block
	var parts [wave]P
	total := (s.data.Len() + blockRows - 1) / blockRows
	for i := range min(wave, total) {
		parts[i] = make()
		blocks[i].x = kernel.NewMatrix(blockRows, s.data.dim)
	}
	for begin := 0; begin < total; begin += wave {
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(s.workers)
		n := min(wave, total-begin)
		for i := range n {
			group.Go(func() error {
				b := &blocks[i]
				if err := s.fill(inner, b, (begin+i)*blockRows); err != nil {
					return err
				}
				work(b, parts[i])
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i := range n {
			reduce(&blocks[i], parts[i])
		}
	}
	return ctx.Err()
}

// fill reads the block that begins with a query.
func (s *sweeper) fill(ctx context.Context, b *block, first int) error {
	b.first, b.n = first, min(blockRows, s.data.Len()-first)
	for r := range b.n {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := b.x.Row(r)
		if err := s.data.vector(row, first+r); err != nil {
			return err
		}
		if s.by != nil {
			s.by.apply(row, row)
		}
	}
	return nil
}

// columns are 16 columns of a block, as kernel.Cross takes them.
type columns [blockRows * kernel.Lane]float32

// take copies the columns from c on of the block.
func (a *columns) take(b *block, c int) {
	for r := range b.n {
		copy(a[r*kernel.Lane:][:kernel.Lane], b.x.Data[r*b.x.Stride+c:][:kernel.Lane])
	}
}

// newTransform computes the transform of the rows.
func newTransform(ctx context.Context, s *sweeper) (*transform, error) {
	dim := s.data.dim
	t := &transform{mean: make([]float64, dim)}
	type sums struct {
		of      []float64
		squares float64
	}
	squares := 0.0
	raw := *s
	raw.by = nil
	err := sweep(ctx, &raw, func() *sums { return &sums{of: make([]float64, dim)} }, func(b *block, p *sums) {
		clear(p.of)
		p.squares = 0
		for r := range b.n {
			for i, v := range b.x.Row(r) {
				p.of[i] += float64(v)
				p.squares += float64(float64(v) * float64(v))
			}
		}
	}, func(_ *block, p *sums) {
		squares += p.squares
		for i, v := range p.of {
			t.mean[i] += v
		}
	})
	n := float64(s.data.Len())
	spread := squares / n
	for i := range t.mean {
		t.mean[i] /= n
		spread -= float64(t.mean[i] * t.mean[i])
	}
	if spread > leastSpread {
		t.scale = 1 / math.Sqrt(spread)
	}
	return t, err
}

// gram is the product of the transformed vectors with themselves.
type gram struct {
	dim   int
	below []float64 // [dim, dim], of which the part up to the diagonal counts
}

// newGram computes the sum of the products of the rows.
func newGram(ctx context.Context, s *sweeper) (*gram, error) {
	dim := s.data.dim
	g := &gram{dim: dim, below: make([]float64, dim*dim)}
	width := kernel.RoundUp(dim)
	type part struct {
		sums []float32 // [width, width], of which row r holds the columns up to its panel's end
		a    columns
	}
	err := sweep(ctx, s, func() *part { return &part{sums: make([]float32, width*width)} }, func(b *block, p *part) {
		for c := 0; c < width; c += kernel.Lane {
			p.a.take(b, c)
			s.set.Cross(p.sums[c*width:], width, p.a[:], b.x.Data, b.x.Stride, b.n, c+kernel.Lane)
		}
	}, func(_ *block, p *part) {
		for i := range dim {
			row := g.below[i*dim:][:i+1]
			for j, v := range p.sums[i*width:][:i+1] {
				row[j] += float64(v)
			}
		}
	})
	return g, err
}

// targets are columns of numbers that are fitted, 16 to a panel.
type targets struct {
	n      int // columns
	panels int
	// fill writes the targets of query q; columns past n stay 0.
	fill func(dst []float64, q int)
}

// crossWith computes the sum over the rows of target times vector: [n, dim].
func crossWith(ctx context.Context, s *sweeper, t *targets) ([]float64, error) {
	dim, width := s.data.dim, kernel.RoundUp(s.data.dim)
	sum := make([]float64, t.n*dim)
	type part struct {
		sums []float32 // [panels*16, width]
		y    []float64
		a    []columns // by panel
	}
	err := sweep(ctx, s, func() *part {
		return &part{sums: make([]float32, t.panels*kernel.Lane*width), y: make([]float64, t.panels*kernel.Lane), a: make([]columns, t.panels)}
	}, func(b *block, p *part) {
		for r := range b.n {
			t.fill(p.y, b.first+r)
			for i, v := range p.y {
				p.a[i/kernel.Lane][r*kernel.Lane+i%kernel.Lane] = float32(v)
			}
		}
		for panel := range t.panels {
			s.set.Cross(p.sums[panel*kernel.Lane*width:], width, p.a[panel][:], b.x.Data, b.x.Stride, b.n, width)
		}
	}, func(_ *block, p *part) {
		for c := range t.n {
			row := sum[c*dim:][:dim]
			for j, v := range p.sums[c*width:][:dim] {
				row[j] += float64(v)
			}
		}
	})
	return sum, err
}
