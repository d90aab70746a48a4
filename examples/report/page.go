package main

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/examples/internal/routerpage"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// meanings explain the kinds of warnings.
var meanings = map[string][2]string{
	analysis.WarnUnreadable:   {"Lines that are no records", "They are left out of every number."},
	analysis.WarnNoRows:       {"Queries of the query files without any row", "They were not called, or the query files are of another data set."},
	analysis.WarnInvalid:      {"Numbers that cannot be", "A performance outside of 0 to 1 counts as not evaluated; a negative count or time as 0."},
	analysis.WarnGraded:       {"Failed calls with a performance", "The text of an error was graded. These rows count as 0 here."},
	analysis.WarnDuplicate:    {"Duplicate queries in a split", "They weigh double in training and in every mean."},
	analysis.WarnLeak:         {"Queries of one split that stand in the other", "What is trained on is tested on."},
	analysis.WarnMissing:      {"Pairs without a row", "Candidates are compared on different queries."},
	analysis.WarnOrder:        {"Queries whose rows are not in candidate order", "Trainers that read rows in groups may take one candidate for another."},
	analysis.WarnConstant:     {"Scores that are always the same", "Nothing can be learned from them; the metric or its set-up may be at fault."},
	analysis.WarnPrice:        {"Prices of zero", "These candidates look free."},
	analysis.WarnUnlisted:     {"Candidates that the candidate file does not have", "Their price is unknown and counts as 0."},
	analysis.WarnFailed:       {"Candidates with many failed calls", "More than 5 % of their calls, in all or at one task: their means fall by it, though nothing was answered wrongly."},
	analysis.WarnUnscored:     {"Candidates with many rows that were not evaluated", "More than 5 % of their rows, in all or at one task: they are compared on fewer queries."},
	analysis.WarnEmpty:        {"Candidates with many empty answers", "More than 5 % of their rows, in all or at one task: they count as answers, mostly wrong ones."},
	analysis.WarnThought:      {"Candidates with many answers that are a thought alone", "More than 5 % of their rows, in all or at one task: what they would have answered was not said, mostly for want of tokens."},
	analysis.WarnTruncated:    {"Candidates with many answers that were cut", "More than 5 % of their rows, in all or at one task: a higher limit of tokens would show what they can do."},
	analysis.WarnSharedID:     {"Queries with the embedding id of another one", "They are taken to have no embedding. Where each split counts from 0, name its own file: query_embedding_data_train and query_embedding_data_test."},
	analysis.WarnVectors:      {"Embeddings of candidates that do not fit", "Routers that look at them learn nothing; make them anew by step 2b (generate_llm_embeddings)."},
	analysis.WarnTies:         {"Candidates that are the label of most queries because they come first", "Trainers that take the first of the best rows learn the order of the rows. Write the rows in another order, by --candidate_order best, cheapest or seeded of step 3, or of verify_dataset --repair for finished files."},
	analysis.WarnSilent:       {"Candidates without rows", "They are in the candidate file and were never asked."},
	analysis.WarnEmbedding:    {"Queries without a usable embedding", "They are not on the map, and cannot be trained on."},
	analysis.WarnNotEvaluated: {"Answers that were not evaluated and cannot be told apart", "The means by task and candidate are right; comparisons query by query take them for wrong answers."},
}

// newPage is the page of a report.
func newPage(title string, r shown) *page.Page {
	p := &page.Page{
		Title: title, Facts: facts(r.Report), Sections: sections(r),
		NoWarnings: "None: no query is a duplicate or on both sides, no pair is missing, no candidate is out of order, no score is constant, no price is zero.",
	}
	for _, w := range r.Warnings {
		m := meanings[w.Kind]
		p.Warnings = append(p.Warnings, page.Warning{
			Title: m[0], Meaning: m[1], Count: page.Whole(w.Count), Examples: w.Examples, Left: w.Count - len(w.Examples), Open: len(w.Examples) <= 3,
		})
	}
	return p
}

func facts(r *analysis.Report) []page.Fact {
	at := func(p analysis.Point) string {
		if !r.CostKnown {
			return ""
		}
		return usd(p.Cost*perThousand) + " USD per 1,000 queries"
	}
	single := r.Routers.BestSingle
	list := []page.Fact{
		{Name: "queries", Value: page.Whole(r.Queries), Note: fmt.Sprintf("%s rows, %d tasks, %d candidates", page.Whole(r.Rows), len(r.Tasks), len(r.Models))},
		{Name: "best single candidate", Value: fmt.Sprintf("%.3f", single.Performance), Note: joined(single.Name, at(single))},
		{Name: "oracle router", Value: fmt.Sprintf("%.3f", r.Routers.Oracle.Performance), Note: joined(byChance(r), at(r.Routers.Oracle))},
		promised(r),
		{Name: "random choice", Value: fmt.Sprintf("%.3f", r.Routers.Random.Performance), Note: at(r.Routers.Random)},
	}
	if r.CostKnown {
		list = append(list, page.Fact{Name: "AIQ", Value: fmt.Sprintf("%.3f", r.Routers.AIQ), Note: fmt.Sprintf("of mixing candidates blindly; %.3f of a perfect router", r.Routers.OracleAIQ)})
	}
	return list
}

// byChance says how much of an oracle says nothing.
func byChance(r *analysis.Report) string {
	if r.Promise == nil {
		return "no router reaches it"
	}
	return fmt.Sprintf("%.3f by chance alone; no router reaches it", r.Promise.ByChance.Estimate)
}

// promised is what routing wins, as far as it can be told.
func promised(r *analysis.Report) page.Fact {
	p := r.Promise
	if p == nil {
		return page.Fact{Name: "gain of routing", Value: "–", Note: "not known"}
	}
	x, name := p.PerTask, "calling the best of each task"
	if best := p.Best(); best >= 0 {
		x = p.Routers[best]
		name = x.Name + ", cross-validated"
	}
	return page.Fact{Name: "gain of routing", Value: fmt.Sprintf("%+.3f", x.Gain.Estimate), Note: fmt.Sprintf("%+.3f to %+.3f over the best single: %s", x.Gain.Low, x.Gain.High, name)}
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// estimates says which costs are of token counts that are estimates.
func estimates(r shown) string {
	if !r.CostKnown {
		return ""
	}
	if r.Estimated == nil {
		return " Whether token counts, and so costs, were counted or estimated, the files do not tell; the summary of step 3 does (--evaluation)."
	}
	for _, n := range r.Estimated {
		if n > 0 {
			return " Costs with ≈ are of token counts that are estimates, in part or all of them."
		}
	}
	return " Every token count is the service's own."
}

// ties says what the order of the rows teaches.
func ties(r *analysis.Report) string {
	first := -1
	for i := range r.Models {
		if first < 0 || r.Models[i].LabelsByTie > r.Models[first].LabelsByTie {
			first = i
		}
	}
	if first < 0 || r.Models[first].LabelsByTie == 0 {
		return "No query has several best rows, so that the order of the rows teaches nothing."
	}
	m := &r.Models[first]
	return fmt.Sprintf("Trainers that take the first of a query's best rows for its label take %s at %s of the queries, at %s only because its row comes before others as good.",
		m.Name, percent(m.Labels, r.Labelled), percent(m.LabelsByTie, r.Labelled))
}

// sections puts texts, figures and tables together.
func sections(r shown) []page.Section {
	figures := figures(r.Report)
	draw := func(ids ...string) (list []*page.Figure) {
		for _, id := range ids {
			if f := figures[id]; f != nil {
				list = append(list, f)
			}
		}
		return list
	}
	var list []page.Section
	add := func(s page.Section) { list = append(list, s) }

	add(promiseSection(r.Report, draw("promise")))
	if r.study != nil {
		add(routerpage.Section(r.study))
	}

	add(page.Section{ID: "performance", Title: "Performance", Text: []string{
		"Failed calls count as 0; rows that were not evaluated count nowhere." + estimates(r),
	}, Figures: draw("models", "heat"), Tables: []*page.Table{modelsTable(r), heatTable(r.Report), splitsTable(r.Report)}})

	if r.CostKnown {
		add(page.Section{ID: "costs", Title: "Cost against performance", Text: []string{
			"Costs come from token counts and list prices. A candidate is on the Pareto front when no other is as good for less or better for the same.",
			"The oracle router asks, for each query, the cheapest of the candidates that do best. The frontier is what a router that knows all performances can reach at each cost; the hull is what mixing candidates blindly reaches.",
			fmt.Sprintf("Costs, oracle, frontier and hull are of scored answers alone; a candidate's mean counts failed calls as 0. Every candidate that answers at all has a score at %s of %s queries.", page.Whole(r.Routers.Complete), page.Whole(r.Queries)),
			fmt.Sprintf("RouterBench's AIQ is the mean height of a curve between the cheapest and the dearest candidate: %.4f for the hull, %.4f for the frontier.", r.Routers.AIQ, r.Routers.OracleAIQ),
		}, Figures: draw("cost"), Tables: []*page.Table{
			{Caption: "Areas", Head: []string{"curve", "AIQ", "from USD per 1,000 queries", "to"}, Texts: 1, Rows: [][]string{
				{"hull of the candidates", fmt.Sprintf("%.4f", r.Routers.AIQ), usd(r.Routers.CostLow * perThousand), usd(r.Routers.CostHigh * perThousand)},
				{"frontier of a perfect router", fmt.Sprintf("%.4f", r.Routers.OracleAIQ), usd(r.Routers.CostLow * perThousand), usd(r.Routers.CostHigh * perThousand)},
			}},
			curveTable("Hull of the candidates", r.Routers.Hull, true), curveTable("Frontier of a perfect router", r.Routers.OracleFrontier, false),
		}})
	} else {
		add(page.Section{ID: "costs", Title: "Cost against performance", Text: []string{"No row has tokens with a price, so that costs are unknown."}})
	}

	add(page.Section{ID: "routing", Title: "What there is to route", Text: []string{
		"Only queries that some candidates solve and others do not reward a router for its choice.",
		ties(r.Report),
	}, Figures: draw("solved", "best"), Tables: []*page.Table{solvedTable(r.Report), bestTable(r.Report)}})

	if quantities := quantities(r.Report); len(quantities) > 0 {
		s := page.Section{ID: "distributions", Title: "Response times and tokens", Text: []string{"Of answered calls; failed ones are left out."}}
		for _, q := range quantities {
			s.Figures = append(s.Figures, draw(q.id)...)
			s.Tables = append(s.Tables, distributionTables(r.Report, q)...)
		}
		add(s)
	} else {
		add(page.Section{ID: "distributions", Title: "Response times and tokens", Text: []string{"No row has a time or tokens."}})
	}

	outcomes := page.Section{ID: "outcomes", Title: "Failures", Figures: draw("outcomes"), Tables: outcomesTables(r)}
	if len(outcomes.Figures) == 0 {
		outcomes.Text = []string{"Every pair has a row, and every row a score."}
	}
	add(outcomes)

	if len(r.Answered) > 0 {
		add(page.Section{ID: "answered", Title: "Who answered", Text: []string{
			"Services name the model that answers. Where that is another than the one asked for, as behind a candidate that chooses by itself, these are its shares.",
		}, Tables: []*page.Table{answeredTable(r)}})
	}

	if m := r.Map; m != nil {
		shown := fmt.Sprintf("%s of %s queries, at even distances, by the first two principal components of their embeddings of %s numbers", page.Whole(len(m.Points)), page.Whole(m.Queries), page.Whole(m.Dim))
		if len(m.Points) == m.Queries {
			shown = fmt.Sprintf("All %s queries, by the first two principal components of their embeddings of %s numbers", page.Whole(m.Queries), page.Whole(m.Dim))
		}
		add(page.Section{ID: "map", Title: "Map of the queries", Text: []string{
			shown + fmt.Sprintf(" (computed from %s of them). Together they hold %.1f %% of the variance.", page.Whole(m.Fitted), 100*(m.Explained[0]+m.Explained[1])),
		}, Figures: draw("map-task", "map-best"), Tables: mapTables(m)})
	} else {
		add(page.Section{ID: "map", Title: "Map of the queries", Text: []string{"There are no query embeddings."}})
	}
	if r.Made != nil {
		add(r.Made.section())
	}
	return list
}
