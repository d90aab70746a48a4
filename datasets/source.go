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
func FromDir(dir string) Source { return newFSSource(os.DirFS(dir), dir) }

// FromFS returns a source that reads a file system. A benchmark's files lie
// below a folder with its task's name ("gsm8k"), its repository's name
// ("openai/gsm8k", as git clones it) or, in one, "openai--gsm8k", and there
//
//   - as in the repository ("gsm8k/main/train-00000-of-00001.parquet"). The
//     folders of the repository may be left out where the benchmark has one
//     part,
//   - or divided by split, and by configuration where there are several
//     ("gsm8k/split=train/data_0.parquet",
//     "math/config=algebra/split=train/data_0.parquet").
//
// Files that are published singly (HumanEval.jsonl.gz, mbpp.jsonl,
// gpqa_main.csv) are also found at the root. Any .jsonl or .csv may be compressed
// (mbpp.jsonl.zst).
//
// The root may also be the Python client's: its home or cache folder, a
// repository's folder in that ("datasets--openai--gsm8k"), or a snapshot's. And
// it may be a benchmark's own folder, whatever its name: then the files found
// belong to the benchmark that is opened first, and opening another that would
// read them is an error.
func FromFS(fsys fs.FS) Source { return newFSSource(fsys, "") }

// layouts is what FromFS says, for the message that nothing was found.
const layouts = "a folder may hold the files of a benchmark below its task's or repository's name " +
	"(gsm8k/, openai/gsm8k/ or openai--gsm8k/), named as in the repository or as split=train/*.parquet; " +
	"be the Python client's cache (with datasets--openai--gsm8k/), a repository's folder or a snapshot in it; " +
	"or be the benchmark's folder itself"

type fsSource struct {
	fsys fs.FS
	dir  string
	// within is the folder "datasets--owner--name" that dir is or lies in, "" for
	// none.
	within string
	// claims holds, for a file whose path names no benchmark, the task that it
	// was opened for.
	claims sync.Map
}

func newFSSource(fsys fs.FS, dir string) *fsSource {
	s := &fsSource{fsys: fsys, dir: dir}
	if abs, err := filepath.Abs(dir); dir != "" && err == nil {
		for name := range strings.SplitSeq(filepath.ToSlash(abs), "/") {
			if strings.HasPrefix(name, "datasets--") {
				s.within = name
			}
		}
	}
	return s
}

func (s *fsSource) Open(ctx context.Context, spec Spec, part Part) ([]File, int, error) {
	var tried []string
	for _, loc := range part.Files {
		for i, pattern := range loc.patterns() {
			loc.Pattern = pattern
			patterns, named := s.patterns(spec, part, loc)
			if i == 0 {
				tried = append(tried, patterns[0])
			}
			names, err := s.find(spec, patterns, named)
			if err != nil {
				return nil, 0, err
			}
			if len(names) > 0 {
				files, err := openAll(ctx, names, s.open)
				return files, cmp.Or(loc.Rows, part.Rows), err
			}
		}
	}
	where := ""
	if s.dir != "" {
		where = " in " + s.dir
	}
	if folder := s.savedToDisk(spec); folder != "" {
		return nil, 0, fmt.Errorf("%w%s: %s is a folder of save_to_disk, whose Arrow files are not read: store each split by Dataset.to_parquet", ErrNotFound, where, s.label(folder))
	}
	return nil, 0, fmt.Errorf("%w%s: looked for %s: %s", ErrNotFound, where, strings.Join(tried, ", "), layouts)
}

// find gives the files of the first pattern that matches any, in the order of
// their rows. The paths that the first named patterns match name the benchmark.
func (s *fsSource) find(spec Spec, patterns []string, named int) ([]string, error) {
	for i, p := range patterns {
		names, err := fs.Glob(s.fsys, p)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
		if len(names) == 0 {
			continue
		}
		if names, err = hub.Shards(names); err != nil {
			return nil, err
		}
		if task, _ := s.claims.LoadOrStore(names[0], spec.Task); i >= named && task != spec.Task {
			return nil, fmt.Errorf("%w: %s was read as %s, and its path names neither: put it below a folder %s",
				ErrNotFound, s.label(names[0]), task, spec.Task)
		}
		return names, nil
	}
	return nil, nil
}

// bases are the names of a benchmark's folder.
func (s Spec) bases() []string {
	bases := []string{s.Task}
	if s.Repo != "" && fs.ValidPath(s.Repo) {
		bases = append(bases, s.Repo, oneName(s.Repo))
	}
	return bases
}

// oneName is a repository's name as that of one folder.
func oneName(repo string) string { return strings.ReplaceAll(repo, "/", "--") }

// patterns gives where a part's files may be, in the order of trial. The paths
// that the first named of them match name the benchmark.
func (s *fsSource) patterns(spec Spec, part Part, loc Location) (patterns []string, named int) {
	single := len(spec.Parts) == 1
	for _, b := range spec.bases() {
		patterns = append(patterns, path.Join(b, loc.Pattern))
	}
	if single {
		for _, b := range spec.bases() {
			patterns = append(patterns, path.Join(b, path.Base(loc.Pattern)))
		}
	}
	for _, b := range spec.bases() {
		patterns = append(patterns, divided(b, part, single)...)
	}
	folder := "datasets--" + oneName(spec.Repo)
	for _, home := range []string{"", "hub"} {
		if dir := s.snapshot(path.Join(home, folder), loc.Revision); dir != "" {
			patterns = append(patterns, path.Join(dir, loc.Pattern))
		}
	}
	if !strings.ContainsAny(loc.Pattern, "/*?[") {
		patterns = append(patterns, loc.Pattern)
	}
	named = len(patterns)
	if s.within != "" && s.within != folder {
		return patterns, named
	}
	if dir := s.snapshot(".", loc.Revision); dir != "" {
		patterns = append(patterns, path.Join(dir, loc.Pattern))
	}
	if strings.Contains(loc.Pattern, "/") {
		patterns = append(patterns, loc.Pattern)
	}
	patterns = append(patterns, divided("", part, single)...)
	if s.within != "" {
		named = len(patterns) // by the folder that all of them lie in
	}
	return patterns, named
}

// divided gives where a part is below base that is divided by split, and by
// configuration where there are several.
func divided(base string, part Part, single bool) (patterns []string) {
	if part.Split == "" {
		return nil
	}
	files := "split=" + part.Split + "/*.parquet"
	if part.Config != "" {
		patterns = append(patterns, path.Join(base, part.Config, files), path.Join(base, "*="+part.Config, files))
	}
	if single {
		patterns = append(patterns, path.Join(base, files))
	}
	return patterns
}

// snapshot finds the snapshot of a revision in a repository's folder of the
// Python client's cache: the one that the reference names, or the only one.
func (s *fsSource) snapshot(folder, revision string) string {
	snapshots := path.Join(folder, "snapshots")
	if b, err := fs.ReadFile(s.fsys, path.Join(folder, "refs", revision)); err == nil {
		if dir := path.Join(snapshots, strings.TrimSpace(string(b))); !strings.ContainsAny(dir, `*?[\`) && path.Dir(dir) == snapshots {
			return dir
		}
	}
	if all, err := fs.ReadDir(s.fsys, snapshots); err == nil && len(all) == 1 {
		return path.Join(snapshots, all[0].Name())
	}
	return ""
}

// savedToDisk finds the folder that save_to_disk of a Dataset or DatasetDict has
// written, "" for none.
func (s *fsSource) savedToDisk(spec Spec) string {
	for _, b := range append(spec.bases(), ".") {
		for _, mark := range []string{"*.arrow", "dataset_dict.json"} {
			if found, err := fs.Glob(s.fsys, path.Join(b, mark)); err == nil && len(found) > 0 {
				return b
			}
		}
	}
	return ""
}

// label names a file of the source in messages.
func (s *fsSource) label(name string) string {
	if s.dir == "" {
		return name
	}
	return filepath.Join(s.dir, filepath.FromSlash(name))
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

func (s *fsSource) open(_ context.Context, name string) (File, error) {
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
	if r, ok := f.(io.ReaderAt); ok {
		return &openFile{r, f, s.label(name), info.Size()}, nil
	}
	// A file system without random access, such as a zip archive: its files
	// are read into memory.
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), io.NopCloser(nil), s.label(name), int64(len(data))}, nil
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
		var names []string
		for _, pattern := range loc.patterns() {
			if names, err = matching(entries, pattern); err != nil {
				return nil, 0, err
			}
			if len(names) > 0 {
				break
			}
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
		if errors.Is(err, hub.ErrNotCached) {
			missing = errors.Join(missing, err)
			continue // listed, but never fetched
		}
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
	return openAll(ctx, names, newFSSource(os.DirFS(dir), dir).open)
}
