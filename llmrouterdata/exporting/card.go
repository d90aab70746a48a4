package exporting

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// card is the README.md of a folder.
type card struct {
	*source
	tasks []string
	rows  map[string]int // by task
	sums  []sum          // of the candidates
}

// sum adds the rows of a candidate up.
type sum struct {
	rows          int
	score, dollar float64
}

func newCard(s *source) *card {
	return &card{source: s, rows: map[string]int{}, sums: make([]sum, len(s.candidates))}
}

// add takes up a row that was written.
func (c *card) add(r *dataset.Row) {
	if c.rows[r.TaskName] == 0 {
		c.tasks = append(c.tasks, r.TaskName)
	}
	c.rows[r.TaskName]++
	i := c.byName[r.ModelName]
	c.sums[i].rows++
	c.sums[i].score += r.Performance
	c.sums[i].dollar += c.candidates[i].Cost(r.InputTokens, r.OutputTokens)
}

// splits are those that have queries.
func (c *card) splits() []dataset.Split {
	return slices.DeleteFunc([]dataset.Split{dataset.Train, dataset.Test}, func(s dataset.Split) bool { return c.report.Queries[s] == 0 })
}

func (c *card) text() string {
	var b strings.Builder
	b.WriteString("---\n")
	writeLicences(&b, c.options.Specs, c.tasks)
	writeConfigs(&b, c.splits(), parquetName)
	c.features(&b)
	b.WriteString("---\n\n# Routing data of LLMs\n\n")
	fmt.Fprintf(&b, "What %d language models made of %d training and %d test queries: answers, scores, tokens and times, to train and judge LLM routers.\n\n", len(c.candidates), c.report.Queries[dataset.Train], c.report.Queries[dataset.Test])
	b.WriteString("The configuration `queries` holds a row a query, `routing` a row for each query and model; `embedding_id` joins them. " +
		aboutRows + " `" + candidatesFile + "` describes the models, with prices in USD per million tokens.\n\n")
	b.WriteString("Made with [llmrouter](https://github.com/llmrouter-go/llmrouter): queries were drawn from the benchmarks below, sent to every model, and the answers scored by the metric that each row names.\n\n")
	writeBenchmarks(&b, c.options.Specs, c.tasks, "rows", c.rows)
	for _, task := range slices.Sorted(maps.Keys(c.report.LeftOut)) {
		fmt.Fprintf(&b, "\n%d queries of %s are left out: its files are given only to those who accept its conditions.\n", c.report.LeftOut[task], task)
	}
	b.WriteString("\n| model | rows | mean performance | USD |\n|---|---:|---:|---:|\n")
	for i, s := range c.sums {
		fmt.Fprintf(&b, "| %s | %d | %.4f | %.6f |\n", cell(c.candidates[i].Name), s.rows, s.score/float64(max(s.rows, 1)), s.dollar)
	}
	return b.String()
}

// aboutRows says what the columns mean.
const aboutRows = "`performance` is from 0 to 1, `response_time` in seconds. A response that begins with \"API Error: \" is a failed call, with performance 0. " +
	"`choices` is JSON."

// cell is a text in a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ").Replace(text)
}

// licences names those of the benchmarks, "other" where one is not known.
func writeLicences(b *strings.Builder, specs []datasets.Spec, tasks []string) {
	var names []string
	for _, task := range tasks {
		name := "other"
		if spec, known := datasets.Find(specs, task); known && spec.License != "unknown" {
			name = spec.License
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) > 0 {
		b.WriteString("license:\n")
	}
	for _, name := range names {
		fmt.Fprintf(b, "- %s\n", name)
	}
}

func writeConfigs(b *strings.Builder, splits []dataset.Split, path func(config string, split dataset.Split) string) {
	b.WriteString("configs:\n")
	for _, config := range []string{"queries", "routing"} {
		fmt.Fprintf(b, "- config_name: %s\n", config)
		if config == "queries" {
			b.WriteString("  default: true\n")
		}
		b.WriteString("  data_files:\n")
		for _, split := range splits {
			fmt.Fprintf(b, "  - split: %s\n    path: %s\n", split, path(config, split))
		}
	}
}

// features gives the types, so that a column without values keeps its own, and
// embeddings their length.
func (c *card) features(b *strings.Builder) {
	b.WriteString("dataset_info:\n- config_name: queries\n  features:\n")
	writeFeatures(b, "string", queryColumns...)
	writeFeatures(b, "int64", "embedding_id")
	if dim := c.data.Dim(); dim > 0 {
		fmt.Fprintf(b, "  - name: embedding\n    list: float32\n    length: %d\n", dim)
	}
	writeRoutingFeatures(b)
}

// queryColumns are the columns of a query file, which are of texts.
var queryColumns = []string{"task_name", "query", "ground_truth", "metric", "choices", "task_id"}

// writeRoutingFeatures writes the types of the columns of a routing file.
func writeRoutingFeatures(b *strings.Builder) {
	b.WriteString("- config_name: routing\n  features:\n")
	writeFeatures(b, "string", append(slices.Clone(queryColumns), "model_name", "response")...)
	writeFeatures(b, "int64", "token_num", "input_tokens", "output_tokens")
	writeFeatures(b, "float64", "response_time")
	writeFeatures(b, "string", "api_key_used")
	writeFeatures(b, "float64", "performance")
	writeFeatures(b, "int64", "embedding_id")
	writeFeatures(b, "string", "user_id", "fig_id")
}

// writeFeatures writes columns of one type.
func writeFeatures(b *strings.Builder, dtype string, names ...string) {
	for _, name := range names {
		fmt.Fprintf(b, "  - name: %s\n    dtype: %s\n", name, dtype)
	}
}

// benchmarks tells of each task whose it is.
func writeBenchmarks(b *strings.Builder, specs []datasets.Spec, tasks []string, of string, counts map[string]int) {
	b.WriteString("| task | " + of + " | licence | source |\n|---|---:|---|---|\n")
	for _, task := range tasks {
		spec, known := datasets.Find(specs, task)
		if !known {
			spec.License, spec.Citation = "not known", "not one of the catalogue"
		}
		source := cell(spec.Citation)
		if spec.Homepage != "" {
			source = fmt.Sprintf("[%s](%s)", source, spec.Homepage)
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s |\n", cell(task), counts[task], cell(spec.License), source)
	}
}
