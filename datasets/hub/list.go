package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	return c.info(ctx, repo, false)
}

// info asks about a repository: once, as the caller has something to fall back
// on, or with retries.
func (c *Client) info(ctx context.Context, repo Repo, once bool) (Info, error) {
	t := c.about(repo, "")
	if c.o.Offline {
		return Info{}, c.notCached(t, errAbsent)
	}
	var answer struct {
		SHA      string          `json:"sha"`
		Gated    json.RawMessage `json:"gated"`
		Private  bool            `json:"private"`
		Disabled bool            `json:"disabled"`
	}
	if _, err := c.getJSON(ctx, t, c.apiURL(repo)+"/revision/"+url.PathEscape(repo.Revision), once, maxInfoBytes, &answer); err != nil {
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
	files, ok := c.listed(pinned)
	if ok {
		return entriesOf(files), nil
	}
	if c.o.Offline {
		if entries := c.held(pinned); len(entries) > 0 {
			return entries, nil
		}
		return nil, c.notCached(c.about(pinned, ""), errAbsent)
	}
	if files, err = c.list(ctx, pinned); err != nil {
		if entries := c.held(pinned); len(entries) > 0 && fallsBack(ctx, err) {
			c.logFallback(c.about(pinned, ""), pinned.Revision, err)
			return entries, nil
		}
		return nil, c.blame(ctx, pinned, err)
	}
	return entriesOf(files), nil
}

// list asks the hub for the listing of a commit and keeps it.
func (c *Client) list(ctx context.Context, pinned Repo) (map[string]treeFile, error) {
	files, err := c.tree(ctx, pinned)
	if err == nil {
		c.writeListing(pinned, files)
	}
	return files, err
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
	known, hasKnown := c.lastCommit(repo)
	if c.o.Offline {
		if !hasKnown {
			return "", c.notCached(c.about(repo, ""), errAbsent)
		}
		return known, nil
	}
	info, err := c.info(ctx, repo, hasKnown)
	if err != nil {
		if hasKnown && fallsBack(ctx, err) {
			c.logFallback(c.about(repo, ""), known, err)
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
	if _, unknown := c.info(ctx, repo.At(DefaultRevision), false); unknown == nil {
		e.Kind, e.advice = ErrRevisionNotFound, ""
	}
	return err
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
}

// tree reads the listing of a commit, page by page.
func (c *Client) tree(ctx context.Context, repo Repo) (map[string]treeFile, error) {
	t := c.about(repo, "")
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
		header, err := c.getJSON(ctx, t, next, false, maxPageBytes, &page)
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
				return nil, t.errorf("the listing holds a file %q of size %d", c.show(it.Path), f.Size)
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

// nextPage finds the address that the Link header gives for rel="next". Whatever
// server it names, as a mirror passes on what the hub said, the page is asked for
// at the endpoint that gave the one before.
func (c *Client) nextPage(t target, from string, header http.Header) (string, error) {
	next := nextLink(header)
	if next == "" {
		return "", nil
	}
	base, err := url.Parse(from)
	if err != nil {
		return "", t.errorf("the listing's address is no URL")
	}
	u, err := base.Parse(next)
	if err != nil {
		return "", t.errorf("the listing goes on at an address that is no URL")
	}
	_, path, ok := strings.Cut(u.EscapedPath(), "/api/")
	if !ok || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return "", t.errorf("the listing goes on at an address that is not the hub's API")
	}
	address := c.o.Endpoint + "/api/" + path
	if u.RawQuery != "" {
		address += "?" + u.RawQuery
	}
	return address, nil
}

// nextLink gives the address that Link headers have for the relation next, ""
// for none. Addresses and quoted texts may hold commas and semicolons.
func nextLink(header http.Header) string {
	for _, rest := range header.Values("Link") {
		for {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			address, params, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			next := false
			for more := true; more; {
				var name, value string
				name, value, rest, more = linkParam(params)
				if strings.EqualFold(name, "rel") && slices.ContainsFunc(strings.Fields(value), func(r string) bool { return strings.EqualFold(r, "next") }) {
					next = true
				}
				params = rest
			}
			if next {
				return strings.TrimSpace(address)
			}
		}
	}
	return ""
}

// linkParam cuts a parameter `name=value` or `name="value"` off the ones that
// follow an address. more tells that another one follows, and not another
// address or the end.
func linkParam(s string) (name, value, rest string, more bool) {
	i := 0
	for quoted := false; i < len(s) && (quoted || s[i] != ';' && s[i] != ','); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case quoted && s[i] == '\\':
			i++ // what follows is meant literally
		}
	}
	i = min(i, len(s))
	name, value, _ = strings.Cut(s[:i], "=")
	rest = s[i:]
	if more = strings.HasPrefix(rest, ";"); more {
		rest = rest[1:]
	}
	return strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`), rest, more
}
