package exporting

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// The columns of a wide table that are not a model's.
const (
	columnID     = "sample_id"
	columnPrompt = "prompt"
	columnTask   = "eval_name"
	columnOracle = "oracle_model_to_route_to"
)

// noneCorrect is the oracle's choice where no model has any score.
const noneCorrect = "no_model_correct"

// wideRow is a query with what each candidate made of it, nil where there is no
// row.
type wideRow struct {
	id, prompt, task string
	pairs            []*widePair
	oracle           string
}

type widePair struct {
	score, cost float64
	response    string
}

// WideCSV writes a data set as a CSV file in RouterBench's layout, training before
// test: sample_id (TASK.SPLIT.NUMBER), prompt, eval_name, then for each candidate M
// the columns M (its score), M|model_response and M|total_cost (USD, tokens times
// its prices), and the cheapest of the best models. Prompts and answers are Python
// lists of one text, as RouterBench has them. A pair without a row has empty cells.
// A name that ends in .gz or .zst compresses the file.
func WideCSV(ctx context.Context, c *llmrouterdata.Config, name string, o *Options) (*Report, error) {
	return wide(ctx, c, name, o, func(w io.Writer, models []string) (func(*wideRow) error, func() error, error) {
		text, err := textfile.NewWriter(w, name)
		if err != nil {
			return nil, nil, err
		}
		table := csv.NewWriter(text)
		end := func() error {
			table.Flush()
			return errors.Join(table.Error(), text.Close())
		}
		return func(r *wideRow) error { return table.Write(csvCells(r)) }, end, table.Write(csvNames(models))
	})
}

func csvNames(models []string) []string {
	names := append([]string{columnID, columnPrompt, columnTask}, models...)
	for _, m := range models {
		names = append(names, m+"|model_response")
	}
	for _, m := range models {
		names = append(names, m+"|total_cost")
	}
	return append(names, columnOracle)
}

func csvCells(r *wideRow) []string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	cells := []string{r.id, listOf(r.prompt), r.task}
	for _, cell := range []func(*widePair) string{
		func(p *widePair) string { return number(p.score) },
		func(p *widePair) string { return listOf(p.response) },
		func(p *widePair) string { return number(p.cost) },
	} {
		for _, p := range r.pairs {
			if p == nil {
				cells = append(cells, "")
			} else {
				cells = append(cells, cell(p))
			}
		}
	}
	return append(cells, r.oracle)
}

// listOf is the repr of a Python list of one text.
func listOf(text string) string { return pyliteral.Str([]any{text}) }

// WideParquet writes the table of [WideCSV] as a parquet file: prompts and answers
// are texts, and a pair without a row is null.
func WideParquet(ctx context.Context, c *llmrouterdata.Config, name string, o *Options) (*Report, error) {
	return wide(ctx, c, name, o, func(w io.Writer, models []string) (func(*wideRow) error, func() error, error) {
		table := parquet.NewWriter(w, append(writerOptions(), wideSchema(models))...)
		n := 0
		put := func(r *wideRow) error {
			if _, err := table.WriteRows([]parquet.Row{parquetCells(table.Schema(), models, r)}); err != nil {
				return err
			}
			if n++; n%rowGroup == 0 {
				return table.Flush()
			}
			return nil
		}
		return put, table.Close, nil
	})
}

func wideSchema(models []string) *parquet.Schema {
	columns := parquet.Group{columnID: parquet.String(), columnPrompt: parquet.String(), columnTask: parquet.String(), columnOracle: parquet.String()}
	for _, m := range models {
		columns[m] = parquet.Optional(parquet.Leaf(parquet.DoubleType))
		columns[m+"|model_response"] = parquet.Optional(parquet.String())
		columns[m+"|total_cost"] = parquet.Optional(parquet.Leaf(parquet.DoubleType))
	}
	return parquet.NewSchema("wide", columns)
}

// parquetCells are the values of a row in the order of the schema's columns, which
// is that of their names.
func parquetCells(schema *parquet.Schema, models []string, r *wideRow) parquet.Row {
	values := map[string]any{columnID: r.id, columnPrompt: r.prompt, columnTask: r.task, columnOracle: r.oracle}
	for i, p := range r.pairs {
		if p != nil {
			m := models[i]
			values[m], values[m+"|model_response"], values[m+"|total_cost"] = p.score, p.response, p.cost
		}
	}
	var row parquet.Row
	for i, path := range schema.Columns() {
		leaf, _ := schema.Lookup(path...)
		value, known := values[path[0]]
		level := 0
		if known {
			level = int(leaf.MaxDefinitionLevel)
		}
		row = append(row, parquet.ValueOf(value).Level(0, level, i))
	}
	return row
}

// wide writes a file of one row a query. open begins the table and returns what
// writes a row and what ends the table.
func wide(ctx context.Context, c *llmrouterdata.Config, name string, o *Options, open func(io.Writer, []string) (func(*wideRow) error, func() error, error)) (_ *Report, err error) {
	s, err := openSource(ctx, c, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.data.Close()) }()
	models := make([]string, len(s.candidates))
	for i := range models {
		models[i] = s.candidates[i].Name
	}
	if err := distinctColumns(csvNames(models)); err != nil {
		return nil, err
	}
	f, err := atomicfile.CreateAll(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	put, end, err := open(f, models)
	if err != nil {
		return nil, fmt.Errorf("exporting: %s: %w", name, err)
	}
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		n := 0
		if err := s.each(ctx, split, func(rows []dataset.Row) error {
			n++
			return put(s.wideRow(fmt.Sprintf("%s.%s.%d", rows[0].TaskName, split, n-1), rows))
		}); err != nil {
			return nil, fmt.Errorf("exporting: %s: %w", filepath.Base(name), err)
		}
	}
	if err := end(); err != nil {
		return nil, fmt.Errorf("exporting: %s: %w", name, err)
	}
	return &s.report, f.Commit()
}

// distinctColumns demands that no candidate is called as another column is.
func distinctColumns(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("exporting: a candidate's name makes two columns %q", name)
		}
		seen[name] = true
	}
	return nil
}

// wideRow puts the rows of a query side by side.
func (s *source) wideRow(id string, rows []dataset.Row) *wideRow {
	w := &wideRow{id: id, prompt: rows[0].Query, task: rows[0].TaskName, pairs: make([]*widePair, len(s.candidates)), oracle: noneCorrect}
	var best *widePair
	for i := range rows {
		c := s.byName[rows[i].ModelName]
		w.pairs[c] = &widePair{score: rows[i].Performance, cost: s.candidates[c].Cost(rows[i].InputTokens, rows[i].OutputTokens), response: rows[i].Response}
	}
	for c, p := range w.pairs {
		if p == nil || p.score == 0 {
			continue
		}
		if best == nil || p.score > best.score || p.score == best.score && p.cost < best.cost {
			best, w.oracle = p, s.candidates[c].Name
		}
	}
	return w
}
