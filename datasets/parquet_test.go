package datasets

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/llmrouter-go/llmrouter/internal/hfrows"
)

// writeRows writes a parquet file of the given structs.
func writeRows[T any](t *testing.T, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBoth reads row 0 by its number and by a scan, and returns the error, which
// must be the same.
func readBoth(t *testing.T, s Spec, data []byte) error {
	t.Helper()
	table, err := Open(t.Context(), memory{"some.parquet", data}, s)
	if err != nil {
		return err
	}
	defer table.Close()
	_, err = table.Records(t.Context(), []int{0}, nil)
	for _, scanErr := range table.All(t.Context(), nil) {
		if scanErr == nil {
			continue
		}
		if err == nil || scanErr.Error() != err.Error() {
			t.Errorf("a scan says %v, a row %v", scanErr, err)
		}
	}
	return err
}

func TestColumnErrors(t *testing.T) {
	type missing struct {
		Question string `parquet:"question"`
	}
	type wrong struct {
		Question string `parquet:"question"`
		Answer   int32  `parquet:"answer"`
	}
	type list struct {
		Question []string `parquet:"question,list"`
		Answer   string   `parquet:"answer"`
	}
	type group struct {
		Question struct {
			Text string `parquet:"text"`
		} `parquet:"question"`
		Answer string `parquet:"answer"`
	}
	for _, c := range []struct {
		data []byte
		want ColumnError
		text string
	}{
		{writeRows(t, []missing{{"q"}}), ColumnError{Column: "answer", Want: "string", Columns: []string{`"question"`}},
			`datasets: gsm8k: some.parquet: column "answer": expected string, found no such column; there are "question"`},
		{writeRows(t, []wrong{{"q", 1}}), ColumnError{Column: "answer", Want: "string", Found: "int32"},
			`datasets: gsm8k: some.parquet: column "answer": expected string, found int32`},
		{writeRows(t, []list{{[]string{"q"}, "a"}}), ColumnError{Column: "question", Want: "string", Found: "list of string"},
			`expected string, found list of string`},
		{writeRows(t, []group{{}}), ColumnError{Column: "question", Want: "string", Found: `group of "text"`},
			`expected string, found group of "text"`},
	} {
		err := readBoth(t, spec(t, "gsm8k"), c.data)
		var got *ColumnError
		if !errors.As(err, &got) {
			t.Errorf("%v", err)
			continue
		}
		c.want.Task, c.want.File = "gsm8k", "some.parquet"
		if diff := cmp.Diff(&c.want, got); diff != "" || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	// A scalar where a list is expected.
	type scalar struct {
		Question string `parquet:"question"`
		Answers  string `parquet:"golden_answers"`
	}
	err := readBoth(t, spec(t, "natural_qa"), writeRows(t, []scalar{{"q", "a"}}))
	if err == nil || !strings.Contains(err.Error(), `column "golden_answers": expected list of string, found string`) {
		t.Errorf("%v", err)
	}
}

func TestColumnsInAnyOrderAndCompany(t *testing.T) {
	type row struct {
		Extra  float64 `parquet:"extra"`
		Answer string  `parquet:"answer,optional"`
		Other  []struct {
			X int64 `parquet:"x"`
		} `parquet:"other,list"`
		Question string `parquet:"question,dict"`
	}
	if err := readBoth(t, spec(t, "gsm8k"), writeRows(t, []row{{Question: "q", Answer: "a"}})); err != nil {
		t.Error(err)
	}
}

func TestRowErrors(t *testing.T) {
	type row struct {
		Question *string `parquet:"question,optional"`
		Answer   string  `parquet:"answer"`
	}
	type mmluFile struct {
		Question string   `parquet:"question"`
		Choices  []string `parquet:"choices,list"`
		Answer   int64    `parquet:"answer"`
	}
	type nqFile struct {
		Question string    `parquet:"question"`
		Answers  []*string `parquet:"golden_answers,list" parquet-element:",optional"`
	}
	type csqaFile struct {
		Question string `parquet:"question"`
		Choices  struct {
			Label []string `parquet:"label,list"`
			Text  []string `parquet:"text,list"`
		} `parquet:"choices"`
		Answer string `parquet:"answerKey"`
	}
	oneLabel := csqaFile{Question: "q", Answer: "A"}
	oneLabel.Choices.Label = []string{"A"}
	for name, c := range map[string]struct {
		task   string
		data   []byte
		column string
		text   string
		want   error
	}{
		"null":               {"gsm8k", writeRows(t, []row{{nil, "a"}}), "question", "null where a value is required", ErrNull},
		"invalid UTF-8":      {"gsm8k", writeRows(t, []row{{new("q"), "a\xff"}}), "answer", "invalid UTF-8", ErrUTF8},
		"empty query":        {"gsm8k", writeRows(t, []row{{new(""), "a"}}), "", "empty query", nil},
		"answer too high":    {"mmlu", writeRows(t, []mmluFile{{"q", []string{"a", "b"}, 2}}), "", "answer 2 of 2 choices", nil},
		"answer below zero":  {"mmlu", writeRows(t, []mmluFile{{"q", []string{"a", "b"}, -1}}), "", "answer -1 of 2 choices", nil},
		"no answers":         {"natural_qa", writeRows(t, []nqFile{{"q", nil}}), "", "no answer", errNoAnswer},
		"a null among texts": {"natural_qa", writeRows(t, []nqFile{{"q", []*string{new("a"), nil}}}), "golden_answers", "null", ErrNull},
		"no options":         {"commonsense_qa", writeRows(t, []csqaFile{{Question: "q", Answer: "A"}}), "", "0 labels and 0 texts", nil},
		"uneven options":     {"commonsense_qa", writeRows(t, []csqaFile{oneLabel}), "", "1 labels and 0 texts", nil},
		"no key":             {"commonsense_qa", writeRows(t, []csqaFile{{Question: "q"}}), "", "no answer", errNoAnswer},
	} {
		err := readBoth(t, spec(t, c.task), c.data)
		var got *RowError
		if !errors.As(err, &got) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Task != c.task || got.File != "some.parquet" || got.Row != 0 || got.Column != c.column || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	type row struct {
		Question string `parquet:"question"`
		Answer   string `parquet:"answer"`
	}
	good := writeRows(t, []row{{"q", "a"}})
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("hello, this is no parquet file"), "cut": good[:len(good)-3], "half": good[:len(good)/2],
		"only a frame": []byte("PAR1\x00\x00\x00\x00PAR1"),
	} {
		err := readBoth(t, spec(t, "gsm8k"), data)
		var file *FileError
		if !errors.Is(err, ErrCorrupt) || !errors.As(err, &file) || file.File != "some.parquet" || file.Task != "gsm8k" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), memory{"some.arrow", good}, spec(t, "gsm8k")); !errors.Is(err, ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
	// A file without rows is not broken.
	table, err := Open(t.Context(), memory{"some.parquet", writeRows(t, []row{})}, spec(t, "gsm8k"))
	if err != nil || table.Len() != 0 {
		t.Errorf("no rows: %v", err)
	}
}

func TestCancel(t *testing.T) {
	table, err := Open(t.Context(), memory{"some.parquet", []byte(parquetOf(t, "gsm8k", 2000))}, spec(t, "gsm8k"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err = range table.All(ctx, nil) {
		if err != nil {
			break
		}
		n++
		cancel()
	}
	if !errors.Is(err, context.Canceled) || n == 0 || n > batchRows {
		t.Errorf("%d rows, %v", n, err)
	}
	if _, err := table.Records(ctx, []int{1}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A row type that cannot be read says why.
func TestBindErrors(t *testing.T) {
	table, err := Open(t.Context(), FromDir(fixtures), spec(t, "gsm8k"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	type nothing struct{ Question string }
	type odd struct {
		M map[string]int `column:"m"`
		s string         `column:"s"`
		E string         `column:",optional"`
		O string         `column:"o,omitempty"`
		D [][]string     `column:"d"`
	}
	_ = odd{s: ""}.s
	check := func(err error, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	_, err = Rows[nothing](t.Context(), table, []int{0})
	check(err, "no field with a column tag")
	_, err = Rows[int](t.Context(), table, []int{0})
	check(err, "int is not a struct")
	_, err = Rows[odd](t.Context(), table, []int{0})
	check(err, "map[string]int cannot hold", "s of datasets.odd: not exported", "names no column", `unknown option "omitempty"`, "[][]string cannot hold")
	for _, err := range All[int](t.Context(), table) {
		check(err, "int is not a struct")
	}
}

// endless is a file that states more rows than there are numbers, and has none.
func endless(t *testing.T) []byte {
	t.Helper()
	required := thrift.Null[format.FieldRepetitionType]{Valid: true}
	column := func(name string) format.SchemaElement {
		return format.SchemaElement{Name: name, RepetitionType: required, Type: thrift.Null[format.Type]{V: format.ByteArray, Valid: true}}
	}
	chunk := format.ColumnChunk{MetaData: format.ColumnMetaData{Type: format.ByteArray, DataPageOffset: 4}}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), format.FileMetaData{
		Schema:    []format.SchemaElement{{Name: "schema", NumChildren: thrift.Null[int32]{V: 2, Valid: true}}, column("question"), column("answer")},
		NumRows:   math.MaxInt64,
		RowGroups: []format.RowGroup{{NumRows: math.MaxInt64, Columns: []format.ColumnChunk{chunk, chunk}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte("PAR1"), footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), "PAR1"...)
}

func TestMoreRowsThanNumbers(t *testing.T) {
	dir := fstest.MapFS{
		"gsm8k/main/train-00000-of-00002.parquet": {Data: endless(t)},
		"gsm8k/main/train-00001-of-00002.parquet": {Data: endless(t)},
	}
	if _, err := Open(t.Context(), FromFS(dir), spec(t, "gsm8k")); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
	// One such file opens, and fails when a row is read.
	src := memory{"some.parquet", endless(t)}
	if _, err := Generate(t.Context(), src, &GenerateOptions{Datasets: []string{"gsm8k"}}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if err := readBoth(t, spec(t, "gsm8k"), src.data); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

// A scan holds a few pages, however long the file is.
func TestScanMemory(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mmlu", "train-00000-of-00001.parquet")
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(hfrows.Write(f, "mmlu", 20000, 2000), f.Close()); err != nil {
		t.Fatal(err)
	}
	s := spec(t, "mmlu")
	s.Parts[0].Files = []Location{{Pattern: "train-*.parquet"}}
	table, err := Open(t.Context(), FromDir(filepath.Dir(filepath.Dir(name))), s)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	withProcessors(t, func(t *testing.T) {
		before, most, rows := live(), uint64(0), 0
		for _, err := range table.All(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows%1999 == 0 {
				most = max(most, live())
			}
		}
		limit := before + 6<<20 // the file holds 24 MiB of text
		if runtime.GOMAXPROCS(0) > 1 {
			limit += 4 << 20 // pages of the longest column, and batches, before they are asked for
		}
		if most > limit {
			t.Errorf("%d bytes are held, %d before", most, before)
		}
	})
}

// What a scan yields must not change when it goes on.
func TestScanKeepsWhatItYielded(t *testing.T) {
	for _, task := range hfrows.Tasks() {
		t.Run(task, func(t *testing.T) {
			const n = 3*batchRows + 7
			var file bytes.Buffer
			if err := hfrows.Write(&file, task, n, n/2); err != nil {
				t.Fatal(err)
			}
			table, err := Open(t.Context(), memory{"rows.parquet", file.Bytes()}, onePart(t, task))
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			var kept []record
			for rec, err := range table.All(t.Context(), nil) {
				if err != nil {
					t.Fatal(err)
				}
				kept = append(kept, rec)
			}
			all := make([]int, n)
			for i := range all {
				all[i] = i
			}
			want, err := table.Records(t.Context(), all, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, kept); diff != "" {
				t.Error(diff)
			}
		})
	}
}
