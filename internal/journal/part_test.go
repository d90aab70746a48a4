package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// callOf is the id of the call of testEntry(i).
func callOf(i int) string { return NewCallID(testEntry(i).Candidate, testEntry(i).Call).String() }

// What is noted of parts is there again, without the calls that have entries since.
func TestParts(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, _, _ := openTest(t, name)
	put := func(p Part) {
		t.Helper()
		if err := j.PutPart(p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Append(testEntry(1)); err != nil { // before it was in a part
		t.Fatal(err)
	}
	first := Part{ID: "first", Candidate: "a", Key: "key-1", Calls: []string{callOf(1), callOf(2), callOf(3)}}
	second := Part{ID: "second", Candidate: "b", Calls: []string{callOf(4), callOf(5)}}
	put(first)
	put(second)
	first.File = "file-1"
	put(first)
	first.Batch = "batch-1"
	put(first)
	second.Over = true
	put(second)
	third := Part{ID: "third", Candidate: "b", Key: "key-2", Calls: []string{callOf(4)}}
	put(third)
	put(Part{ID: "never noted", Over: true})
	if _, err := j.Append(testEntry(2)); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	j, entries, warnings := openTest(t, name)
	defer j.Close()
	first.Calls = []string{callOf(1), callOf(3)}
	if diff := cmp.Diff([]Part{first, third}, j.Parts()); diff != "" || len(entries) != 2 || warnings != nil {
		t.Errorf("%d entries, %q\n%s", len(entries), warnings, diff)
	}
}

func TestPartOfAnEntry(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	e := testEntry(3)
	e.Part, e.ResponseTime = "first", 0
	j, _, _ := openTest(t, name)
	if _, err := j.Append(e); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Entry{*e}, readJournal(t, name)); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var parsed Entry
	if !parse(string(text[len(header):]), &parsed) || parsed.Part != "first" {
		t.Error("the entry is read the slow way")
	}
}

func TestCallID(t *testing.T) {
	id := NewCallID("a", "b")
	if ParseCallID(id.String()) != id || len(id.String()) != 32 {
		t.Errorf("%s is read as %v", id, ParseCallID(id.String()))
	}
	for _, text := range []string{"", "zz", id.String()[2:], id.String() + "00"} {
		if ParseCallID(text) != (CallID{}) {
			t.Errorf("%q is an id", text)
		}
	}
}
