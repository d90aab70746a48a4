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
	"strings"
	"sync"

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
			if names, err = hub.Shards(names); err != nil {
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
// into the client's cache. The source sees one state of each revision, that
// which it had when the source first asked, so that all files of a benchmark
// belong together.
func FromHub(client *hub.Client) Source { return &hubSource{client: client} }

// FromHubRanges is FromHub without downloads: it reads the files on the hub in
// place, the footer and the pages that are asked for. It suits a few rows of a
// large file. Where the server does not serve parts of a file the file is
// downloaded.
func FromHubRanges(client *hub.Client) Source { return &hubSource{client: client, ranges: true} }

type hubSource struct {
	client *hub.Client
	ranges bool
	pinned sync.Map // hub.Repo as named -> hub.Repo at a commit
}

// pin returns the repository at the commit that the source has settled on.
func (s *hubSource) pin(ctx context.Context, repo hub.Repo) (hub.Repo, error) {
	if known, ok := s.pinned.Load(repo); ok {
		return known.(hub.Repo), nil
	}
	now, err := s.client.Pin(ctx, repo)
	if err != nil {
		return hub.Repo{}, err
	}
	first, _ := s.pinned.LoadOrStore(repo, now)
	return first.(hub.Repo), nil
}

func (s *hubSource) Open(ctx context.Context, spec Spec, part Part) ([]File, int, error) {
	var tried []string
	var missing error
	for _, loc := range part.Files {
		if loc.Revision == "" {
			continue
		}
		tried = append(tried, loc.Pattern+" at "+loc.Revision)
		repo, err := s.pin(ctx, hub.Dataset(spec.Repo).At(loc.Revision))
		var entries []hub.Entry
		if err == nil {
			entries, err = s.client.List(ctx, repo)
		}
		if errors.Is(err, hub.ErrRevisionNotFound) || errors.Is(err, hub.ErrNotCached) {
			missing = errors.Join(missing, err)
			continue // another revision may be there
		}
		if err != nil {
			return nil, 0, err
		}
		names, err := matching(entries, loc.Pattern)
		if err != nil {
			return nil, 0, err
		}
		if len(names) == 0 {
			if loc.Revision != ConvertedParquet {
				continue
			}
			folder, file := path.Split(loc.Pattern)
			config, split := path.Split(path.Clean(folder))
			part, err := matching(entries, config+"partial-"+split+"/"+file)
			if err != nil {
				return nil, 0, err
			}
			if len(part) > 0 {
				return nil, 0, fmt.Errorf("%w (%s)", hub.ErrPartial, part[0])
			}
			continue
		}
		if names, err = hub.Shards(names); err != nil {
			return nil, 0, err
		}
		files, err := s.openFiles(ctx, repo, names)
		return files, cmp.Or(loc.Rows, part.Rows), err
	}
	return nil, 0, errors.Join(fmt.Errorf("%w in dataset %s: looked for %s", ErrNotFound, spec.Repo, strings.Join(tried, ", ")), missing)
}

// matching returns the paths that a location's pattern matches.
func matching(entries []hub.Entry, pattern string) ([]string, error) {
	var names []string
	for _, e := range entries {
		ok, err := path.Match(pattern, e.Path)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		if ok {
			names = append(names, e.Path)
		}
	}
	return names, nil
}

func (s *hubSource) openFiles(ctx context.Context, repo hub.Repo, names []string) ([]File, error) {
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
