package dataset

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

var performance = regexp.MustCompile(`"performance": [0-9.]+`)

// manyCandidates is a set with four candidates, whose prices and scores are in other
// orders than the file.
func manyCandidates(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	c := goodSet(t)
	writeFile(t, c.DataPath.LLMData, `{
		"a": {"feature": "f", "input_price": 3, "output_price": 1}, "b": {"feature": "f", "input_price": 1, "output_price": 1},
		"c": {"feature": "f", "input_price": 1, "output_price": 1}, "d": {"feature": "f", "input_price": 0, "output_price": 1}}`)
	for _, file := range []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest} {
		editLines(t, file, func(lines []string) []string {
			var all []string
			for _, line := range lines {
				if !strings.Contains(line, `"model_name": "a"`) {
					continue
				}
				for name, score := range map[string]string{"a": "0.0", "b": "0.5", "c": "1.0", "d": "0.5"} {
					row := strings.Replace(line, `"model_name": "a"`, `"model_name": "`+name+`"`, 1)
					all = append(all, performance.ReplaceAllString(row, `"performance": `+score))
				}
				slices.Sort(all[len(all)-4:]) // by name
			}
			return all
		})
	}
	return c
}

// orderOf returns the candidates of each query.
func orderOf(t *testing.T, c *llmrouterdata.Config) []string {
	t.Helper()
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var orders []string
	for _, split := range []Split{Train, Test} {
		for group, err := range d.Groups(t.Context(), split) {
			if err != nil {
				t.Fatal(err)
			}
			order := ""
			for _, row := range group {
				order += row.ModelName
			}
			orders = append(orders, order)
		}
	}
	return orders
}

func reorder(t *testing.T, c *llmrouterdata.Config, o CandidateOrder) error {
	t.Helper()
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	return Reorder(t.Context(), d, o, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest)
}

func TestReorder(t *testing.T) {
	c := manyCandidates(t)
	files := []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest}
	before := ""
	for _, name := range files {
		before += readFile(t, name)
	}
	for o, want := range map[CandidateOrder]string{OrderFile: "abcd", OrderCheapest: "dbca", OrderBest: "cbda", OrderSeeded: ""} {
		if err := reorder(t, c, o); err != nil {
			t.Fatal(err)
		}
		orders := orderOf(t, c)
		kinds := slices.Compact(slices.Sorted(slices.Values(orders)))
		if want != "" && !slices.Equal(kinds, []string{want}) || want == "" && len(kinds) < 3 || len(orders) != 7 {
			t.Errorf("%s: %v", o, orders)
		}
		if err := Check(t.Context(), c, &CheckOptions{Order: o}); err != nil {
			t.Errorf("%s: %v", o, err)
		}
		for other := range OrderSeeded + 1 {
			if other != o && Check(t.Context(), c, &CheckOptions{Order: other}) == nil {
				t.Errorf("a set in the order %s passes for %s", o, other)
			}
		}
	}
	if err := reorder(t, c, OrderFile); err != nil {
		t.Fatal(err)
	}
	after := ""
	for _, name := range files {
		after += readFile(t, name)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("there and back again: %s", diff)
	}
}

func TestReorderErrors(t *testing.T) {
	for name, change := range map[string]struct {
		edit func(lines []string) []string
		want string
	}{
		"a row is missing":  {func(l []string) []string { return slices.Delete(l, 1, 2) }, "another query begins after 3 rows"},
		"the last is short": {func(l []string) []string { return l[:len(l)-1] }, "the last query has 3 rows for 4 candidates"},
		"a row twice":       {func(l []string) []string { return slices.Insert(l, 1, l[0]) }, "another query begins after 1 rows"},
		"a stranger":        {func(l []string) []string { l[2] = strings.Replace(l[2], `"c"`, `"x"`, 1); return l }, `"x" is not in llm_data`},
		"no record":         {func(l []string) []string { l[2] = "{"; return l }, ":3"},
	} {
		t.Run(name, func(t *testing.T) {
			c := manyCandidates(t)
			editLines(t, c.DataPath.RoutingDataTest, change.edit)
			train, test := readFile(t, c.DataPath.RoutingDataTrain), readFile(t, c.DataPath.RoutingDataTest)
			wantError(t, reorder(t, c, OrderCheapest), change.want)
			if readFile(t, c.DataPath.RoutingDataTrain) != train || readFile(t, c.DataPath.RoutingDataTest) != test {
				t.Error("a file has changed")
			}
		})
	}
}

func TestCandidateOrderNames(t *testing.T) {
	for o := range OrderSeeded + 1 {
		if got, err := ParseCandidateOrder(o.String()); err != nil || got != o {
			t.Errorf("%v, %v", got, err)
		}
	}
	_, err := ParseCandidateOrder("worst")
	wantError(t, err, `"worst"`, "file, cheapest, best, seeded")
	if _, err := CandidateOrder(9).Arrange(nil, nil); err == nil {
		t.Error("an order that is none")
	}
	if _, err := OrderBest.Arrange([]llmrouterdata.Candidate{{Name: "a"}}, nil); err == nil {
		t.Error("no means")
	}
}

// TestLabels: the label of a query is the first of its best rows.
func TestLabels(t *testing.T) {
	c := manyCandidates(t)
	if err := reorder(t, c, OrderCheapest); err != nil { // d, b, c, a
		t.Fatal(err)
	}
	replaceIn(t, c.DataPath.RoutingDataTrain, 0, `"performance": 0.5`, `"performance": 1.0`)
	replaceIn(t, c.DataPath.RoutingDataTrain, 6, `"performance": 1.0`, `"performance": NaN`)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	table, err := d.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []int32
	for q := range 3 {
		got = append(got, table.Query(q).Label)
	}
	if diff := cmp.Diff([]int32{3, 3, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReorderKeepsTheSet holds that only a split's own routing file is written over.
func TestReorderKeepsTheSet(t *testing.T) {
	c := manyCandidates(t)
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, free := c.DataPath, filepath.Join(t.TempDir(), "rows.jsonl")
	for _, to := range [][2]string{{free, free}, {p.LLMData, free}, {free, p.QueryEmbeddingData}, {p.RoutingDataTest, free}, {free, p.RoutingDataTrain}} {
		before := readFile(t, p.LLMData) + readFile(t, p.QueryEmbeddingData) + readFile(t, p.RoutingDataTrain) + readFile(t, p.RoutingDataTest)
		wantError(t, Reorder(t.Context(), d, OrderBest, to[0], to[1]), "are the same file")
		if readFile(t, p.LLMData)+readFile(t, p.QueryEmbeddingData)+readFile(t, p.RoutingDataTrain)+readFile(t, p.RoutingDataTest) != before {
			t.Errorf("%q: a file of the set has changed", to)
		}
	}
}
