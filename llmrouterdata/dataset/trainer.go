package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/numbering"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Trainer is a trainer of the Python project LLMRouter, which needs more of a data
// set than it says when it lacks it.
type Trainer int

// The trainers.
const (
	NoTrainer Trainer = iota
	TrainerKNN
	TrainerSVM
	TrainerMLP
	TrainerMF
	TrainerElo
	TrainerGraph
	TrainerRouterDC
	TrainerHybrid
)

var trainerNames = [...]string{"none", "knn", "svm", "mlp", "mf", "elo", "graph", "routerdc", "hybrid"}

// String is the trainer's name: "knn", "svm", "mlp", "mf", "elo", "graph",
// "routerdc" or "hybrid", and "none" of NoTrainer.
func (r Trainer) String() string {
	if r >= 0 && int(r) < len(trainerNames) {
		return trainerNames[r]
	}
	return fmt.Sprintf("Trainer(%d)", int(r))
}

// ParseTrainer returns the trainer of a name.
func ParseTrainer(name string) (Trainer, error) {
	if i := slices.Index(trainerNames[:], name); i > 0 {
		return Trainer(i), nil
	}
	return NoTrainer, fmt.Errorf("dataset: there is no trainer %q (there are %s)", name, strings.Join(trainerNames[1:], ", "))
}

// DefaultTextDim is the width of vectors in the configuration of the mf trainer.
const DefaultTextDim = 768

// validateFor checks what options say of order and trainer, and fills in the defaults.
func validateFor(f *options.Faults, o *CandidateOrder, r *Trainer, textDim *int) {
	options.Number(f, "Order", o, OrderFile, OrderFile, OrderSeeded)
	options.Number(f, "Trainer", r, NoTrainer, NoTrainer, TrainerHybrid)
	options.Number(f, "TextDim", textDim, DefaultTextDim, 1, 0)
}

// need is what a trainer needs beyond what every data set must hold.
type need struct {
	texts      int  // different ones in training, at least
	candidates int  // at least
	labels     int  // different ones, at least: of each text the first of its best rows
	byLabel    bool // it learns from labels, and so from the order of equal rows
	width      bool // vectors are of TextDim numbers
	oneOrder   bool // the n-th row of every query is taken to be of the same candidate
	sizes      bool // it compares the smallest candidate with the largest
}

var needs = [...]need{
	TrainerKNN:      {texts: 5, byLabel: true}, // five neighbours
	TrainerSVM:      {labels: 2, byLabel: true},
	TrainerMLP:      {byLabel: true},
	TrainerMF:       {candidates: 2, byLabel: true, width: true},
	TrainerElo:      {candidates: 2, byLabel: true},
	TrainerGraph:    {texts: 5, byLabel: true},                 // a fifth of them is for validation
	TrainerRouterDC: {texts: 3, candidates: 3, oneOrder: true}, // clusters; the best three
	TrainerHybrid:   {sizes: true},
}

// trainable holds a data set against what a trainer needs.
func (c *checker) trainable(ctx context.Context, o *CheckOptions, listed []llmrouterdata.Candidate) error {
	if o.Trainer == NoTrainer {
		return nil
	}
	n, paths := needs[o.Trainer], &c.data.paths
	lacks := func(format string, args ...any) {
		c.problems.Add(fmt.Errorf("for %s: %s", o.Trainer, fmt.Sprintf(format, args...)))
	}
	for _, name := range []string{paths.RoutingDataTrain, paths.RoutingDataTest, paths.QueryDataTrain, paths.QueryDataTest} {
		if ext := filepath.Ext(name); ext == ".gz" || ext == ".zst" {
			lacks("%s is compressed, and the trainers read plain text", name)
		}
	}
	if paths.QueryEmbeddingData == "" {
		lacks("there is no query_embedding_data, one file for both splits")
	}
	if dim := c.data.Dim(); n.width && dim != o.TextDim {
		lacks("the vectors have %d numbers, text_dim is %d", dim, o.TextDim)
	}
	if n.oneOrder && o.Order == OrderSeeded {
		lacks("the candidates' order is another for each query, and the n-th row is taken to be of the same candidate")
	}
	if have := len(c.order.names); have < n.candidates {
		lacks("%d candidates, it takes %d", have, n.candidates)
	}
	if n.sizes {
		for _, fault := range sizeFaults(listed) {
			lacks("%s", fault)
		}
	}
	return c.learnable(ctx, o, &n, lacks)
}

// learnable holds the labels of the training rows against what a trainer needs.
func (c *checker) learnable(ctx context.Context, o *CheckOptions, n *need, lacks func(format string, args ...any)) error {
	l, err := c.labels(ctx)
	if err != nil {
		return err
	}
	if len(l.byText) < n.texts {
		lacks("%d different texts in training, it takes %d", len(l.byText), n.texts)
	}
	first := l.count()
	if have := len(l.of); have < n.labels {
		lacks("%d candidates are the first of the best rows of a text, it takes %d", have, n.labels)
	}
	if n.byLabel && first != "" && o.Warn != nil {
		o.Warn(fmt.Sprintf("for %s: %q is the label of %d of %d texts, of %d only because its row comes before others as good; another order of the candidates changes that",
			o.Trainer, first, l.of[first].all, len(l.byText), l.of[first].byTie))
	}
	return nil
}

// sizeFaults says which sizes of candidates cannot be compared: they are numbers
// with a "B" behind, and others are passed over or taken for 0.
func sizeFaults(listed []llmrouterdata.Candidate) (faults []string) {
	var sizes []float64
	for _, c := range listed {
		number, isB := strings.CutSuffix(c.Size, "B")
		if !c.Called() || !isB {
			continue
		}
		size, err := strconv.ParseFloat(number, 64)
		if err != nil {
			faults = append(faults, fmt.Sprintf("candidate %q: the size %q is taken for 0", c.Name, c.Size))
			continue
		}
		sizes = append(sizes, size)
	}
	if len(faults) == 0 && (len(sizes) < 2 || slices.Min(sizes) == slices.Max(sizes)) {
		faults = append(faults, fmt.Sprintf(`%d candidates have a size such as "7B", of which it takes two that differ`, len(sizes)))
	}
	return faults
}

// labels are what trainers learn that take the first of the best rows of a text for
// its label.
type labels struct {
	models numbering.Set[string]
	byText map[digest]*label
	means  *tally
	of     map[string]labelled // after count
}

type label struct {
	score float64
	model int32
	tied  bool // another row is as good
}

// labelled counts the texts that have a candidate for their label, and those of them
// at which other rows are as good.
type labelled struct{ all, byTie int }

// labels reads the training rows for their labels.
func (c *checker) labels(ctx context.Context) (*labels, error) {
	l := &labels{byText: map[digest]*label{}, means: newTally(), of: map[string]labelled{}}
	for line, err := range c.data.rawRows(ctx, Train) {
		if err != nil {
			if _, bad := errors.AsType[*llmrouterdata.LineError](err); !bad {
				return nil, err
			}
			continue // a problem of the rows
		}
		r := &line.value
		if r.kind == KindNoScore {
			continue
		}
		l.means.add(r.model, r.Score)
		at, known := l.byText[r.head.text]
		switch model := l.models.Number(r.model); {
		case !known:
			l.byText[r.head.text] = &label{score: r.Score, model: model}
		case r.Score > at.score:
			*at = label{score: r.Score, model: model}
		case r.Score == at.score && model != at.model:
			at.tied = true
		}
	}
	return l, nil
}

// count counts the labels, and returns the candidate that is the label of more than
// half of the texts by ties alone, "" where there is none, or where it is the best.
func (l *labels) count() (first string) {
	names := l.models.List()
	for _, at := range l.byText {
		n := l.of[names[at.model]]
		n.all++
		if at.tied {
			n.byTie++
		}
		l.of[names[at.model]] = n
	}
	means := l.means.means(names)
	for i, name := range names {
		if 2*l.of[name].byTie > len(l.byText) && means[i] < slices.Max(means) {
			first = name
		}
	}
	return first
}

// sameTexts says how many queries of a split have the text of an earlier one but
// differ from it: whoever goes by texts, as the trainers of the Python project do,
// takes both for one.
func sameTexts(split Split, queries []llmrouterdata.StandardQueryData) string {
	first := map[string]int{}
	n, example := 0, ""
	for i := range queries {
		earlier, known := first[queries[i].Query]
		if !known {
			first[queries[i].Query] = i
			continue
		}
		if queries[earlier].Equal(queries[i]) {
			continue
		}
		if n++; n == 1 {
			example = fmt.Sprintf("query %d (task %s) that of query %d (task %s)", i+1, queries[i].TaskName, earlier+1, queries[earlier].TaskName)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d queries of the %s split have the text of an earlier one with other choices, answer or task, for example %s; trainers that go by texts take them for one", n, split, example)
}
