package importing

import (
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// inspectLog reads logs of inspect-ai: a .json file, or a .eval file, which is a
// zip of a header and a document for each sample and epoch.
type inspectLog struct{ ReaderOptions }

func (l inspectLog) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			read := l.document
			if strings.HasSuffix(strings.ToLower(name), ".eval") {
				read = l.archive
			}
			if err := read(ctx, name, yield); err != nil {
				yield(Result{}, fmt.Errorf("importing: %s: %w", name, err))
			}
		}
	})
}

// document reads a .json log. It returns an error that ends the stream; nil where
// the stream was ended by its reader.
func (l inspectLog) document(ctx context.Context, name string, yield func(Result, error) bool) error {
	log, err := readDocument(name)
	if err != nil {
		return err
	}
	header, err := l.header(log)
	if err != nil {
		return err
	}
	samples, ok := at(log, "samples").([]any)
	if !ok {
		return fmt.Errorf("the log has no samples")
	}
	for i, sample := range samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r, err := header.sample(fmt.Sprintf("%s: sample %d", name, i+1), sample); !yield(r, err) || stop(err) {
			return nil
		}
	}
	return nil
}

// archive reads a .eval log, its samples one by one, in the order of their names.
func (l inspectLog) archive(ctx context.Context, name string, yield func(Result, error) bool) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return err
	}
	defer z.Close()
	z.RegisterDecompressor(zstdMethod, func(r io.Reader) io.ReadCloser {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstd))
		if err != nil { // of options alone
			return io.NopCloser(strings.NewReader(""))
		}
		return d.IOReadCloser()
	})
	members := map[string]*zip.File{}
	for _, f := range z.File {
		members[f.Name] = f
	}
	start := cmp.Or(members["header.json"], members["_journal/start.json"]) // the latter of a run that did not end
	if start == nil {
		return fmt.Errorf("there is neither header.json nor _journal/start.json: it is no log of version 2")
	}
	log, err := readMember(start)
	if err != nil {
		return err
	}
	header, err := l.header(log)
	if err != nil {
		return err
	}
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if !strings.HasPrefix(member, "samples/") || !strings.HasSuffix(member, ".json") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sample, err := readMember(members[member])
		if err != nil {
			return err
		}
		if r, err := header.sample(name+": "+member, sample); !yield(r, err) || stop(err) {
			return nil
		}
	}
	return nil
}

// zstdMethod is the number of Zstandard in zip files.
const zstdMethod = 93

func readMember(f *zip.File) (any, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	defer r.Close()
	v, err := readWhole(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return v, nil
}

// inspectHeader is what all samples of a log have in common.
type inspectHeader struct {
	inspectLog
	task, model string
}

func (l inspectLog) header(log any) (*inspectHeader, error) {
	if version := countAt(log, "version"); version == nil || *version != 2 {
		return nil, fmt.Errorf("it is no log of inspect-ai of version 2")
	}
	return &inspectHeader{
		inspectLog: l,
		task:       cmp.Or(l.Task, textAt(log, "eval", "task")),
		model:      cmp.Or(l.Model, textAt(log, "eval", "model")),
	}, nil
}

// sample makes the result of a sample.
func (h *inspectHeader) sample(where string, v any) (Result, error) {
	epoch := countAt(v, "epoch")
	if _, ok := v.(*pyjson.Object); !ok || epoch == nil {
		return Result{}, skipped(where, ReasonMalformed)
	}
	r := Result{
		Where: where, Task: h.task, Model: h.model, Repeat: *epoch,
		Query: userText(at(v, "input")), GroundTruth: targetText(at(v, "target")), Choices: choicesOf(at(v, "choices")),
		Response: textAt(v, "output", "completion"), Seconds: amountAt(v, "output", "time"),
		InputTokens: countAt(v, "output", "usage", "input_tokens"), OutputTokens: countAt(v, "output", "usage", "output_tokens"),
	}
	if failure := at(v, "error"); failure != nil {
		r.Failure = cmp.Or(textAt(failure, "message"), "unknown error")
		return r, nil
	}
	if at(v, "output", "completion") == nil && item(at(v, "output", "choices"), 0) != nil {
		r.Response = contentText(at(item(at(v, "output", "choices"), 0), "message", "content"))
	}
	if h.NoScores {
		return r, nil
	}
	scores, _ := at(v, "scores").(*pyjson.Object)
	if scores.Len() == 0 {
		return Result{}, skipped(where, ReasonNoScore)
	}
	var names []string
	for i := range scores.Len() {
		name, _ := scores.At(i)
		names = append(names, name)
	}
	var err error
	if r.Scorer, err = choose(where, "scorer", names, h.Scorer); err != nil {
		return Result{}, err
	}
	if r.Score = inspectScore(scores, r.Scorer); r.Score == nil {
		return Result{}, skipped(where, ReasonBadScore)
	}
	return r, nil
}

// targetText is the expected answer: a text, or a list, of which a single item
// is the text.
func targetText(v any) string {
	if list, ok := v.([]any); ok && len(list) != 1 {
		return jsonText(v)
	} else if ok {
		v = list[0]
	}
	return textAt(v)
}

// inspectScore is the value of a score: correct, incorrect, partly correct, no
// answer, or a number.
func inspectScore(scores *pyjson.Object, name string) *float64 {
	switch at(scores, name, "value") {
	case "C":
		return new(1.0)
	case "P":
		return new(0.5)
	case "I", "N":
		return new(0.0)
	}
	return truthAt(scores, name, "value")
}
