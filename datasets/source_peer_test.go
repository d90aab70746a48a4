package datasets

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// caseText is a recorded case about sets, as text.
func caseText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.CasesDir(t), "sets", name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCasesMirror holds that the other location is tried where a mirror does not
// know the revision of the first, in whatever words.
func TestCasesMirror(t *testing.T) {
	answers := strings.Split(caseText(t, "olah_404.txt"), "GET ")[1:]
	if len(answers) == 0 {
		t.Fatal("no answers")
	}
	for i, answer := range answers {
		_, head, _ := strings.Cut(strings.TrimSpace(answer), "\n")
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n")), nil)
		if err != nil {
			t.Fatal(err)
		}
		h, client := newHub(t)
		h.Dataset("RUC-NLPIR/FlashRAG_datasets", map[string]string{"nq/train.jsonl": `{"id":"train_0","question":"who","golden_answers":["me"]}` + "\n"})
		fault := hubtest.Fault{Path: "refs%2Fconvert%2Fparquet", Status: r.StatusCode, Header: r.Header, Times: -1}
		h.Inject(fault)
		if n, err := openLen(t, FromHub(client), spec(t, "natural_qa")); err != nil || n != 1 {
			t.Errorf("answer %d: %d rows, %v", i, n, err)
		}
		// Of main too, it is the repository that is not there.
		fault.Path = ""
		h.Heal()
		h.Inject(fault)
		_, elsewhere := newHub(t)
		if _, err := openLen(t, FromHub(elsewhere), spec(t, "natural_qa")); !errors.Is(err, hub.ErrRepoNotFound) {
			t.Errorf("answer %d: without a repository: %v", i, err)
		}
	}
}

// TestCasesReferences holds that what the case shows is not left behind: a
// reference to a commit without a snapshot.
func TestCasesReferences(t *testing.T) {
	text := caseText(t, "refs_without_snapshot.txt")
	// The repository and the file that the case names.
	m := regexp.MustCompile(`hub/datasets--(\S+?)--(\S+?)/snapshots/B/(\S+)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no snapshot in %s", text)
	}
	h, client := newHub(t)
	h.Dataset(m[1]+"/"+m[2], map[string]string{"README.md": "no parquet here"}).
		Branch(ConvertedParquet, map[string]string{m[3]: parquetOf(t, "human_eval", 7)})
	if n, err := openLen(t, FromHub(client), spec(t, "human_eval")); err != nil || n != 7 {
		t.Fatalf("%d rows, %v", n, err)
	}
	repo := filepath.Join(client.CacheDir(), "datasets--"+m[1]+"--"+m[2])
	references := 0
	err := filepath.WalkDir(filepath.Join(repo, "refs"), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		references++
		commit, err := os.ReadFile(name)
		if err == nil {
			_, err = os.Stat(filepath.Join(repo, "snapshots", string(commit)))
		}
		return err
	})
	if err != nil || references != 1 {
		t.Errorf("%d references, %v", references, err)
	}
}

// TestPeerCacheIsASource reads, without a hub, the cache that huggingface_hub has
// filled, as the client's and as a folder.
func TestPeerCacheIsASource(t *testing.T) {
	for _, generation := range []string{"data", "hub0"} {
		h, _ := newHub(t)
		cache := t.TempDir()
		h.Dataset("openai/gsm8k", map[string]string{"README.md": "r", "main/train-00000-of-00001.parquet": parquetOf(t, "gsm8k", 30)}).Xet()
		h.Dataset("RUC-NLPIR/FlashRAG_datasets", map[string]string{"README.md": "r"}).
			Branch(ConvertedParquet, map[string]string{"nq/train/0000.parquet": parquetOf(t, "natural_qa", 20)})
		snapshot := strings.TrimSpace(h.Python(t, generation, cache, `
from huggingface_hub import hf_hub_download, snapshot_download
snapshot_download("RUC-NLPIR/FlashRAG_datasets", repo_type="dataset", revision="refs/convert/parquet")
print(hf_hub_download("openai/gsm8k", "main/train-00000-of-00001.parquet", repo_type="dataset")[:-len("/main/train-00000-of-00001.parquet")])`))
		client, err := hub.New(&hub.Options{Endpoint: h.URL, CacheDir: cache, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range []Source{FromHub(client), FromHubRanges(client), FromDir(cache)} {
			for task, want := range map[string]int{"gsm8k": 30, "natural_qa": 20} {
				if n, err := openLen(t, src, spec(t, task)); err != nil || n != want {
					t.Errorf("%s: %T: %s: %d rows, %v", generation, src, task, n, err)
				}
			}
		}
		if n, err := openLen(t, FromDir(snapshot), spec(t, "gsm8k")); err != nil || n != 30 {
			t.Errorf("%s: %s: %d rows, %v", generation, snapshot, n, err)
		}
	}
}

// writeFolders writes the rows of a file as other libraries keep them.
const writeFolders = `
import datasets, duckdb, os, polars, pyarrow.parquet as pq, pyarrow.dataset as ds, pyarrow as pa
source, dir = %q, %q
for d in ["duckdb", "duckdb2", "polars/gsm8k"]:
    os.makedirs(f"{dir}/{d}")
duckdb.sql(f"COPY (SELECT *, 'train' AS split FROM '{source}') TO '{dir}/duckdb/gsm8k' (FORMAT parquet, PARTITION_BY (split))")
duckdb.sql(f"COPY (SELECT *, 'main' AS config, 'train' AS split FROM '{source}') TO '{dir}/duckdb2/gsm8k' (FORMAT parquet, PARTITION_BY (config, split))")
table = pq.read_table(source)
table = table.append_column("split", pa.array(["train"] * table.num_rows))
pq.write_to_dataset(table, f"{dir}/pyarrow", partition_cols=["split"])
ds.write_dataset(table, f"{dir}/numbered/openai--gsm8k", format="parquet", partitioning=ds.partitioning(pa.schema([("split", pa.string())]), flavor="hive"), max_rows_per_file=250, max_rows_per_group=250, use_threads=False)
polars.from_arrow(table).write_parquet(f"{dir}/polars/gsm8k/", partition_by=["split"])
d = datasets.Dataset.from_parquet(source, cache_dir=f"{dir}/cache")
d.save_to_disk(f"{dir}/disk/gsm8k")
datasets.DatasetDict(train=d).save_to_disk(f"{dir}/disks")`

// TestPeerFoldersAreSources reads folders that other libraries divide by split,
// and says what it does not read of those that they write.
func TestPeerFoldersAreSources(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.parquet")
	if err := os.WriteFile(in, []byte(parquetOf(t, "gsm8k", 3000)), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), peertest.Python(t, "data"), "-c", fmt.Sprintf(writeFolders, in, dir))
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, folder := range []string{"duckdb", "duckdb2", "pyarrow", "numbered", "polars"} {
		if n, err := openLen(t, FromDir(filepath.Join(dir, folder)), spec(t, "gsm8k")); err != nil || n != 3000 {
			t.Errorf("%s: %d rows, %v", folder, n, err)
		}
	}
	// Twelve files hold the rows in the order of their numbers.
	rows := func(src Source) (queries []string) {
		table, err := Open(t.Context(), src, spec(t, "gsm8k"))
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		for rec, err := range table.All(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			queries = append(queries, rec.Query)
		}
		return queries
	}
	whole := filepath.Join(dir, "whole", "gsm8k")
	if err := os.MkdirAll(whole, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(in, filepath.Join(whole, "train-00000-of-00001.parquet")); err != nil {
		t.Fatal(err)
	}
	want, got := rows(FromDir(filepath.Join(dir, "whole"))), rows(FromDir(filepath.Join(dir, "numbered")))
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d is another", i)
		}
	}
	for _, folder := range []string{"disk", "disks", "disk/gsm8k"} {
		if _, err := openLen(t, FromDir(filepath.Join(dir, folder)), spec(t, "gsm8k")); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "save_to_disk") {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
