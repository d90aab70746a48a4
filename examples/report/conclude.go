package main

import (
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// conclusions says what to conclude from each figure, by its id.
func conclusions(r *analysis.Report) map[string]string {
	list := map[string]string{
		"models": concludeModels(r), "heat": concludeHeat(r), "best": concludeBest(r), "solved": concludeSolved(r), "outcomes": concludeOutcomes(r),
	}
	if r.CostKnown {
		list["cost"] = concludeCost(r)
	}
	for _, q := range quantities(r) {
		list[q.id] = concludeQuantity(r, q)
	}
	if m := r.Map; m != nil {
		list["map-task"] = fmt.Sprintf("Tasks that lie apart here can be told from the embeddings. The map holds %.0f %% of the variance: tasks that lie together may still differ.", 100*(m.Explained[0]+m.Explained[1]))
		list["map-best"] = "A router needs places where one candidate is the best. Where colours mix evenly, these two components tell nothing of whom to ask."
	}
	if r.Promise != nil {
		list["promise"] = "Only what lies right of the line is better than the best single candidate, and only where the whole bar does is that more than chance."
	}
	return list
}

func concludeModels(r *analysis.Report) string {
	single := r.Routers.BestSingle
	if single.Name == "" {
		return "No row has a score."
	}
	return fmt.Sprintf("%s is the best with %.3f, %.3f above random choice. What lies between it and the oracle is what a router can win at the very most.",
		single.Name, single.Performance, single.Performance-r.Routers.Random.Performance)
}

// concludeHeat says how many candidates lead a task.
func concludeHeat(r *analysis.Report) string {
	leads := map[string]int{}
	for i := range r.Tasks {
		best := -1
		for m := range r.Models {
			if g := &r.Cells[i*len(r.Models)+m]; g.Rated > 0 && (best < 0 || g.Performance > r.Cells[i*len(r.Models)+best].Performance) {
				best = m
			}
		}
		if best >= 0 {
			leads[r.Models[best].Name]++
		}
	}
	most := ""
	for i := range r.Models {
		if name := r.Models[i].Name; leads[name] > leads[most] {
			most = name
		}
	}
	switch len(leads) {
	case 0:
		return "No row has a score."
	case 1:
		return most + " leads every task: that a router knows the task wins nothing."
	}
	return fmt.Sprintf("%d candidates lead a task, %s the most (%d of %d): knowing the task is worth something.", len(leads), most, leads[most], len(r.Tasks))
}

func concludeBest(r *analysis.Report) string {
	unique := 0
	for i := range r.Models {
		unique += r.Models[i].UniqueBest
	}
	return fmt.Sprintf("At %s of the queries one candidate alone is the best; at the others several are, or none is right, and any of the best will do.", percent(unique, r.Solved.All.Queries))
}

func concludeSolved(r *analysis.Report) string {
	g := r.Solved.All
	return fmt.Sprintf("At %s of the queries some candidates are right and others are not: there a router earns something. At the others it can only save.", percent(g.Some, g.Queries))
}

func concludeOutcomes(r *analysis.Report) string {
	if len(r.Models) == 0 {
		return "There is no candidate."
	}
	worst := slices.MaxFunc(r.Models, func(a, b analysis.Model) int {
		return a.Failed*max(1, b.Rows) - b.Failed*max(1, a.Rows)
	})
	pairs := r.All.Rows + r.All.Missing
	text := fmt.Sprintf("%s of the pairs have a score.", percent(r.All.Rated-r.All.Failed, pairs))
	if worst.Failed > 0 {
		text += fmt.Sprintf(" %s fails the most, %s of its calls.", worst.Name, percent(worst.Failed, worst.Rows))
	}
	return text
}

// concludeCost says what going down from the best single candidate saves.
func concludeCost(r *analysis.Report) string {
	front := 0
	var cheapest *analysis.Model
	for i := range r.Models {
		if m := &r.Models[i]; m.Pareto {
			front++
			if cheapest == nil || m.CostPerQuery < cheapest.CostPerQuery {
				cheapest = m
			}
		}
	}
	single := r.Routers.BestSingle
	if cheapest == nil || cheapest.Name == single.Name || !(single.Cost > 0) {
		return fmt.Sprintf("No candidate is cheaper than the best one (%s) and worth its price.", single.Name)
	}
	return fmt.Sprintf("%d of %d candidates are worth their price. The cheapest, %s, takes %.0f %% of the cost of the best, %s, for %.3f less performance.",
		front, len(r.Models), cheapest.Name, 100*cheapest.CostPerQuery/single.Cost, single.Name, single.Performance-cheapest.Performance)
}

func concludeQuantity(r *analysis.Report, q quantity) string {
	var low, high *analysis.Model
	for i := range r.Models {
		m := &r.Models[i]
		if q.of(m) == nil {
			continue
		}
		if low == nil || q.of(m).P50 < q.of(low).P50 {
			low = m
		}
		if high == nil || q.of(m).P50 > q.of(high).P50 {
			high = m
		}
	}
	if low == nil || q.of(low).P50 == q.of(high).P50 {
		return "By the median no candidate differs from the others."
	}
	return fmt.Sprintf("By the median %s has the least (%s %s) and %s the most (%s).", low.Name, page.Short(q.of(low).P50), q.unit, high.Name, page.Short(q.of(high).P50))
}
