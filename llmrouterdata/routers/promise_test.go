package routers

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func promise(t testing.TB, d *Data, trainers []Trainer, o *PromiseOptions) *Promise {
	t.Helper()
	p, err := NewPromise(t.Context(), d, trainers, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPromise: routing pays where vectors tell who answers, and is not said to
// where they do not.
func TestPromise(t *testing.T) {
	trainers := []Trainer{Ridge{}, KNN{}}
	d := sampleData(t, 600, 12, 3, 0.02, 1)
	p := promise(t, d, trainers, nil)
	if len(p.Routers) != 4 || p.Queries+p.Incomplete != 600 || p.Incomplete == 0 {
		t.Fatalf("%+v", p)
	}
	if !(p.Routers[p.Best()].Gain.Low > 0) || !strings.HasPrefix(p.Verdict(), "Routing pays on these data: ") {
		t.Errorf("%s\n%+v", p.Verdict(), p.Routers)
	}
	for _, r := range append(p.Routers, p.Single, p.PerTask, p.Random) {
		i := r.Performance
		if !(i.Low <= i.Estimate && i.Estimate <= i.High && i.Estimate <= p.Oracle.Performance.Estimate) || !(r.USD > 0) {
			t.Errorf("%+v", r)
		}
	}
	if p.Single.Gain != (Interval{}) || p.Single.CostShare != (Interval{1, 1, 1}) {
		t.Errorf("%+v", p.Single)
	}

	t.Run("same for any workers", func(t *testing.T) {
		one := promise(t, d, trainers, &PromiseOptions{Judge: JudgeOptions{Workers: 1, Draws: 100}})
		many := promise(t, d, trainers, &PromiseOptions{Judge: JudgeOptions{Workers: 7, Draws: 100}})
		if !reflect.DeepEqual(one, many) {
			t.Errorf("%+v\n%+v", one, many)
		}
	})
	t.Run("without trainers", func(t *testing.T) {
		p := promise(t, d, nil, nil)
		if len(p.Routers) != 0 || !strings.HasSuffix(p.Verdict(), "no router was tried.") {
			t.Errorf("%s", p.Verdict())
		}
	})
}

// TestPromiseWithoutSignal: vectors that tell nothing.
func TestPromiseWithoutSignal(t *testing.T) {
	models, queries := sample(600, 12, 3, 0, 2)
	random := rand.New(rand.NewPCG(3, 3))
	for q := range queries { // who answers depends on nothing
		for m := range queries[q].Pairs {
			queries[q].Pairs[m] = Pair{Score: float64(random.IntN(2))}
		}
	}
	d, err := NewData(models, queries)
	if err != nil {
		t.Fatal(err)
	}
	p := promise(t, d, []Trainer{Ridge{}, KNN{}}, nil)
	if len(p.Routers) != 2 || !strings.HasPrefix(p.Verdict(), "That routing pays is not shown") {
		t.Errorf("%s", p.Verdict())
	}
	// Of three coins one falls well in 7 of 8 cases, by chance alone.
	if math.Abs(p.ByChance.Estimate-7.0/8) > 0.03 || math.Abs(p.Oracle.Performance.Estimate-p.ByChance.Estimate) > 0.03 {
		t.Errorf("oracle %+v, by chance %+v", p.Oracle, p.ByChance)
	}
}

func TestPromiseOfTooFew(t *testing.T) {
	models, queries := sample(3, 12, 3, 0, 2)
	d, err := NewData(models, queries)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPromise(t.Context(), d, nil, nil); err == nil || !strings.Contains(err.Error(), "5 folds of 3") {
		t.Error(err)
	}
	for q := range queries {
		queries[q].Pairs[1].Score = math.NaN()
	}
	if d, err = NewData(models, queries); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPromise(t.Context(), d, nil, nil); !errors.Is(err, ErrNoQueries) {
		t.Error(err)
	}
}

// TestOracleByChance compares what is expected with the mean over permutations.
func TestOracleByChance(t *testing.T) {
	d := sampleData(t, 40, 4, 3, 0, 5)
	random := rand.New(rand.NewPCG(9, 9))
	byTask := map[int32][]int{}
	for q := range d.Len() {
		byTask[d.task[q]] = append(byTask[d.task[q]], q)
	}
	const permutations = 20_000
	sum, squares := 0.0, 0.0
	for range permutations {
		mean := 0.0
		for _, queries := range byTask {
			best := make([]float64, len(queries))
			for m := range d.models {
				for i, k := range random.Perm(len(queries)) {
					best[i] = max(best[i], d.Pairs(queries[k])[m].Score)
				}
			}
			for _, b := range best {
				mean += b / float64(d.Len())
			}
		}
		sum += mean
		squares += mean * mean
	}
	mean := sum / permutations
	spread := math.Sqrt((squares/permutations - mean*mean) / permutations)
	weights := make([]float64, d.Len())
	for q := range weights {
		weights[q] = 1
	}
	c := newChance(d)
	near(t, "the oracle by chance", c.oracle(weights), mean, 5*spread)
	// A weight of 2 is a query that is there twice.
	weights[3], weights[7] = 2, 0
	list := []int{3}
	for q := range d.Len() {
		if q != 7 {
			list = append(list, q)
		}
	}
	twice := d.Subset(list)
	ones := make([]float64, twice.Len())
	for q := range ones {
		ones[q] = 1
	}
	near(t, "with weights", c.oracle(weights), newChance(twice).oracle(ones), 1e-12)
}

// TestProductOfManyShares: shares whose product is no float64 on the way.
func TestProductOfManyShares(t *testing.T) {
	const n, total = 300, 5000
	p := newProduct(n)
	p.reset(total)
	for i := range n {
		p.add(i, 1)
	}
	if v := p.value(); v != 0 {
		t.Errorf("%v", v)
	}
	for i := range n {
		p.add(i, total-1)
	}
	near(t, "all of them", p.value(), 1, 1e-9)
}
