package importing

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
)

// lmEval reads the samples that lm-evaluation-harness logs (0.4): a line for each
// document and filter. The task and the time stand in the file's name, the model
// in results_TIME.json beside it.
type lmEval struct{ ReaderOptions }

// ErrLogLikelihoods is the error for samples that hold probabilities of options in
// the place of answers.
var ErrLogLikelihoods = errors.New("the samples hold log-likelihoods, no answers")

var samplesName = regexp.MustCompile(`^(?:.*_)?samples_(.+?)(?:_(\d{4}-\d{2}-\d{2}T[^.]+(?:\.\d+)?))?\.jsonl(?:\.gz|\.zst)?$`)

func (l lmEval) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			f := lmEvalFile{lmEval: l, filter: l.Filter, seen: map[string]bool{}}
			if err := f.identify(name); err != nil {
				yield(Result{}, err)
				return
			}
			objectByObject(ctx, name, f.sample)(yield)
			if len(f.seen) > 0 && !f.seen[f.filter] {
				yield(Result{}, &ChoiceError{Where: name, What: "filter", Have: sortedKeys(f.seen), Wanted: f.filter})
			}
		}
	})
}

// lmEvalFile is one file of samples.
type lmEvalFile struct {
	lmEval
	task, model string
	filter      string // that counts
	seen        map[string]bool
}

// identify finds out the task and the model.
func (f *lmEvalFile) identify(name string) error {
	f.task, f.model = f.Task, f.Model
	match := samplesName.FindStringSubmatch(filepath.Base(name))
	if match == nil {
		return nil
	}
	f.task = cmp.Or(f.task, match[1])
	if f.model != "" || match[2] == "" {
		return nil
	}
	results, err := readDocument(filepath.Join(filepath.Dir(name), "results_"+match[2]+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f.model = cmp.Or(textAt(results, "model_name"), textAt(results, "config", "model_args", "model"), textAt(results, "config", "model_args", "pretrained"))
	return err
}

// sample yields the answers of a line.
func (f *lmEvalFile) sample(o object, yield func(Result, error) bool) bool {
	filter := textAt(o.Object, "filter")
	f.seen[filter] = true
	if f.filter == "" {
		f.filter = filter
	}
	if filter != f.filter {
		if f.Filter == "" && !f.NoScores {
			yield(Result{}, &ChoiceError{Where: o.where, What: "filter", Have: sortedKeys(f.seen)})
			return false
		}
		return true
	}
	r := f.result(o)
	if err := f.score(o, &r); err != nil {
		return yield(Result{}, err) && !stop(err)
	}
	responses, _ := item(at(o.Object, "resps"), 0).([]any)
	for i, response := range responses {
		text, ok := response.(string)
		if !ok {
			yield(Result{}, &SkippedError{Where: o.where, Reason: ReasonNoResponse, Err: ErrLogLikelihoods})
			return true
		}
		r.Response, r.Repeat = text, i+1
		if !yield(r, nil) {
			return false
		}
		r.Score = nil // one score stands for all repeats: that of the first, by lm-eval's take_first
	}
	return len(responses) > 0 || yield(Result{}, skipped(o.where, ReasonNoResponse))
}

// result is what a line says of the query.
func (f *lmEvalFile) result(o object) Result {
	doc := at(o.Object, "doc")
	prompt := at(o.Object, "arguments", "gen_args_0", "arg_0")
	if first := item(prompt, 0); first != nil {
		prompt = first
	}
	r := Result{
		Where: o.where, Task: f.task, Model: f.model, Prompt: userText(prompt),
		GroundTruth: textAt(o.Object, "target"), Choices: choicesOf(at(doc, "choices")), TaskID: textPointer(doc, "task_id"),
	}
	fields := []string{"question", "query", "problem", "prompt", "input", "goal"}
	if f.QueryField != "" {
		fields = []string{f.QueryField}
	}
	for _, field := range fields {
		if text, ok := at(doc, field).(string); ok && r.Query == "" {
			r.Query = text
		}
	}
	if f.QueryField == "" {
		r.Query = cmp.Or(r.Query, r.Prompt)
	}
	return r
}

// score takes the score of the scorer that was chosen.
func (f *lmEvalFile) score(o object, r *Result) error {
	if f.NoScores {
		return nil
	}
	var names []string
	list, _ := at(o.Object, "metrics").([]any)
	for _, name := range list {
		names = append(names, textAt(name))
	}
	name, err := choose(o.where, "scorer", names, f.Scorer)
	if err != nil {
		return err
	}
	r.Scorer, r.Score = name, truthAt(o.Object, name)
	return nil
}

// truthAt is numberAt that takes booleans too.
func truthAt(v any, path ...string) *float64 {
	if b, ok := at(v, path...).(bool); ok {
		return new(map[bool]float64{true: 1}[b])
	}
	return numberAt(v, path...)
}

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
