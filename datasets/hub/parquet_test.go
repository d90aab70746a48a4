package hub_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func TestParquet(t *testing.T) {
	shards := func(prefix string, n int, of ...int) []string {
		var out []string
		for _, i := range of {
			out = append(out, fmt.Sprintf("%s-%05d-of-%05d.parquet", prefix, i, n))
		}
		return out
	}
	for _, tt := range []struct {
		name          string
		main, export  []string // export nil: no such reference
		config, split string
		revision      string
		want          []string
		exported      bool // want is of the export
		is            error
		says          string
	}{
		{name: "on main", main: append(shards("main/train", 1, 0), shards("main/test", 1, 0)...), config: "main", split: "test", want: shards("main/test", 1, 0)},
		{name: "shards in order", main: shards("c/train", 3, 2, 0, 1), config: "c", split: "train", want: shards("c/train", 3, 0, 1, 2)},
		{name: "with a hash in the name", main: []string{"data/train-00000-of-00001-0123456789abcdef.parquet"}, split: "train", want: []string{"data/train-00000-of-00001-0123456789abcdef.parquet"}},
		{name: "default configuration in data", main: shards("data/train", 1, 0), config: "default", split: "train", want: shards("data/train", 1, 0)},
		{name: "default configuration at the root", main: shards("train", 1, 0), split: "train", want: shards("train", 1, 0)},
		{name: "data is not of a named configuration", main: shards("data/train", 1, 0), config: "c", split: "train", is: hub.ErrEntryNotFound},
		{name: "a split is not a prefix", main: shards("c/train_extra", 1, 0), config: "c", split: "train", is: hub.ErrEntryNotFound},
		{name: "main before the export", main: shards("c/train", 1, 0), export: []string{"c/train/0000.parquet"}, config: "c", split: "train", want: shards("c/train", 1, 0)},
		{name: "export", main: []string{"nq/train.jsonl"}, export: []string{"nq/train/0001.parquet", "nq/train/0000.parquet", "nq/train/index.duckdb", "nq/dev/0000.parquet"}, config: "nq", split: "train",
			want: []string{"nq/train/0000.parquet", "nq/train/0001.parquet"}, exported: true},
		{name: "export of the default configuration", export: []string{"default/train/0000.parquet"}, split: "train", want: []string{"default/train/0000.parquet"}, exported: true},
		{name: "export by its name", export: []string{"c/train/0000.parquet"}, config: "c", split: "train", revision: hub.ParquetRevision, want: []string{"c/train/0000.parquet"}, exported: true},
		{name: "export of very many shards", export: []string{"c/train-part1/0000.parquet", "c/train-part0/0001.parquet", "c/train-part0/0000.parquet"}, config: "c", split: "train",
			want: []string{"c/train-part0/0000.parquet", "c/train-part0/0001.parquet", "c/train-part1/0000.parquet"}, exported: true},
		{name: "part missing", export: []string{"c/train-part0/0000.parquet", "c/train-part2/0000.parquet"}, config: "c", split: "train", says: "part 1"},
		{name: "export not used for another revision", export: []string{"c/train/0000.parquet"}, main: []string{"x"}, config: "c", split: "train", revision: "v1", is: hub.ErrEntryNotFound},
		{name: "export cut short", export: []string{"c/partial-train/0000.parquet"}, config: "c", split: "train", is: hub.ErrPartial, says: "partial-train"},
		{name: "another split cut short", export: []string{"c/partial-test/0000.parquet", "c/train/0000.parquet"}, config: "c", split: "train", want: []string{"c/train/0000.parquet"}, exported: true},
		{name: "shard missing on main", main: shards("c/train", 3, 0, 2), config: "c", split: "train", says: "shard 1 of 3"},
		{name: "two sets of shards", main: append(shards("c/train", 1, 0), shards("c/train", 2, 1)...), config: "c", split: "train", says: "another set"},
		{name: "one shard too many", main: shards("c/train", 1, 0, 1), config: "c", split: "train", says: "more shards"},
		{name: "shard missing in the export", export: []string{"c/train/0000.parquet", "c/train/0002.parquet"}, config: "c", split: "train", says: "shard 1 of 2"},
		{name: "none", main: []string{"train.csv"}, config: "c", split: "train", is: hub.ErrEntryNotFound, says: "c/train-*.parquet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			files := func(names []string) map[string]string {
				m := map[string]string{}
				for _, n := range names {
					m[n] = "content of " + n
				}
				return m
			}
			repo := h.Dataset("o/d", nil)
			commit := repo.Branch("main", files(tt.main))
			repo.Branch("v1", files(tt.main))
			if tt.export != nil {
				exported := repo.Branch(hub.ParquetRevision, files(tt.export))
				if tt.exported {
					commit = exported
				}
			}
			c := newClient(t, h, nil)
			pinned, got, err := c.Parquet(t.Context(), hub.Dataset("o/d").At(tt.revision), tt.config, tt.split)
			if tt.is != nil || tt.says != "" {
				if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range got {
				names = append(names, e.Path)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Error(diff)
			}
			if pinned != hub.Dataset("o/d").At(commit) {
				t.Errorf("pinned to %s, want commit %s", pinned, commit)
			}
		})
	}
	if _, _, err := newClient(t, hubtest.New(t), nil).Parquet(t.Context(), hub.Model("o/m"), "c", "train"); err == nil {
		t.Error("a model has parquet splits")
	}
}
