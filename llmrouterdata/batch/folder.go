package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// requestsSuffix ends the names of files of requests.
const requestsSuffix = ".requests.jsonl"

// Write writes the calls of a candidate as files of requests into a folder, which is
// made where it is missing: CANDIDATE-1.requests.jsonl and so on, cut as parts are.
// Files of requests that are there of the candidate are replaced. It returns their
// names. Of the work, the Ledger is not needed.
func Write(ctx context.Context, dir string, w Work, o *Options) ([]string, error) {
	if w.Client == nil {
		client, err := chat.New(nil)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		w.Client = client
	}
	sizes, err := Sizes(ctx, w, o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	stem := filepath.Join(dir, url.PathEscape(w.Target.Name)+"-")
	var out atomicfile.Group
	defer out.Abort()
	var names []string
	calls := w.Calls
	for i, size := range sizes {
		name := fmt.Sprint(stem, i+1, requestsSuffix)
		f, err := out.Create(name)
		if err != nil {
			return nil, err
		}
		text := bufio.NewWriterSize(f, 1<<16)
		if _, err := io.Copy(text, &lines{work: &w, calls: calls[:size.Requests]}); err != nil {
			return nil, fmt.Errorf("batch: %s: %w", name, err)
		}
		if err := errors.Join(text.Flush(), ctx.Err()); err != nil {
			return nil, fmt.Errorf("batch: %s: %w", name, err)
		}
		calls = calls[size.Requests:]
		names = append(names, name)
	}
	if err := out.Commit(); err != nil {
		return nil, err
	}
	return names, removeOthers(stem, names)
}

// removeOthers removes the files of requests that were written before and are not
// among these.
func removeOthers(stem string, names []string) error {
	var errs []error
	for i := len(names) + 1; ; i++ {
		name := fmt.Sprint(stem, i, requestsSuffix)
		err := os.Remove(name)
		if errors.Is(err, os.ErrNotExist) {
			return errors.Join(errs...)
		}
		errs = append(errs, err)
	}
}

// readFolder takes the results of a folder. Calls that they do not answer, or whose
// failure may be gone the next time, stay without an answer.
func (q *queue) readFolder(ctx context.Context) error {
	entries, err := os.ReadDir(q.o.Read)
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	p := &part{Part: Part{ID: "files of results"}, numbers: q.numbers}
	files := 0
	for _, entry := range entries {
		plain := strings.TrimSuffix(strings.TrimSuffix(entry.Name(), ".gz"), ".zst")
		if entry.IsDir() || !strings.HasSuffix(plain, ".jsonl") || strings.HasSuffix(plain, requestsSuffix) {
			continue
		}
		files++
		if err := q.takeFile(ctx, p, filepath.Join(q.o.Read, entry.Name())); err != nil {
			return err
		}
	}
	if files == 0 {
		return fmt.Errorf("batch: %s holds no file of results (.jsonl)", q.o.Read)
	}
	for _, id := range slices.Sorted(maps.Keys(p.failures)) {
		if f := p.failures[id]; !passes(f.err) {
			q.end(p.numbers[id], p.ID, f.answer, f.err)
		}
	}
	return nil
}

// takeFile takes the results of a file.
func (q *queue) takeFile(ctx context.Context, p *part, name string) error {
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return err
	}
	err = errors.Join(q.takeAll(ctx, p, f), f.Close())
	if fatal, ok := errors.AsType[*fatalError](err); ok {
		return fatal.error
	}
	if err != nil {
		return fmt.Errorf("batch: %s: %w", name, err)
	}
	return nil
}
