package hubtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// handler records the request and applies faults before the real answer.
func (h *Hub) handler(server string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, Request{server, r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone()})
		h.mu.Unlock()
		w.Header().Set("X-Request-Id", "Root=1-pretend")
		w.Header().Set("RateLimit", `"resolvers";r=2999;t=200`)
		if f := h.takeFault(server, r); f != nil {
			f.serve(h, w, r, serve)
			return
		}
		serve(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}

// authorized checks the token of a request: known, absent, or wrong (then the
// refusal is written).
func authorized(w http.ResponseWriter, r *http.Request) (signedIn, ok bool) {
	switch r.Header.Get("Authorization") {
	case "":
		return false, true
	case "Bearer " + Token:
		return true, true
	}
	refuse(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
	return false, false
}

func (h *Hub) serveHub(w http.ResponseWriter, r *http.Request) {
	signedIn, ok := authorized(w, r)
	if !ok {
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	switch {
	case strings.HasPrefix(path, "api/resolve-cache/"):
		h.serveCached(w, r, strings.TrimPrefix(path, "api/resolve-cache/"), signedIn)
	case strings.HasPrefix(path, "api/"):
		h.serveAPI(w, r, strings.TrimPrefix(path, "api/"), signedIn)
	default:
		h.serveResolve(w, r, path, signedIn)
	}
}

// visible finds a repository or refuses as the hub does, which does not tell
// missing from private.
func (h *Hub) visible(w http.ResponseWriter, kind, path string, signedIn bool) (r *Repo, rest, moved string) {
	r, rest, moved = h.lookup(kind, path)
	if r == nil || r.private && !signedIn {
		if signedIn {
			refuse(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
		} else {
			refuse(w, http.StatusUnauthorized, "RepoNotFound", "Invalid username or password.")
		}
		return nil, "", ""
	}
	return r, rest, moved
}

// serveAPI answers {kind}/{id}[/revision/{rev}], {kind}/{id}/tree/{rev}[/{path}],
// {kind}/{id}/paths-info/{rev} and {kind}/{id}/xet-read-token/{rev}. Our client
// has no use for some of it, but others that it is compared with have.
func (h *Hub) serveAPI(w http.ResponseWriter, req *http.Request, path string, signedIn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kind, path, _ := strings.Cut(path, "/")
	r, rest, moved := h.visible(w, kind, path, signedIn)
	if r == nil {
		return
	}
	if moved != "" {
		w.Header().Set("Location", "/api/"+kind+"/"+moved+"/"+rest+"?"+req.URL.RawQuery)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	verb, rest, _ := strings.Cut(rest, "/")
	rev, folder, _ := strings.Cut(rest, "/")
	if verb == "" {
		verb, rev = "revision", "main"
	}
	commit, files, ok := r.tree(rev)
	if !ok {
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+rev)
		return
	}
	switch verb {
	case "revision":
		r.serveInfo(w, commit, files)
	case "paths-info":
		r.servePaths(w, req, commit, files)
	case "tree":
		r.serveTree(w, req, commit, files, folder)
	case "xet-read-token":
		r.serveXetToken(w)
	default:
		refuse(w, http.StatusNotFound, "", "Not Found")
	}
}

func (r *Repo) serveInfo(w http.ResponseWriter, commit string, files map[string]string) {
	type sibling struct {
		Name string `json:"rfilename"`
	}
	siblings := []sibling{}
	for _, p := range sortedKeys(files) {
		siblings = append(siblings, sibling{p})
	}
	var gated any = false
	if r.gated != "" {
		gated = r.gated
	}
	writeJSON(w, map[string]any{
		"_id": commit[:24], "id": r.id, "author": strings.Split(r.id, "/")[0], "sha": commit,
		"lastModified": changed, "createdAt": changed, "private": r.private, "gated": gated, "disabled": r.disabled,
		"downloads": 0, "likes": 0, "tags": []string{}, "siblings": siblings,
	})
}

// item is a file or folder of a listing.
type item struct {
	Type       string      `json:"type"`
	OID        string      `json:"oid"`
	Size       int         `json:"size"`
	Path       string      `json:"path"`
	LFS        *lfs        `json:"lfs,omitempty"`
	XetHash    string      `json:"xetHash,omitempty"`
	LastCommit *lastCommit `json:"lastCommit,omitempty"`
}

type lfs struct {
	OID         string `json:"oid"`
	Size        int    `json:"size"`
	PointerSize int    `json:"pointerSize"`
}

type lastCommit struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Date  string `json:"date"`
}

// changed is when everything here was changed last.
const changed = "2026-01-02T03:04:05.000Z"

// items lists the folders and files of a commit in the order of their paths.
// With expand they tell when they were changed.
func (r *Repo) items(commit string, files map[string]string, expand bool) []item {
	items := []item{}
	folders := map[string]bool{}
	for _, p := range sortedKeys(files) {
		for i := range len(p) {
			if p[i] == '/' && !folders[p[:i]] {
				folders[p[:i]] = true
				items = append(items, item{Type: "directory", OID: GitSHA1(p[:i]), Path: p[:i]})
			}
		}
		content := files[p]
		it := item{Type: "file", OID: GitSHA1(content), Size: len(content), Path: p}
		if IsLarge(p) {
			pointer := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", SHA256(content), len(content))
			it.OID, it.LFS = GitSHA1(pointer), &lfs{SHA256(content), len(content), len(pointer)}
			if r.xet {
				it.XetHash = xetHash(content)
			}
		}
		items = append(items, it)
	}
	for i := range items {
		if expand {
			items[i].LastCommit = &lastCommit{commit, "Change it", changed}
		}
	}
	return items
}

// servePaths answers for the paths of a body in JSON or as a form; missing ones
// are left out.
func (r *Repo) servePaths(w http.ResponseWriter, req *http.Request, commit string, files map[string]string) {
	var asked struct {
		Paths  []string `json:"paths"`
		Expand bool     `json:"expand"`
	}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/json") {
		if err := json.NewDecoder(req.Body).Decode(&asked); err != nil {
			refuse(w, http.StatusBadRequest, "", err.Error())
			return
		}
	} else {
		if err := req.ParseForm(); err != nil {
			refuse(w, http.StatusBadRequest, "", err.Error())
			return
		}
		asked.Paths, asked.Expand = req.PostForm["paths"], strings.EqualFold(req.PostForm.Get("expand"), "true")
	}
	writeJSON(w, slices.DeleteFunc(r.items(commit, files, asked.Expand), func(it item) bool {
		return !slices.Contains(asked.Paths, it.Path)
	}))
}

// serveTree lists a folder, or, for the query recursive, everything below it.
func (r *Repo) serveTree(w http.ResponseWriter, req *http.Request, commit string, files map[string]string, escaped string) {
	q := req.URL.Query()
	folder, err := url.PathUnescape(escaped)
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	// huggingface_hub 0.x writes "True".
	recursive, expand := strings.EqualFold(q.Get("recursive"), "true"), strings.EqualFold(q.Get("expand"), "true")
	items := slices.DeleteFunc(r.items(commit, files, expand), func(it item) bool {
		below := it.Path
		if folder != "" {
			var ok bool
			if below, ok = strings.CutPrefix(it.Path, folder+"/"); !ok {
				return true
			}
		}
		return !recursive && strings.Contains(below, "/")
	})
	if folder != "" && len(items) == 0 {
		refuse(w, http.StatusNotFound, "EntryNotFound", folder+` does not exist on "`+commit+`"`)
		return
	}
	size := r.hub.PageSize
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		size = min(size, n)
	}
	// The cursor means something to the hub alone.
	cursor, _ := base64.URLEncoding.DecodeString(q.Get("cursor"))
	from, _ := strconv.Atoi(string(cursor))
	from = min(max(from, 0), len(items))
	to := min(from+size, len(items))
	if to < len(items) {
		q.Set("cursor", base64.URLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
		w.Header().Add("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, r.hub.URL, req.URL.EscapedPath(), q.Encode()))
	}
	writeJSON(w, items[from:to])
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

// serveResolve answers [datasets/]{id}/resolve/{rev}/{path}.
func (h *Hub) serveResolve(w http.ResponseWriter, req *http.Request, path string, signedIn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kind, prefix := "models", ""
	if p, ok := strings.CutPrefix(path, "datasets/"); ok {
		kind, prefix, path = "datasets", "datasets/", p
	}
	r, rest, moved := h.visible(w, kind, path, signedIn)
	if r == nil {
		return
	}
	if moved != "" {
		w.Header().Set("Location", "/"+prefix+moved+"/"+rest)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	rest, ok := strings.CutPrefix(rest, "resolve/")
	rev, escaped, ok2 := strings.Cut(rest, "/")
	name, err := url.PathUnescape(escaped)
	if !ok || !ok2 || err != nil {
		refuse(w, http.StatusNotFound, "", "Not Found")
		return
	}
	commit, files, ok := r.tree(rev)
	if !ok {
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+rev)
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	content, ok := files[name]
	restricted := "Access to " + strings.TrimSuffix(kind, "s") + " " + r.id + " is restricted"
	switch {
	case r.disabled:
		refuse(w, http.StatusForbidden, "", "Access to this resource is disabled.")
	case !ok:
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
	case r.gated != "" && !signedIn:
		refuse(w, http.StatusUnauthorized, "GatedRepo", restricted+". You must have access to it and be authenticated to access it. Please log in.")
	case r.gated != "" && !r.granted:
		refuse(w, http.StatusForbidden, "GatedRepo", restricted+" and you are not in the authorized list.")
	case IsLarge(name):
		r.redirectLarge(w, commit, name, content)
	default:
		w.Header().Set("Location", "/api/resolve-cache/"+kind+"/"+r.id+"/"+commit+"/"+escaped+"?"+
			url.QueryEscape(req.URL.EscapedPath())+"=&etag="+url.QueryEscape(`"`+GitSHA1(content)+`"`))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// redirectLarge describes a large file, and redirects to the content server.
func (r *Repo) redirectLarge(w http.ResponseWriter, commit, name, content string) {
	at := "/" + r.kind + "/" + r.id
	w.Header().Set("X-Linked-Etag", `"`+SHA256(content)+`"`)
	w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
	w.Header().Set("ETag", `"`+SHA256("the redirect itself")+`"`)
	if r.xet {
		route := r.hub.URL + "/api" + at + "/xet-read-token/" + commit
		w.Header().Set("X-Xet-Hash", xetHash(content))
		w.Header().Set("X-Xet-Refresh-Route", route)
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="xet-auth", <%s/v1/reconstructions/%s>; rel="xet-reconstruction-info"`, route, r.hub.CDN, xetHash(content)))
	}
	w.Header().Set("Location", fmt.Sprintf("%s/%s?path=%s&X-Signature=%d", r.hub.CDN+at, commit, url.QueryEscape(name), r.hub.signature))
	body := "Found. Redirecting to the content server\n"
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusFound)
	_, _ = w.Write([]byte(body))
}

// serveCached answers the place that small files are redirected to, also without
// the query: huggingface_hub 0.x leaves that of a relative redirect out.
func (h *Hub) serveCached(w http.ResponseWriter, req *http.Request, path string, signedIn bool) {
	h.mu.Lock()
	kind, path, _ := strings.Cut(path, "/")
	r, rest, _ := h.lookup(kind, path)
	if r == nil {
		h.mu.Unlock()
		refuse(w, http.StatusNotFound, "", "Not Found")
		return
	}
	commit, escaped, _ := strings.Cut(rest, "/")
	name, _ := url.PathUnescape(escaped)
	content := r.trees[commit][name]
	h.mu.Unlock()
	w.Header().Set("X-Repo-Commit", commit)
	w.Header().Set("ETag", `"`+GitSHA1(content)+`"`)
	serveContent(w, req, content)
}

// serveCDN answers signed addresses. As the real store, it wants no second
// credential beside the signature.
func (h *Hub) serveCDN(w http.ResponseWriter, req *http.Request) {
	if p := req.URL.Path; strings.HasPrefix(p, "/v1/") || strings.HasPrefix(p, "/v2/") || strings.HasPrefix(p, "/xorbs/") {
		h.serveXet(w, req)
		return
	}
	if req.Header.Get("Authorization") != "" {
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	expired := req.URL.Query().Get("X-Signature") != strconv.Itoa(h.signature)
	kind, path, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	r, commit, _ := h.lookup(kind, path)
	var content string
	ok := false
	if r != nil {
		content, ok = r.trees[commit][req.URL.Query().Get("path")]
	}
	h.mu.Unlock()
	switch {
	case expired:
		http.Error(w, "Request has expired", http.StatusForbidden)
	case !ok:
		http.Error(w, "NoSuchKey", http.StatusNotFound)
	default:
		w.Header().Set("ETag", `"`+SHA256("another hash than the file's: "+req.URL.Path)+`"`)
		serveContent(w, req, content)
	}
}

func serveContent(w http.ResponseWriter, req *http.Request, content string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(content))
}
