package hub

import (
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
)

// RepoType tells the kinds of repository apart that share the name space
// "owner/name".
type RepoType string

const (
	// TypeModel is a model repository; the empty RepoType means it too.
	TypeModel RepoType = "model"
	// TypeDataset is a dataset repository.
	TypeDataset RepoType = "dataset"
)

// DefaultRevision is the branch that an empty Revision stands for.
const DefaultRevision = "main"

// Repo names a repository at a revision.
type Repo struct {
	// Type is TypeModel (also when empty) or TypeDataset.
	Type RepoType
	// ID is the full name, "owner/name". Names without an owner are accepted,
	// as the hub still redirects some of them.
	ID string
	// Revision is a branch, a tag, a reference such as "refs/convert/parquet",
	// or a commit of 40 hex digits. Empty means DefaultRevision.
	Revision string
}

// Dataset names a dataset repository at its default revision.
func Dataset(id string) Repo { return Repo{Type: TypeDataset, ID: id} }

// Model names a model repository at its default revision.
func Model(id string) Repo { return Repo{Type: TypeModel, ID: id} }

// At returns the repository at another revision.
func (r Repo) At(revision string) Repo {
	r.Revision = revision
	return r
}

// String gives "dataset owner/name@revision", leaving out the default revision.
func (r Repo) String() string {
	s := string(r.Type)
	if s == "" {
		s = string(TypeModel)
	}
	s += " " + r.ID
	if r.Revision != "" && r.Revision != DefaultRevision {
		s += "@" + r.Revision
	}
	return s
}

// normalize fills the defaults in and checks that nothing in r can leave the
// folder or the URL path it is put into.
func (r Repo) normalize() (Repo, error) {
	switch r.Type {
	case "":
		r.Type = TypeModel
	case TypeModel, TypeDataset:
	default:
		return r, fmt.Errorf("hub: repository %q: unknown type %q", r.ID, r.Type)
	}
	if r.Revision == "" {
		r.Revision = DefaultRevision
	}
	if err := checkID(r.ID); err != nil {
		return r, fmt.Errorf("hub: repository %q: %w", r.ID, err)
	}
	if err := checkRevision(r.Revision); err != nil {
		return r, fmt.Errorf("hub: %s: revision %q: %w", r.ID, r.Revision, err)
	}
	if isCommit(r.Revision) {
		r.Revision = strings.ToLower(r.Revision)
	}
	return r, nil
}

// checkID applies the hub's rule for names: one or two parts of letters,
// digits, "-", "_" and ".", at most 96 characters in all.
func checkID(id string) error {
	parts := strings.Split(id, "/")
	if id == "" || len(id) > maxID || len(parts) > 2 {
		return fmt.Errorf("want a name of at most %d characters in the form owner/name", maxID)
	}
	for _, p := range parts {
		ok := p != "" && strings.IndexFunc(p, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
		}) < 0
		if !ok || strings.Trim(p, "-.") != p || strings.Contains(p, "--") || strings.Contains(p, "..") || strings.HasSuffix(p, ".git") {
			return fmt.Errorf("the part %q is not a valid name", p)
		}
	}
	return nil
}

// checkRevision applies git's rules for reference names as far as they matter
// for a path below the cache.
func checkRevision(rev string) error {
	if len(rev) > 255 || !fs.ValidPath(rev) || rev == "." || strings.Contains(rev, "..") ||
		strings.ContainsAny(rev, "\\:*?[~^\"<>| ") || strings.ContainsFunc(rev, isControl) || !filepath.IsLocal(filepath.FromSlash(rev)) {
		return fmt.Errorf("not a valid branch, tag or commit")
	}
	return nil
}

// checkPath accepts the slash-separated path of a file inside a repository.
func checkPath(name string) error {
	if len(name) > 4096 || !fs.ValidPath(name) || name == "." || strings.Contains(name, "\\") ||
		strings.ContainsFunc(name, isControl) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("hub: file %q: not a relative, slash-separated path", name)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// isCommit tells whether rev is a full commit hash, which never moves.
func isCommit(rev string) bool { return isHex(rev, 40) }

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

// folder is the name of the repository's folder in the cache.
func (r Repo) folder() string {
	return string(r.Type) + "s--" + strings.ReplaceAll(r.ID, "/", "--")
}

// resolveURL is where a file's content is asked for.
func (c *Client) resolveURL(r Repo, name string) string {
	prefix := ""
	if r.Type == TypeDataset {
		prefix = "datasets/"
	}
	return c.o.Endpoint + "/" + prefix + r.ID + "/resolve/" + url.PathEscape(r.Revision) + "/" + escapePath(name)
}

// apiURL is the base of the API calls on a repository.
func (c *Client) apiURL(r Repo) string {
	return c.o.Endpoint + "/api/" + string(r.Type) + "s/" + r.ID
}

// pageURL is the page that a person opens in a browser.
func (c *Client) pageURL(r Repo) string {
	if r.Type == TypeDataset {
		return c.o.Endpoint + "/datasets/" + r.ID
	}
	return c.o.Endpoint + "/" + r.ID
}

// escapePath percent-encodes each segment and keeps the slashes.
func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
