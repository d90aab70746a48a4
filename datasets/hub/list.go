package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

// Info is what the hub says of a repository at a revision. It is public also
// for gated repositories.
type Info struct {
	// Commit is the revision's commit, 40 hex digits.
	Commit string
	// Gated is "" for an open repository, "auto" where accepting conditions
	// suffices, "manual" where its owners decide.
	Gated string
	// Private repositories are seen only by their owners' tokens.
	Private bool
	// Disabled repositories serve nothing.
	Disabled bool
}

// Info asks the hub about a repository. Offline it is an error that is
// ErrNotCached.
func (c *Client) Info(ctx context.Context, repo Repo) (Info, error) {
	repo, err := repo.normalize()
	if err != nil {
		return Info{}, err
	}
	return c.info(ctx, repo)
}

func (c *Client) info(ctx context.Context, repo Repo) (Info, error) {
	t := target{repo: repo}
	if c.o.Offline {
		return Info{}, c.notCached(t)
	}
	var answer struct {
		SHA      string          `json:"sha"`
		Gated    json.RawMessage `json:"gated"`
		Private  bool            `json:"private"`
		Disabled bool            `json:"disabled"`
	}
	if _, err := c.getJSON(ctx, t, c.apiURL(repo)+"/revision/"+url.PathEscape(repo.Revision), maxInfoBytes, &answer); err != nil {
		return Info{}, err
	}
	info := Info{Commit: strings.ToLower(answer.SHA), Private: answer.Private, Disabled: answer.Disabled}
	if !isCommit(info.Commit) {
		return Info{}, t.errorf("the hub names no commit")
	}
	var gated any // false, "auto" or "manual"
	if len(answer.Gated) > 0 {
		if err := json.Unmarshal(answer.Gated, &gated); err != nil {
			return Info{}, t.errorf("field gated: %w", err)
		}
	}
	switch v := gated.(type) {
	case string:
		info.Gated = v
	case bool:
		if v {
			info.Gated = "auto"
		}
	}
	return info, nil
}

// Entry is a file of a repository.
type Entry struct {
	// Path is slash-separated, from the repository's root.
	Path string
	// Size is in bytes.
	Size int64
	// BlobID is the SHA-1 of the git object: of the file, or of the pointer to
	// it for a large file.
	BlobID string
	// SHA256 is the hash of a large file's content, "" for files kept in git
	// itself.
	SHA256 string
}

// List returns every file of a repository at a revision, sorted by path. The
// listing of a commit is kept in the cache and answers offline, as one by the
// Python client does. Offline, or where the hub cannot be reached, a commit
// without a listing is listed by the files of it that the cache holds, with
// their paths and sizes alone: other clients keep no listing as a rule.
func (c *Client) List(ctx context.Context, repo Repo) ([]Entry, error) {
	pinned, err := c.Pin(ctx, repo)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"listings", "trees"} {
		if entries, ok := c.readListing(pinned, folder); ok {
			return entries, nil
		}
	}
	if c.o.Offline {
		if entries := c.held(pinned); len(entries) > 0 {
			return entries, nil
		}
		return nil, c.notCached(target{repo: pinned})
	}
	files, err := c.tree(ctx, pinned)
	if err != nil {
		if entries := c.held(pinned); len(entries) > 0 && fallsBack(ctx, err) {
			c.logFallback(target{repo: pinned}, pinned.Revision, err)
			return entries, nil
		}
		return nil, c.blame(ctx, pinned, err)
	}
	c.writeListing(pinned, files)
	entries := make([]Entry, 0, len(files))
	for name, f := range files {
		entries = append(entries, f.entry(name))
	}
	sortEntries(entries)
	return entries, nil
}

// Pin returns the repository at the commit that its revision has now, so that
// several calls see one state of it. Where the hub cannot be reached or the
// client is offline, it is the last commit of which the cache got a file.
func (c *Client) Pin(ctx context.Context, repo Repo) (Repo, error) {
	repo, err := repo.normalize()
	if err != nil {
		return Repo{}, err
	}
	commit, err := c.commit(ctx, repo)
	if err != nil {
		return Repo{}, err
	}
	return repo.At(commit), nil
}

// commit finds the commit of repo's revision: the revision itself, the hub's
// word, or, where the hub cannot be reached, what it said last.
func (c *Client) commit(ctx context.Context, repo Repo) (string, error) {
	if isCommit(repo.Revision) {
		return repo.Revision, nil
	}
	known, hasKnown := c.readRef(repo)
	if c.o.Offline {
		if !hasKnown {
			return "", c.notCached(target{repo: repo})
		}
		return known, nil
	}
	info, err := c.info(ctx, repo)
	if err != nil {
		if hasKnown && fallsBack(ctx, err) {
			c.logFallback(target{repo: repo}, known, err)
			return known, nil
		}
		return "", c.blame(ctx, repo, err)
	}
	c.heads.Store(repo, info.Commit)
	return info.Commit, nil
}

// blame makes "no such repository" at a revision other than the default one "no
// such revision", where the hub knows the repository. Mirrors that cannot route
// a reference such as refs/convert/parquet say the former.
func (c *Client) blame(ctx context.Context, repo Repo, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != http.StatusNotFound || repo.Revision == DefaultRevision {
		return err
	}
	if e.Kind != ErrRepoNotFound && (e.Kind != nil || e.Path != "") {
		return err
	}
	if _, unknown := c.info(ctx, repo.At(DefaultRevision)); unknown == nil {
		e.Kind, e.advice = ErrRevisionNotFound, ""
	}
	return err
}

// treeFile is one file in the cached form of a listing: what we use of the
// Python client's.
type treeFile struct {
	Size      int64  `json:"size"`
	BlobID    string `json:"blob_id"`
	LFSSHA256 string `json:"lfs_sha256,omitempty"`
}

type treeFileSet struct {
	FormatVersion int                 `json:"format_version"`
	Files         map[string]treeFile `json:"files"`
}

func (f treeFile) entry(name string) Entry {
	return Entry{Path: name, Size: f.Size, BlobID: f.BlobID, SHA256: f.LFSSHA256}
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
}

// tree reads the listing of a commit, page by page.
func (c *Client) tree(ctx context.Context, repo Repo) (map[string]treeFile, error) {
	t := target{repo: repo}
	type item struct {
		Type string `json:"type"`
		Path string `json:"path"`
		Size int64  `json:"size"`
		OID  string `json:"oid"`
		LFS  *struct {
			OID  string `json:"oid"`
			Size int64  `json:"size"`
		} `json:"lfs"`
	}
	files := map[string]treeFile{}
	seen := map[string]bool{}
	next := c.apiURL(repo) + "/tree/" + repo.Revision + "?recursive=true&expand=false"
	for next != "" {
		if seen[next] {
			return nil, t.errorf("the listing's pages go in a circle")
		}
		seen[next] = true
		var page []item
		header, err := c.getJSON(ctx, t, next, maxPageBytes, &page)
		if err != nil {
			return nil, err
		}
		for _, it := range page {
			if it.Type != "file" {
				continue // folders, and kinds to come
			}
			f := treeFile{Size: it.Size, BlobID: it.OID}
			if it.LFS != nil {
				f.Size, f.LFSSHA256 = it.LFS.Size, it.LFS.OID
			}
			if it.Path == "" || f.Size < 0 {
				return nil, t.errorf("the listing holds a file %q of size %d", clip(it.Path), f.Size)
			}
			files[it.Path] = f
		}
		if len(files) > maxEntries {
			return nil, t.errorf("more than %d files", maxEntries)
		}
		if next, err = c.nextPage(t, next, header); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// nextPage finds the address that the Link header gives for rel="next".
func (c *Client) nextPage(t target, from string, header http.Header) (string, error) {
	for _, value := range header.Values("Link") {
		for link := range strings.SplitSeq(value, ",") {
			address, params, ok := strings.Cut(link, ";")
			address = strings.TrimSpace(address)
			if !ok || !strings.HasPrefix(address, "<") || !strings.HasSuffix(address, ">") || !isNext(params) {
				continue
			}
			base, err := url.Parse(from)
			if err != nil {
				return "", t.errorf("the listing's address is no URL")
			}
			next, err := base.Parse(address[1 : len(address)-1])
			if err != nil || !c.isHub(next) {
				return "", t.errorf("the listing goes on at an address that is not the hub's")
			}
			return next.String(), nil
		}
	}
	return "", nil
}

func isNext(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, "rel") && strings.EqualFold(strings.Trim(v, `"`), "next") {
			return true
		}
	}
	return false
}

// listing is where a commit's is, of ours ("listings") or the Python client's
// ("trees").
func (c *Client) listing(repo Repo, folder string) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), folder, repo.Revision+".json")
}

// readListing returns the cached listing of a commit. One that cannot be read or
// has another version counts as missing.
func (c *Client) readListing(repo Repo, folder string) ([]Entry, bool) {
	b, err := os.ReadFile(c.listing(repo, folder))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.o.Logger.Warn("cached listing ignored", "repo", repo.String(), "error", err)
		}
		return nil, false
	}
	var set treeFileSet
	if err := json.Unmarshal(b, &set); err != nil || set.FormatVersion != 1 || set.Files == nil {
		c.o.Logger.Warn("cached listing ignored", "repo", repo.String(), "version", set.FormatVersion, "error", err)
		return nil, false
	}
	entries := make([]Entry, 0, len(set.Files))
	for name, f := range set.Files {
		entries = append(entries, f.entry(name))
	}
	sortEntries(entries)
	return entries, true
}

// held lists the files of a commit that the cache holds.
func (c *Client) held(repo Repo) []Entry {
	var entries []Entry
	root := c.snapshotDir(repo, repo.Revision)
	_ = filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, name)
		if size, ok := fileSize(name); ok && err == nil && relErr == nil {
			entries = append(entries, Entry{Path: filepath.ToSlash(rel), Size: size})
		}
		return nil // what cannot be read is not held
	})
	sortEntries(entries)
	return entries
}

// writeListing is best effort: the listing is at hand, only not for next time.
func (c *Client) writeListing(repo Repo, files map[string]treeFile) {
	err := func() error {
		b, err := json.MarshalIndent(treeFileSet{1, files}, "", " ")
		if err != nil {
			return err
		}
		return c.writeSmall(repo, c.listing(repo, "listings"), b)
	}()
	if err != nil {
		c.o.Logger.Warn("listing not cached", "repo", repo.String(), "error", err)
	}
}

// writeSmall writes a file of the cache's bookkeeping.
func (c *Client) writeSmall(repo Repo, name string, data []byte) error {
	if err := c.makeCache(repo); err != nil {
		return err
	}
	f, err := atomicfile.CreateAll(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.Commit()
}
