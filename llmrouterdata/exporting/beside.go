package exporting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// ErrNoCard says why [CardBeside] wrote none.
var ErrNoCard = errors.New("no card is written")

// cardMark begins a card that CardBeside may write anew.
const cardMark = "---\n# Written by llmrouter, which leaves a README.md without this line alone.\n"

// deepest is how many folders a file may lie below that of its card, its own
// included: a folder that all files have in common further up is not the data set's.
const deepest = 2

// CardBeside writes README.md into the folder that the query and routing files of a
// finished data set have in common, and returns its name. With it, load_dataset of
// that folder has the configurations "queries" and "routing", whose columns have their
// types whatever their first rows hold. Columns of queries beside the known ones have
// none there, so that the card then names no types.
//
// The error is [ErrNoCard] where a README.md is there that it did not write, and where
// the files have no folder of their own.
func CardBeside(ctx context.Context, c *llmrouterdata.Config) (name string, err error) {
	if err := c.Require("query_data_train", "query_data_test", "routing_data_train", "routing_data_test"); err != nil {
		return "", err
	}
	b := &beside{counts: map[string]int{}}
	paths := &c.DataPath
	for _, f := range [...]*string{&paths.QueryDataTrain, &paths.QueryDataTest, &paths.RoutingDataTrain, &paths.RoutingDataTest} {
		if *f == os.DevNull {
			continue
		}
		if err := b.meet(*f); err != nil {
			return "", err
		}
	}
	files, err := b.files(paths)
	if err != nil {
		return "", err
	}
	name = filepath.Join(b.dir, "README.md")
	if err := mayWrite(name); err != nil {
		return "", err
	}
	for split, queries := range []string{paths.QueryDataTrain, paths.QueryDataTest} {
		if err := b.read(ctx, dataset.Split(split), queries); err != nil {
			return "", err
		}
	}
	var out atomicfile.Group
	defer out.Abort()
	f, err := out.Create(name)
	if err == nil {
		_, err = io.WriteString(f, b.text(files))
	}
	if err != nil {
		return "", fmt.Errorf("exporting: %w", err)
	}
	return name, out.Commit()
}

// mayWrite demands that there is no README.md of somebody else's.
func mayWrite(name string) error {
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("exporting: %w", err)
	case !strings.HasPrefix(string(text), cardMark):
		return fmt.Errorf("exporting: %w: %s is of another's hand", ErrNoCard, name)
	}
	return nil
}

// beside is a card in the making.
type beside struct {
	dir    string // that the files have in common; "": there was none yet
	tasks  []string
	counts map[string]int // of queries, by task
	splits []dataset.Split
	extra  bool // some query has a column beside the known ones
}

// meet finds the folder that a file and those before it have in common.
func (b *beside) meet(file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	for at := filepath.Dir(file); ; at = filepath.Dir(at) {
		if b.dir == "" || at == b.dir || strings.HasPrefix(b.dir, strings.TrimSuffix(at, string(filepath.Separator))+string(filepath.Separator)) {
			b.dir = at
			return nil
		}
		if at == filepath.Dir(at) {
			return fmt.Errorf("exporting: %w: the files are on different volumes", ErrNoCard)
		}
	}
}

// read counts the queries of a split.
func (b *beside) read(ctx context.Context, split dataset.Split, name string) error {
	n := 0
	for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if b.counts[query.TaskName] == 0 {
			b.tasks = append(b.tasks, query.TaskName)
		}
		b.counts[query.TaskName]++
		b.extra = b.extra || len(query.Extra) > 0
		n++
	}
	if n > 0 {
		b.splits = append(b.splits, split)
	}
	return nil
}

// files are the paths of the files from the card's folder, quoted for YAML, by
// configuration and split.
func (b *beside) files(paths *llmrouterdata.DataPath) (map[string][2]string, error) {
	files := map[string][2]string{
		"queries": {paths.QueryDataTrain, paths.QueryDataTest},
		"routing": {paths.RoutingDataTrain, paths.RoutingDataTest},
	}
	for config, of := range files {
		for i, file := range of {
			below, err := b.below(file)
			if err != nil {
				return nil, err
			}
			of[i] = below
		}
		files[config] = of
	}
	return files, nil
}

// text is the card.
func (b *beside) text(files map[string][2]string) string {
	var t strings.Builder
	t.WriteString(cardMark)
	specs := datasets.Catalog()
	writeLicences(&t, specs, b.tasks)
	writeConfigs(&t, b.splits, func(config string, split dataset.Split) string { return files[config][split] })
	if !b.extra {
		t.WriteString("dataset_info:\n- config_name: queries\n  features:\n")
		writeFeatures(&t, "string", queryColumns...)
		writeRoutingFeatures(&t)
	}
	t.WriteString("---\n\n# Routing data of LLMs\n\n" +
		"What language models made of queries: answers, scores, tokens and times, to train and judge LLM routers. " +
		"The configuration `queries` holds a row a query, `routing` a row for each query and model; `task_name`, `query`, `ground_truth` and `metric` join them. " +
		aboutRows + "\n\n")
	writeBenchmarks(&t, specs, b.tasks, "queries", b.counts)
	return t.String()
}

// below is the path of one of them.
func (b *beside) below(file string) (string, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("exporting: %w", err)
	}
	path, err := filepath.Rel(b.dir, file)
	if err != nil {
		return "", fmt.Errorf("exporting: %w", err)
	}
	path = filepath.ToSlash(path)
	if file != os.DevNull && strings.Count(path, "/") >= deepest {
		return "", fmt.Errorf("exporting: %w: the files have no folder of their own", ErrNoCard)
	}
	quoted, err := json.Marshal(path)
	return string(quoted), err
}
