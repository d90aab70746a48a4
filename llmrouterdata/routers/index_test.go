package routers

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// clustered are unit vectors about some centres, as those of texts on some
// subjects are.
func clustered(n, dim, centres int, spread float64, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 9))
	middle := make([]float64, centres*dim)
	for i := range middle {
		middle[i] = random.NormFloat64()
	}
	rows := make([]float32, n*dim)
	for q := range n {
		at := random.IntN(centres)
		row := rows[q*dim:][:dim]
		for i := range row {
			row[i] = float32(middle[at*dim+i] + spread*random.NormFloat64())
		}
		if err := normalize(row); err != nil {
			panic(err)
		}
	}
	return rows
}

// exactly are the k nearest of a query, worked out from the definition.
func exactly(rows []float32, dim int, query []float32, k int) []neighbour {
	var all []neighbour
	for i := range len(rows) / dim {
		all = append(all, neighbour{i, dot32(query, rows[i*dim:][:dim])})
	}
	return nearestFirst(all)[:k]
}

// TestHadamard is the transform by its definition: the sign of a product is the
// parity of the bits that both places have.
func TestHadamard(t *testing.T) {
	x := []float32{3, -1, 4, 1, -5, 9, 2, 6}
	want := make([]float32, len(x))
	for i := range want {
		for j, v := range x {
			sign := float32(1)
			for both := i & j; both > 0; both &= both - 1 {
				sign = -sign
			}
			want[i] += sign * v
		}
	}
	hadamard(x)
	if !slices.Equal(x, want) {
		t.Errorf("%v, want %v", x, want)
	}
}

// TestRotationKeepsCosines turns vectors of many widths.
func TestRotationKeepsCosines(t *testing.T) {
	for _, dim := range []int{1, 5, 64, 100, 768, 1025} {
		r := newRotation(dim)
		rows := clustered(2, dim, 1, 0.5, uint64(dim))
		a, b := r.turned(), r.turned()
		r.turn(a, rows[:dim])
		r.turn(b, rows[dim:])
		lengths := math.Sqrt(dot32(a, a) * dot32(b, b))
		near(t, fmt.Sprintf("cosine of width %d", dim), dot32(a, b)/lengths, dot32(rows[:dim], rows[dim:]), 1e-5)
	}
}

// TestSieves holds the steps of a look-up against their definitions.
func TestSieves(t *testing.T) {
	const n, dim = 300, 96
	x := newIndex(clustered(n, dim, 5, 1, 4), dim, sieve{First: 50, Second: 20})
	p := x.newProbe()
	query := clustered(1, dim, 5, 1, 5)
	x.set(p, query)
	x.differ(p)
	turned := x.turned()
	levels := make([]float64, len(turned)) // the query in 16 steps
	low, high := float64(slices.Min(p.turned)), float64(slices.Max(p.turned))
	for i, v := range p.turned {
		levels[i] = math.Round((float64(v) - low) / ((high - low) / 15))
	}
	for i := range n {
		x.turn(turned, x.row(i))
		differ, product := 0, 0.0
		for b, v := range turned {
			if (v > 0) != (p.turned[b] > 0) {
				differ++
			}
			if v > 0 {
				product += levels[b] + low/((high-low)/15)
			}
		}
		if int(p.distances[i]) != differ {
			t.Fatalf("vector %d differs in %d bits, want %d", i, p.distances[i], differ)
		}
		near(t, "product", float64(x.product(p, i)), product, 1e-3*math.Abs(product)+0.1)
	}
	x.keep(p, 50)
	if len(p.kept) < 50 || len(p.kept) > 80 {
		t.Errorf("%d are kept of 50", len(p.kept))
	}
	most := uint16(0)
	for _, i := range p.kept {
		most = max(most, p.distances[i])
	}
	for i, d := range p.distances {
		if _, kept := slices.BinarySearch(p.kept, int32(i)); kept != (d <= most) {
			t.Errorf("vector %d at %d is kept: %v", i, d, kept)
		}
	}
}

// TestWholeSieveIsExact keeps everything.
func TestWholeSieveIsExact(t *testing.T) {
	const n, dim, k = 200, 40, 7
	rows := clustered(n, dim, 4, 1, 6)
	copy(rows[5*dim:6*dim], rows[:dim]) // equal vectors
	x := newIndex(rows, dim, sieve{First: n, Second: n})
	for q := range 20 {
		query := rows[q*dim:][:dim]
		if got, want := x.nearest(x.newProbe(), nil, query, k), exactly(rows, dim, query, k); !slices.Equal(got, want) {
			t.Errorf("query %d: %v, want %v", q, got, want)
		}
	}
}

// TestIndexReachesItsRecall calibrates on the vectors and looks others up.
func TestIndexReachesItsRecall(t *testing.T) {
	const n, dim, k = 6000, 96, 10
	for _, recall := range []float64{0.9, 0.99} {
		k1 := indexed(t, clustered(n, dim, 60, 0.5, 7), dim, k, recall)
		if k1.index == nil {
			t.Fatalf("recall %v: exact search was kept", recall)
		}
		queries := clustered(n+200, dim, 60, 0.5, 7)[n*dim:] // others about the same centres
		found := 0
		for q := range 200 {
			query := queries[q*dim:][:dim]
			want := exactly(k1.index.rows, dim, query, k)
			for _, f := range k1.index.nearest(k1.index.newProbe(), nil, query, k) {
				if slices.Contains(want, f) {
					found++
				}
			}
		}
		if got := float64(found) / (200 * k); got < recall {
			t.Errorf("recall %.4f, want %v (%+v)", got, recall, k1.index.sieve)
		}
	}
}

// indexed are neighbours of rows with an index, if it pays.
func indexed(t testing.TB, rows []float32, dim, k int, recall float64) *neighbours {
	t.Helper()
	n := len(rows) / dim
	models := []Model{{Name: "a"}, {Name: "b"}}
	queries := make([]Query, n)
	for q := range queries {
		queries[q] = Query{Text: fmt.Sprint(q), Vector: rows[q*dim:][:dim], Pairs: []Pair{{Score: float64(q % 2)}, {Score: float64(q % 3 / 2)}}}
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	return fit(t, d, KNN{K: k, Recall: recall}, nil).rest.(*neighbours)
}

// TestIndexDoesNotPay: of few vectors, or of ones that are all equally far, the
// exact neighbours are taken.
func TestIndexDoesNotPay(t *testing.T) {
	for name, rows := range map[string][]float32{
		"one vector": clustered(1, 32, 1, 1, 1), "few": clustered(30, 32, 3, 1, 1), "equal": clustered(1500, 32, 1, 0, 1),
	} {
		if k := indexed(t, rows, 32, 20, 0.99); k.index != nil {
			t.Errorf("%s: %+v", name, k.index.sieve)
		}
	}
	if k := indexed(t, clustered(1500, 512, 1, 100, 1), 512, 20, 0.99); k.index != nil {
		t.Errorf("noise: %+v", k.index.sieve)
	}
}

// TestIndexInAFile: a router with an index is the same after it was written and
// read, predicts one by one what it predicts together, and says what it is.
func TestIndexInAFile(t *testing.T) {
	const n, dim = 3000, 64
	rows := clustered(n, dim, 50, 0.4, 8)
	models := []Model{{Name: "a", InputPrice: 1}, {Name: "b", OutputPrice: 2}}
	random := rand.New(rand.NewPCG(8, 8))
	queries := make([]Query, n)
	for q := range queries {
		queries[q] = Query{Text: fmt.Sprint(q), Vector: rows[q*dim:][:dim], Pairs: []Pair{{random.Float64(), 5, 6}, {random.Float64(), 7, 8}}}
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	r := fit(t, d, KNN{K: 15, Recall: 0.95}, &FitOptions{Workers: 2})
	if r.String() != "knn(k=15, recall=0.95)" || r.rest.(*neighbours).index == nil {
		t.Fatal(r)
	}
	var file bytes.Buffer
	if err := r.Write(&file); err != nil {
		t.Fatal(err)
	}
	again, err := Read(file.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if err := again.Write(&second); err != nil || !bytes.Equal(file.Bytes(), second.Bytes()) {
		t.Errorf("the file changes when it is read and written (%v)", err)
	}
	p := predictions(t, again, d)
	for q := 0; q < n; q += 97 {
		c, err := r.Route(rows[q*dim:][:dim])
		if err != nil {
			t.Fatal(err)
		}
		scores, _ := p.row(q)
		if !slices.Equal(c.Scores, scores) {
			t.Fatalf("query %d: %v and %v", q, c.Scores, scores)
		}
	}
	one := fit(t, d, KNN{K: 15, Recall: 0.95}, &FitOptions{Workers: 1})
	var third bytes.Buffer
	if err := one.Write(&third); err != nil || !bytes.Equal(file.Bytes(), third.Bytes()) {
		t.Errorf("one worker gives another file (%v)", err)
	}
	field := regexp.MustCompile(`\\"first\\":\d+`).Find(file.Bytes())
	zero := append([]byte(`\"first\":0`), bytes.Repeat([]byte(" "), len(field)-len(`\"first\":0`))...)
	if _, err := Read(bytes.Replace(file.Bytes(), field, zero, 1), nil); err == nil || !strings.Contains(err.Error(), "an index that keeps 0") {
		t.Errorf("a sieve that keeps nothing was read: %v", err)
	}
}
