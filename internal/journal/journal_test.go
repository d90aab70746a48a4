package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/faultfs"
)

// openTest opens a journal, reads it and makes it ready to append to.
func openTest(t testing.TB, name string) (j *Journal, entries []Entry, warnings []string) {
	t.Helper()
	warn := func(text string) { warnings = append(warnings, text) }
	j, err := Open(name, &Options{Warn: warn})
	if err == nil {
		err = j.Scan(func(offset int64, e *Entry) error {
			entries = append(entries, *e)
			if got, err := j.Read(offset); err != nil || cmp.Diff(e, got) != "" {
				t.Errorf("the entry at %d: %v %s", offset, err, cmp.Diff(e, got))
			}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, entries, warnings
}

func testEntry(i int) *Entry {
	e := &Entry{
		Call: fmt.Sprintf("%032x", i), Candidate: fmt.Sprint("model <", i%3, ">"), Task: "math", Response: strings.Repeat("answer é\n\u2028 ", i%50),
		TokenNum: i, InputTokens: i / 2, OutputTokens: i - i/2, ResponseTime: 0.1 * float64(i), Key: "key-1", Attempts: 1, CostUSD: 1e-7 * float64(i), FinishReason: "stop",
	}
	if i%5 == 4 {
		e.Response = ""
		e.Error = &Error{Kind: "server_error", Status: 503, Code: "busy", Message: "server error (HTTP 503, busy)", Detail: "overloaded", Unknown: i%10 == 9}
	}
	return e
}

// testJournal writes a journal of n entries.
func testJournal(t testing.TB, name string, n int) (want []Entry) {
	t.Helper()
	j, _, _ := openTest(t, name)
	for i := range n {
		if _, err := j.Append(testEntry(i)); err != nil {
			t.Fatal(err)
		}
		want = append(want, *testEntry(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}

// readJournal returns the entries of a journal that no run holds.
func readJournal(t testing.TB, name string) (list []Entry) {
	t.Helper()
	j, err := Peek(name, &Options{Warn: func(text string) { t.Error(text) }})
	if err != nil || j == nil {
		t.Fatalf("journal %s: %v", name, err)
	}
	defer j.Close()
	if err := j.Scan(func(_ int64, e *Entry) error {
		list = append(list, *e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "j")
	want := testJournal(t, name, 10000) // several chunks
	j, got, warnings := openTest(t, name)
	defer j.Close()
	if diff := cmp.Diff(want, got); diff != "" || len(warnings) > 0 {
		t.Errorf("%v\n%s", warnings, diff)
	}
	if text, err := os.ReadFile(name); err != nil || int64(len(text)) != j.end {
		t.Errorf("the end is at %d of %d bytes (%v)", j.end, len(text), err)
	}
}

// Cut anywhere, the journal gives exactly the entries that are whole, and
// what is appended then stands behind them.
func TestTornAnywhere(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "j")
	want := testJournal(t, name, 3)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(text) + 1 {
		if edge := bytes.IndexByte(text[max(0, cut-2):min(len(text), cut+2)], '\n') >= 0; !edge && cut%17 != 0 {
			continue
		}
		if err := os.WriteFile(name, text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		whole := max(0, bytes.Count(text[:cut], []byte("\n"))-1)
		j, got, warnings := openTest(t, name)
		if diff := cmp.Diff(want[:whole], got); whole+len(got) > 0 && diff != "" || len(warnings) > 0 {
			t.Fatalf("cut at %d: %v\n%s", cut, warnings, diff)
		}
		if _, err := j.Append(testEntry(77)); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readJournal(t, name); len(got) != whole+1 || got[whole].Call != testEntry(77).Call {
			t.Fatalf("cut at %d: %d entries after one was appended to %d", cut, len(got), whole)
		}
	}
}

func TestDamage(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	want := testJournal(t, name, 6)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for what, line := range map[string]string{
		"not JSON":        "{\"call\": \"x\", \"candid\n",
		"zeros":           strings.Repeat("\x00", 300) + "\n",
		"empty":           "\n",
		"another type":    `{"call":"x","candidate":"m","token_num":"7"}` + "\n",
		"a list":          "[]\n",
		"no call":         "{}\n",
		"two in one line": strings.TrimSuffix(string(lines[2]), "\n") + string(lines[2]),
	} {
		damaged := bytes.Join([][]byte{lines[0], lines[1], []byte(line), lines[3], lines[4], lines[5], lines[6]}, nil)
		if err := os.WriteFile(name, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		j, got, warnings := openTest(t, name)
		j.Close()
		if diff := cmp.Diff(append(want[:1:1], want[2:]...), got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], name+":3:") {
			t.Errorf("%s: warnings %q", what, warnings)
		}
	}
}

// A line past the cap is one damaged entry: it takes no memory of its length
// and hides nothing behind it.
func TestEndlessLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	want := testJournal(t, name, 3)
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// A hole of zeros, as a crash may leave behind.
	if _, err := f.WriteAt([]byte("\n"), info.Size()+maxLine+12345); err != nil {
		t.Fatal(err)
	}
	f.Close()
	j, got, warnings := openTest(t, name)
	defer j.Close()
	if diff := cmp.Diff(want, got); diff != "" || len(warnings) != 1 {
		t.Errorf("warnings %q\n%s", warnings, diff)
	}
	if j.end != info.Size()+maxLine+12346 {
		t.Errorf("the end is at %d", j.end)
	}
}

// What is no journal is neither read nor written.
func TestForeignFile(t *testing.T) {
	for _, text := range []string{"my notes", "my notes\n", "{\"journal\": 2}\n", strings.Replace(header, "1}", "2}", 1), "\n", header[:len(header)-1] + " "} {
		name := filepath.Join(t.TempDir(), "j")
		writeFile(t, name, text)
		j, err := Open(name, nil)
		if err == nil {
			err = j.Scan(func(int64, *Entry) error { return nil })
			j.Close()
		}
		if !errors.Is(err, errNotJournal) {
			t.Errorf("%q: got %v", text, err)
		}
		if kept, _ := os.ReadFile(name); string(kept) != text {
			t.Errorf("%q became %q", text, kept)
		}
	}
}

// A line too long to be kept is no header that was cut short.
func TestForeignFileOfOneLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	writeFile(t, name, "my notes")
	if err := os.Truncate(name, maxLine+1); err != nil { // as long as that, without any line feed
		t.Fatal(err)
	}
	j, err := Open(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Scan(func(int64, *Entry) error { return nil }); !errors.Is(err, errNotJournal) {
		t.Errorf("got %v", err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != maxLine+1 {
		t.Errorf("%v, %v", info, err)
	}
}

// The error says what the file is, where that is known.
func TestForeignFileIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n": "git lfs pull",
		"\xff\xfe{\x00\"\x00":  "UTF-16",
		"[\n" + header + "]\n": "a JSON array",
		"my notes\n":           "left as it is",
	} {
		name := filepath.Join(t.TempDir(), "j")
		writeFile(t, name, text)
		j, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Scan(func(int64, *Entry) error { return nil }); !errors.Is(err, errNotJournal) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		j.Close()
	}
}

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, _, _ := openTest(t, name)
	if _, err := j.Append(testEntry(1)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(name, &Options{Fresh: true})
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.PID != os.Getpid() || locked.Journal != name {
		t.Fatalf("the second run got %v", err)
	}
	if text := err.Error(); !strings.Contains(text, name) || !strings.Contains(text, fmt.Sprint("pid ", os.Getpid())) {
		t.Errorf("the error is %q", text)
	}
	if _, err := os.Stat(name + ".1"); err == nil {
		t.Error("the second run moved the journal of the first")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, got, _ := openTest(t, name)
	defer again.Close()
	if len(got) != 1 {
		t.Errorf("%d entries", len(got))
	}
}

func TestFresh(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	for round := range 3 {
		j, err := Open(name, &Options{Fresh: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Scan(func(int64, *Entry) error { return errors.New("not empty") }); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(testEntry(round)); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for round, file := range []string{name + ".1", name + ".2", name} {
		if got := readJournal(t, file); len(got) != 1 || got[0].Call != testEntry(round).Call {
			t.Errorf("%s holds %v", file, got)
		}
	}
}

func TestFullDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	fault := faultfs.Full("j", 3000)
	disk, err := faultfs.New(filepath.Dir(name), func(op faultfs.Op) error { return fault(op) })
	if err != nil {
		t.Fatal(err)
	}
	j, err := Open(name, &Options{FS: disk})
	if err == nil {
		err = j.Scan(func(int64, *Entry) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		_, err = j.Append(testEntry(n))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	// What was written half is gone, and there is room for a shorter one.
	if text, _ := os.ReadFile(name); int64(len(text)) != j.end || text[len(text)-1] != '\n' {
		t.Errorf("%d bytes, the end is at %d", len(text), j.end)
	}
	fault = func(faultfs.Op) error { return nil }
	if _, err := j.Append(testEntry(n - 1)); err != nil {
		t.Error(err)
	}
	cannotSync := errors.New("cannot sync")
	fault = func(op faultfs.Op) error {
		if op.Kind == faultfs.Sync {
			return cannotSync
		}
		return nil
	}
	for err = nil; err == nil; n++ {
		_, err = j.Append(testEntry(n))
	}
	if !errors.Is(err, cannotSync) {
		t.Error(err)
	}
	if err := j.Close(); !errors.Is(err, cannotSync) {
		t.Errorf("close: %v", err)
	}
	if got := readJournal(t, name); len(got) != n {
		t.Errorf("%d entries, want %d", len(got), n)
	}
}

func TestLargeEntries(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, _, _ := openTest(t, name)
	var offsets []int64
	for _, size := range []int{0, 4000, 5000, 100 << 10, 3 << 20, 8 << 20} { // buffers of 4 KiB, 256 KiB, 1 MiB
		e := testEntry(size)
		e.Error, e.Response = nil, strings.Repeat("<", size)
		at, err := j.Append(e)
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, at)
		got, err := j.Read(at)
		if err != nil || got.Response != e.Response {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	end := j.end
	big := testEntry(1)
	big.Response = strings.Repeat("x", maxEntry)
	if _, err := j.Append(big); !errors.Is(err, ErrTooLarge) || j.end != end {
		t.Errorf("an entry of %d bytes: %v", maxEntry, err)
	}
	j.Close()
	j, got, warnings := openTest(t, name)
	defer j.Close()
	if len(got) != len(offsets) || len(warnings) > 0 {
		t.Errorf("%d entries, %v", len(got), warnings)
	}
	if _, err := j.Read(j.end); err == nil {
		t.Error("an entry behind the end")
	}
	if _, err := j.Read(offsets[3] + 10); err == nil {
		t.Error("an entry in the middle of another")
	}
}

// Many append at once; each reads back what it wrote.
func TestHammer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, _, _ := openTest(t, name)
	var workers sync.WaitGroup
	for w := range 20 {
		workers.Go(func() {
			for i := range 60 {
				want := testEntry(w*1000 + i)
				at, err := j.Append(want)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := j.Read(at); err != nil || cmp.Diff(want, got) != "" {
					t.Errorf("%v %s", err, cmp.Diff(want, got))
				}
			}
		})
	}
	workers.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range readJournal(t, name) {
		seen[e.Call] = true
	}
	if len(seen) != 20*60 {
		t.Errorf("%d entries", len(seen))
	}
}

// FuzzJournal reads what may stand behind the first line: whatever it is, the
// journal can be gone on with, and what is appended is read back.
func FuzzJournal(f *testing.F) {
	for _, text := range []string{
		"", "\n", "{}", "{}\n", `{"call":"a","candidate":"m","error":{}}` + "\n", `{"call":"a","candidate":"m","response":"x"}` + "\nrest",
		"\x00\x00\n{\"call\":1}\n", `{"call":"a","cost_usd":1e999}` + "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "j")
		writeFile(t, name, header+string(text))
		j, before, _ := openTest(t, name)
		if _, err := j.Append(testEntry(3)); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j, after, _ := openTest(t, name)
		j.Close()
		if diff := cmp.Diff(append(before, *testEntry(3)), after); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzParse holds the parser against encoding/json: what it takes, both
// read alike.
func FuzzParse(f *testing.F) {
	for i := range 12 {
		e := testEntry(7 * i)
		e.Estimated, e.Key, e.FinishReason = i%2 == 0, strings.Repeat("k", i%3), strings.Repeat("\"\\\t\u0001\u2028<é😀", i%4)
		e.Model, e.CachedTokens, e.ReasoningTokens, e.ThoughtBytes, e.Void = strings.Repeat("m-é", i%3), i%2, i%5, i%3, i%4 == 3
		for _, html := range []bool{false, true} {
			var b bytes.Buffer
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(html)
			if err := encoder.Encode(e); err != nil {
				f.Fatal(err)
			}
			if ok := parse(b.String(), &Entry{}); ok != (e.Error == nil) {
				f.Errorf("%v: %s", ok, b.String())
			}
			f.Add(b.String())
		}
	}
	good := `{"call":"c","candidate":"m","task_name":"t","response":"r","token_num":1,"input_tokens":2,"output_tokens":3,"response_time":4,"attempts":5,"cost_usd":6}` + "\n"
	for _, change := range [][2]string{
		{`"r"`, `"\ud83d\ude00"`}, {`"r"`, `"\ud83d"`}, {`"r"`, `"\u00zz"`}, {`"r"`, `"\x"`}, {`"r"`, `"a` + "\x00" + `"`}, {`"r"`, `"` + "\xff" + `"`}, {`"r"`, `"\`},
		{":4,", ":04,"}, {":4,", ":+4,"}, {":4,", ":-0.5e-3,"}, {":4,", ":4.,"}, {":4,", ":.4,"}, {":4,", ":1e999,"}, {":4,", ":-,"}, {":4,", ":4e,"}, {":4,", ":4.e1,"},
		{":1,", ":1.0,"}, {":1,", ":99999999999999999999,"}, {":1,", ":-0,"}, {"}", ",}"}, {"}", "}\n{"},
	} {
		f.Add(strings.Replace(good, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, line string) {
		var got, want Entry
		if !parse(line, &got) {
			return
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	})
}

// TestScorers: what has scored answers is noted once, stands among the entries
// without being one, and is there when the journal is opened again.
func TestScorers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, err := Open(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.AddScorer("too early"); err == nil {
		t.Error("noted before Scan")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var want []Entry
	noted := []string(nil)
	for i, add := range [][]string{{"cpython 3.11.7, native", "", "cpython 3.11.7, native"}, nil, {"cpython 3.12.0, wasi", "cpython 3.11.7, native"}} {
		j, got, warnings := openTest(t, name)
		if diff := cmp.Diff(want, got); diff != "" || len(warnings) > 0 {
			t.Errorf("opened %d times: %q\n%s", i, warnings, diff)
		}
		if diff := cmp.Diff(noted, j.Scorers()); diff != "" {
			t.Errorf("opened %d times: %s", i, diff)
		}
		for _, scorer := range add {
			if err := j.AddScorer(scorer); err != nil {
				t.Fatal(err)
			}
			if scorer != "" && !slices.Contains(noted, scorer) {
				noted = append(noted, scorer)
			}
		}
		at, err := j.Append(testEntry(i))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := j.Read(at); err != nil || e.Call != testEntry(i).Call {
			t.Errorf("entry %d: %+v, %v", i, e, err)
		}
		want = append(want, *testEntry(i))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil || bytes.Count(text, []byte(`{"scored_by":`)) != 2 {
		t.Errorf("%q, %v", text, err)
	}
}
