package kernel

import "testing"

// TestGrid holds that the tasks of a product cover every row of every panel
// once, and never more than their bounds.
func TestGrid(t *testing.T) {
	for _, rows := range []int{0, 1, 11, 12, 13, 144, 145, 500, 4096} {
		for _, out := range []int{1, 16, 17, 48, 768, 2304, 3072} {
			for _, workers := range []int{1, 2, 3, 16, 1000} {
				w := &Weights{in: 768, out: out, bias: make([]float32, RoundUp(out))}
				g := NewGrid(rows, w, workers)
				seen := make([]int, w.Panels()) // rows of each panel
				next := make([]int, w.Panels()) // where the next block begins
				for i := range g.Tasks() {
					r0, r1, p0, p1 := g.Task(i)
					if r0 >= r1 || r1 > rows || p0 >= p1 || p1 > w.Panels() || p1-p0 > maxPanels {
						t.Fatalf("%d rows, %d outputs, %d workers: task %d is rows %d..%d, panels %d..%d", rows, out, workers, i, r0, r1, p0, p1)
					}
					for p := p0; p < p1; p++ {
						if next[p] != r0 {
							t.Fatalf("%d rows, %d outputs, %d workers: panel %d goes on at row %d, not %d", rows, out, workers, p, r0, next[p])
						}
						next[p] = r1
						seen[p] += r1 - r0
					}
				}
				for p, n := range seen {
					if n != rows {
						t.Fatalf("%d rows, %d outputs, %d workers: panel %d gets %d rows", rows, out, workers, p, n)
					}
				}
			}
		}
	}
}
