package rounds

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// state is n training and m test queries of three tasks of different sizes, and
// three candidates.
func state(n, m int) *State {
	s := &State{Train: n, Candidates: []llmrouterdata.Candidate{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	for i := range n + m {
		task := []string{"large", "large", "large", "large", "large", "middle", "middle", "middle", "small", "small"}[i%10]
		s.Queries = append(s.Queries, llmrouterdata.StandardQueryData{TaskName: task, Query: fmt.Sprintf("query %d", i), GroundTruth: "x", Metric: "em"})
	}
	return s
}

func TestOrder(t *testing.T) {
	s := state(800, 200)
	rule := doubling(t, DoublingOptions{Seed: 7})
	order := rule.order(s)
	if sorted := slices.Sorted(slices.Values(order)); len(sorted) != 1000 || sorted[0] != 0 || sorted[999] != 999 || len(slices.Compact(sorted)) != 1000 {
		t.Fatal("it is no order of all queries")
	}
	// Every beginning has its share of each task of each split, to less than a query.
	counts := map[string]int{}
	group := func(q int) string { return fmt.Sprint(q < s.Train, s.Queries[q].TaskName) }
	all := map[string]int{}
	for q := range s.Queries {
		all[group(q)]++
	}
	for i, q := range order {
		counts[group(q)]++
		for g, n := range all {
			if share := float64(n) * float64(i+1) / 1000; math.Abs(float64(counts[g])-share) > 1.5 {
				t.Fatalf("the first %d have %d of %s, not %.1f", i+1, counts[g], g, share)
			}
		}
	}
	if slices.Equal(order, doubling(t, DoublingOptions{Seed: 8}).order(s)) {
		t.Error("another seed gives the same order")
	}
	// It is the queries' own: in files of another order they have the same.
	names := func(s *State, order []int) (list []string) {
		for _, q := range order {
			list = append(list, fmt.Sprint(q < s.Train, s.Queries[q].Query))
		}
		return list
	}
	turned := state(800, 200)
	slices.Reverse(turned.Queries[:800])
	slices.Reverse(turned.Queries[800:])
	if !slices.Equal(names(s, order), names(turned, rule.order(turned))) {
		t.Error("the order depends on that of the files")
	}
}

// answers are n training queries, of which candidate c gets the first right[c] right.
func answers(t testing.TB, n int, models []routers.Model, right ...int) *routers.Data {
	t.Helper()
	queries := make([]routers.Query, n)
	for q := range queries {
		one := routers.Query{Task: "task", Text: fmt.Sprint(q), Vector: []float32{1, float32(q)}}
		for _, k := range right {
			score := math.NaN()
			if k >= 0 {
				score = min(1, max(0, float64(k-q)))
			}
			one.Pairs = append(one.Pairs, routers.Pair{Score: score, InputTokens: 1000, OutputTokens: 1000})
		}
		queries[q] = one
	}
	d, err := routers.NewData(models, queries)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDominated(t *testing.T) {
	priced := func(prices ...float64) (list []routers.Model) {
		for i, p := range prices {
			list = append(list, routers.Model{Name: string(rune('a' + i)), InputPrice: p, OutputPrice: p})
		}
		return list
	}
	for _, tt := range []struct {
		what   string
		models []routers.Model
		n      int
		right  []int
		want   string // "candidate<by" each
	}{
		{"surely worse at the same price", priced(1, 1), 100, []int{80, 40}, "b<a"},
		{"surely worse and dearer", priced(1, 2), 100, []int{80, 40}, "b<a"},
		{"surely worse, but cheaper", priced(2, 1), 100, []int{80, 40}, ""},
		{"worse, perhaps", priced(1, 1), 100, []int{60, 45}, ""},
		{"worse by more than three standard errors of the difference, but not by two of each", priced(1, 1), 100, []int{60, 42}, ""},
		{"free ones", priced(0, 0, 0), 100, []int{20, 90, 50}, "a<b c<b"},
		{"by the best of several", priced(1, 2, 3), 400, []int{250, 350, 100}, "c<b"},
		{"without a score", priced(1, 1), 100, []int{80, -1}, ""},
		{"few queries prove nothing", priced(1, 1), 3, []int{3, 0}, ""},
	} {
		var got []string
		for _, d := range Dominated(answers(t, tt.n, tt.models, tt.right...)) {
			got = append(got, d.Candidate+"<"+d.By)
			if d.Performance >= d.ByPerformance || d.ByUSD > d.USD || math.Abs(d.USD-2000*tt.models[d.Candidate[0]-'a'].InputPrice/1e6) > 1e-12 {
				t.Errorf("%s: %+v", tt.what, d)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.what, got, tt.want)
		}
	}
}

// TestDoubling plays the rule: rounds double, and each is a beginning of the next.
func TestDoubling(t *testing.T) {
	for queries, want := range map[int][]int{30: {30}, 1000: {100, 200, 400, 800, 1000}, 4000: {250, 500, 1000, 2000, 4000}} {
		s := state(queries, 0)
		var outlooks []Outlook
		rule := doubling(t, DoublingOptions{NoCurve: true, Ended: func(o Outlook) { outlooks = append(outlooks, o) }})
		var sizes []int
		for {
			next, err := rule.Next(t.Context(), s)
			if err == nil {
				err = next.check(s)
			}
			if err != nil {
				t.Fatal(err)
			}
			if next.Last {
				if next.adds(&s.Round) || len(next.Candidates) != 3 {
					t.Errorf("the last round is %+v", next)
				}
				break
			}
			if !slices.Equal(next.Queries[:len(s.Round.Queries)], s.Round.Queries) {
				t.Error("a round does not begin as the one before")
			}
			sizes = append(sizes, len(next.Queries))
			s.Round = next
		}
		if !slices.Equal(sizes, want) || len(outlooks) != len(want) || outlooks[len(want)-1].Next != 0 || !outlooks[len(want)-1].Last {
			t.Errorf("%d queries: rounds of %v, want %v; %+v", queries, sizes, want, outlooks)
		}
	}
}

// TestDoublingStops: the rounds end when the upper bound of the gain is too low.
func TestDoublingStops(t *testing.T) {
	s := state(400, 0)
	rule := doubling(t, DoublingOptions{NoCurve: true})
	first, err := rule.Next(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	s.Round = first
	s.Answered = answers(t, 100, []routers.Model{{Name: "a", InputPrice: 1}, {Name: "b", InputPrice: 2}, {Name: "c", InputPrice: 3}}, 60, 50, 40)
	for minGain, last := range map[float64]bool{0: false, 1: true} {
		var o Outlook
		next, err := doubling(t, DoublingOptions{MinGain: &minGain, Ended: func(got Outlook) { o = got }}).Next(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if next.Last != last || o.Last != last || o.Curve == nil || o.Gain == nil || o.Next != 100 || o.Queries != 100 || o.Train != 100 {
			t.Errorf("at %v: %+v and %+v", minGain, next, o)
		}
		if want := 100 * (1 + 2 + 3) * 1000 / 1e6; math.Abs(o.NextUSD-want) > 1e-12 {
			t.Errorf("the next round is said to cost %v, not %v", o.NextUSD, want)
		}
		if last != (len(next.Queries) == len(first.Queries)) {
			t.Errorf("at %v the next round has %d queries", minGain, len(next.Queries))
		}
	}
}

// TestDoublingDrops: candidates leave after the pilot, and after no other round.
func TestDoublingDrops(t *testing.T) {
	models := []routers.Model{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	s := state(400, 0)
	rule := doubling(t, DoublingOptions{NoCurve: true, DropDominated: true})
	pilot, err := rule.Next(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	s.Round, s.Answered = pilot, answers(t, 100, models, 80, 20, 70)
	second, err := rule.Next(t.Context(), s)
	if err != nil || !slices.Equal(second.Candidates, []int{0, 2}) || len(second.Queries) != 200 {
		t.Fatalf("%+v (%v)", second, err)
	}
	s.Round, s.Answered = second, answers(t, 200, []routers.Model{models[0], models[2]}, 180, 20)
	third, err := rule.Next(t.Context(), s)
	if err != nil || !slices.Equal(third.Candidates, []int{0, 2}) || len(third.Queries) != 400 {
		t.Errorf("%+v (%v)", third, err)
	}
}

func TestDoublingRefuses(t *testing.T) {
	for _, o := range []DoublingOptions{{Pilot: -1}, {Workers: -1}, {MinGain: new(-0.1)}, {MinGain: new(1.1)}, {MinGain: new(math.NaN())}} {
		if _, err := NewDoubling(&o); err == nil || !strings.Contains(err.Error(), "rounds: DoublingOptions.") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestRoundCheck(t *testing.T) {
	s := state(3, 2)
	for _, r := range []Round{
		{}, {Queries: []int{1}}, {Candidates: []int{0}}, {Queries: []int{5}, Candidates: []int{0}}, {Queries: []int{-1}, Candidates: []int{0}},
		{Queries: []int{1, 1}, Candidates: []int{0}}, {Queries: []int{1}, Candidates: []int{3}}, {Queries: []int{1}, Candidates: []int{1, 0}},
		{Queries: []int{1}, Candidates: []int{1, 1}}, {Queries: []int{1}, Candidates: []int{-1}},
	} {
		if err := r.check(s); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	good := Round{Queries: []int{4, 0}, Candidates: []int{0, 2}}
	if err := good.check(s); err != nil {
		t.Error(err)
	}
	s.Round = good
	if err := good.check(s); err == nil {
		t.Error("a round that has nothing new and is not the last was taken")
	}
	good.Last = true
	if err := good.check(s); err != nil {
		t.Error(err)
	}
	if s.training(good.Queries) != 1 {
		t.Errorf("%d of the queries are for training", s.training(good.Queries))
	}
}
