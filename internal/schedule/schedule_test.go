package schedule

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/scenario"
)

// The files in testdata tell whole runs, command by command.
func TestScenarios(t *testing.T) {
	scenario.Run(t, "testdata/*.txt", func(t *testing.T, s *scenario.Script) {
		p := &player{t: t}
		s.Play(p.execute)
	})
}

// player drives a machine by the commands of a scenario.
type player struct {
	t *testing.T
	m *Machine
}

func (p *player) execute(c scenario.Command) string {
	switch c.Name {
	case "run":
		p.m = New(p.number(c.Named["queries"]), p.number(c.Named["candidates"]), p.rule(c))
		return ""
	case "limit":
		p.m.Limit(p.number(c.Bare[0]), p.number(c.Bare[1]))
		return ""
	case "next":
		return p.next(c)
	case "resumed":
		return p.each(c, func(pair Pair) { p.m.Resumed(pair, c.Named["failed"] != "") })
	case "finished":
		return p.each(c, func(pair Pair) { p.m.Finished(pair, c.Named["failed"] != "") })
	case "voided":
		return p.each(c, p.m.Voided)
	case "given-up":
		return p.each(c, p.m.GivenUp)
	case "close":
		return fmt.Sprintln("new reason:", p.m.Close(p.number(c.Bare[0]), words(c.Named["reason"])))
	case "stop":
		return fmt.Sprintln("new reason:", p.m.Stop(words(c.Named["reason"])))
	case "counts":
		counts := p.m.Counts()
		text := fmt.Sprintf("%d of %d done, %d resumed, %d failed\n", counts.Done, counts.Pairs, counts.Resumed, counts.Failed)
		for _, reason := range p.m.Reasons() {
			text += reason + "\n"
		}
		return text
	}
	p.t.Fatalf("unknown command %q", c.Name)
	return ""
}

func (p *player) rule(c scenario.Command) Rule {
	switch c.Named["rule"] {
	case "":
		return nil
	case "by_candidate":
		return &ByCandidate{}
	case "by_query":
		return &ByQuery{Ahead: p.number(c.Named["ahead"])}
	}
	p.t.Fatalf("unknown rule %q", c.Named["rule"])
	return nil
}

// next prints the next pairs, as many as asked for: query.candidate.
func (p *player) next(c scenario.Command) string {
	n := 1
	if len(c.Bare) > 0 {
		n = p.number(c.Bare[0])
	}
	var list []string
	for range n {
		pair, ok := p.m.Next()
		if !ok {
			list = append(list, map[bool]string{false: "none", true: "later"}[p.m.Later()])
			break
		}
		list = append(list, fmt.Sprintf("%d.%d", pair.Query, pair.Candidate))
	}
	return strings.Join(list, " ") + "\n"
}

func (p *player) each(c scenario.Command, event func(Pair)) string {
	for _, text := range c.Bare {
		query, candidate, _ := strings.Cut(text, ".")
		event(Pair{p.number(query), p.number(candidate)})
	}
	return ""
}

func (p *player) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func words(s string) string { return strings.ReplaceAll(s, "-", " ") }

// machine returns one whose unwanted pairs are done.
func machine(queries, candidates int, rule Rule, wanted func(q, c int) bool) *Machine {
	m := New(queries, candidates, rule)
	for q := range queries {
		for c := range candidates {
			if !wanted(q, c) {
				m.Resumed(Pair{q, c}, false)
			}
		}
	}
	return m
}

// One worker goes query by query, candidate by candidate.
func TestOrder(t *testing.T) {
	m := machine(4, 3, nil, func(q, c int) bool { return !(q == 1 && c == 0 || q == 2) })
	var got []Pair
	for {
		p, ok := m.Next()
		if !ok {
			break
		}
		got = append(got, p)
		m.Finished(p, false)
	}
	want := []Pair{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {3, 0}, {3, 1}, {3, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A candidate whose calls never end holds its share of the workers and no more,
// as long as the others have work.
func TestFairness(t *testing.T) {
	const queries, candidates, workers = 1000, 4, 20
	m := New(queries, candidates, nil)
	held := 0          // calls of candidate 0, which do not end
	var running []Pair // those of the others
	finished := 0
	for {
		for held+len(running) < workers {
			p, ok := m.Next()
			if !ok {
				break
			}
			if p.Candidate == 0 {
				held++
			} else {
				running = append(running, p)
			}
		}
		if finished < (candidates-1)*(queries-workers) && held > workers/candidates {
			t.Fatalf("%d workers wait for the slow candidate after %d other calls", held, finished)
		}
		if len(running) == 0 {
			break
		}
		m.Finished(running[0], false)
		running = running[1:]
		finished++
	}
	if finished != (candidates-1)*queries || held != workers {
		t.Errorf("%d calls of the others, %d of the slow one", finished, held)
	}
}

func TestClosedCandidate(t *testing.T) {
	m := New(10, 2, nil)
	m.Next()
	m.Close(0, "gone")
	for range 10 {
		if p, ok := m.Next(); !ok || p.Candidate != 1 {
			t.Fatalf("got %+v, %v", p, ok)
		}
	}
	if p, ok := m.Next(); ok {
		t.Errorf("%+v of a closed candidate", p)
	}
	if _, ok := New(0, 3, nil).Next(); ok {
		t.Error("a pair of no queries")
	}
	if _, ok := New(3, 0, nil).Next(); ok {
		t.Error("a pair of no candidates")
	}
}

// Whatever happens in between, every pair that waits is handed out once, and
// the counts add up.
func TestEveryPairOnce(t *testing.T) {
	rules := []func() Rule{
		func() Rule { return nil }, func() Rule { return &ByCandidate{} },
		func() Rule { return &ByQuery{} }, func() Rule { return &ByQuery{Ahead: 5} },
	}
	wanted := func(q, c int) bool { return (q*7+c)%3 != 0 }
	for seed := range uint64(20) {
		c := &chance{Machine: machine(500, 7, rules[seed%4](), wanted), r: rand.New(rand.NewPCG(1, seed)), taken: map[Pair]int{}}
		if seed%8 > 3 {
			c.Limit(1, 1)
			c.Limit(3, 2)
		}
		for more := true; more; {
			p, ok := c.Next()
			if ok {
				c.taken[p]++
				c.open = append(c.open, p)
			}
			c.checkLimits(t, ok)
			more = ok || c.Later()
			for len(c.open) > 0 && (!ok || len(c.open) > 50 || c.r.IntN(3) == 0) {
				c.endOne()
			}
		}
		c.check(t, seed, wanted)
	}
}

// chance is a machine whose pairs end by chance.
type chance struct {
	*Machine
	r               *rand.Rand
	taken           map[Pair]int
	open            []Pair
	givenUp, failed int
}

func (c *chance) endOne() {
	i := c.r.IntN(len(c.open))
	switch p, fails := c.open[i], c.r.IntN(5) == 0; {
	case c.r.IntN(10) == 0:
		c.GivenUp(p)
		c.givenUp++
	case fails && c.r.IntN(5) == 0:
		c.Finished(p, true)
		c.Voided(p)
		c.givenUp++
	default:
		c.Finished(p, fails)
		if fails {
			c.failed++
		}
	}
	c.open = append(c.open[:i], c.open[i+1:]...)
}

func (c *chance) checkLimits(t *testing.T, ok bool) {
	t.Helper()
	for i, n := range c.limits {
		if n > 0 && c.UnderWay(i) > n {
			t.Fatalf("%d pairs of candidate %d under way, at most %d may be", c.UnderWay(i), i, n)
		}
	}
	if !ok && c.Later() && len(c.open) == 0 {
		t.Fatal("pairs wait, and nothing is under way")
	}
}

func (c *chance) check(t *testing.T, seed uint64, wanted func(q, c int) bool) {
	t.Helper()
	for i := range c.Queries() * c.Candidates() {
		p := Pair{i / c.Candidates(), i % c.Candidates()}
		want := 0
		if wanted(p.Query, p.Candidate) {
			want = 1
		}
		if n := c.taken[p]; n != want {
			t.Fatalf("seed %d: pair %d.%d was handed out %d times", seed, p.Query, p.Candidate, n)
		}
	}
	counts := c.Counts()
	if counts.Done+c.givenUp != counts.Pairs || counts.Failed != c.failed || counts.Resumed+len(c.taken) != counts.Pairs {
		t.Errorf("seed %d: %+v, %d given up, %d failed", seed, counts, c.givenUp, c.failed)
	}
	for i := range c.Candidates() {
		if n := c.UnderWay(i); n != 0 {
			t.Errorf("seed %d: %d calls of candidate %d under way in the end", seed, n, i)
		}
	}
}

// What goes together is handed out at once, whatever the limit, and by nobody else.
func TestTake(t *testing.T) {
	m := New(4, 2, nil)
	m.Limit(0, 1)
	m.Resumed(Pair{1, 0}, false)
	if got := m.Take(0); cmp.Diff([]Pair{{0, 0}, {2, 0}, {3, 0}}, got) != "" || m.UnderWay(0) != 3 {
		t.Errorf("%v, %d under way", got, m.UnderWay(0))
	}
	for range 4 {
		if p, ok := m.Next(); !ok || p.Candidate != 1 {
			t.Errorf("%v, %t", p, ok)
		}
	}
	if _, ok := m.Next(); ok || m.Later() || m.Take(0) != nil {
		t.Error("something is left")
	}
	m.Finished(Pair{0, 0}, false)
	m.GivenUp(Pair{2, 0})
	if m.UnderWay(0) != 1 || m.Counts().Done != 2 {
		t.Errorf("%d under way, %+v", m.UnderWay(0), m.Counts())
	}
	m.Stop("")
	if m.Take(1) != nil {
		t.Error("a stopped run hands out pairs")
	}
}
