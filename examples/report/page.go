package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

//go:embed figure.css
var figureStyle string

// page is what page.html shows.
type page struct {
	Title string
	Style template.CSS
	// Facts are the numbers that one looks for first.
	Facts    []fact
	Warnings []warning
	Sections []section
}

type fact struct{ Name, Value, Note string }

type warning struct {
	Title, Meaning, Count string
	Examples              []string
	Left                  int
	Open                  bool
}

type section struct {
	ID, Title string
	Text      []string
	Figures   []drawing
	Tables    []*table
}

// drawing is a figure in both its widths.
type drawing struct {
	Title string
	SVG   template.HTML
}

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
	analysis.WarnSilent:       {"Candidates without rows", "They are in the candidate file and were never asked."},
	analysis.WarnEmbedding:    {"Queries without a usable embedding", "They are not on the map, and cannot be trained on."},
	analysis.WarnNotEvaluated: {"Answers that were not evaluated and cannot be told apart", "The means by task and candidate are right; comparisons query by query take them for wrong answers."},
}

// render makes the page.
func render(title string, r shown, pens pens) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"text": func(texts, column int) bool { return column < texts },
		"long": func(name string) bool { return utf8.RuneCountInString(name) > 24 },
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	p := page{Title: title, Style: template.CSS(styleText + figureStyle), Facts: facts(r.Report), Sections: sections(r, pens)}
	for _, w := range r.Warnings {
		m := meanings[w.Kind]
		p.Warnings = append(p.Warnings, warning{m[0], m[1], whole(w.Count), w.Examples, w.Count - len(w.Examples), len(w.Examples) <= 3})
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func facts(r *analysis.Report) []fact {
	at := func(p analysis.Point) string {
		if !r.CostKnown {
			return ""
		}
		return usd(p.Cost*perThousand) + " USD per 1,000 queries"
	}
	single := r.Routers.BestSingle
	list := []fact{
		{"queries", whole(r.Queries), fmt.Sprintf("%s rows, %d tasks, %d candidates", whole(r.Rows), len(r.Tasks), len(r.Models))},
		{"best single candidate", fmt.Sprintf("%.3f", single.Performance), joined(single.Name, at(single))},
		{"oracle router", fmt.Sprintf("%.3f", r.Routers.Oracle.Performance), joined(fmt.Sprintf("%+.3f over the best single", r.Routers.Oracle.Performance-single.Performance), at(r.Routers.Oracle))},
		{"random choice", fmt.Sprintf("%.3f", r.Routers.Random.Performance), at(r.Routers.Random)},
	}
	if r.CostKnown {
		list = append(list, fact{"AIQ", fmt.Sprintf("%.3f", r.Routers.AIQ), fmt.Sprintf("of mixing candidates blindly; %.3f of a perfect router", r.Routers.OracleAIQ)})
	}
	return list
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// sections puts texts, figures and tables together.
func sections(r shown, pens pens) []section {
	figures := figures(r.Report)
	draw := func(ids ...string) (list []drawing) {
		for _, id := range ids {
			if f := figures[id]; f != nil {
				// Our own drawing, in which names are escaped.
				list = append(list, drawing{f.title, template.HTML(f.svg(pens, wideWidth, "wide", "") + "\n" + f.svg(pens, narrowWidth, "narrow", ""))})
			}
		}
		return list
	}
	var list []section
	add := func(s section) { list = append(list, s) }

	add(section{ID: "performance", Title: "Performance", Text: []string{
		"Failed calls count as 0; rows that were not evaluated count nowhere.",
	}, Figures: draw("models", "heat"), Tables: []*table{modelsTable(r.Report), heatTable(r.Report), splitsTable(r.Report)}})

	if r.CostKnown {
		add(section{ID: "costs", Title: "Cost against performance", Text: []string{
			"Costs come from token counts and list prices. A candidate is on the Pareto front when no other is as good for less or better for the same.",
			"The oracle router asks, for each query, the cheapest of the candidates that do best. The frontier is what a router that knows all performances can reach at each cost; the hull is what mixing candidates blindly reaches.",
			fmt.Sprintf("RouterBench's AIQ is the mean height of a curve between the cheapest and the dearest candidate: %.4f for the hull, %.4f for the frontier.", r.Routers.AIQ, r.Routers.OracleAIQ),
		}, Figures: draw("cost"), Tables: []*table{
			{Caption: "Areas", Head: []string{"curve", "AIQ", "from USD per 1,000 queries", "to"}, Texts: 1, Rows: [][]string{
				{"hull of the candidates", fmt.Sprintf("%.4f", r.Routers.AIQ), usd(r.Routers.CostLow * perThousand), usd(r.Routers.CostHigh * perThousand)},
				{"frontier of a perfect router", fmt.Sprintf("%.4f", r.Routers.OracleAIQ), usd(r.Routers.CostLow * perThousand), usd(r.Routers.CostHigh * perThousand)},
			}},
			curveTable("Hull of the candidates", r.Routers.Hull, true), curveTable("Frontier of a perfect router", r.Routers.OracleFrontier, false),
		}})
	} else {
		add(section{ID: "costs", Title: "Cost against performance", Text: []string{"No row has tokens with a price, so that costs are unknown."}})
	}

	add(section{ID: "routing", Title: "What there is to route", Text: []string{
		"Only queries that some candidates solve and others do not reward a router for its choice.",
	}, Figures: draw("solved", "best"), Tables: []*table{solvedTable(r.Report), bestTable(r.Report)}})

	if quantities := quantities(r.Report); len(quantities) > 0 {
		s := section{ID: "distributions", Title: "Response times and tokens", Text: []string{"Of answered calls; failed ones are left out."}}
		for _, q := range quantities {
			s.Figures = append(s.Figures, draw(q.id)...)
			s.Tables = append(s.Tables, distributionTables(r.Report, q)...)
		}
		add(s)
	} else {
		add(section{ID: "distributions", Title: "Response times and tokens", Text: []string{"No row has a time or tokens."}})
	}

	outcomes := section{ID: "outcomes", Title: "Failures", Figures: draw("outcomes"), Tables: outcomesTables(r)}
	if len(outcomes.Figures) == 0 {
		outcomes.Text = []string{"Every pair has a row, and every row a score."}
	}
	add(outcomes)

	if len(r.Answered) > 0 {
		add(section{ID: "answered", Title: "Who answered", Text: []string{
			"Services name the model that answers. Where that is another than the one asked for, as behind a candidate that chooses by itself, these are its shares.",
		}, Tables: []*table{answeredTable(r)}})
	}

	if m := r.Map; m != nil {
		shown := fmt.Sprintf("%s of %s queries, at even distances, by the first two principal components of their embeddings of %s numbers", whole(len(m.Points)), whole(m.Queries), whole(m.Dim))
		if len(m.Points) == m.Queries {
			shown = fmt.Sprintf("All %s queries, by the first two principal components of their embeddings of %s numbers", whole(m.Queries), whole(m.Dim))
		}
		add(section{ID: "map", Title: "Map of the queries", Text: []string{
			shown + fmt.Sprintf(" (computed from %s of them). Together they hold %.1f %% of the variance.", whole(m.Fitted), 100*(m.Explained[0]+m.Explained[1])),
		}, Figures: draw("map-task", "map-best"), Tables: mapTables(m)})
	} else {
		add(section{ID: "map", Title: "Map of the queries", Text: []string{"There are no query embeddings."}})
	}
	return list
}
