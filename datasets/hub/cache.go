package hub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

// The layout, below the cache's root, for repository folder R
// ("datasets--owner--name") as the Python client documents it:
//
//	R/blobs/<etag>                   content, named by its hash; see etag.blob
//	R/blobs/<etag>.<8 hex>.incomplete  content under way, or left behind
//	R/refs/<revision>                commit of a branch or tag
//	R/snapshots/<commit>/<path>      link to a blob
//	R/.no_exist/<commit>/<path>      empty: the commit has no such file
//	R/trees/<commit>.json            listing of a commit, by the Python client
//	R/listings/<commit>.json         the same, by us
//	.locks/R/<etag>.lock             lock of the download of a blob
//	CACHEDIR.TAG                     tells backup programs to pass by
//
// Two of the Python client's rules bind us beyond the layout. To its scan of the
// cache a repository is damaged, and neither listed nor removed, that has no
// folder snapshots or a reference to a commit without a snapshot: so makeCache
// makes the former, and a reference is written when a file of its commit is
// there. And a listing in trees makes it refuse, offline, a snapshot that lacks
// one of the listed files; we fetch only some as a rule, and so leave that
// folder to it.

const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
	"# This file marks a cache folder of downloads from a Hugging Face hub.\n" +
	"# See https://bford.info/cachedir/\n"

// makeCache creates the root with its tag, and the repository's folder.
func (c *Client) makeCache(repo Repo) error {
	if err := os.MkdirAll(c.snapshotDir(repo, ""), 0o777); err != nil {
		return err
	}
	tag := filepath.Join(c.o.CacheDir, "CACHEDIR.TAG")
	if _, err := os.Lstat(tag); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := atomicfile.WriteFile(tag, []byte(cacheTag)); err != nil {
		c.o.Logger.Debug("no cache tag", "error", err)
	}
	return nil
}

func (c *Client) snapshotDir(repo Repo, commit string) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), "snapshots", commit)
}

func (c *Client) pointer(repo Repo, commit, name string) string {
	return filepath.Join(c.snapshotDir(repo, commit), filepath.FromSlash(name))
}

func (c *Client) blob(repo Repo, etag string) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), "blobs", etag)
}

func (c *Client) absentMark(repo Repo, commit, name string) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), ".no_exist", commit, filepath.FromSlash(name))
}

func (c *Client) refName(repo Repo) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), "refs", filepath.FromSlash(repo.Revision))
}

// fileSize gives the size of the regular file at name, links followed.
func fileSize(name string) (int64, bool) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// errAbsent: the cache has no such file.
var errAbsent = errors.New("no such file in the cache")

// wrongSize says that a cached file is cut short, or not the one it is named as.
type wrongSize struct{ size, want int64 }

func (e *wrongSize) Error() string {
	return fmt.Sprintf("the file there has %d bytes, and %d by the commit's listing", e.size, e.want)
}

// cached finds a file in the snapshot of a commit: errAbsent where it is not
// there, a *wrongSize where the commit's listing is and says that it is not whole,
// a *ChecksumError where there is none and a small file is not what its blob is
// named after.
func (c *Client) cached(pinned Repo, name string) (local string, err error) {
	local = c.pointer(pinned, pinned.Revision, name)
	size, ok := fileSize(local)
	if !ok {
		return "", errAbsent
	}
	f, known := c.fact(pinned, name)
	if known && f.Size != size {
		err := &wrongSize{size, f.Size}
		c.o.Logger.Warn("cached file of the wrong size passed over", "repo", pinned.String(), "path", c.secrets.Strike(name), "size", size, "want", f.Size)
		return "", err
	}
	if known {
		return local, nil
	}
	if err := c.checkNamed(c.about(pinned, name), local, size); err != nil {
		c.o.Logger.Warn("cached file that is not what it is named after passed over", "repo", pinned.String(), "path", c.secrets.Strike(name), "error", err)
		return "", err
	}
	return local, nil
}

// checkNamed holds a cached file of at most maxChecked bytes against the name of
// its blob, where that is a hash and links lead to it. Larger ones say
// themselves that they are cut short: weights and tables have sizes in them.
func (c *Client) checkNamed(t target, local string, size int64) error {
	link, err := os.Readlink(local)
	tag := etag{tag: filepath.Base(link)}
	if err != nil || size > maxChecked || !tag.isHash() {
		return nil
	}
	return newVerifier(t, meta{etag: tag, size: size}, treeFile{}).checkFile(local)
}

// isThat tells whether a file of the cache is the one that m describes, as far as
// its size tells, and of a small one its hash.
func (c *Client) isThat(t target, m meta, file string) bool {
	size, ok := fileSize(file)
	if !ok {
		return false
	}
	var err error = &wrongSize{size, m.size}
	if size == m.size {
		listed, _ := c.fact(t.repo, t.path)
		if v := newVerifier(t, m, listed); size > maxChecked || !v.known() {
			err = nil
		} else {
			err = v.checkFile(file)
		}
	}
	if err != nil {
		c.o.Logger.Warn("cached file is not the one wanted", "repo", t.repo.String(), "path", t.shownPath(), "error", err)
	}
	return err == nil
}

// lastCommit gives the commit that the cache has for a revision: the revision
// itself, or the one that the reference leads to. Clients that write no
// references leave one snapshot that nothing names: it stands for the default
// revision.
func (c *Client) lastCommit(repo Repo) (commit string, ok bool) {
	if isCommit(repo.Revision) {
		return repo.Revision, true
	}
	if commit, ok = c.readRef(repo); ok || repo.Revision != DefaultRevision {
		return commit, ok
	}
	if commits := c.unnamed(repo); len(commits) == 1 {
		c.o.Logger.Warn("the cache has one snapshot without a reference, which is taken for the default revision", "repo", repo.String(), "commit", commits[0])
		return commits[0], true
	}
	return "", false
}

// unnamed lists the commits of the snapshots of a repository without any
// reference, none where there is one.
func (c *Client) unnamed(repo Repo) (commits []string) {
	named := false
	_ = filepath.WalkDir(filepath.Join(c.o.CacheDir, repo.folder(), "refs"), func(_ string, d fs.DirEntry, err error) error {
		named = named || err == nil && !d.IsDir()
		return nil
	})
	if named {
		return nil
	}
	entries, _ := os.ReadDir(c.snapshotDir(repo, "")) // what cannot be read is not there
	for _, e := range entries {
		if isCommit(e.Name()) {
			commits = append(commits, e.Name())
		}
	}
	return commits
}

// readRef gives the last commit of a branch or tag of which a file was cached.
func (c *Client) readRef(repo Repo) (string, bool) {
	f, err := os.Open(c.refName(repo))
	if err != nil {
		return "", false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRef))
	if err != nil {
		return "", false
	}
	commit := strings.ToLower(strings.TrimSpace(string(b)))
	return commit, isCommit(commit)
}

// landed writes the references that the hub says lead to the commit of pinned,
// of which the cache now has a file. Best effort: a cache that cannot be written
// still serves what it holds, and only falling back to it needs the reference.
func (c *Client) landed(pinned Repo) {
	c.heads.Range(func(key, commit any) bool {
		if repo := key.(Repo); repo.At(pinned.Revision) == pinned && commit == pinned.Revision {
			c.writeRef(repo, pinned.Revision)
			c.heads.CompareAndDelete(key, commit)
		}
		return true
	})
}

func (c *Client) writeRef(repo Repo, commit string) {
	if known, ok := c.readRef(repo); ok && known == commit {
		return
	}
	if err := c.writeSmall(repo, c.refName(repo), []byte(commit)); err != nil {
		c.o.Logger.Warn("reference not cached", "repo", repo.String(), "error", err)
	}
}

// markAbsent remembers that a commit has no such file. Best effort.
func (c *Client) markAbsent(repo Repo, commit, name string) {
	if !isCommit(commit) {
		return
	}
	if err := c.writeSmall(repo, c.absentMark(repo, commit, name), nil); err != nil {
		c.o.Logger.Debug("absence not cached", "repo", repo.String(), "path", c.secrets.Strike(name), "error", c.secrets.Err(err))
	}
}

func (c *Client) knownAbsent(repo Repo, commit, name string) bool {
	info, err := os.Lstat(c.absentMark(repo, commit, name))
	return err == nil && info.Mode().IsRegular()
}

// link puts the blob, of the given size, into the snapshot: as a relative link,
// or, where there are none, as the file itself (moved there when fresh, else
// copied). What the snapshot has under that name, such as a link whose blob was
// deleted, is replaced in one step, as others may be reading it.
func (c *Client) link(blob, pointer string, size int64, fresh bool) error {
	if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
		return err
	}
	if !c.o.NoSymlinks {
		err := symlink(blob, pointer, size)
		if err == nil {
			return nil
		}
		c.o.Logger.Debug("no symbolic link, the file itself takes its place", "error", c.secrets.Err(err))
	}
	if fresh {
		return atomicfile.Rename(blob, pointer)
	}
	return copyFile(blob, pointer)
}

func symlink(blob, pointer string, size int64) error {
	target, err := filepath.Rel(filepath.Dir(pointer), blob)
	if err != nil {
		return err
	}
	err = os.Symlink(target, pointer)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if have, ok := fileSize(pointer); ok && have == size {
		return nil // another process was faster, where locks do not work
	}
	temp, err := createFree(pointer, atomicfile.TempSuffix, func(name string) error { return os.Symlink(target, name) })
	if err != nil {
		return err
	}
	if err := atomicfile.Rename(temp, pointer); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// createFree calls create with names made of base, 8 random hex digits and
// suffix until one is free.
func createFree(base, suffix string, create func(name string) error) (string, error) {
	for range maxNames {
		var random [4]byte
		_, _ = rand.Read(random[:]) // documented never to fail
		name := base + "." + hex.EncodeToString(random[:]) + suffix
		if err := create(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", fmt.Errorf("no free name beside %s", base)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	// A link at to is to be replaced, not written through.
	if info, err := os.Lstat(to); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := os.Remove(to); err != nil {
			return err
		}
	}
	out, err := atomicfile.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Commit()
}

// fallsBack tells whether a failure to ask the hub lets the cache answer
// instead: the hub is out of reach or refuses us, as opposed to knowing that
// the revision or file does not exist.
func fallsBack(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Kind {
		case ErrRevisionNotFound, ErrEntryNotFound:
			return false
		}
		return e.Status == 401 || e.Status == 403 || e.Status == 404 || e.Status == 408 || e.Status == 429 || e.Status >= 500
	}
	return true
}

func (c *Client) logFallback(t target, commit string, err error) {
	c.o.Logger.Warn("the hub does not answer, the cache stands in", "repo", t.repo.String(), "path", t.shownPath(), "commit", commit, "error", err)
}

// notCached says that the cache does not hold what is asked for, and why.
func (c *Client) notCached(t target, why error) error {
	advice := "cache folder " + c.o.CacheDir
	if why != errAbsent {
		advice += ": " + why.Error()
	}
	if _, ok := c.lastCommit(t.repo); !ok && t.repo.Revision == DefaultRevision {
		if commits := c.unnamed(t.repo); len(commits) > 0 {
			advice += ": it has snapshots of the commits " + strings.Join(commits[:min(len(commits), maxShown)], ", ") + " and no reference: ask for one of them"
		}
	}
	return &Error{Repo: t.repo, Path: t.shownPath(), Kind: ErrNotCached, advice: advice}
}
