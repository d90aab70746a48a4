package routers

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/textfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// ReadChoicesFile reads what some router, made anywhere, says of queries of the
// data: CSV where the name ends in .csv, JSON Lines otherwise; either may be
// compressed as other files are (.gz, .zst). See [ReadChoices].
func ReadChoicesFile(name string, d *Data) ([]int, error) {
	f, err := textfile.Open(name)
	if err != nil {
		return nil, fmt.Errorf("routers: %w", err)
	}
	defer f.Close()
	bare := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	read := ReadChoices
	if strings.HasSuffix(bare, ".csv") {
		read = ReadChoicesCSV
	}
	choices, err := read(f, d)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, name)
	}
	return choices, nil
}

// ReadChoices reads JSON Lines, each of which names the text of a query and either
// the chosen model or scores of models, of which the highest is chosen:
//
//	{"query": "What is 2+2?", "model_name": "small"}
//	{"query": "What is 2+2?", "scores": {"small": 0.8, "large": 0.7}}
//
// Other fields are ignored, so that what the Python project's route_batch returns
// can be read. Of equal scores the model of the lower prices is chosen, then the
// first by name. Lines of queries that the data do not have are passed over; a
// query that the data have several times gets its choice at each. The result is
// for [Judge]: a choice for each query of the data, -1 where the file has none. A
// model that the data do not have, or a query with two choices, is an error that
// names the line; a file without any query of the data is an error too.
func ReadChoices(r io.Reader, d *Data) ([]int, error) {
	c := newChooser(d)
	text := bufio.NewReader(r)
	_, _ = text.Peek(1)
	start, _ := text.Peek(text.Buffered())
	if err := textfile.CheckLines(start); err != nil {
		return nil, fmt.Errorf("routers: choices: %w", err)
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var one struct {
			Query  *string            `json:"query"`
			Model  *string            `json:"model_name"`
			Scores map[string]float64 `json:"scores"`
		}
		err := json.Unmarshal(lines.Bytes(), &one)
		if of, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			err = fmt.Errorf(`want an object with "query", and "model_name" or "scores"; a %s stands where none may, at byte %d`, of.Value, of.Offset)
		}
		switch {
		case err != nil:
		case one.Query == nil:
			err = errors.New(`no "query"`)
		case one.Model != nil:
			err = c.choose(*one.Query, *one.Model)
		case len(one.Scores) > 0:
			err = c.chooseHighest(*one.Query, one.Scores)
		default:
			err = errors.New(`no "model_name" and no "scores"`)
		}
		if err != nil {
			return nil, fmt.Errorf("routers: choices: line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("routers: choices: line %d: %w", number+1, err)
	}
	return c.result()
}

// ReadChoicesCSV is [ReadChoices] for CSV with a header: a column "query", and
// either a column "model_name" or a column of scores for each of some models,
// under its name. An empty score is none. Other columns are ignored.
func ReadChoicesCSV(r io.Reader, d *Data) ([]int, error) {
	c := newChooser(d)
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("routers: choices: the header: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	query, model := slices.Index(header, "query"), slices.Index(header, "model_name")
	scored := slices.ContainsFunc(header, func(name string) bool { _, ok := c.models[name]; return ok })
	if query < 0 || model < 0 && !scored {
		return nil, fmt.Errorf(`routers: choices: the header %.200q has no "query", or neither "model_name" nor models`, header)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return c.result()
		}
		line, _ := rows.FieldPos(0)
		switch {
		case err != nil:
		case model >= 0:
			err = c.choose(row[query], row[model])
		default:
			err = c.chooseColumns(row[query], header, row)
		}
		if err != nil {
			return nil, fmt.Errorf("routers: choices: line %d: %w", line, err)
		}
	}
}

// chooser collects choices.
type chooser struct {
	data    *Data
	models  map[string]int
	queries map[dataset.TextID][]int
	choices []int
	found   int
}

func newChooser(d *Data) *chooser {
	c := &chooser{data: d, models: map[string]int{}, queries: map[dataset.TextID][]int{}, choices: make([]int, d.Len())}
	for m := range d.models {
		c.models[d.models[m].Name] = m
	}
	for q, row := range d.rows {
		c.choices[q] = -1
		c.queries[d.text[row]] = append(c.queries[d.text[row]], q)
	}
	return c
}

func (c *chooser) choose(query, model string) error {
	queries, ok := c.queries[dataset.NewTextID(query)]
	if !ok {
		return nil
	}
	m, known := c.models[model]
	if !known {
		return fmt.Errorf("model %.200q: %w", model, ErrModels)
	}
	for _, q := range queries {
		if before := c.choices[q]; before >= 0 && before != m {
			return fmt.Errorf("the query has two choices, %q and %q", c.data.models[before].Name, model)
		}
		c.choices[q] = m
	}
	c.found++
	return nil
}

func (c *chooser) chooseHighest(query string, scores map[string]float64) error {
	values, prices := make([]float64, len(c.models)), make([]float64, len(c.models))
	for m := range values {
		values[m] = negInf
		prices[m] = c.data.models[m].cost(1, 1)
	}
	for name, s := range scores {
		m, known := c.models[name]
		switch {
		case !known:
			return fmt.Errorf("model %.200q: %w", name, ErrModels)
		case math.IsNaN(s) || math.IsInf(s, 0):
			return fmt.Errorf("model %q: the score is %v", name, s)
		}
		values[m] = s
	}
	best := Rule{Tolerance: new(0.0)}.choose(c.data.models, values, prices)
	if best < 0 {
		return errors.New("no score of any model")
	}
	return c.choose(query, c.data.models[best].Name)
}

func (c *chooser) chooseColumns(query string, header, row []string) error {
	scores := map[string]float64{}
	for i, name := range header {
		if _, is := c.models[name]; !is || row[i] == "" {
			continue
		}
		var s float64
		if err := json.Unmarshal([]byte(strings.TrimSpace(row[i])), &s); err != nil {
			return fmt.Errorf("model %q: the score %.40q is no number", name, row[i])
		}
		scores[name] = s
	}
	return c.chooseHighest(query, scores)
}

func (c *chooser) result() ([]int, error) {
	if c.found == 0 {
		return nil, fmt.Errorf("routers: choices: %w that the data have", ErrNoQueries)
	}
	return c.choices, nil
}

// WithFirstRowLabels returns the data with labels instead of scores, as the Python
// project's trainers make them: 1 for the first model, in the order of the models,
// that has the query's highest score, and 0 for every other one with a score, ties
// and queries that nobody answers included. It is for comparison: what is fitted
// to them depends on the order of the models.
func (d *Data) WithFirstRowLabels() *Data {
	s := &store{
		models: d.models, tasks: d.tasks, dim: d.dim, task: d.task, text: d.text, unit: d.unit, vectors: d.vectors, encoder: d.encoder,
		pairs: slices.Clone(d.pairs),
	}
	labelled := &Data{store: s, rows: d.rows, dropped: d.dropped}
	for q := range labelled.rows {
		pairs := labelled.Pairs(q)
		first := -1
		for m := range pairs {
			if pairs[m].known() && (first < 0 || pairs[m].Score > pairs[first].Score) {
				first = m
			}
		}
		for m := range pairs {
			if pairs[m].known() {
				pairs[m].Score = 0
			}
		}
		if first >= 0 {
			pairs[first].Score = 1
		}
	}
	return labelled
}
