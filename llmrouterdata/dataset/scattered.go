package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// asked is a query of a query file and what its rows say, wherever they are.
type asked struct {
	query  *llmrouterdata.StandardQueryData
	number int // in its file, from 1
	models []string
	differ bool // told once
}

// scattered checks a routing file whose rows are in no order.
func (c *checker) scattered(ctx context.Context, split Split, queries []llmrouterdata.StandardQueryData) error {
	name := split.routingFile(c.data.paths)
	byKey := map[llmrouterdata.QueryKey]*asked{}
	var inOrder []*asked
	for i := range queries {
		if key := queries[i].Key(); byKey[key] == nil {
			byKey[key] = &asked{query: &queries[i], number: i + 1}
			inOrder = append(inOrder, byKey[key])
		}
	}
	for row, err := range c.data.Rows(ctx, split) {
		if err != nil {
			if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
				return err
			}
			c.problems.Add(err)
			continue
		}
		c.row(name, byKey[row.Key()], &row)
	}
	for _, a := range inOrder {
		switch missing := without(c.order.names, a.models); {
		case len(a.models) == 0 && c.subset:
		case len(missing) > 0:
			c.problems.Add(fmt.Errorf("%s: query %d (task %s) has no row of %q", name, a.number, a.query.TaskName, missing))
		}
	}
	return nil
}

// row checks one row; a is its query, nil where the query file has none.
func (c *checker) row(name string, a *asked, row *Row) {
	at := func(format string, args ...any) {
		c.problems.Add(fmt.Errorf("%s: row %d (task %s): %s", name, row.Line, row.TaskName, fmt.Sprintf(format, args...)))
	}
	if err := row.Validate(); err != nil {
		c.problems.Add(fmt.Errorf("%s: row %d: %w", name, row.Line, err))
	}
	c.vector(row.Key(), row.EmbeddingID, at)
	switch {
	case a == nil:
		at("its query is not in the query file")
		return
	case !slices.Contains(c.order.names, row.ModelName):
		at("there is no candidate %q", row.ModelName)
	case slices.Contains(a.models, row.ModelName):
		at("a second row of candidate %q", row.ModelName)
	default:
		a.models = append(a.models, row.ModelName)
	}
	if !a.differ && !a.query.Equal(row.QueryData()) {
		a.differ = true
		at("choices or task_id differ from the query file")
	}
}

// without returns what of all is not in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}

// clip shortens the text of a query for a message.
func clip(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "..."
	}
	return text
}
