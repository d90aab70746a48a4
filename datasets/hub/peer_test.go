package hub_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hfrows"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// generations are the environments with huggingface_hub: 2.x and 0.x.
var generations = []string{"data", "hub0"}

// parse reads what a peer printed.
func parse[T any](t *testing.T, printed string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed), &v); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	return v
}

// findAHub asks a hub for all kinds of things, and prints what it got.
const findAHub = `
import json, os
from huggingface_hub import HfApi, hf_hub_download, snapshot_download, errors
api, data = HfApi(), dict(repo_type="dataset")

def raised(f):
    try:
        return f()
    except errors.LocalEntryNotFoundError as e: # the hub refused, and the cache has nothing
        return type(e.__cause__).__name__
    except Exception as e:
        return type(e).__name__.removeprefix("Remote") # 0.x has no such class

root = snapshot_download("o/open", **data)
info = api.dataset_info("o/open")
print(json.dumps(dict(
    files=sorted(os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs),
    sizes={p: os.path.getsize(hf_hub_download("o/xet", p, **data)) for p in ["README.md", "sub/w.bin"]},
    large=[open(hf_hub_download(r, "sub/w.bin", **data)).read() == "wide" * 50000 for r in ["o/open", "o/xet"]],
    branch=open(hf_hub_download("o/open", "b.txt", revision="refs/convert/parquet", **data)).read(),
    model=open(hf_hub_download("o/model", "config.json")).read(),
    moved=os.path.basename(hf_hub_download("o/old", "README.md", **data)),
    info=[info.id, info.sha == os.path.basename(root), info.private, info.gated, len(info.siblings)],
    folder=[[f.path, type(f).__name__] for f in api.list_repo_tree("o/open", "sub", **data)],
    expanded=[f.last_commit.title for f in api.list_repo_tree("o/open", expand=True, **data) if f.path == "sub"],
    paths=[[f.path, type(f).__name__] for f in api.get_paths_info("o/open", ["sub", "README.md", "none"], **data)],
    errors=[raised(f) for f in [
        lambda: hf_hub_download("o/none", "a", **data),
        lambda: hf_hub_download("o/none", "a", token="` + hubtest.Token + `", **data),
        lambda: hf_hub_download("o/private", "README.md", **data),
        lambda: hf_hub_download("o/open", "a", revision="none", **data),
        lambda: hf_hub_download("o/open", "none", **data),
        lambda: hf_hub_download("o/gated", "README.md", **data),
        lambda: hf_hub_download("o/disabled", "README.md", **data),
        lambda: list(api.list_repo_tree("o/open", "none", **data)),
        lambda: api.dataset_info("o/open", revision="none"),
    ]],
    private=os.path.basename(hf_hub_download("o/private", "README.md", token="` + hubtest.Token + `", **data)),
)))`

// TestPeersFindAHub proves the pretend hub with huggingface_hub: what it asks is
// answered so that it finds what is there, and tells apart what is not.
func TestPeersFindAHub(t *testing.T) {
	slow(t)
	for _, generation := range generations {
		for _, xet := range []string{"", "1"} {
			t.Run(generation+" without Xet "+xet, func(t *testing.T) {
				h := hubtest.New(t)
				h.PageSize = 2
				files := map[string]string{"README.md": "small\n", "sub/w.bin": strings.Repeat("wide", 50000), "sub/der/x y+é.txt": "", "z": "last"}
				h.Dataset("o/open", files).Branch(hub.ParquetRevision, map[string]string{"b.txt": "b"})
				h.Alias("o/old", "o/open")
				h.Dataset("o/xet", files).Xet()
				h.Model("o/model", map[string]string{"config.json": "{}"})
				h.Dataset("o/private", files).Private()
				h.Dataset("o/gated", files).Gate("auto")
				h.Dataset("o/disabled", files).Disable()
				got := parse[map[string]any](t, h.Python(t, generation, t.TempDir(), findAHub, "HF_HUB_DISABLE_XET="+xet))
				list := func(v ...any) []any { return v }
				want := map[string]any{
					"files":    list("README.md", "sub/der/x y+é.txt", "sub/w.bin", "z"),
					"sizes":    map[string]any{"README.md": 6.0, "sub/w.bin": 200000.0},
					"large":    list(true, true),
					"branch":   "b",
					"model":    "{}",
					"moved":    "README.md",
					"private":  "README.md",
					"info":     list("o/open", true, false, false, 4.0),
					"folder":   list(list("sub/der", "RepoFolder"), list("sub/w.bin", "RepoFile")),
					"expanded": list("Change it"),
					"paths":    list(list("README.md", "RepoFile"), list("sub", "RepoFolder")),
					"errors": list("RepositoryNotFoundError", "RepositoryNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError",
						"EntryNotFoundError", "GatedRepoError", "DisabledRepoError", "EntryNotFoundError", "RevisionNotFoundError"),
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if n := slices.IndexFunc(h.Requests(), func(r hubtest.Request) bool { return strings.HasPrefix(r.Path, "/xorbs/") }); (n >= 0) != (xet == "") {
					t.Errorf("request %d is for Xet's chunks", n)
				}
			})
		}
	}
}

// slow skips a test that starts many processes where little time is given, as
// under the race detector: their concurrency is not what it looks for.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: many processes")
	}
}

// reader is a client that brings files of a repository into a cache, or finds
// them there, and gives where they are.
type reader struct {
	name string
	// pinned says that it finds nothing offline but at a commit.
	pinned bool
	read   func(t *testing.T, h *hubtest.Hub, cache string, repo hub.Repo, paths []string, offline bool) []string
}

func ours() reader {
	return reader{name: "ours", read: func(t *testing.T, h *hubtest.Hub, cache string, repo hub.Repo, paths []string, offline bool) (local []string) {
		c := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = cache, offline })
		entries, err := c.List(t.Context(), repo)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if !slices.ContainsFunc(entries, func(e hub.Entry) bool { return e.Path == p }) {
				t.Errorf("%s is not listed", p)
			}
			name, err := c.Download(t.Context(), repo, p)
			if err != nil {
				t.Fatal(err)
			}
			local = append(local, name)
		}
		return local
	}}
}

// python makes a reader of code that sets local from repo, paths, revision and
// offline.
func python(generation, name, code string, settings ...string) reader {
	return reader{name: generation + " " + name, read: func(t *testing.T, h *hubtest.Hub, cache string, repo hub.Repo, paths []string, offline bool) []string {
		asked, err := json.Marshal(paths)
		if err != nil {
			t.Fatal(err)
		}
		code := fmt.Sprintf(`
import json, os
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache
repo, paths, offline, data = %q, %s, %d, dict(repo_type="dataset")
%s
print(json.dumps(local))`, repo.ID, asked, map[bool]int{true: 1}[offline], code)
		with := slices.Clone(settings)
		if offline {
			with = append(with, "HF_HUB_OFFLINE=1")
		}
		return parse[[]string](t, h.Python(t, generation, cache, code, with...))
	}}
}

// node makes a reader of the JavaScript client, which goes "file" by file, and
// then writes no references, or takes a "snapshot". Files that were changed by
// one commit last are in its snapshot.
func node(how string) reader {
	return reader{"node " + how, true, func(t *testing.T, h *hubtest.Hub, cache string, repo hub.Repo, paths []string, offline bool) []string {
		args := append([]string{"--input-type=module", "--eval", readFile(t, filepath.Join("testdata", "peer.mjs")), "--", h.URL, repo.ID, cache, repo.Revision, how}, paths...)
		cmd := exec.CommandContext(t.Context(), "node", args...)
		cmd.Dir = peertest.Node(t)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		r := parse[struct {
			Listed []hub.Entry
			Local  []string
		}](t, string(out))
		if repo.Revision == hub.DefaultRevision {
			// Both see the same files.
			listed, err := newClient(t, h, nil).List(t.Context(), repo)
			byPath := cmpopts.SortSlices(func(a, b hub.Entry) int { return strings.Compare(a.Path, b.Path) })
			if diff := cmp.Diff(r.Listed, listed, byPath); diff != "" || err != nil {
				t.Errorf("%v: listed (-theirs +ours):\n%s", err, diff)
			}
		}
		return r.Local
	}}
}

func others(xet bool) []reader {
	readers := []reader{node("file"), node("snapshot")}
	for _, g := range generations {
		readers = append(readers,
			python(g, "hf_hub_download", `local = [hf_hub_download(repo, p, **data) for p in paths]`),
			python(g, "snapshot_download", `
root = snapshot_download(repo, **data)
local = [os.path.join(root, p) for p in paths]`),
		)
		if xet {
			readers = append(readers, python(g, "snapshot_download without Xet", `
root = snapshot_download(repo, local_files_only=bool(offline), **data)
local = [os.path.join(root, p) for p in paths]`, "HF_HUB_DISABLE_XET=1"))
		} else {
			readers = append(readers, python(g, "hf_hub_download without links", `local = [hf_hub_download(repo, p, **data) for p in paths]`, "HF_HUB_DISABLE_SYMLINKS=1"))
			// Offline it wants what it has prepared, or the folder.
			readers = append(readers, python(g, "load_dataset", `
from datasets import load_dataset
d = load_dataset(snapshot_download(repo, **data) if offline else repo, split="train")
assert d.num_rows == 40, d
local = [try_to_load_from_cache(repo, p, **data) for p in paths]`))
		}
	}
	return readers
}

// TestPeersShareTheCache holds that what one client has cached another uses:
// without a request for content, and, where nothing can be asked, without any.
// One of the two is always ours.
func TestPeersShareTheCache(t *testing.T) {
	slow(t)
	var rows bytes.Buffer
	must(t, hfrows.Write(&rows, "gsm8k", 40, 50))
	// No empty file: the JavaScript client asks for its first byte and gives up.
	files := map[string]string{"README.md": "small\n", "data/train-00000-of-00001.parquet": rows.String()}
	paths := []string{"README.md", "data/train-00000-of-00001.parquet"}
	for _, xet := range []bool{false, true} {
		for _, other := range others(xet) {
			for _, oursFirst := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/xet %v/ours first %v", other.name, xet, oursFirst), func(t *testing.T) {
					t.Parallel()
					h := hubtest.New(t)
					h.PageSize = 2
					made := h.Dataset("own-er/na.me", nil)
					commit := made.Branch("main", files)
					if xet {
						made.Xet()
					}
					first, second := other, ours()
					if oursFirst {
						first, second = second, first
					}
					repo, cache := hub.Dataset("own-er/na.me").At("main"), t.TempDir()
					blobs := filepath.Join(cache, "datasets--own-er--na.me", "blobs")
					wrote := first.read(t, h, cache, repo, paths, false)
					before := layout(t, blobs)
					for _, offline := range []bool{true, false} {
						h.Forget()
						h.Heal()
						at := repo
						if offline {
							h.Inject(hubtest.Fault{Hangup: true, Times: -1})
							if second.pinned {
								at = repo.At(commit)
							}
						}
						read := second.read(t, h, cache, at, paths, offline)
						if diff := cmp.Diff(wrote, read); diff != "" {
							t.Errorf("offline %v: files (-first +second):\n%s", offline, diff)
						}
						for i, name := range read {
							if got := readFile(t, name); got != files[paths[i]] {
								t.Errorf("%s: %d bytes, want %d", paths[i], len(got), len(files[paths[i]]))
							}
						}
						for _, r := range h.Requests() {
							if offline || r.Method == "GET" && (r.Server == "cdn" || strings.Contains(r.Path, "/resolve")) {
								t.Errorf("offline %v: %s %s of %s", offline, r.Method, r.Path, r.Server)
							}
						}
						if diff := cmp.Diff(before, layout(t, blobs)); diff != "" {
							t.Errorf("offline %v: blobs: %s", offline, diff)
						}
					}
				})
			}
		}
	}
}

// TestPeersTakePartOfARepository holds that a snapshot of which we have fetched
// a part is to huggingface_hub what one is that it fetched file by file.
func TestPeersTakePartOfARepository(t *testing.T) {
	for _, generation := range generations {
		h := hubtest.New(t)
		h.Dataset("o/d", map[string]string{"README.md": "r", ".gitattributes": "g", "a.bin": "aaa"})
		c := newClient(t, h, nil)
		if _, err := c.List(t.Context(), hub.Dataset("o/d")); err != nil {
			t.Fatal(err)
		}
		dir, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{"a.bin"})
		if err != nil {
			t.Fatal(err)
		}
		got := h.Python(t, generation, c.CacheDir(), `
from huggingface_hub import snapshot_download
print(snapshot_download("o/d", repo_type="dataset", local_files_only=True))
snapshot_download("o/d", repo_type="dataset")`)
		if strings.TrimSpace(got) != dir {
			t.Errorf("%s, want %s", got, dir)
		}
		if got := layout(t, dir); len(got) != 3 {
			t.Errorf("%s: then it fetches the rest: %v", generation, got)
		}
	}
}

// TestPeersAtTheSameTime holds that two clients that want the same file at once
// transfer it once: they take turns by one lock.
func TestPeersAtTheSameTime(t *testing.T) {
	for _, generation := range generations {
		t.Run(generation, func(t *testing.T) {
			peertest.Python(t, generation) // skips here, not beside a download
			h := hubtest.New(t)
			data := content(300_000)
			h.Dataset("o/d", map[string]string{largeName: data})
			c := newClient(t, h, nil)
			// The content is held back until both have asked about the file, and so
			// are about to take the lock, or wait for it.
			var asked sync.WaitGroup
			asked.Add(2)
			h.Inject(
				hubtest.Fault{Server: "hub", Method: "HEAD", Times: 2, Before: asked.Done},
				hubtest.Fault{Server: "cdn", Times: -1, Before: asked.Wait},
			)
			done := make(chan string)
			go func() {
				local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
				if err != nil {
					t.Error(err)
				}
				done <- local
			}()
			theirs := strings.TrimSpace(h.Python(t, generation, c.CacheDir(), `
from huggingface_hub import hf_hub_download
print(hf_hub_download("o/d", "`+largeName+`", repo_type="dataset"))`))
			if local := <-done; local != theirs || readFile(t, local) != data {
				t.Errorf("%s and %s", local, theirs)
			}
			if n := count(h, "cdn", "GET"); n != 1 {
				t.Errorf("%d transfers", n)
			}
			if diff := cmp.Diff([]string{hubtest.SHA256(data)}, blobs(t, c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPeerCacheCommands holds that `hf cache` says of a cache of ours what it
// says of its own, whole or damaged, and removes it.
func TestPeerCacheCommands(t *testing.T) {
	slow(t)
	h := hubtest.New(t)
	files := map[string]string{"README.md": "small\n", "a.bin": content(3000), "other": "not fetched"}
	h.Dataset("o/d", files).Branch(hub.ParquetRevision, map[string]string{"default/train/0000.parquet": "p"})
	ours, theirs := newClient(t, h, nil), newClient(t, h, nil)
	for r, names := range map[string][]string{"main": {"README.md", "a.bin"}, hub.ParquetRevision: {"default/train/0000.parquet"}} {
		repo := hub.Dataset("o/d").At(r)
		if _, err := ours.List(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if _, err := ours.Download(t.Context(), repo, n); err != nil {
				t.Fatal(err)
			}
			h.Python(t, "data", theirs.CacheDir(), fmt.Sprintf(`
from huggingface_hub import hf_hub_download
hf_hub_download("o/d", %q, repo_type="dataset", revision=%q)`, n, r))
		}
	}
	// The one thing that may differ.
	times := regexp.MustCompile(`(a few|a|\d+) (second|minute)s? ago`)
	same := func(args ...string) string {
		t.Helper()
		say := func(c *hub.Client) string {
			said := h.CLI(t, "data", c.CacheDir(), args...)
			return times.ReplaceAllString(strings.ReplaceAll(said, c.CacheDir(), "CACHE"), "now")
		}
		of := say(ours)
		if diff := cmp.Diff(say(theirs), of); diff != "" {
			t.Errorf("hf %s (-of theirs +of ours):\n%s", strings.Join(args, " "), diff)
		}
		return of
	}
	if s := same("cache", "ls", "--show-warnings", "--json"); !strings.Contains(s, `"refs": ["main", "refs/convert/parquet"]`) {
		t.Error(s)
	}
	same("cache", "ls", "--revisions", "--json")
	for _, r := range []string{"main", hub.ParquetRevision} {
		if s := same("cache", "verify", "o/d", "--repo-type", "dataset", "--revision", r, "--json"); !strings.Contains(s, "checked") {
			t.Error(s)
		}
	}
	same("cache", "rm", "hf://datasets/o/d/a.bin", "--yes")
	if s := same("cache", "rm", "dataset/o/d", "--yes"); !strings.Contains(s, "1 repo") {
		t.Error(s)
	}
	if entries, err := os.ReadDir(filepath.Join(ours.CacheDir(), "datasets--o--d")); err == nil {
		t.Errorf("left: %v", entries)
	}
	// It has been looked at, and nothing was found for us in it.
	if _, err := ours.List(t.Context(), hub.Dataset("o/d")); err != nil {
		t.Fatal(err)
	}
	if s := h.CLI(t, "data", ours.CacheDir(), "cache", "ls", "--show-warnings", "--json"); strings.Contains(s, "arning") || strings.Contains(s, "missing") {
		t.Error(s)
	}
}

// environments are settings of variables that mean something to both.
func environments() []map[string]string {
	var environments []map[string]string
	for _, offline := range []string{"", "0", "1", "yes", "no", " 1"} {
		for _, transformers := range []string{"", "0", "1"} {
			environments = append(environments, map[string]string{"HF_HUB_OFFLINE": offline, "TRANSFORMERS_OFFLINE": transformers})
		}
	}
	return append(environments, []map[string]string{
		{},
		{"HF_HUB_CACHE": "/c", "HF_HOME": "/h"},
		{"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/h"},
		{"HF_HOME": "~/x/$WHERE", "WHERE": "deep"},
		{"HF_HUB_CACHE": "~/x/$WHERE/$NONE", "WHERE": "deep"},
		{"XDG_CACHE_HOME": "/xdg"},
		{"HF_TOKEN_PATH": "/t", "HF_HOME": "/h"},
		{"HF_HUB_DISABLE_SYMLINKS": "TRUE"},
		{"HF_ENDPOINT": "https://m.example/"},
		{"HF_TOKEN": " a\n", "HUGGING_FACE_HUB_TOKEN": "b"},
		{"HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "b"},
		{"HF_TOKEN": "a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
	}...)
}

// TestPeerEnvironment compares what the variables mean.
func TestPeerEnvironment(t *testing.T) {
	h := hubtest.New(t)
	environments := environments()
	asked, err := json.Marshal(environments)
	must(t, err)
	printed := h.Python(t, "data", t.TempDir(), fmt.Sprintf(`
import importlib, json, os
from huggingface_hub import constants
from huggingface_hub.utils import _auth, _headers
base = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_")) }
said = []
for e in json.loads(%q):
    os.environ.clear()
    os.environ.update(base, HOME="/home", **e)
    importlib.reload(constants)
    said.append(dict(Offline=constants.HF_HUB_OFFLINE, CacheDir=constants.HF_HUB_CACHE, TokenFile=constants.HF_TOKEN_PATH,
        NoSymlinks=getattr(constants, "HF_HUB_DISABLE_SYMLINKS", False), Endpoint=constants.ENDPOINT, Token=_headers.get_token_to_send(None)))
print(json.dumps(said))`, asked))
	type said struct {
		Offline, NoSymlinks           bool
		CacheDir, TokenFile, Endpoint string
		Token                         *string
	}
	for i, want := range parse[[]said](t, printed) {
		e := environments[i]
		o := hub.OptionsFromEnv(func(name string) string {
			if name == "HOME" {
				return "/home"
			}
			return e[name]
		})
		got := said{Offline: o.Offline, NoSymlinks: o.NoSymlinks, CacheDir: o.CacheDir, TokenFile: o.TokenFile, Endpoint: strings.TrimRight(o.Endpoint, "/")}
		if token := string(o.Token); token != "" {
			got.Token = &token
		}
		if got.Endpoint == "" {
			got.Endpoint = "https://huggingface.co"
		}
		if got.TokenFile == "" { // not read, as there is a token or none is wanted
			want.TokenFile = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-theirs +ours):\n%s", e, diff)
		}
	}
}
