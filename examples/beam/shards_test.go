package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// splitTexts splits texts and returns the shards' names, first lines and texts.
func splitTexts(t *testing.T, work, train, test string, size int) [][3]string {
	t.Helper()
	dir := t.TempDir()
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{
		QueryDataTrain: clitest.Write(t, dir, "train.jsonl", train), QueryDataTest: clitest.Write(t, dir, "test.jsonl", test),
	}}
	if err := split(t.Context(), c, work, size); err != nil {
		t.Fatal(err)
	}
	list, err := shardsOf(manifestFile(work))
	if err != nil {
		t.Fatal(err)
	}
	var got [][3]string
	for _, s := range list {
		text, err := os.ReadFile(s.Queries)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, [3]string{s.Name, string(rune('0' + s.FirstLine)), string(text)})
	}
	return got
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for _, tt := range []struct {
		name, train, test string
		size              int
		want              [][3]string
	}{
		{"even", "a\nb\nc\nd\n", "e\n", 2, [][3]string{{"train-00000", "1", "a\nb\n"}, {"train-00001", "3", "c\nd\n"}, {"test-00000", "1", "e\n"}}},
		{"a remainder", "a\nb\nc\n", "", 2, [][3]string{{"train-00000", "1", "a\nb\n"}, {"train-00001", "3", "c\n"}}},
		{"no last line feed", "a\nb\nc", "d", 2, [][3]string{{"train-00000", "1", "a\nb\n"}, {"train-00001", "3", "c"}, {"test-00000", "1", "d"}}},
		{"blank lines do not count", "\n a\n\n\t\r\nb\n\nc\n", "", 2, [][3]string{{"train-00000", "1", "\n a\n\n\t\r\nb\n"}, {"train-00001", "6", "\nc\n"}}},
		{"long lines", long + "\n" + long, "", 1, [][3]string{{"train-00000", "1", long + "\n"}, {"train-00001", "2", long}}},
		{"all in one", "a\nb\n", "c\n", 1000, [][3]string{{"train-00000", "1", "a\nb\n"}, {"test-00000", "1", "c\n"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, splitTexts(t, t.TempDir(), tt.train, tt.test, tt.size)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSplitNothing(t *testing.T) {
	dir := t.TempDir()
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{QueryDataTrain: clitest.Write(t, dir, "a", ""), QueryDataTest: clitest.Write(t, dir, "b", "")}}
	if err := split(t.Context(), c, filepath.Join(dir, "work"), 5); err == nil || !strings.Contains(err.Error(), "hold no query") {
		t.Errorf("%v", err)
	}
	c.DataPath.QueryDataTrain = filepath.Join(dir, "none-*.jsonl")
	if err := split(t.Context(), c, filepath.Join(dir, "work"), 5); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	c.DataPath.QueryDataTrain = filepath.Join(dir, "none")
	if err := split(t.Context(), c, filepath.Join(dir, "work"), 5); err == nil {
		t.Error("a missing file was split")
	}
	if left := clitest.Files(t, filepath.Join(dir, "work")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSplitOfShards takes files as they are, in the order of their names.
func TestSplitOfShards(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"q-2.jsonl", "q-0.jsonl", "q-1.jsonl"} {
		clitest.Write(t, dir, name, name+"\n")
	}
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{QueryDataTrain: filepath.Join(dir, "q-*.jsonl"), QueryDataTest: clitest.Write(t, dir, "test", "t\n")}}
	work := filepath.Join(dir, "work")
	if err := split(t.Context(), c, work, 5); err != nil {
		t.Fatal(err)
	}
	list, err := shardsOf(manifestFile(work))
	if err != nil {
		t.Fatal(err)
	}
	var want []Shard
	for i, name := range []string{"q-0.jsonl", "q-1.jsonl", "q-2.jsonl"} {
		path := filepath.Join(dir, name)
		want = append(want, Shard{Name: "train-0000" + string(rune('0'+i)), Split: "train", Queries: path, Source: path, FirstLine: 1})
	}
	want = append(want, Shard{Name: "test-00000", Split: "test", Queries: shardQueries(work, "test-00000"), Source: filepath.Join(dir, "test"), FirstLine: 1})
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
}

// TestSplitAgain keeps the results of shards that stay the same, and the
// journals of all.
func TestSplitAgain(t *testing.T) {
	work := t.TempDir()
	splitTexts(t, work, "a\nb\nc\n", "d\n", 1)
	results := func(name string) *llmrouterdata.Config { return Shard{Name: name}.dataset(work) }
	for _, name := range []string{"train-00000", "train-00001", "test-00000"} {
		c := results(name)
		for _, path := range []string{c.DataPath.RoutingDataTrain, c.DataPath.QueryDataTrain, c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain + ".journal"} {
			clitest.Write(t, filepath.Dir(path), filepath.Base(path), "x")
		}
	}
	splitTexts(t, work, "a\nB\nc\n", "d\n", 1)
	for name, want := range map[string]int{"train-00000": 4, "train-00001": 1, "test-00000": 4} {
		if got := clitest.Files(t, shardFolder(work, name)); len(got) != want {
			t.Errorf("%s keeps %v, want %d files", name, got, want)
		}
	}
}

// TestSplitFails leaves nothing half made behind.
func TestSplitFails(t *testing.T) {
	dir, work := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(work, "queries"), 0o777); err != nil {
		t.Fatal(err)
	}
	loop := shardQueries(work, "train-00001")
	if err := os.Symlink(loop, loop); err != nil {
		t.Skip(err)
	}
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{
		QueryDataTrain: clitest.Write(t, dir, "train.jsonl", "a\nb\nc\n"), QueryDataTest: clitest.Write(t, dir, "test.jsonl", ""),
	}}
	if err := split(t.Context(), c, work, 1); err == nil || !strings.Contains(err.Error(), "train-00001") {
		t.Errorf("got %v", err)
	}
	var left []string
	for _, pattern := range []string{"*", "*/*"} {
		names, err := filepath.Glob(filepath.Join(work, pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, names...)
	}
	if diff := cmp.Diff([]string{filepath.Join(work, "queries"), shardQueries(work, "train-00000"), loop}, left); diff != "" {
		t.Error(diff)
	}
}
