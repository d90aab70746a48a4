package pipeline

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func wantAll(int, int) bool { return true }

// One worker goes query by query, candidate by candidate.
func TestScheduleOrder(t *testing.T) {
	s := newSchedule(4, 3, func(q, t int) bool { return !(q == 1 && t == 0 || q == 2) })
	var got [][2]int
	for {
		q, t, ok := s.next()
		if !ok {
			break
		}
		got = append(got, [2]int{q, t})
		s.done(t)
	}
	want := [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {3, 0}, {3, 1}, {3, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A candidate whose calls never end holds its share of the workers and no more,
// as long as the others have work.
func TestScheduleFairness(t *testing.T) {
	const queries, targets, workers = 1000, 4, 20
	s := newSchedule(queries, targets, wantAll)
	held := 0         // calls of candidate 0, which do not end
	var running []int // candidates of the other workers
	finished := 0
	for {
		for held+len(running) < workers {
			_, target, ok := s.next()
			if !ok {
				break
			}
			if target == 0 {
				held++
			} else {
				running = append(running, target)
			}
		}
		if finished < (targets-1)*(queries-workers) && held > workers/targets {
			t.Fatalf("%d workers wait for the slow candidate after %d other calls", held, finished)
		}
		if len(running) == 0 {
			break
		}
		s.done(running[0])
		running = running[1:]
		finished++
	}
	if finished != (targets-1)*queries || held != workers {
		t.Errorf("%d calls of the others, %d of the slow one", finished, held)
	}
}

func TestScheduleDrop(t *testing.T) {
	s := newSchedule(10, 2, wantAll)
	s.next()
	s.drop(0)
	for range 10 {
		if _, target, ok := s.next(); !ok || target != 1 {
			t.Fatalf("got candidate %d, %v", target, ok)
		}
	}
	if _, _, ok := s.next(); ok {
		t.Error("a pair of a dropped candidate")
	}
	if _, _, ok := newSchedule(0, 3, wantAll).next(); ok {
		t.Error("a pair of no queries")
	}
}

// Whoever takes them, every wanted pair is handed out once.
func TestScheduleHammer(t *testing.T) {
	const queries, targets = 500, 7
	wanted := func(q, t int) bool { return (q*targets+t)%3 != 0 }
	s := newSchedule(queries, targets, wanted)
	var mu sync.Mutex
	taken := map[[2]int]int{}
	var workers sync.WaitGroup
	for w := range 50 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			var open []int
			for {
				q, target, ok := s.next()
				if !ok {
					return
				}
				mu.Lock()
				taken[[2]int{q, target}]++
				mu.Unlock()
				if open = append(open, target); r.IntN(3) == 0 {
					for _, target := range open {
						s.done(target)
					}
					open = nil
				}
			}
		})
	}
	workers.Wait()
	for q := range queries {
		for target := range targets {
			want := 0
			if wanted(q, target) {
				want = 1
			}
			if n := taken[[2]int{q, target}]; n != want {
				t.Errorf("pair %d, %d was handed out %d times", q, target, n)
			}
		}
	}
}
