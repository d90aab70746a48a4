package shards

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func openCooldowns(t *testing.T, dir string) *Cooldowns {
	t.Helper()
	c, err := OpenCooldowns(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// hears waits until a process knows what another has told.
func hears(t *testing.T, c *Cooldowns, label, model string, until time.Time) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !c.Until(label, model).Equal(until); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q, %q: hears %v, want %v", label, model, c.Until(label, model), until)
		}
	}
}

func TestCooldowns(t *testing.T) {
	dir := t.TempDir()
	one, other := openCooldowns(t, dir), openCooldowns(t, dir)
	until := time.Now().Add(20 * time.Second).Truncate(time.Second)
	for i, use := range []keyUse{{"key-1", ""}, {"NVIDIA-2", "meta/llama-3.1:8b"}, {"a@b%/..", `c:\ü`}} {
		one.Tell(use.label, use.model, until.Add(time.Duration(i)*time.Second))
		hears(t, other, use.label, use.model, until.Add(time.Duration(i)*time.Second))
	}
	if got := other.Until("key-1", "m"); !got.IsZero() {
		t.Errorf("of another model: %v", got)
	}
	one.Tell("key-1", "", until.Add(30*time.Second)) // it was busy again
	hears(t, other, "key-1", "", until.Add(30*time.Second))
	third := openCooldowns(t, dir) // knows at once
	if got := third.Until("key-1", ""); !got.Equal(until.Add(30 * time.Second)) {
		t.Errorf("who comes later hears %v", got)
	}
}

// A clock that is wrong, and files of others, do no harm.
func TestStrangeCooldowns(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cooldowns"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key-1@m", "README", "%zz@m", "@", "key-1"} {
		write(t, filepath.Join(dir, "cooldowns", name), "")
	}
	if err := os.Chtimes(filepath.Join(dir, "cooldowns", "key-1@m"), time.Time{}, time.Now().Add(1000*time.Hour)); err != nil {
		t.Fatal(err)
	}
	c := openCooldowns(t, dir)
	if wait := time.Until(c.Until("key-1", "m")); wait > longestCooldown || wait < longestCooldown/2 {
		t.Errorf("waits for %v", wait)
	}
	if len(c.until) != 2 {
		t.Errorf("hears %v", c.until)
	}
	if _, err := OpenCooldowns(filepath.Join(dir, "cooldowns", "README"), nil); err == nil {
		t.Error("a file was taken for a folder")
	}
}
