package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// Download brings one file into the cache, unless it is there, and returns its
// path in the snapshot folder of its commit. path is slash-separated, from the
// repository's root. The file must not be written to: other snapshots and
// programs share it.
func (c *Client) Download(ctx context.Context, repo Repo, path string) (local string, err error) {
	return c.download(ctx, repo, path, false)
}

// download brings one file. With doubt the hub is asked about one at a commit that
// is cached, where no listing tells its size.
func (c *Client) download(ctx context.Context, repo Repo, path string, doubt bool) (local string, err error) {
	repo, err = repo.normalize()
	if err != nil {
		return "", err
	}
	if err := c.secrets.Err(checkPath(path)); err != nil {
		return "", err
	}
	local, m, err := c.find(ctx, repo, path, doubt)
	if err != nil {
		return "", err
	}
	if local != "" {
		c.landed(repo)
		size, _ := fileSize(local)
		c.report(Progress{Repo: repo, Path: path, Done: size, Total: size, Cached: true, Finished: true})
		return local, nil
	}
	if local, err = c.materialize(ctx, repo, path, m); err == nil {
		c.landed(repo.At(m.commit))
	}
	return local, err
}

// DownloadAll brings several files of one repository into the cache, all from
// one commit and several at a time, and returns the folder of their snapshot,
// which holds them under their paths (and perhaps others that were fetched
// before). The first failure ends the rest and is returned; what was fetched
// stays. No paths means no files: List gives those there are.
func (c *Client) DownloadAll(ctx context.Context, repo Repo, paths []string) (snapshotDir string, err error) {
	for _, p := range paths {
		if err := c.secrets.Err(checkPath(p)); err != nil {
			return "", err
		}
	}
	pinned, err := c.Pin(ctx, repo)
	if err != nil {
		return "", err
	}
	moves := !isCommit(repo.Revision) // and so the hub has been asked
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cap(c.slots))
	seen := make(map[string]bool, len(paths))
	for _, p := range paths {
		if seen[p] {
			continue
		}
		seen[p] = true
		g.Go(func() error {
			_, err := c.download(gctx, pinned, p, moves)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	return c.snapshotDir(pinned, pinned.Revision), nil
}

// find answers from the cache where that is allowed (local is then set), else
// with what the hub says of the file.
func (c *Client) find(ctx context.Context, repo Repo, name string, doubt bool) (local string, m meta, err error) {
	t := c.about(repo, name)
	fixed := isCommit(repo.Revision)
	missing := errAbsent
	known, ok := c.lastCommit(repo)
	if ok {
		local, missing = c.cached(repo.At(known), name)
	}
	has := missing == nil
	if has && fixed && doubt {
		_, told := c.fact(repo, name)
		doubt = !told
	}
	switch {
	case has && (c.o.Offline || fixed && !doubt):
		return local, meta{}, nil
	case missing == errAbsent && fixed && c.knownAbsent(repo, repo.Revision, name):
		return "", meta{}, &Error{Repo: repo, Path: t.shownPath(), Kind: ErrEntryNotFound, advice: "the cache remembers that the commit has no such file"}
	case c.o.Offline:
		return "", meta{}, c.notCached(t, missing)
	}
	m, err = c.describe(ctx, repo, name, has)
	if err != nil {
		if has && fallsBack(ctx, err) {
			c.logFallback(t, known, err)
			return local, meta{}, nil
		}
		return "", meta{}, c.blame(ctx, repo, err)
	}
	if !fixed {
		c.heads.Store(repo, m.commit)
	}
	return "", m, nil
}

// materialize gets the file that m describes into its snapshot.
func (c *Client) materialize(ctx context.Context, repo Repo, name string, m meta) (string, error) {
	t := c.about(repo, name)
	b := bringing{c: c, t: c.about(repo.At(m.commit), name), m: m, pointer: c.pointer(repo, m.commit, name)}
	// Where the listing has another size only the content can tell.
	listed, ok := c.fact(b.t.repo, name)
	b.doubtful = ok && listed.Size != m.size
	done := func(cached bool) (string, error) {
		c.report(Progress{Repo: repo, Path: name, Done: m.size, Total: m.size, Cached: cached, Finished: true})
		return b.pointer, nil
	}
	if b.has(b.pointer) {
		return done(true)
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return "", t.errorf("%w", ctx.Err())
	}
	if err := c.makeCache(repo); err != nil {
		return "", t.errorf("cache: %w", err)
	}
	id := m.etag.blob(name)
	unlock, locked, err := c.lock(ctx, filepath.Join(c.o.CacheDir, ".locks", repo.folder(), id+".lock"))
	if err != nil {
		return "", t.errorf("%w", err)
	}
	defer unlock()
	cached, err := b.bring(ctx, c.blob(repo, id), locked)
	if err != nil {
		return "", err
	}
	return done(cached)
}

// bringing is a file on its way into a snapshot.
type bringing struct {
	c        *Client
	t        target // pinned to the commit
	m        meta
	pointer  string
	doubtful bool // the size does not tell that a file of the cache is whole
}

// has tells whether file is the one that m describes, where that can be told.
func (b *bringing) has(file string) bool { return !b.doubtful && b.c.isThat(b.t, b.m, file) }

// bring fetches the blob, unless it is there, and links it. cached tells that
// nothing had to be fetched.
func (b *bringing) bring(ctx context.Context, blob string, locked bool) (cached bool, err error) {
	for tries := 0; ; tries++ {
		if b.has(b.pointer) { // somebody else was at it
			return true, nil
		}
		fresh := !b.has(blob)
		if fresh {
			err := b.c.fetch(ctx, b.t, b.m, blob, locked)
			if errors.Is(err, errVanished) && tries < maxRaces {
				continue
			}
			if err != nil {
				return false, err
			}
		}
		err := b.c.link(blob, b.pointer, b.m.size, fresh)
		if size, ok := fileSize(b.pointer); err == nil && (!ok || size != b.m.size) {
			err = fmt.Errorf("%s does not lead to the file", b.pointer)
		}
		if err == nil {
			return !fresh, nil
		}
		// Where locks do not work, another process may have moved the blob.
		if !errors.Is(err, fs.ErrNotExist) || tries >= maxRaces {
			return false, b.t.errorf("cache: %w", err)
		}
	}
}
