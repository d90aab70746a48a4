package routers

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Folds divides the queries into n parts of nearly equal size. Queries with
// equal texts are in one part, and each task is divided evenly. The same data
// and seed give the same parts. n is from 2 to the number of different texts.
func (d *Data) Folds(n int, seed uint64) ([][]int, error) {
	groups := d.shuffledGroups(seed)
	if n < 2 || n > len(groups) {
		return nil, fmt.Errorf("routers: %d folds of %d different queries; 2 to %d can be", n, len(groups), len(groups))
	}
	folds := make([][]int, n)
	next := 0
	for _, g := range groups { // task by task, so that each is dealt out evenly
		folds[next%n] = append(folds[next%n], g...)
		next++
	}
	for _, f := range folds {
		slices.Sort(f)
	}
	return folds, nil
}

// others are the queries of all folds but one, in order.
func others(folds [][]int, fold int) []int {
	list := slices.Concat(slices.Concat(folds[:fold]...), slices.Concat(folds[fold+1:]...))
	slices.Sort(list)
	return list
}

// Split divides the queries in two, of which the second has a share, above 0 and
// below 1, of the queries of each task. Queries with equal texts are on one
// side. The same data and seed give the same parts. Too few queries for both
// sides are an error.
func (d *Data) Split(share float64, seed uint64) (rest, part *Data, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("routers: a share of %v; it is above 0 and below 1", share)
	}
	var sides [2][]int
	var want float64 // that the second side has
	for _, g := range d.shuffledGroups(seed) {
		want += share * float64(len(g))
		side := 0
		if float64(len(sides[1]))+float64(len(g))/2 <= want {
			side = 1
		}
		sides[side] = append(sides[side], g...)
	}
	for _, s := range sides {
		if len(s) == 0 {
			return nil, nil, fmt.Errorf("routers: %d queries are too few to take a share of %v", d.Len(), share)
		}
		slices.Sort(s)
	}
	return d.Subset(sides[0]), d.Subset(sides[1]), nil
}

// shuffledGroups returns the queries of each text, task by task in the order of
// names, the texts of a task in random order. A text of several tasks is of that
// of its first query.
func (d *Data) shuffledGroups(seed uint64) [][]int {
	byText := map[dataset.TextID]int{}
	byTask := map[string][][]int{}
	place := map[dataset.TextID]string{}
	for q := range d.rows {
		text := d.text[d.rows[q]]
		if i, ok := byText[text]; ok {
			list := byTask[place[text]]
			list[i] = append(list[i], q)
			continue
		}
		task := d.Task(q)
		place[text], byText[text] = task, len(byTask[task])
		byTask[task] = append(byTask[task], []int{q})
	}
	tasks := make([]string, 0, len(byTask))
	for task := range byTask {
		tasks = append(tasks, task)
	}
	slices.Sort(tasks)
	random := rand.New(rand.NewPCG(seed, 0))
	var all [][]int
	for _, task := range tasks {
		list := byTask[task]
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		all = append(all, list...)
	}
	return all
}
