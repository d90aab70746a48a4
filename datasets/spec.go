package datasets

import (
	"errors"
	"fmt"
	"strings"
)

// Spec describes a benchmark: where its rows are, which columns of them count,
// and how a row becomes a record.
type Spec struct {
	// Task is the task_name of the records, for example "gsm8k". It must be
	// set.
	Task string
	// Description says in a paragraph what the benchmark asks.
	Description string
	// Repo is the full name of the dataset on the hub, "owner/name".
	Repo string
	// Parts are the files' parts in order: one for most benchmarks, one for
	// each configuration where there are several. At least one.
	Parts []Part
	// Metric is the scorer of the records, for example "em_mc".
	Metric string
	// Decode turns rows into records; see the function Decode. It must be set.
	Decode Decoder
	// License is the licence as the dataset's card states it, in lower case,
	// "unknown" where it states none.
	License string
	// Citation names the paper.
	Citation string
	// Homepage is the address of the dataset's page.
	Homepage string
	// Gated tells that the hub gives the files only to accounts that have
	// accepted the dataset's conditions.
	Gated bool
	// Unverified lists what is stated here without having been compared with
	// the live hub.
	Unverified []string
	// DrawOrder is the place, from 1, in the order in which Generate samples
	// the benchmarks. It differs from the order of the records. Benchmarks with
	// 0 come after the others, in the order listed.
	DrawOrder int
}

// Part is one configuration and split of a dataset.
type Part struct {
	// Config is the configuration's name, for example "ARC-Challenge".
	Config string
	// Split is the split's name, for example "train".
	Split string
	// Rows is the number of rows expected, 0 for unknown. Another number is a
	// warning, not an error.
	Rows int
	// Files are the places of the files, the first that exists counts.
	Files []Location
}

// Location is a place where the files of a part can be.
type Location struct {
	// Revision is the branch, reference or commit of the dataset's repository:
	// the files as their authors stored them and the hub's conversion to
	// parquet are revisions of their own. Empty means that the file is not on
	// the hub: a folder can hold it, as it was published elsewhere.
	Revision string
	// Pattern matches the files' paths in the repository, as path.Match does.
	// The files' rows follow each other in the order of the names. The ending
	// tells the format: .parquet, .jsonl or .csv, the latter two also with .gz
	// (gzip) or .zst (Zstandard) after it. Where no file matches a pattern
	// without these, it is tried with them.
	Pattern string
	// Rows is the number of rows expected here where it is not that of the
	// part, otherwise 0.
	Rows int
}

// packings are the endings of compressed text files.
var packings = []string{".gz", ".zst"}

// patterns gives the patterns that the location stands for, in the order of
// trial.
func (l Location) patterns() []string {
	patterns := []string{l.Pattern}
	if plain := strings.ToLower(l.Pattern); strings.HasSuffix(plain, ".jsonl") || strings.HasSuffix(plain, ".csv") {
		for _, packed := range packings {
			patterns = append(patterns, l.Pattern+packed)
		}
	}
	return patterns
}

// Revisions of a dataset's repository on the hub.
const (
	// Main is the branch with the files as their authors store them.
	Main = "main"
	// ConvertedParquet is the reference with the hub's own conversion.
	ConvertedParquet = "refs/convert/parquet"
)

// Column is a column that a benchmark's rows need.
type Column struct {
	// Name is the column's name, with the names of the groups around it:
	// "answer.normalized_aliases".
	Name string
	// Type is "string", "integer", "float" or "boolean", or "list of" one of
	// them.
	Type string
	// Optional tells that nulls are taken as the zero value.
	Optional bool
}

// Columns returns the columns that the records are made of.
func (s Spec) Columns() []Column {
	if s.Decode == nil {
		return nil
	}
	return s.Decode.columns()
}

// Rows returns the number of rows expected in all parts, 0 where one of them
// is not known.
func (s Spec) Rows() int {
	total := 0
	for _, p := range s.Parts {
		if p.Rows == 0 {
			return 0
		}
		total += p.Rows
	}
	return total
}

// Find returns the spec of a task.
func Find(specs []Spec, task string) (Spec, bool) {
	for _, s := range specs {
		if s.Task == task {
			return s, true
		}
	}
	return Spec{}, false
}

// Validate reports every field that cannot be used.
func (s Spec) Validate() error {
	var errs []error
	bad := func(field, why string) {
		errs = append(errs, fmt.Errorf("datasets: spec %q: field %s: %s", s.Task, field, why))
	}
	if s.Task == "" {
		bad("Task", "empty")
	}
	if s.Metric == "" {
		bad("Metric", "empty")
	}
	if len(s.Parts) == 0 {
		bad("Parts", "empty")
	}
	if s.DrawOrder < 0 {
		bad("DrawOrder", "negative")
	}
	switch d := s.Decode.(type) {
	case nil:
		bad("Decode", "not set")
	default:
		if err := d.check(); err != nil {
			errs = append(errs, fmt.Errorf("datasets: spec %q: field Decode: %w", s.Task, err))
		}
	}
	for i, p := range s.Parts {
		field := func(name string) string { return fmt.Sprintf("Parts[%d].%s", i, name) }
		if len(p.Files) == 0 {
			bad(field("Files"), "empty")
		}
		if p.Rows < 0 {
			bad(field("Rows"), "negative")
		}
		for j, l := range p.Files {
			if _, err := formatOf(l.Pattern); err != nil {
				bad(field(fmt.Sprintf("Files[%d].Pattern", j)), err.Error())
			}
		}
	}
	return errors.Join(errs...)
}

func (p Part) name() string {
	return strings.Trim(p.Config+"/"+p.Split, "/")
}
