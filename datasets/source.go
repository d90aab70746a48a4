package datasets

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
)

// Source gives the files of benchmarks.
type Source interface {
	// Open opens the files that hold a part, in the order of their rows. rows
	// is the number of rows expected in them, 0 for unknown. It reports
	// ErrNotFound when there are none. The caller closes the files.
	Open(ctx context.Context, spec Spec, part Part) (files []File, rows int, err error)
}

// File is an open file. ReadAt is called concurrently.
type File interface {
	io.ReaderAt
	io.Closer
	// Name names the file in messages; its ending tells the format.
	Name() string
	// Size is in bytes.
	Size() int64
}

// FromDir returns a source that reads a folder; see FromFS for its layout.
func FromDir(dir string) Source { return fsSource{os.DirFS(dir), dir} }

// FromFS returns a source that reads a file system. The files of a benchmark
// lie below a folder with its task's name ("gsm8k"), its repository's name
// ("openai/gsm8k", as git clones it) or, in one, "openai--gsm8k"; below that as
// in the repository ("gsm8k/main/train-00000-of-00001.parquet"). The folders
// of the repository may be left out where the benchmark has one part. Files
// that are published singly (HumanEval.jsonl.gz, mbpp.jsonl, gpqa_main.csv) are
// also found at the root.
func FromFS(fsys fs.FS) Source { return fsSource{fsys, ""} }

type fsSource struct {
	fsys fs.FS
	dir  string
}

func (s fsSource) Open(ctx context.Context, spec Spec, part Part) ([]File, int, error) {
	bases := []string{spec.Task}
	if spec.Repo != "" && fs.ValidPath(spec.Repo) {
		bases = append(bases, spec.Repo, strings.ReplaceAll(spec.Repo, "/", "--"))
	}
	var tried []string
	for _, loc := range part.Files {
		patterns := []string{}
		for _, b := range bases {
			patterns = append(patterns, path.Join(b, loc.Pattern))
		}
		if len(spec.Parts) == 1 {
			for _, b := range bases {
				patterns = append(patterns, path.Join(b, path.Base(loc.Pattern)))
			}
		}
		if !strings.ContainsAny(loc.Pattern, "/*?[") {
			patterns = append(patterns, loc.Pattern)
		}
		tried = append(tried, patterns[0])
		for _, p := range patterns {
			names, err := fs.Glob(s.fsys, p)
			if err != nil {
				return nil, 0, fmt.Errorf("pattern %q: %w", p, err)
			}
			if len(names) == 0 {
				continue
			}
			if names, err = inOrder(names); err != nil {
				return nil, 0, err
			}
			files, err := openAll(ctx, names, s.open)
			return files, cmp.Or(loc.Rows, part.Rows), err
		}
	}
	where := ""
	if s.dir != "" {
		where = " in " + s.dir
	}
	return nil, 0, fmt.Errorf("%w%s: looked for %s", ErrNotFound, where, strings.Join(tried, ", "))
}

func openAll(ctx context.Context, names []string, open func(context.Context, string) (File, error)) ([]File, error) {
	files := make([]File, 0, len(names))
	for _, name := range names {
		f, err := open(ctx, name)
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func (s fsSource) open(_ context.Context, name string) (File, error) {
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	label := name
	if s.dir != "" {
		label = filepath.Join(s.dir, filepath.FromSlash(name))
	}
	if r, ok := f.(io.ReaderAt); ok {
		return &openFile{r, f, label, info.Size()}, nil
	}
	// A file system without random access, such as a zip archive: its files
	// are read into memory.
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), io.NopCloser(nil), label, int64(len(data))}, nil
}

type openFile struct {
	io.ReaderAt
	io.Closer
	name string
	size int64
}

func (f *openFile) Name() string { return f.name }
func (f *openFile) Size() int64  { return f.size }

// FromHub returns a source that downloads the files of the Hugging Face hub
// into the client's cache.
func FromHub(client *hub.Client) Source { return hubSource{client, false} }

// FromHubRanges returns a source that reads the files on the Hugging Face hub
// in place: the footer, and the pages that are asked for. It suits a few rows
// of a large file. Where the server does not serve parts of a file the file is
// downloaded.
func FromHubRanges(client *hub.Client) Source { return hubSource{client, true} }

type hubSource struct {
	client *hub.Client
	ranges bool
}

func (s hubSource) Open(ctx context.Context, spec Spec, part Part) ([]File, int, error) {
	var tried []string
	var missing error
	for _, loc := range part.Files {
		if loc.Revision == "" {
			continue
		}
		repo := hub.Dataset(spec.Repo).At(loc.Revision)
		tried = append(tried, loc.Pattern+" at "+loc.Revision)
		entries, err := s.client.List(ctx, repo)
		if errors.Is(err, hub.ErrRevisionNotFound) || errors.Is(err, hub.ErrNotCached) {
			missing = errors.Join(missing, err)
			continue // another revision may be there
		}
		if err != nil {
			return nil, 0, err
		}
		var names []string
		for _, e := range entries {
			if ok, err := path.Match(loc.Pattern, e.Path); err != nil {
				return nil, 0, fmt.Errorf("pattern %q: %w", loc.Pattern, err)
			} else if ok {
				names = append(names, e.Path)
			}
		}
		if len(names) == 0 {
			continue
		}
		if names, err = inOrder(names); err != nil {
			return nil, 0, err
		}
		files, err := s.openFiles(ctx, repo, names)
		return files, cmp.Or(loc.Rows, part.Rows), err
	}
	return nil, 0, errors.Join(fmt.Errorf("%w in dataset %s: looked for %s", ErrNotFound, spec.Repo, strings.Join(tried, ", ")), missing)
}

func (s hubSource) openFiles(ctx context.Context, repo hub.Repo, names []string) ([]File, error) {
	if s.ranges {
		files, err := openAll(ctx, names, func(ctx context.Context, name string) (File, error) {
			f, err := s.client.Open(ctx, repo, name)
			if err != nil {
				return nil, err
			}
			return &openFile{f, f, repo.ID + "/" + name, f.Size()}, nil
		})
		if !errors.Is(err, hub.ErrNoRanges) {
			return files, err
		}
	}
	dir, err := s.client.DownloadAll(ctx, repo, names)
	if err != nil {
		return nil, err
	}
	local := fsSource{os.DirFS(dir), dir}
	return openAll(ctx, names, local.open)
}

var (
	shardOfTotal = regexp.MustCompile(`-(\d+)-of-(\d+)\.[^/]*$`)
	shardNumber  = regexp.MustCompile(`^(\d{4})\.parquet$`)
)

// inOrder sorts the files of a part by their numbers and reports when one is
// missing from a series: "train-00000-of-00003.parquet", "0000.parquet".
func inOrder(names []string) ([]string, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	for i, name := range names {
		number, total := -1, len(names)
		if m := shardOfTotal.FindStringSubmatch(name); m != nil {
			number, _ = strconv.Atoi(m[1])
			total, _ = strconv.Atoi(m[2])
		} else if m := shardNumber.FindStringSubmatch(path.Base(name)); m != nil {
			number, _ = strconv.Atoi(m[1])
		}
		if number >= 0 && (number != i || total != len(names)) {
			return nil, fmt.Errorf("%w: found %d files up to %s", ErrIncomplete, len(names), names[len(names)-1])
		}
	}
	return names, nil
}
