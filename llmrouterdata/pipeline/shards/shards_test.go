package shards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/faultfs"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func write(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// splitTexts cuts two texts and returns the working folder.
func splitTexts(t testing.TB, train, test string, size int) string {
	t.Helper()
	dir := t.TempDir()
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{
		QueryDataTrain: write(t, filepath.Join(dir, "train.jsonl"), train), QueryDataTest: write(t, filepath.Join(dir, "test.jsonl"), test),
	}}
	work := filepath.Join(dir, "work")
	if _, err := Split(t.Context(), c, work, &SplitOptions{Size: size}); err != nil {
		t.Fatal(err)
	}
	return work
}

// shard is what a test looks at of a shard.
type shard struct {
	Name         string
	First, Count int
	Text         string
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for _, tt := range []struct {
		name, train, test string
		size              int
		want              []shard
	}{
		{"even", "a\nb\nc\nd\n", "e\n", 2, []shard{{"train-00000", 1, 2, "a\nb\n"}, {"train-00001", 3, 2, "c\nd\n"}, {"test-00000", 1, 1, "e\n"}}},
		{"a remainder", "a\nb\nc\n", "", 2, []shard{{"train-00000", 1, 2, "a\nb\n"}, {"train-00001", 3, 1, "c\n"}}},
		{"no last line feed", "a\nb\nc", "d", 2, []shard{{"train-00000", 1, 2, "a\nb\n"}, {"train-00001", 3, 1, "c"}, {"test-00000", 1, 1, "d"}}},
		{"blank lines do not count", "\n a\n\n\t\r\nb\n\nc\n", "", 2, []shard{{"train-00000", 1, 2, "\n a\n\n\t\r\nb\n"}, {"train-00001", 6, 1, "\nc\n"}}},
		{"long lines", long + "\n" + long, "", 1, []shard{{"train-00000", 1, 1, long + "\n"}, {"train-00001", 2, 1, long}}},
		{"all in one", "a\nb\n", "c\n", 1000, []shard{{"train-00000", 1, 2, "a\nb\n"}, {"test-00000", 1, 1, "c\n"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder, err := Open(splitTexts(t, tt.train, tt.test, tt.size))
			if err != nil {
				t.Fatal(err)
			}
			var got []shard
			for _, s := range folder.Shards() {
				text, err := os.ReadFile(folder.QueriesFile(s))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, shard{s.Name, s.FirstLine, s.Count, string(text)})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Files that are shards already stay where they are, each a shard.
func TestSplitPattern(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.jsonl", "a.jsonl"} {
		write(t, filepath.Join(dir, name), name+"\n"+name+"\n")
	}
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{
		QueryDataTrain: filepath.Join(dir, "?.jsonl"), QueryDataTest: filepath.Join(dir, "[b].jsonl"),
	}}
	work := filepath.Join(dir, "work")
	list, err := Split(t.Context(), c, work, &SplitOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := Open(work)
	if err != nil || len(list) != 3 || list[0].Count != 2 || folder.QueriesFile(list[0]) != filepath.Join(dir, "a.jsonl") || folder.QueriesFile(list[1]) != filepath.Join(dir, "b.jsonl") {
		t.Errorf("%v: %+v", err, list)
	}
}

func TestSplitNothing(t *testing.T) {
	dir := t.TempDir()
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{QueryDataTrain: write(t, filepath.Join(dir, "a"), ""), QueryDataTest: write(t, filepath.Join(dir, "b"), "")}}
	work := filepath.Join(dir, "work")
	for name, says := range map[string]string{"a": "hold no query", "none-*.jsonl": "no such file", "none": "no such file"} {
		c.DataPath.QueryDataTrain = filepath.Join(dir, name)
		if _, err := Split(t.Context(), c, work, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Split(t.Context(), c, work, &SplitOptions{Size: -1}); err == nil || !strings.Contains(err.Error(), "SplitOptions.Size") {
		t.Error(err)
	}
	if _, err := os.Stat(work); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.DataPath.QueryDataTrain = write(t, filepath.Join(dir, "a"), strings.Repeat("a\n", 5000))
	if _, err := Split(ctx, c, work, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(work, "*", "*"+atomicfile.TempSuffix)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A list that is damaged is an error, and names lead out of the folder nowhere.
func TestDamagedList(t *testing.T) {
	for _, text := range []string{
		"{", "[]\n", `{"name": "../x", "split": "train", "queries": "q"}`, `{"name": "x", "split": "both", "queries": "q"}`, `{"name": "x", "split": "train"}`,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "shards.jsonl"), text)
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "shards.jsonl") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// lax is a file system that grants a lock to everybody.
type lax struct{ vfs.OS }

func (lax) TryLock(vfs.File) error { return nil }
func (lax) Unlock(vfs.File) error  { return nil }

// A file system that does not keep a second process out is found before any work.
func TestNoLocks(t *testing.T) {
	work := splitTexts(t, "a\n", "", 1)
	if _, err := open(work, lax{}); !errors.Is(err, ErrNoLocks) {
		t.Errorf("locks for everybody: %v", err)
	}
	for _, refusal := range []error{errors.ErrUnsupported, syscall.ENOLCK, syscall.EINVAL} {
		disk, err := faultfs.New(work, func(op faultfs.Op) error {
			if op.Kind == faultfs.Lock {
				return refusal
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(work, disk); !errors.Is(err, ErrNoLocks) || !errors.Is(err, refusal) {
			t.Errorf("%v: %v", refusal, err)
		}
	}
}

func TestClaim(t *testing.T) {
	folder, err := Open(splitTexts(t, "a\nb\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	s, other := folder.Shards()[0], folder.Shards()[1]
	claim, err := folder.Claim(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.put(s, &State{Shard: s.Name, Status: running, Host: "there", PID: 7}); err != nil {
		t.Fatal(err)
	}
	_, err = folder.Claim(s)
	if held, ok := errors.AsType[*HeldError](err); !ok || held.PID != 7 || held.Host != "there" {
		t.Errorf("a second claim: %v", err)
	}
	second, err := folder.Claim(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Claim{claim, second} {
		if err := c.Release(); err != nil {
			t.Error(err)
		}
	}
	if claimed, err := folder.claimed(s); claimed || err != nil {
		t.Errorf("after Release: %v, %v", claimed, err)
	}
}

// A process that was killed leaves a state that says it runs, and what it had
// paid until then counts.
func TestStatusOfTheDead(t *testing.T) {
	folder, err := Open(splitTexts(t, "a\nb\nc\nd\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	c := &llmrouterdata.Config{DataPath: llmrouterdata.DataPath{LLMData: write(t, filepath.Join(t.TempDir(), "llm.json"), `{"a": {"model": "a"}, "b": {"model": "b"}}`)}}
	put := func(i int, state State) {
		t.Helper()
		s := folder.Shards()[i]
		state.Shard, state.Queries, state.Pairs = s.Name, s.SHA256, 2
		claim, err := folder.Claim(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(folder.put(s, &state), claim.Release()); err != nil {
			t.Fatal(err)
		}
	}
	put(0, State{Status: done, Done: 2, Failed: 1, CostUSD: 1})
	put(1, State{Status: running, Done: 1, CostUSD: 1, SpentUSD: 2, Rate: 5})
	put(2, State{Status: running, Done: 1, SpentUSD: 4, Rate: 5})
	claim, err := folder.Claim(folder.Shards()[2])
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release()
	status, err := folder.Status(c)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(status.Shards, status.Done, status.Running, status.Failed, status.Waiting, status.Calls, status.CallsDone, status.CallsFailed, status.CostUSD, status.Rate, status.SecondsLeft)
	if want := fmt.Sprint(4, 1, 1, 0, 2, 8, 4, 1, 8.0, 5.0, 0.8); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if e := status.States[1].Error; !strings.Contains(e, "without a word") {
		t.Errorf("of the dead one it says %q", e)
	}
}

func TestRunOptions(t *testing.T) {
	folder, err := Open(splitTexts(t, "a\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	bad := &RunOptions{Index: 2, Of: 2, AtOnce: -1}
	bad.Pipeline.Fresh, bad.Pipeline.CandidateOrder = true, dataset.OrderBest
	_, err = folder.Run(t.Context(), llmrouterdata.DefaultConfig(), bad)
	for _, field := range []string{"Index", "AtOnce", "Pipeline has", "Pipeline.CandidateOrder"} {
		if err == nil || !strings.Contains(err.Error(), "shards: RunOptions."+field) {
			t.Errorf("no %s in %v", field, err)
		}
	}
}
