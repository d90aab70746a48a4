package kernel

// Grid cuts the product of a linear layer into tasks: blocks of rows, whose
// inputs stay in a core's L2 cache, by groups of panels. It bears on no
// result.
type Grid struct {
	rows, height, blocks int
	panels, per, groups  int
	// The panels from fine on are in groups of two, after groups whole ones.
	fine int
}

const (
	// blockRows is the intended height of a block: 384 inputs of it
	// take 220 kB.
	blockRows = 144
	// tileRows is the height of the tallest tile.
	tileRows = 12
	// tasksWanted is the number of tasks for each goroutine, so that they end
	// nearly together.
	tasksWanted = 12
	// maxPanels bounds the panels of a task, so that its part of the result
	// stays in the L2 cache from one block of inputs to the next.
	maxPanels = 16
	// maxTask is the number of products in a task above which it is cut: a
	// task is also how long a cancelled run goes on, with the slowest kernels
	// some 20 ms.
	maxTask = 1 << 25
)

// NewGrid cuts the product of rows rows and w for a number of goroutines.
func NewGrid(rows int, w *Weights, workers int) Grid {
	g := Grid{rows: rows, panels: w.Panels()}
	if rows <= 0 {
		return g
	}
	// Blocks of equal height, in whole tiles.
	blocks := (rows + blockRows - 1) / blockRows
	g.height = (rows + blocks - 1) / blocks
	g.height = (g.height + tileRows - 1) / tileRows * tileRows
	g.blocks = (rows + g.height - 1) / g.height
	// Groups of an even number of panels, for the tiles of two.
	g.per = g.panels * g.blocks / (tasksWanted * workers)
	g.per = min(g.per, maxPanels, maxTask/(g.height*w.In()*lane))
	g.per = max(2, g.per/2*2)
	// The last two tasks of each goroutine are cut small, so that all end
	// together.
	small := (2*workers*g.per + g.blocks - 1) / g.blocks
	g.groups = max(0, g.panels-small) / g.per
	g.fine = g.groups * g.per
	return g
}

// Tasks is the number of tasks.
func (g *Grid) Tasks() int { return g.blocks * (g.groups + (g.panels-g.fine+1)/2) }

// Task returns the rows and the panels of a task. Neighbouring tasks share
// their panels, the larger operand.
func (g *Grid) Task(i int) (r0, r1, p0, p1 int) {
	block, group := i%g.blocks, i/g.blocks
	r0, r1 = block*g.height, min(g.rows, (block+1)*g.height)
	if group < g.groups {
		return r0, r1, group * g.per, (group + 1) * g.per
	}
	p0 = g.fine + (group-g.groups)*2
	return r0, r1, p0, min(g.panels, p0+2)
}
