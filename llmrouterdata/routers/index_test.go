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

// TestEstimates holds estimates, and how many vectors are kept, against their
// definitions.
func TestEstimates(t *testing.T) {
	const n, dim = 300, 96
	rows := clustered(n, dim, 5, 1, 4)
	clear(rows[7*dim:][:dim])
	x := newIndex(rows, dim, 50, kernelSet())
	p := x.newProbe()
	query := clustered(1, dim, 5, 1, 5)
	x.estimate(p, query)
	turned := x.turned()
	largest := 0.0
	for _, v := range p.turned {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range n {
		x.turn(turned, x.row(i))
		product, length := 0.0, 0.0
		for b, v := range turned {
			level := 2*math.Round((float64(p.turned[b])/largest+1)*7.5) - 15
			if v <= 0 {
				level = -level
			}
			product += level
			length += math.Abs(float64(v))
		}
		if want := product / max(length, 1e-9); i != 7 {
			near(t, fmt.Sprintf("estimate of vector %d", i), float64(p.estimates[i]), want, 1e-5*math.Abs(want))
			// In steps of a fifteenth of the largest number, an estimate of the cosine.
			near(t, fmt.Sprintf("cosine of vector %d", i), want*largest/15, dot32(query, x.row(i)), 0.13)
		} else if v := p.estimates[i]; v != 0 {
			t.Errorf("a vector of zeros has the estimate %v", v)
		}
	}
	all := p.estimates[:n]
	sorted := slices.Sorted(slices.Values(all))
	for _, most := range []int{1, 50, n} {
		x.keep(p, most)
		for i, v := range all {
			if _, kept := slices.BinarySearch(p.kept, int32(i)); kept != (v >= sorted[n-most]) {
				t.Errorf("vector %d of estimate %v is kept of %d: %v", i, v, most, kept)
			}
		}
	}
	of := []neighbour{{3, 0}, {200, 0}, {7, 0}}
	ranks := x.ranks(p, of)
	slices.Sort(ranks)
	var want []int
	for _, f := range of {
		at, _ := slices.BinarySearch(sorted, all[f.row])
		want = append(want, n-at)
	}
	if slices.Sort(want); !slices.Equal(ranks, want) {
		t.Errorf("ranks %v, want %v", ranks, want)
	}
}

// TestIndexThatKeepsAllIsExact also looks up a query of zeros, to which all are
// equally near.
func TestIndexThatKeepsAllIsExact(t *testing.T) {
	const n, dim, k = 200, 40, 7
	rows := clustered(n, dim, 4, 1, 6)
	copy(rows[5*dim:6*dim], rows[:dim]) // equal vectors
	x := newIndex(rows, dim, n, kernelSet())
	for q := range 20 {
		query := rows[q*dim:][:dim]
		if q == 19 {
			query = make([]float32, dim)
		}
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
			t.Errorf("recall %.4f, want %v (%d are kept)", got, recall, k1.index.kept)
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
			t.Errorf("%s: %d are kept", name, k.index.kept)
		}
	}
	if k := indexed(t, clustered(1500, 512, 1, 100, 1), 512, 20, 0.99); k.index != nil {
		t.Errorf("noise: %d are kept", k.index.kept)
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
	field := regexp.MustCompile(`\\"kept\\":\d+`).Find(file.Bytes())
	minus := append([]byte(`\"kept\":-1`), bytes.Repeat([]byte(" "), len(field)-len(`\"kept\":-1`))...)
	if _, err := Read(bytes.Replace(file.Bytes(), field, minus, 1), nil); err == nil || !strings.Contains(err.Error(), "an index that keeps -1 of 3000") {
		t.Errorf("an index that keeps nothing was read: %v", err)
	}
}
