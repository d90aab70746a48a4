package datasets

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/textfile"
)

// A file as GPQA's: columns that do not count, quotes, line ends within cells.
const gpqaCSV = "Explanation,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\r\n" +
	"\"long, with \"\"quotes\"\"\",\"Which is\r\nright?\",yes,no,\"no, never\",\" maybe\n\"\r\n" +
	",Second?,a,b,c,d\r\n"

// packed compresses a text as the ending of a name says.
func packed(name, text string) []byte {
	var b bytes.Buffer
	w, err := textfile.NewWriter(&b, name)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func standInLines(t *testing.T, task string, n int, columns func(i int) map[string]any) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		line, err := json.Marshal(columns(i))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// The files that HumanEval, MBPP, GPQA and FlashRAG are published in give the
// records of the parquet files.
func TestPublishedFiles(t *testing.T) {
	const n = 700
	humanEval := standInLines(t, "human_eval", n, func(i int) map[string]any {
		r := standInRow("human_eval", 0, i).(humanEvalRow)
		return map[string]any{"task_id": r.TaskID, "prompt": r.Prompt, "entry_point": "f", "canonical_solution": "x", "test": r.Test}
	})
	mbpp := standInLines(t, "mbpp", n, func(i int) map[string]any {
		r := standInRow("mbpp", 0, i).(mbppRow)
		return map[string]any{"text": r.Text, "code": "x", "task_id": r.TaskID, "test_setup_code": "", "test_list": r.Tests, "challenge_test_list": []string{}}
	})
	nq := standInLines(t, "natural_qa", n, func(i int) map[string]any {
		r := standInRow("natural_qa", 0, i).(naturalQARow)
		return map[string]any{"id": fmt.Sprint("train_", i), "question": r.Question, "golden_answers": r.Answers}
	})
	var gpqa bytes.Buffer
	w := csv.NewWriter(&gpqa)
	_ = w.Write([]string{"Record ID", "Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"})
	for i := range n {
		r := standInRow("gpqa", 0, i).(gpqaRow)
		_ = w.Write([]string{fmt.Sprint(i), r.Question, r.Correct, r.Wrong1, r.Wrong2, r.Wrong3})
	}
	w.Flush()
	for name, c := range map[string]struct {
		task string
		data []byte
	}{
		"HumanEval.jsonl.gz":                          {"human_eval", packed(".gz", humanEval)},
		"HumanEval.jsonl":                             {"human_eval", []byte(humanEval)},
		"human_eval/HumanEval.jsonl":                  {"human_eval", []byte("\ufeff" + strings.TrimSuffix(strings.ReplaceAll(humanEval, "\n", "\r\n\n"), "\r\n\n"))},
		"HumanEval.jsonl.zst":                         {"human_eval", packed(".zst", humanEval)},
		"mbpp.jsonl":                                  {"mbpp", []byte(mbpp)},
		"mbpp.jsonl.zst":                              {"mbpp", packed(".zst", mbpp)},
		"mbpp/mbpp.jsonl.gz":                          {"mbpp", packed(".gz", mbpp)},
		"gpqa_main.csv.gz":                            {"gpqa", packed(".gz", gpqa.String())},
		"Idavidrein--gpqa/gpqa_main.csv.zst":          {"gpqa", packed(".zst", gpqa.String())},
		"natural_qa/nq/train.jsonl.gz":                {"natural_qa", packed(".gz", nq)},
		"nq/train.jsonl.zst":                          {"natural_qa", packed(".zst", nq)},
		"gpqa_main.csv":                               {"gpqa", gpqa.Bytes()},
		"Idavidrein/gpqa/gpqa_main.csv":               {"gpqa", gpqa.Bytes()},
		"natural_qa/nq/train.jsonl":                   {"natural_qa", []byte(nq)},
		"RUC-NLPIR--FlashRAG_datasets/nq/train.jsonl": {"natural_qa", []byte(nq)},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := Open(t.Context(), FromFS(fstest.MapFS{name: {Data: c.data}}), spec(t, c.task))
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			if table.Len() != n {
				t.Fatalf("%d rows", table.Len())
			}
			comparePeer(t, table, standInRow)
		})
	}
}

func TestCSV(t *testing.T) {
	type row struct {
		Question string  `column:"Question"`
		Wrong2   string  `column:"Incorrect Answer 2"`
		Wrong3   string  `column:"Incorrect Answer 3"`
		Why      string  `column:"Explanation,optional"`
		More     float64 `column:"not there,optional"`
	}
	table, err := Open(t.Context(), FromFS(fstest.MapFS{"gpqa_main.csv": {Data: []byte(gpqaCSV)}}), spec(t, "gpqa"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Rows[row](t.Context(), table, []int{1, 0})
	want := []row{{"Second?", "c", "d", "", 0}, {"Which is\r\nright?", "no, never", " maybe\n", `long, with "quotes"`, 0}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

type typedRow struct {
	Name  string  `column:"name"`
	N     int8    `column:"n"`
	X     float32 `column:"x"`
	Flag  bool    `column:"flag"`
	Deep  string  `column:"a.b,optional"`
	Words []named `column:"words,optional"`
}

type named string

func typedSpec(pattern string) Spec {
	return Spec{Task: "typed", Metric: "em", Parts: []Part{{Files: []Location{{Pattern: pattern}}}},
		Decode: Decode(func(r typedRow, _ *Rand) (record, error) { return record{Query: r.Name}, nil })}
}

func TestTypedText(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want []typedRow
	}{
		"x.jsonl": {`{"name": "é", "n": -3, "x": 1, "flag": true, "a": {"b": "deep"}, "words": ["u", null, "v"]}` + "\n" +
			`{"flag": false, "x": 0.5, "n": 127, "name": "", "a.b": "dotted", "words": null}`,
			[]typedRow{{"é", -3, 1, true, "deep", []named{"u", "", "v"}}, {"", 127, 0.5, false, "dotted", nil}}},
		"x.csv": {"name,n,x,flag,a.b\nz,5,2.5,true,\ny,-128,1e3,False,q\n",
			[]typedRow{{"z", 5, 2.5, true, "", nil}, {"y", -128, 1000, false, "q", nil}}},
	} {
		table, err := Open(t.Context(), FromFS(fstest.MapFS{"typed/" + name: {Data: []byte(c.data)}}), typedSpec(name))
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := Rows[typedRow](t.Context(), table, []int{0, 1})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// Files that cannot be read give an error that says where and what.
func TestBadText(t *testing.T) {
	good := `{"name": "z", "n": 1, "x": 1, "flag": true}` + "\n"
	long := strings.Repeat(" ", maxRowBytes+1)
	for _, c := range []struct {
		name, data, text string
		want             error
	}{
		{"x.jsonl", "", "no rows", ErrCorrupt},
		{"x.csv", "", "no header", ErrCorrupt},
		{"x.csv", "name,n\n", "no rows", ErrCorrupt},
		{"x.jsonl.zst", string(packed(".zst", good)[:30]), "cut short", ErrCorrupt},
		{"x.jsonl.zst", good, "no Zstandard file", ErrCorrupt},
		{"x.jsonl.zst", string(packed(".zst", good)) + "more", "goes on with something else", ErrCorrupt},
		{"x.jsonl", "\xff\xfe{\x00", "UTF-16", ErrCorrupt},
		{"x.jsonl", "[" + strings.TrimSpace(good) + "]", "a JSON array", ErrCorrupt},
		{"x.csv", "a\x00,\x00", "UTF-16", ErrCorrupt},
		{"x.jsonl.gz", "hello", "unexpected EOF", ErrCorrupt},
		{"x.jsonl.gz", string(packed(".gz", good)[:30]), "row 0", ErrCorrupt},
		{"x.jsonl", good + "{\n", "row 1", ErrCorrupt},
		{"x.jsonl", "[1]\n", "a JSON array", ErrCorrupt},
		{"x.jsonl", `{"name": 5, "n": 1, "x": 1, "flag": true}`, `column "name": expected string, found integer`, nil},
		{"x.jsonl", `{"name": null, "n": 1, "x": 1, "flag": true}`, `row 0: column "name"`, ErrNull},
		{"x.jsonl", `{"n": 1, "x": 1, "flag": true}`, `column "name": expected string, found no such column; there are "n", "x", "flag"`, nil},
		{"x.jsonl", `{"name": "\ud800", "n": 1, "x": 1, "flag": true}`, `column "name"`, ErrUTF8},
		{"x.jsonl", `{"name": "z", "n": 200, "x": 1, "flag": true}`, `200 is too large for int8`, nil},
		{"x.jsonl", `{"name": "z", "n": 1e2, "x": 1, "flag": true}`, `expected integer, found float`, nil},
		{"x.jsonl", `{"name": "z", "n": 99999999999999999999, "x": 1, "flag": true}`, `too large`, nil},
		{"x.jsonl", `{"name": "z", "n": 1, "x": 1, "flag": true, "words": "u"}`, `expected list of string, found string`, nil},
		{"x.jsonl", long, "line of more than", ErrLimit},
		{"x.csv", "name,n,x,flag\n\xff,1,1,true\n", `column "name"`, ErrUTF8},
		{"x.csv", "name,n,x,flag\n,1,1,true\n", `column "name"`, ErrNull},
		{"x.csv", "name,n,x,flag\nz,many,1,true\n", `column "n": expected integer, found "many"`, nil},
		{"x.csv", "name,n,x,flag\nz,300,1,true\n", `found "300"`, nil},
		{"x.csv", "name,n,x\nz,3,1\n", `column "flag": expected boolean, found no such column; there are "name", "n", "x"`, nil},
		{"x.csv", "name,n,x,flag\nz,1\n", "2 cells under 4 columns", ErrCorrupt},
		{"x.csv", "name,n,x,name\nz,1\n", `two columns named "name"`, ErrCorrupt},
		{"x.csv", "name,n,x,flag\n\"z,1,1,true\n", "not closed", ErrCorrupt},
		{"x.csv", "name,n,x,flag\n\"z\"y,1,1,true\n", "after a closing quote", ErrCorrupt},
	} {
		table, err := Open(t.Context(), FromFS(fstest.MapFS{"typed/" + c.name: {Data: []byte(c.data)}}), typedSpec(c.name))
		if err == nil {
			all := []int{}
			for i := range table.Len() {
				all = append(all, i)
			}
			_, err = Rows[typedRow](t.Context(), table, all)
			for _, scanErr := range All[typedRow](t.Context(), table) {
				if scanErr != nil && scanErr.Error() != err.Error() {
					t.Errorf("a scan says %v, a row %v", scanErr, err)
				}
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "typed/"+c.name) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s %.60q: %v", c.name, c.data, err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(`{"name": "z", "n": 1, "x": 1, "flag": true, "words": ["a"]}`+"\n\n[", false)
	f.Add("name,n,x,flag\n\"a\"\"b\r\n\",1,1,true\r\n", true)
	f.Add(gpqaCSV, true)
	f.Fuzz(func(t *testing.T, data string, isCSV bool) {
		name := "x.jsonl"
		if isCSV {
			name = "x.csv"
		}
		table, err := Open(t.Context(), FromFS(fstest.MapFS{"typed/" + name: {Data: []byte(data)}}), typedSpec(name))
		if err != nil {
			return
		}
		n := 0
		var rows []typedRow
		var scanErr error
		for row, err := range All[typedRow](t.Context(), table) {
			if scanErr = err; err != nil {
				break
			}
			rows = append(rows, row)
			n++
		}
		if scanErr == nil && n != table.Len() {
			t.Fatalf("%d rows of %d", n, table.Len())
		}
		if n > 0 && scanErr == nil {
			last, err := Rows[typedRow](t.Context(), table, []int{n - 1})
			// A NaN does not equal itself.
			if err != nil || fmt.Sprint(last[0]) != fmt.Sprint(rows[n-1]) {
				t.Fatalf("the last row is %+v, by its number %+v, %v", rows[n-1], last, err)
			}
		}
	})
}

// FuzzCSV holds the reader against encoding/csv, which agrees on all that both
// accept but line ends within quotes.
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("a,b\n\"1\"\"x\",\"2\ny\"\n\n3,4")
	f.Add("\"\"")
	f.Fuzz(func(t *testing.T, data string) {
		if strings.Contains(data, "\r") || strings.HasPrefix(data, "\ufeff") {
			return
		}
		std := csv.NewReader(strings.NewReader(data))
		std.FieldsPerRecord = 0
		want, wantErr := std.ReadAll()
		if wantErr != nil || len(want) == 0 {
			return
		}
		if len(want[0]) == 1 && want[0][0] == "" {
			return // one column without a name is no header
		}
		c, err := openCSV(bufio.NewReader(strings.NewReader(data)))
		if err != nil {
			if strings.Contains(err.Error(), "two columns") {
				return
			}
			t.Fatal(err)
		}
		got := [][]string{c.columns}
		for {
			if err := c.next(); err != nil {
				break
			}
			got = append(got, c.cells)
		}
		if len(want[0]) > 1 {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
