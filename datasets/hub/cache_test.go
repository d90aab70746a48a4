package hub_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func TestDownloadLaysTheCacheOutAsPythonDoes(t *testing.T) {
	h := hubtest.New(t)
	small, large := `{"a": 1}`+"\n", strings.Repeat("parquet?", 1000)
	files := map[string]string{"README.md": small, "sub/der/x y+é.parquet": large}
	repo := h.Dataset("own-er/na.me", nil)
	commit := repo.Branch("main", files)
	exported := repo.Branch("refs/convert/parquet", map[string]string{"default/train/0000.parquet": large})
	c := newClient(t, h, nil)
	for name, want := range files {
		local, err := c.Download(t.Context(), hub.Dataset("own-er/na.me"), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, local); got != want {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(want))
		}
		if rel, _ := filepath.Rel(c.CacheDir(), local); filepath.ToSlash(rel) != "datasets--own-er--na.me/snapshots/"+commit+"/"+name {
			t.Errorf("%s lies at %s", name, rel)
		}
	}
	if _, err := c.Download(t.Context(), hub.Dataset("own-er/na.me").At("refs/convert/parquet"), "default/train/0000.parquet"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Download(t.Context(), hub.Dataset("own-er/na.me"), "no/such.file"); !errors.Is(err, hub.ErrEntryNotFound) {
		t.Fatal(err)
	}
	base := "datasets--own-er--na.me/"
	want := []string{
		".locks/" + base + hubtest.SHA256(large) + ".lock",
		".locks/" + base + hubtest.GitSHA1(small) + ".lock",
		"CACHEDIR.TAG",
		base + ".no_exist/" + commit + "/no/such.file",
		base + "blobs/" + hubtest.SHA256(large),
		base + "blobs/" + hubtest.GitSHA1(small),
		base + "refs/main",
		base + "refs/refs/convert/parquet",
		base + "snapshots/" + commit + "/README.md -> ../../blobs/" + hubtest.GitSHA1(small),
		base + "snapshots/" + commit + "/sub/der/x y+é.parquet -> ../../../../blobs/" + hubtest.SHA256(large),
		base + "snapshots/" + exported + "/default/train/0000.parquet -> ../../../../blobs/" + hubtest.SHA256(large),
	}
	if diff := cmp.Diff(want, layout(t, c.CacheDir()), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	for ref, want := range map[string]string{"main": commit, "refs/convert/parquet": exported} {
		if got := readFile(t, filepath.Join(c.CacheDir(), base, "refs", ref)); got != want {
			t.Errorf("refs/%s holds %q, want %q", ref, got, want)
		}
	}
	if n := count(h, "cdn", "GET"); n != 1 {
		t.Errorf("%d transfers of one content, want 1", n)
	}
}

// To the Python client's scan a reference to a commit without a snapshot is
// damage, and so is a repository without the folder of snapshots.
func TestReferencesFollowTheFiles(t *testing.T) {
	h := hubtest.New(t)
	repo := h.Dataset("o/d", nil)
	first := repo.Branch("main", map[string]string{"a": "1"})
	exported := repo.Branch(hub.ParquetRevision, map[string]string{"b": "2"})
	c := newClient(t, h, nil)
	ctx, base := t.Context(), filepath.Join(c.CacheDir(), "datasets--o--d")
	refs := func() string {
		t.Helper()
		if info, err := os.Stat(filepath.Join(base, "snapshots")); err != nil || !info.IsDir() {
			t.Errorf("no folder of snapshots: %v", err)
		}
		if _, err := os.Stat(filepath.Join(base, "refs")); err != nil {
			return ""
		}
		return strings.Join(layout(t, filepath.Join(base, "refs")), " ")
	}
	for _, r := range []string{"main", hub.ParquetRevision} {
		if _, err := c.List(ctx, hub.Dataset("o/d").At(r)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Download(ctx, hub.Dataset("o/d").At(r), "no.such"); !errors.Is(err, hub.ErrEntryNotFound) {
			t.Fatal(err)
		}
	}
	if got := refs(); got != "" {
		t.Errorf("references %s before any file", got)
	}
	// A file by its commit alone, as a caller that has pinned it asks.
	if _, err := c.Download(ctx, hub.Dataset("o/d").At(exported), "b"); err != nil {
		t.Fatal(err)
	}
	if got := refs(); got != hub.ParquetRevision {
		t.Errorf("references %s", got)
	}
	if _, err := c.Download(ctx, hub.Dataset("o/d"), "a"); err != nil {
		t.Fatal(err)
	}
	if got := refs(); got != "main "+hub.ParquetRevision {
		t.Errorf("references %s", got)
	}
	// The branch moves, and the download of what it has now fails: the
	// reference still leads to what is there.
	repo.Branch("main", map[string]string{"a": "3"})
	h.Inject(hubtest.Fault{Method: "GET", Path: "resolve", Status: 403, Times: -1})
	if _, err := c.DownloadAll(ctx, hub.Dataset("o/d"), []string{"a"}); err == nil {
		t.Fatal("no error")
	}
	if got := readFile(t, filepath.Join(base, "refs", "main")); got != first {
		t.Errorf("main leads to %s, want %s", got, first)
	}
}

func TestPinnedRevisionNeedsNoHub(t *testing.T) {
	h := hubtest.New(t)
	commit := h.Dataset("o/d", nil).Branch("main", map[string]string{largeName: "data"})
	c := newClient(t, h, nil)
	pinned := hub.Dataset("o/d").At(strings.ToUpper(commit))
	local, err := c.Download(t.Context(), pinned, largeName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Download(t.Context(), pinned, "none"); !errors.Is(err, hub.ErrEntryNotFound) {
		t.Fatal(err)
	}
	h.Forget()
	if again, err := c.Download(t.Context(), pinned, largeName); err != nil || again != local {
		t.Errorf("%s, %v; want %s", again, err, local)
	}
	if dir, err := c.DownloadAll(t.Context(), pinned, []string{largeName}); err != nil || !strings.HasPrefix(local, dir) {
		t.Errorf("%s, %v; want the folder of %s", dir, err, local)
	}
	if _, err := c.Download(t.Context(), pinned, "none"); !errors.Is(err, hub.ErrEntryNotFound) {
		t.Errorf("remembered absence: %v", err)
	}
	if n := len(h.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestBranchMoves(t *testing.T) {
	h := hubtest.New(t)
	repo := h.Dataset("o/d", map[string]string{largeName: "old", smallName: "same"})
	c := newClient(t, h, nil)
	old, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{largeName, smallName})
	if err != nil {
		t.Fatal(err)
	}
	repo.Branch("main", map[string]string{largeName: "new", smallName: "same"})
	h.Forget()
	fresh, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{largeName, smallName})
	if err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(fresh, largeName)) + readFile(t, filepath.Join(old, largeName)); got != "newold" {
		t.Errorf("got %q", got)
	}
	// The file that did not change is linked, not fetched.
	if n := count(h, "cdn", "GET"); n != 1 {
		t.Errorf("%d transfers from the content server, want 1", n)
	}
	for _, r := range h.Requests() {
		if r.Method == "GET" && strings.Contains(r.Path, smallName) {
			t.Errorf("%s was fetched again", smallName)
		}
	}
}

func TestCacheStandsInForAHubOutOfReach(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault hubtest.Fault
		falls bool
	}{
		{"no connection", hubtest.Fault{Hangup: true}, true},
		{"500", hubtest.Fault{Status: 500}, true},
		{"429", hubtest.Fault{Status: 429, Header: map[string][]string{"Retry-After": {"9999"}}}, true},
		{"401", hubtest.Fault{Status: 401, Header: map[string][]string{"X-Error-Code": {"GatedRepo"}}}, true},
		{"repository gone", hubtest.Fault{Status: 404, Header: map[string][]string{"X-Error-Code": {"RepoNotFound"}}}, true},
		{"revision gone", hubtest.Fault{Status: 404, Header: map[string][]string{"X-Error-Code": {"RevisionNotFound"}}}, false},
		{"file gone", hubtest.Fault{Method: "HEAD", Status: 404, Header: map[string][]string{"X-Error-Code": {"EntryNotFound"}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: "data", smallName: "s"})
			var log bytes.Buffer
			c := newClient(t, h, func(o *hub.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			waits := 0
			c.SetSleep(func(context.Context, time.Duration) error {
				waits++
				return nil
			})
			ctx, repo := t.Context(), hub.Dataset("o/d")
			local, err := c.Download(ctx, repo, largeName)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.List(ctx, repo); err != nil {
				t.Fatal(err)
			}
			tt.fault.Times = -1
			h.Inject(tt.fault)
			again, err := c.Download(ctx, repo, largeName)
			if !tt.falls {
				if err == nil {
					t.Errorf("got %s, want an error", again)
				}
				return
			}
			if err != nil || again != local {
				t.Errorf("Download: %s, %v; want %s", again, err, local)
			}
			if waits != 0 {
				t.Errorf("%d retries before falling back, want none", waits)
			}
			if !strings.Contains(log.String(), "the cache stands in") {
				t.Errorf("the fall-back is not logged:\n%s", &log)
			}
			if dir, err := c.DownloadAll(ctx, repo, []string{largeName}); err != nil || !strings.HasPrefix(local, dir) {
				t.Errorf("DownloadAll: %s, %v", dir, err)
			}
			if entries, err := c.List(ctx, repo); err != nil || len(entries) != 2 {
				t.Errorf("List: %v, %v", entries, err)
			}
			f, err := c.Open(ctx, repo, largeName)
			if err != nil {
				t.Errorf("Open: %v", err)
			} else {
				f.Close()
			}
			// What was never fetched stays out of reach.
			if _, err := c.DownloadAll(ctx, repo, []string{largeName, smallName}); err == nil {
				t.Error("DownloadAll of a file that is not in the cache succeeded")
			}
		})
	}
}

func TestOffline(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: "data", smallName: "s"})
	online := newClient(t, h, nil)
	ctx, repo := t.Context(), hub.Dataset("o/d")
	local, err := online.Download(ctx, repo, largeName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := online.List(ctx, repo); err != nil {
		t.Fatal(err)
	}
	h.Forget()
	c := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = online.CacheDir(), true })
	if got, err := c.Download(ctx, repo, largeName); err != nil || got != local {
		t.Errorf("Download: %s, %v; want %s", got, err, local)
	}
	if dir, err := c.DownloadAll(ctx, repo, []string{largeName}); err != nil || !strings.HasPrefix(local, dir) {
		t.Errorf("DownloadAll: %s, %v", dir, err)
	}
	if entries, err := c.List(ctx, repo); err != nil || len(entries) != 2 {
		t.Errorf("List: %v, %v", entries, err)
	}
	f, err := c.Open(ctx, repo, largeName)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for name, call := range map[string]func() error{
		"Download of another file":  func() error { _, err := c.Download(ctx, repo, smallName); return err },
		"Download of another repo":  func() error { _, err := c.Download(ctx, hub.Model("o/m"), smallName); return err },
		"Download of a commit":      func() error { _, err := c.Download(ctx, repo.At(strings.Repeat("a", 40)), smallName); return err },
		"DownloadAll":               func() error { _, err := c.DownloadAll(ctx, repo, []string{smallName}); return err },
		"DownloadAll of a new repo": func() error { _, err := c.DownloadAll(ctx, hub.Model("o/m"), nil); return err },
		"Open":                      func() error { _, err := c.Open(ctx, repo, smallName); return err },
		"List of a commit":          func() error { _, err := c.List(ctx, repo.At(strings.Repeat("a", 40))); return err },
		"Info":                      func() error { _, err := c.Info(ctx, repo); return err },
	} {
		if err := call(); !errors.Is(err, hub.ErrNotCached) || !strings.Contains(err.Error(), c.CacheDir()) {
			t.Errorf("%s: %v, want ErrNotCached and the cache folder", name, err)
		}
	}
	if n := len(h.Requests()); n != 0 {
		t.Errorf("%d requests while offline", n)
	}
}

func TestDamagedCacheIsMended(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	h := hubtest.New(t)
	data := content(5000)
	commit := h.Dataset("o/d", nil).Branch("main", map[string]string{largeName: data})
	for name, damage := range map[string]func(t *testing.T, blob, pointer string){
		"blob deleted":    func(t *testing.T, blob, pointer string) { must(t, os.Remove(blob)) },
		"blob cut short":  func(t *testing.T, blob, pointer string) { must(t, os.Truncate(blob, 10)) },
		"pointer deleted": func(t *testing.T, blob, pointer string) { must(t, os.Remove(pointer)) },
		"pointer cut short": func(t *testing.T, blob, pointer string) {
			must(t, os.Remove(pointer), os.WriteFile(pointer, []byte("x"), 0o644))
		},
		"pointer to nowhere": func(t *testing.T, blob, pointer string) { must(t, os.Remove(pointer), os.Symlink("nowhere", pointer)) },
		"reference damaged": func(t *testing.T, blob, pointer string) {
			must(t, os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(blob)), "refs", "main"), []byte("../../x"), 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, h, nil)
			local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(c.CacheDir(), "datasets--o--d", "blobs", hubtest.SHA256(data)), local)
			again, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if err != nil {
				t.Fatal(err)
			}
			if again != local || readFile(t, again) != data {
				t.Errorf("%s holds %d bytes", again, len(readFile(t, again)))
			}
			if got := readFile(t, filepath.Join(c.CacheDir(), "datasets--o--d", "refs", "main")); got != commit {
				t.Errorf("refs/main holds %q", got)
			}
		})
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestNoSymlinks(t *testing.T) {
	h := hubtest.New(t)
	repo := h.Dataset("o/d", nil)
	first := repo.Branch("main", map[string]string{largeName: "data", smallName: "1"})
	c := newClient(t, h, func(o *hub.Options) { o.NoSymlinks = true })
	if _, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{largeName}); err != nil {
		t.Fatal(err)
	}
	// A blob that is there (from a client with links) is copied, not moved.
	linked := newClient(t, h, func(o *hub.Options) { o.CacheDir = c.CacheDir() })
	second := repo.Branch("main", map[string]string{largeName: "data", smallName: "2"})
	if _, err := linked.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{smallName}); err != nil {
		t.Fatal(err)
	}
	third := repo.Branch("main", map[string]string{largeName: "data", "copy.md": "2"})
	if _, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), []string{"copy.md"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range layout(t, filepath.Join(c.CacheDir(), "datasets--o--d")) {
		if strings.HasPrefix(name, "blobs") || strings.HasPrefix(name, "snapshots") {
			got = append(got, name)
		}
	}
	want := []string{
		"blobs/" + hubtest.GitSHA1("2"),
		"snapshots/" + first + "/" + largeName,
		"snapshots/" + second + "/" + smallName + " -> ../../blobs/" + hubtest.GitSHA1("2"),
		"snapshots/" + third + "/copy.md",
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
	if s := readFile(t, filepath.Join(c.CacheDir(), "datasets--o--d", "snapshots", third, "copy.md")); s != "2" {
		t.Errorf("the copy holds %q", s)
	}
}

// A cache that cannot be written to serves what it holds.
func TestReadOnlyCache(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("permissions do not bind this user")
	}
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: "data", smallName: "s"})
	c := newClient(t, h, nil)
	local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
	must(t, err)
	must(t, os.Chmod(filepath.Join(c.CacheDir(), "datasets--o--d", "blobs"), 0o555), os.Chmod(c.CacheDir(), 0o555))
	t.Cleanup(func() {
		os.Chmod(filepath.Join(c.CacheDir(), "datasets--o--d", "blobs"), 0o755)
		os.Chmod(c.CacheDir(), 0o755)
	})
	if got, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName); err != nil || got != local {
		t.Errorf("%s, %v; want %s", got, err, local)
	}
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), smallName); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v, want a permission error", err)
	}
}

// Clients of one cache, from many goroutines: every content is transferred once,
// and every reader gets all of it. Without locks there may be more transfers,
// and nothing else changes.
func TestHammer(t *testing.T) {
	t.Run("locks", func(t *testing.T) { hammer(t, true, true) })
	t.Run("no locks", func(t *testing.T) { hammer(t, false, true) })
	t.Run("no links", func(t *testing.T) { hammer(t, true, false) })
	t.Run("neither", func(t *testing.T) { hammer(t, false, false) })
}

func hammer(t *testing.T, locks, links bool) {
	h := hubtest.New(t)
	files := map[string]string{}
	var paths []string
	for i, n := range []int{0, 1, 1000, 300_000, 1_000_000} {
		name := string(rune('a'+i)) + ".bin"
		files[name], paths = content(n), append(paths, name)
	}
	h.Dataset("o/d", files)
	if !locks {
		// The parts that broken transfers leave meet those of live ones.
		h.Inject(hubtest.Fault{Server: "cdn", Cut: 200, Times: 20})
	}
	dir := filepath.Join(t.TempDir(), "cache")
	must(t, os.Mkdir(dir, 0o755))
	if !locks {
		must(t, os.WriteFile(filepath.Join(dir, ".locks"), nil, 0o644)) // in the folder's place
	}
	reports := map[string]int{}
	var wg sync.WaitGroup
	for k := range 3 {
		c := newClient(t, h, func(o *hub.Options) {
			o.CacheDir, o.Concurrency, o.NoSymlinks = dir, 2, !links
			if !locks {
				o.MaxRetries = new(0)
			}
			if k == 0 {
				// Not guarded: the client promises that calls never overlap.
				o.Progress = func(p hub.Progress) { reports[p.Path]++ }
			}
		})
		for range 4 {
			wg.Go(func() {
				got, err := c.DownloadAll(t.Context(), hub.Dataset("o/d"), paths)
				for !locks && errors.Is(err, io.ErrUnexpectedEOF) {
					got, err = c.DownloadAll(t.Context(), hub.Dataset("o/d"), paths)
				}
				if err != nil {
					t.Error(err)
					return
				}
				for name, want := range files {
					b, err := os.ReadFile(filepath.Join(got, name))
					if err != nil || string(b) != want {
						t.Errorf("%s: %d bytes, %v; want %d", name, len(b), err, len(want))
					}
				}
			})
		}
	}
	wg.Wait()
	// The empty file needs no transfer: its hash is known.
	if n := count(h, "cdn", "GET"); locks && n != 4 {
		t.Errorf("%d transfers of 4 contents", n)
	}
	if len(reports) != 5 {
		t.Errorf("progress on %d files, want 5", len(reports))
	}
}

func TestPercentSignsInNames(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{"50%d.bin": "half"})
	c := newClient(t, h, nil)
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), "50%d.bin"); err != nil {
		t.Error(err)
	}
	h.Inject(hubtest.Fault{Server: "cdn", Hangup: true, Times: -1})
	_, err := c.Open(t.Context(), hub.Dataset("o/d"), "100%s.bin")
	if err == nil || !strings.Contains(err.Error(), "100%s.bin") || strings.Contains(err.Error(), "MISSING") {
		t.Errorf("got %v", err)
	}
}

// Where locks do not exclude, others may clear a live part away.
func TestPartThatVanishes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be removed")
	}
	h := hubtest.New(t)
	data := content(100_000)
	h.Dataset("o/d", map[string]string{largeName: data})
	removals := 0
	dir := filepath.Join(t.TempDir(), "cache")
	c := newClient(t, h, func(o *hub.Options) {
		o.CacheDir = dir
		o.Progress = func(p hub.Progress) {
			found, _ := filepath.Glob(filepath.Join(dir, "datasets--o--d", "blobs", "*.incomplete"))
			if p.Done > 0 && removals < 2 && len(found) > 0 {
				removals++
				must(t, os.Remove(found[0]))
			}
		}
	})
	local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
	if err != nil {
		t.Fatal(err)
	}
	if readFile(t, local) != data || removals != 2 {
		t.Errorf("%d bytes after %d removals", len(readFile(t, local)), removals)
	}
}

// Without locks a part that changed of late may be another's, an old one not.
func TestPartsWithoutLocks(t *testing.T) {
	h := hubtest.New(t)
	data := content(1000)
	h.Dataset("o/d", map[string]string{largeName: data})
	c := newClient(t, h, nil)
	folder := filepath.Join(c.CacheDir(), "datasets--o--d", "blobs")
	must(t, os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(c.CacheDir(), ".locks"), nil, 0o644))
	live, old := hubtest.SHA256(data)+".00000000.incomplete", hubtest.SHA256(data)+".11111111.incomplete"
	for _, name := range []string{live, old} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(data[:500]), 0o644))
	}
	days := time.Now().Add(-48 * time.Hour)
	must(t, os.Chtimes(filepath.Join(folder, old), days, days))
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{hubtest.SHA256(data), live}, blobs(t, c)); diff != "" {
		t.Error(diff)
	}
}
