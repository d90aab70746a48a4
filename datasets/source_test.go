package datasets

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hfrows"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// parquetOf makes a small file of a benchmark.
func parquetOf(t *testing.T, task string, rows int) string {
	t.Helper()
	var b bytes.Buffer
	if err := hfrows.Write(&b, task, rows, 50); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func spec(t *testing.T, task string) Spec {
	t.Helper()
	s, ok := Find(Catalog(), task)
	if !ok {
		t.Fatal(task)
	}
	return s
}

func openLen(t *testing.T, src Source, s Spec) (int, error) {
	t.Helper()
	table, err := Open(t.Context(), src, s)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, err := range table.All(t.Context(), nil) {
		if err != nil {
			return n, errors.Join(err, table.Close())
		}
		n++
	}
	return n, table.Close()
}

func TestFolderLayouts(t *testing.T) {
	data := []byte(parquetOf(t, "gsm8k", 30))
	const name = "train-00000-of-00001.parquet"
	for _, path := range []string{
		"gsm8k/main/" + name, "openai/gsm8k/main/" + name, "openai--gsm8k/main/" + name,
		"gsm8k/" + name, "openai/gsm8k/" + name, "gsm8k/main/train/0000.parquet", "gsm8k/0000.parquet",
		"main/" + name, "main/train/0000.parquet", // the root is the repository
		"gsm8k/split=train/data_0.parquet", "gsm8k/config=main/split=train/x.parquet", "openai--gsm8k/main/split=train/x.parquet", "split=train/data_0.parquet",
	} {
		if n, err := openLen(t, FromFS(fstest.MapFS{path: {Data: data}}), spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("%s: %d rows, %v", path, n, err)
		}
	}
	for _, path := range []string{name, "gsm8k/split=test/data_0.parquet", "config=other/split=train/x.parquet", "gsm8k/main/test-00000-of-00001.parquet", "gsm8k/main/partial-train/0000.parquet"} {
		n, err := openLen(t, FromFS(fstest.MapFS{path: {Data: data}}), spec(t, "gsm8k"))
		if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gsm8k/main/train-*.parquet") ||
			!strings.Contains(err.Error(), "split=train/*.parquet") || !strings.Contains(err.Error(), "datasets--openai--gsm8k") {
			t.Errorf("%s: %d rows, %v", path, n, err)
		}
	}
	if _, err := openLen(t, FromDir("nowhere"), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
}

// The Python client's folders, each taken for the source.
func TestFoldersOfTheCache(t *testing.T) {
	data := parquetOf(t, "gsm8k", 30)
	home := t.TempDir()
	const repo, native, exported = "hub/datasets--openai--gsm8k/", "0123456789012345678901234567890123456789", "9876543210987654321098765432109876543210"
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(repo+"refs/main", native)
	write(repo+"refs/refs/convert/parquet", exported+"\n")
	write(repo+"snapshots/"+native+"/README.md", "")
	write(repo+"snapshots/"+exported+"/main/train/0000.parquet", data)
	const other = "hub/datasets--allenai--openbookqa/snapshots/"
	write(other+native+"/main/train-00000-of-00001.parquet", parquetOf(t, "openbook_qa", 20)) // no reference
	for _, dir := range []string{"", "hub", repo, repo + "snapshots/" + exported} {
		if n, err := openLen(t, FromDir(filepath.Join(home, dir)), spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("%s: %d rows, %v", dir, n, err)
		}
	}
	for _, dir := range []string{"", "hub", other + ".."} {
		if n, err := openLen(t, FromDir(filepath.Join(home, dir)), spec(t, "openbook_qa")); err != nil || n != 20 {
			t.Errorf("%s: %d rows, %v", dir, n, err)
		}
	}
	// Names tell the two apart, although their files are named alike.
	for _, dir := range []string{other + "..", other + native} {
		if n, err := openLen(t, FromDir(filepath.Join(home, dir)), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) {
			t.Errorf("gsm8k in %s: %d rows, %v", dir, n, err)
		}
	}
	// Another benchmark of the same repository reads the same files.
	again := spec(t, "gsm8k")
	again.Task = "gsm8k_again"
	src := FromDir(filepath.Join(home, repo, "snapshots", exported))
	for _, s := range []Spec{spec(t, "gsm8k"), again} {
		if n, err := openLen(t, src, s); err != nil || n != 30 {
			t.Errorf("%s: %d rows, %v", s.Task, n, err)
		}
	}
	// References that lead nowhere, or out of the cache, are no references.
	for _, ref := range []string{"", ".", "..", "../../../elsewhere", "*", "[", strings.Repeat("f", 40)} {
		write(repo+"refs/refs/convert/parquet", ref)
		if n, err := openLen(t, FromDir(filepath.Join(home, "hub")), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) {
			t.Errorf("reference %q: %d rows, %v", ref, n, err)
		}
	}
}

// Where nothing in a file's path names the benchmark, it is the first one's.
func TestNamelessFolderIsOneBenchmark(t *testing.T) {
	src := FromFS(fstest.MapFS{"split=train/data_0.parquet": {Data: []byte(parquetOf(t, "arc_challenge", 12))}})
	for range 2 {
		if n, err := openLen(t, src, spec(t, "arc_challenge")); err != nil || n != 12 {
			t.Errorf("%d rows, %v", n, err)
		}
	}
	// Its columns are those of ARC.
	n, err := openLen(t, src, spec(t, "commonsense_qa"))
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "split=train/data_0.parquet was read as arc_challenge") {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestNumbersInNamesOrderFiles(t *testing.T) {
	dir := fstest.MapFS{}
	want := 0
	for i := range 12 {
		dir[fmt.Sprintf("gsm8k/split=train/data_%d.parquet", i)] = &fstest.MapFile{Data: []byte(parquetOf(t, "gsm8k", i+1))}
		want += i + 1
	}
	table, err := Open(t.Context(), FromFS(dir), spec(t, "gsm8k"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for i, f := range table.Files() {
		if f != fmt.Sprintf("gsm8k/split=train/data_%d.parquet", i) {
			t.Errorf("file %d is %s", i, f)
		}
	}
	if len(table.Files()) != 12 || table.Len() != want {
		t.Errorf("%d files, %d rows", len(table.Files()), table.Len())
	}
	for _, names := range [][]string{
		{"2.csv", "10.csv"}, {"a2b1.csv", "a2b10.csv", "a10b1.csv"}, {"x1.csv", "x01.csv", "x001.csv", "x2.csv"},
		{"p-99999999999999999999.csv", "p-100000000000000000000.csv"}, {"part-0.csv", "part-00.csv"},
	} {
		backwards := slices.Clone(names)
		slices.Reverse(backwards)
		got, err := hub.Shards(backwards)
		slices.Reverse(backwards)
		again, _ := hub.Shards(backwards)
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("%v and %v, %v", got, again, err)
		}
		if names[0] != "x1.csv" && names[0] != "part-0.csv" && !slices.Equal(got, names) {
			t.Errorf("%v, want %v", got, names)
		}
	}
}

func TestFolderOfSaveToDisk(t *testing.T) {
	for _, base := range []string{"", "gsm8k/", "openai/gsm8k/"} {
		for _, mark := range []string{"dataset_dict.json", "data-00000-of-00001.arrow"} {
			_, err := openLen(t, FromFS(fstest.MapFS{base + mark: {}, base + "state.json": {}}), spec(t, "gsm8k"))
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "save_to_disk") || !strings.Contains(err.Error(), "to_parquet") {
				t.Errorf("%s: %v", base+mark, err)
			}
		}
	}
}

func TestFilesWithoutRandomAccess(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("gsm8k/main/train-00000-of-00001.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(parquetOf(t, "gsm8k", 30))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := openLen(t, FromFS(archive), spec(t, "gsm8k")); err != nil || n != 30 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestShards(t *testing.T) {
	dir := fstest.MapFS{}
	for i, name := range []string{"train-00000-of-00003", "train-00001-of-00003", "train-00002-of-00003"} {
		dir["gsm8k/main/"+name+".parquet"] = &fstest.MapFile{Data: []byte(parquetOf(t, "gsm8k", 10*(i+1)))}
	}
	table, err := Open(t.Context(), FromFS(dir), spec(t, "gsm8k"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{60}, table.PartLens()); diff != "" || table.Len() != 60 || len(table.Files()) != 3 {
		t.Errorf("%v %v", table.PartLens(), table.Files())
	}
	var all []record
	for rec, err := range table.All(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	// Rows of all files, in the order asked, one of them twice.
	indices := []int{59, 0, 10, 9, 29, 30, 0}
	recs, err := table.Records(t.Context(), indices, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range indices {
		if recs[k].Query != all[i].Query {
			t.Errorf("row %d is another by its number", i)
		}
	}
	for _, i := range []int{-1, 60} {
		if _, err := table.Records(t.Context(), []int{i}, nil); err == nil {
			t.Errorf("row %d is there", i)
		}
	}
	delete(dir, "gsm8k/main/train-00001-of-00003.parquet")
	if _, err := Open(t.Context(), FromFS(dir), spec(t, "gsm8k")); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a file less: %v", err)
	}
}

func TestShardNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		ok    bool
	}{
		{[]string{"a/train-00001-of-00002.parquet", "a/train-00000-of-00002.parquet"}, true},
		{[]string{"a/train-00000-of-00002-9bee1.parquet"}, true}, // another naming: nothing to hold it against
		{[]string{"a/train-00000-of-00002.parquet"}, false},
		{[]string{"a/train-00001-of-00002.parquet"}, false},
		{[]string{"a/0000.parquet", "a/0001.parquet"}, true},
		{[]string{"a/0001.parquet"}, false},
		{[]string{"a/0000.parquet", "a/0002.parquet"}, false},
		{[]string{"a/0000.parquet", "b/0001.parquet"}, false},
		{[]string{"a/0000.parquet", "a/train-00000-of-00001.parquet"}, false},
		{[]string{"a/0000.parquet", "a/more.parquet"}, false},
		{[]string{"a/train-part0/0000.parquet", "a/train-part1/0000.parquet"}, true},
		{[]string{"a/train-part0/0000.parquet", "a/train-part2/0000.parquet"}, false},
		{[]string{"nq/train.jsonl"}, true},
		{[]string{}, true},
	} {
		sorted, err := hub.Shards(c.names)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrIncomplete) {
			t.Errorf("%v: %v", c.names, err)
		}
		if err == nil && !slices.IsSorted(sorted) {
			t.Errorf("%v", sorted)
		}
	}
}

func newHub(t *testing.T) (*hubtest.Hub, *hub.Client) {
	t.Helper()
	h := hubtest.New(t)
	client, err := hub.New(&hub.Options{Endpoint: h.URL, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return h, client
}

func TestHub(t *testing.T) {
	h, client := newHub(t)
	const name = "main/train-00000-of-00001.parquet"
	h.Dataset("openai/gsm8k", map[string]string{name: parquetOf(t, "gsm8k", 200), "main/test-00000-of-00001.parquet": "no matter"})
	for kind, src := range map[string]Source{"downloads": FromHub(client), "ranges": FromHubRanges(client)} {
		if n, err := openLen(t, src, spec(t, "gsm8k")); err != nil || n != 200 {
			t.Errorf("%s: %d rows, %v", kind, n, err)
		}
	}
	// Another revision where the first lacks the file.
	h.Dataset("RUC-NLPIR/FlashRAG_datasets", map[string]string{"README.md": "no parquet here"}).
		Branch(ConvertedParquet, map[string]string{"nq/train/0000.parquet": parquetOf(t, "natural_qa", 40)})
	if n, err := openLen(t, FromHub(client), spec(t, "natural_qa")); err != nil || n != 40 {
		t.Errorf("converted: %d rows, %v", n, err)
	}
	// No such revision: the native file.
	h.Dataset("Idavidrein/gpqa", map[string]string{"gpqa_main.csv": gpqaCSV})
	if n, err := openLen(t, FromHub(client), spec(t, "gpqa")); err != nil || n != 2 {
		t.Errorf("csv: %d rows, %v", n, err)
	}
	h.Dataset("tau/commonsense_qa", map[string]string{"README.md": "moved"})
	if _, err := openLen(t, FromHub(client), spec(t, "commonsense_qa")); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "data/train-*.parquet at main") {
		t.Errorf("nothing: %v", err)
	}
}

// Offline a location whose files are listed and not cached does not hide one
// that is cached.
func TestHubOfflineTakesWhatIsCached(t *testing.T) {
	h, client := newHub(t)
	repo := h.Dataset("openai/gsm8k", map[string]string{"README.md": "r", "main/train-00000-of-00001.parquet": parquetOf(t, "gsm8k", 20)})
	repo.Branch(ConvertedParquet, map[string]string{"main/train/0000.parquet": parquetOf(t, "gsm8k", 30)})
	offline, err := hub.New(&hub.Options{CacheDir: client.CacheDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.List(t.Context(), hub.Dataset("openai/gsm8k")); err != nil {
		t.Fatal(err)
	}
	fetch := func(revision, name string) {
		t.Helper()
		if _, err := client.Download(t.Context(), hub.Dataset("openai/gsm8k").At(revision), name); err != nil {
			t.Fatal(err)
		}
	}
	fetch(Main, "README.md")
	if _, err := openLen(t, FromHub(offline), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) || !errors.Is(err, hub.ErrNotCached) {
		t.Errorf("%v", err)
	}
	fetch(ConvertedParquet, "main/train/0000.parquet")
	for _, src := range []Source{FromHub(offline), FromHubRanges(offline)} {
		if n, err := openLen(t, src, spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("%d rows, %v", n, err)
		}
	}
}

// Single rows of a file on the hub cost a part of it.
func TestHubRangesTransferLittle(t *testing.T) {
	h, client := newHub(t)
	var b bytes.Buffer
	if err := hfrows.Write(&b, "gpqa", 8000, 1000); err != nil {
		t.Fatal(err)
	}
	h.Dataset("Idavidrein/gpqa", map[string]string{"gpqa_main/train/0000.parquet": b.String()})
	s := spec(t, "gpqa")
	s.Parts[0].Files = []Location{{Revision: Main, Pattern: "gpqa_main/train/*.parquet"}}
	table, err := Open(t.Context(), FromHubRanges(client), s)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	h.Forget()
	if _, err := table.Records(t.Context(), []int{10, 11}, nil); err != nil {
		t.Fatal(err)
	}
	requests := h.Requests()
	if len(requests) == 0 || len(requests) > 60 {
		t.Errorf("%d requests", len(requests))
	}
	for _, r := range requests {
		if r.Server == "cdn" && r.Header.Get("Range") == "" {
			t.Errorf("the whole file was asked for: %+v", r)
		}
	}
}

func TestHubFallsBackToDownloads(t *testing.T) {
	h, client := newHub(t)
	h.Dataset("openai/gsm8k", map[string]string{"main/train-00000-of-00001.parquet": parquetOf(t, "gsm8k", 20)})
	h.Inject(hubtest.Fault{NoRange: true, Times: -1})
	if n, err := openLen(t, FromHubRanges(client), spec(t, "gsm8k")); err != nil || n != 20 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A gated benchmark fails with advice, and the others go on if that is wished.
func TestHubGated(t *testing.T) {
	h, client := newHub(t)
	h.Dataset("Idavidrein/gpqa", map[string]string{"gpqa_main.csv": gpqaCSV}).Gate("auto")
	h.Dataset("openai/gsm8k", map[string]string{"main/train-00000-of-00001.parquet": parquetOf(t, "gsm8k", 20)})
	o := GenerateOptions{Datasets: []string{"gpqa", "gsm8k"}}
	_, err := Generate(t.Context(), FromHub(client), &o)
	if !errors.Is(err, hub.ErrGated) || !strings.Contains(err.Error(), "datasets/Idavidrein/gpqa") || !strings.Contains(err.Error(), "HF_TOKEN") {
		t.Errorf("%v", err)
	}
	o.SkipFailed = true
	res, err := Generate(t.Context(), FromHub(client), &o)
	if err != nil || len(res.Train)+len(res.Test) != 20 || !errors.Is(res.Datasets[0].Err, hub.ErrGated) {
		t.Errorf("%+v, %v", res, err)
	}
}

// All parts of a benchmark are of one commit, also when the branch moves
// between them, and an export that the hub cut short is not a split.
func TestHubSeesOneState(t *testing.T) {
	for _, kind := range []string{"downloads", "ranges"} {
		h, client := newHub(t)
		src := map[string]Source{"downloads": FromHub(client), "ranges": FromHubRanges(client)}[kind]
		repo := h.Dataset("EleutherAI/hendrycks_math", nil)
		s := spec(t, "math")
		files := func(rows int) map[string]string {
			m := map[string]string{}
			for _, p := range s.Parts {
				m[p.Config+"/train-00000-of-00001.parquet"] = parquetOf(t, "math", rows)
			}
			return m
		}
		repo.Branch("main", files(5))
		var lens []int
		for i, p := range s.Parts {
			one := s
			one.Parts = []Part{p}
			n, err := openLen(t, src, one)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				repo.Branch("main", files(6))
			}
			lens = append(lens, n)
		}
		if slices.Max(lens) != 5 {
			t.Errorf("%s: parts of %v rows: of two commits", kind, lens)
		}
		if n, err := openLen(t, FromHub(client), s); err != nil || n != 6*len(s.Parts) {
			t.Errorf("%s: another source: %d rows, %v", kind, n, err)
		}
	}
	h, client := newHub(t)
	h.Dataset("RUC-NLPIR/FlashRAG_datasets", nil).
		Branch(ConvertedParquet, map[string]string{"nq/partial-train/0000.parquet": parquetOf(t, "natural_qa", 40)})
	if _, err := openLen(t, FromHub(client), spec(t, "natural_qa")); !errors.Is(err, hub.ErrPartial) {
		t.Errorf("an export cut short: %v", err)
	}
}

// A failing hub is not an absent file: the other revision is not tried.
func TestHubFailures(t *testing.T) {
	h, _ := newHub(t)
	client, err := hub.New(&hub.Options{Endpoint: h.URL, CacheDir: t.TempDir(), MaxRetries: new(0)})
	if err != nil {
		t.Fatal(err)
	}
	h.Dataset("openai/gsm8k", map[string]string{"main/train-00000-of-00001.parquet": parquetOf(t, "gsm8k", 20)})
	h.Inject(hubtest.Fault{Status: http.StatusForbidden, Times: -1})
	if _, err := openLen(t, FromHub(client), spec(t, "gsm8k")); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestRepositoryFolders(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "math", "algebra", "train-00000-of-00001.parquet")
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(parquetOf(t, "math", 5)), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), FromDir(dir), spec(t, "math"))
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "counting_and_probability/train") {
		t.Errorf("six parts missing: %v", err)
	}
}

// A repository's text files may be compressed.
func TestHubCompressed(t *testing.T) {
	const lines = `{"id": "a", "question": "q", "golden_answers": ["x"]}` + "\n"
	for _, ending := range []string{"", ".gz", ".zst"} {
		h, client := newHub(t)
		h.Dataset("RUC-NLPIR/FlashRAG_datasets", map[string]string{"nq/train.jsonl" + ending: string(packed(ending, strings.Repeat(lines, 5)))})
		for _, src := range []Source{FromHub(client), FromHubRanges(client)} {
			if n, err := openLen(t, src, spec(t, "natural_qa")); err != nil || n != 5 {
				t.Errorf("%q: %d rows, %v", ending, n, err)
			}
		}
	}
}
