package datasets

import (
	"archive/zip"
	"bytes"
	"errors"
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
	} {
		if n, err := openLen(t, FromFS(fstest.MapFS{path: {Data: data}}), spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("%s: %d rows, %v", path, n, err)
		}
	}
	for _, path := range []string{name, "main/" + name, "gsm8k/main/test-00000-of-00001.parquet", "gsm8k/main/partial-train/0000.parquet"} {
		n, err := openLen(t, FromFS(fstest.MapFS{path: {Data: data}}), spec(t, "gsm8k"))
		if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gsm8k/main/train-*.parquet") {
			t.Errorf("%s: %d rows, %v", path, n, err)
		}
	}
	if _, err := openLen(t, FromDir("nowhere"), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
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
