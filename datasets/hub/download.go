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
	repo, err = repo.normalize()
	if err != nil {
		return "", err
	}
	if err := checkPath(path); err != nil {
		return "", err
	}
	local, m, err := c.find(ctx, repo, path)
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
		if err := checkPath(p); err != nil {
			return "", err
		}
	}
	pinned, err := c.Pin(ctx, repo)
	if err != nil {
		return "", err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cap(c.slots))
	seen := make(map[string]bool, len(paths))
	for _, p := range paths {
		if seen[p] {
			continue
		}
		seen[p] = true
		g.Go(func() error {
			_, err := c.Download(gctx, pinned, p)
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
func (c *Client) find(ctx context.Context, repo Repo, name string) (local string, m meta, err error) {
	t := target{repo, name}
	hit := func(commit string) (string, bool) { return c.cached(repo, commit, name) }
	if isCommit(repo.Revision) {
		if local, ok := hit(repo.Revision); ok {
			return local, meta{}, nil
		}
		if c.knownAbsent(repo, repo.Revision, name) {
			return "", meta{}, &Error{Repo: repo, Path: name, Kind: ErrEntryNotFound, advice: "the cache remembers that the commit has no such file"}
		}
		if c.o.Offline {
			return "", meta{}, c.notCached(t)
		}
		m, err := c.describe(ctx, repo, name, false)
		return "", m, c.blame(ctx, repo, err)
	}

	known, hasKnown := c.readRef(repo)
	if c.o.Offline {
		if hasKnown {
			if local, ok := hit(known); ok {
				return local, meta{}, nil
			}
		}
		return "", meta{}, c.notCached(t)
	}
	hasLocal := false
	if hasKnown {
		_, hasLocal = hit(known)
	}
	m, err = c.describe(ctx, repo, name, hasLocal)
	if err != nil {
		if hasLocal && fallsBack(ctx, err) {
			if local, ok := hit(known); ok {
				c.logFallback(t, known, err)
				return local, meta{}, nil
			}
		}
		return "", meta{}, c.blame(ctx, repo, err)
	}
	c.heads.Store(repo, m.commit)
	return "", m, nil
}

// materialize gets the file that m describes into its snapshot.
func (c *Client) materialize(ctx context.Context, repo Repo, name string, m meta) (string, error) {
	t := target{repo, name}
	pointer := c.pointer(repo, m.commit, name)
	done := func(cached bool) (string, error) {
		c.report(Progress{Repo: repo, Path: name, Done: m.size, Total: m.size, Cached: cached, Finished: true})
		return pointer, nil
	}
	whole := func(file string) bool {
		size, ok := fileSize(file)
		if ok && size != m.size {
			c.o.Logger.Warn("cached file of the wrong size is fetched again", "repo", repo.String(), "path", name, "size", size, "want", m.size)
			return false
		}
		return ok
	}
	if whole(pointer) {
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
	unlock, locked, err := c.lock(ctx, filepath.Join(c.o.CacheDir, ".locks", repo.folder(), m.etag+".lock"))
	if err != nil {
		return "", t.errorf("%w", err)
	}
	defer unlock()
	blob := c.blob(repo, m.etag)
	for tries := 0; ; tries++ {
		if whole(pointer) { // somebody else was at it
			return done(true)
		}
		fresh := !whole(blob)
		if fresh {
			err := c.fetch(ctx, repo.At(m.commit), name, m, blob, locked)
			if errors.Is(err, errVanished) && tries < maxRaces {
				continue
			}
			if err != nil {
				return "", err
			}
		}
		err := c.link(blob, pointer, m.size, fresh)
		if err == nil && !whole(pointer) {
			err = fmt.Errorf("%s does not lead to the file", pointer)
		}
		if err == nil {
			return done(!fresh)
		}
		// Where locks do not work, another process may have moved the blob.
		if !errors.Is(err, fs.ErrNotExist) || tries >= maxRaces {
			return "", t.errorf("cache: %w", err)
		}
	}
}
