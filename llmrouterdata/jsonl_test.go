package llmrouterdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var list []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

const minimal = `{"task_name":"t","query":"q","ground_truth":"g","metric":"m"`

func TestReadsEveryFormInTheWild(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want StandardQueryData
	}{
		"choices null":           {minimal + `,"choices":null,"task_id":null}`, StandardQueryData{"t", "q", "g", "m", nil, nil, nil}},
		"choices NaN":            {minimal + `,"choices":NaN,"task_id":NaN}`, StandardQueryData{"t", "q", "g", "m", nil, nil, nil}},
		"choices absent":         {minimal + `}`, StandardQueryData{"t", "q", "g", "m", nil, nil, nil}},
		"choices blank":          {minimal + `,"choices":" "}`, StandardQueryData{"t", "q", "g", "m", nil, nil, nil}},
		"choices None":           {minimal + `,"choices":"None"}`, StandardQueryData{"t", "q", "g", "m", nil, nil, nil}},
		"choices object":         {minimal + `,"choices":{"text":["a"],"labels":["A"]}}`, StandardQueryData{"t", "q", "g", "m", NewChoices([]string{"a"}), nil, nil}},
		"choices JSON string":    {minimal + `,"choices":"{\"text\": [\"a\"], \"labels\": [\"A\"]}"}`, StandardQueryData{"t", "q", "g", "m", NewChoices([]string{"a"}), nil, nil}},
		"choices Python literal": {minimal + `,"choices":"{'text': ['a'], 'labels': ['A']}"}`, StandardQueryData{"t", "q", "g", "m", NewChoices([]string{"a"}), nil, nil}},
		"choices label": {minimal + `,"choices":"{'label': ['A'], 'text': ['a']}"}`,
			StandardQueryData{"t", "q", "g", "m", ChoicesFromFields(ChoiceField{"label", []string{"A"}}, ChoiceField{"text", []string{"a"}}), nil, nil}},
		"choices bare list":   {minimal + `,"choices":"['a']"}`, StandardQueryData{"t", "q", "g", "m", &Choices{[]any{"a"}}, nil, nil}},
		"choices bare array":  {minimal + `,"choices":["a"]}`, StandardQueryData{"t", "q", "g", "m", &Choices{[]any{"a"}}, nil, nil}},
		"choices tuple":       {minimal + `,"choices":"('a',)"}`, StandardQueryData{"t", "q", "g", "m", &Choices{[]any{"a"}}, nil, nil}},
		"escaped slash":       {`{"task_name":"a\/b","query":"q","ground_truth":"g","metric":"m"}`, StandardQueryData{"a/b", "q", "g", "m", nil, nil, nil}},
		"task id int":         {minimal + `,"task_id":601}`, StandardQueryData{"t", "q", "g", "m", nil, new("601"), nil}},
		"task id float":       {minimal + `,"task_id":601.0}`, StandardQueryData{"t", "q", "g", "m", nil, new("601"), nil}},
		"task id string":      {minimal + `,"task_id":"HumanEval/0"}`, StandardQueryData{"t", "q", "g", "m", nil, new("HumanEval/0"), nil}},
		"ground truth array":  {`{"task_name":"t","query":"q","ground_truth":["assert f(1) == 'é'"],"metric":"m"}`, StandardQueryData{"t", "q", `["assert f(1) == '\u00e9'"]`, "m", nil, nil, nil}},
		"ground truth number": {`{"task_name":"t","query":"q","ground_truth":4,"metric":"m"}`, StandardQueryData{"t", "q", "4", "m", nil, nil, nil}},
		"other fields":        {minimal + `,"question_type":NaN,"extra":{"a":[1]}}`, StandardQueryData{"t", "q", "g", "m", nil, nil, []ExtraField{{"extra", json.RawMessage(`{"a": [1]}`)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{test.line, "\ufeff\r\n \r\n" + test.line + "\r\n", test.line + "\r", "\n\n" + test.line + "\n\n"} {
				got := collect(t, Records[StandardQueryData](strings.NewReader(text), nil))
				if diff := cmp.Diff([]StandardQueryData{test.want}, got); diff != "" {
					t.Errorf("%q (-want +got):\n%s", text, diff)
				}
			}
		})
	}
}

const routingLine = minimal + `, "choices": null, "task_id": null, "model_name": "x", "response": "r", "token_num": 3, "input_tokens": 1, "output_tokens": 2, "response_time": 0.5, "api_key_used": "", "performance": 1.0, "embedding_id": 7, "user_id": null, "fig_id": null}`

func TestReadsRoutingRowsOfThePythonPipeline(t *testing.T) {
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(routingLine) }
	want := RoutingRecord{TaskName: "t", Query: "q", GroundTruth: "g", Metric: "m", ModelName: "x", Response: "r",
		TokenNum: 3, InputTokens: 1, OutputTokens: 2, ResponseTime: 0.5, Performance: 1, EmbeddingID: 7}
	with := func(f func(*RoutingRecord)) RoutingRecord { r := want; f(&r); return r }
	for name, test := range map[string]struct {
		line string
		want RoutingRecord
	}{
		"as written":            {routingLine, want},
		"performance int":       {replace(`"performance": 1.0`, `"performance": 1`), want},
		"id float":              {replace(`"embedding_id": 7`, `"embedding_id": 7.0`), want},
		"id NaN":                {replace(`"embedding_id": 7`, `"embedding_id": NaN`), with(func(r *RoutingRecord) { r.EmbeddingID = NoEmbedding })},
		"id null":               {replace(`"embedding_id": 7`, `"embedding_id": null`), with(func(r *RoutingRecord) { r.EmbeddingID = NoEmbedding })},
		"response null":         {replace(`"response": "r"`, `"response": null`), with(func(r *RoutingRecord) { r.Response = "" })},
		"user id":               {replace(`"user_id": null`, `"user_id": "u"`), with(func(r *RoutingRecord) { r.UserID = new("u") })},
		"fields of other tools": {replace(`"fig_id": null`, `"fig_id": null, "query_id": 5`), with(func(r *RoutingRecord) { r.Extra = []ExtraField{{"query_id", json.RawMessage("5")}} })},
	} {
		got := collect(t, Records[RoutingRecord](strings.NewReader(test.line), nil))
		if diff := cmp.Diff([]RoutingRecord{test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got := collect(t, Records[RoutingRecord](strings.NewReader(replace(`"performance": 1.0`, `"performance": NaN`)), nil))
	if !math.IsNaN(got[0].Performance) {
		t.Errorf("performance NaN was read as %v", got[0].Performance)
	}
	if err := got[0].Validate(); err == nil {
		t.Error("performance NaN is valid")
	}
}

func TestBadLinesAreNamedAndPassedOver(t *testing.T) {
	good := minimal + "}\n"
	for name, test := range map[string]struct {
		line, field string
		is          error
	}{
		"no JSON":             {"{", "", nil},
		"two values":          {minimal + "} {}", "", nil},
		"an array":            {"[]", "", nil},
		"null":                {"null", "", nil},
		"not UTF-8":           {"\"\xff\"", "", pyjson.ErrUTF8},
		"query missing":       {`{"task_name":"t","ground_truth":"g","metric":"m"}`, "query", ErrMissing},
		"metric null":         {`{"task_name":"t","query":"q","ground_truth":"g","metric":null}`, "metric", ErrMissing},
		"query number":        {`{"task_name":"t","query":5,"ground_truth":"g","metric":"m"}`, "query", nil},
		"choices text":        {minimal + `,"choices":"neither"}`, "choices", nil},
		"choices number":      {minimal + `,"choices":5}`, "choices", nil},
		"choices set":         {minimal + `,"choices":"{1, 2}"}`, "choices", nil},
		"task id object":      {minimal + `,"task_id":{}}`, "task_id", nil},
		"too long":            {minimal + `,"x":"` + strings.Repeat("x", 5000) + `"}`, "", ErrLineTooLong},
		"deeper than allowed": {strings.Repeat("[", 4000), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var records int
			var failed []*LineError
			for _, err := range Records[StandardQueryData](strings.NewReader(good+test.line+"\n"+good), &ReadOptions{Name: "f.jsonl", MaxLine: 4096}) {
				if err == nil {
					records++
					continue
				}
				line, ok := errors.AsType[*LineError](err)
				if !ok {
					t.Fatal(err)
				}
				failed = append(failed, line)
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v is not %v", err, test.is)
				}
				if !strings.Contains(err.Error(), "f.jsonl:2:") {
					t.Errorf("%q does not name file and line", err)
				}
			}
			if records != 2 || len(failed) != 1 || failed[0].Line != 2 || failed[0].Field != test.field {
				t.Errorf("%d records, failures %v, want 2 and one of line 2, field %q", records, failed, test.field)
			}
		})
	}
}

type brokenReader struct{ rest io.Reader }

var errDisk = errors.New("disk on fire")

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

func TestReadErrorEndsTheStream(t *testing.T) {
	var got []error
	for _, err := range Records[StandardQueryData](brokenReader{strings.NewReader(minimal + "}\n" + minimal + "}\n{")}, nil) {
		got = append(got, err)
	}
	if len(got) != 3 || got[0] != nil || got[1] != nil || !errors.Is(got[2], errDisk) {
		t.Errorf("errors %v, want two records and the reader's error", got)
	}
	for _, err := range ReadFile[StandardQueryData](filepath.Join(t.TempDir(), "absent.jsonl"), nil) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("absent file: %v", err)
		}
	}
	for _, err := range Records[StandardQueryData](strings.NewReader(""), &ReadOptions{MaxLine: -1}) {
		if err == nil {
			t.Error("a negative cap was accepted")
		}
	}
}

// TestLineEndsAtEveryBufferEdge puts each kind of line end at every place
// around the reader's buffer size.
func TestLineEndsAtEveryBufferEdge(t *testing.T) {
	const buffer = 64 << 10
	head, tail := `{"task_name":"t","ground_truth":"g","metric":"m","query":"`, `"}`
	for _, end := range []string{"\n", "\r\n", "\r"} {
		for size := buffer - 3; size <= buffer+3; size++ {
			query := strings.Repeat("q", size-len(head)-len(tail))
			got := collect(t, Records[StandardQueryData](strings.NewReader(head+query+tail+end+minimal+"}"+end), nil))
			if len(got) != 2 || got[0].Query != query || got[1].Query != "q" {
				t.Errorf("line of %d bytes, end %q: %d records", size, end, len(got))
			}
		}
	}
}

func TestWriterRefusesAndGoesOn(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter[RoutingRecord](&b)
	bad := RoutingRecord{Performance: math.NaN()}
	if err := w.Write(bad); err == nil || !strings.Contains(err.Error(), `record 1: field "performance"`) {
		t.Errorf("NaN: %v", err)
	}
	if err := w.Write(RoutingRecord{Query: "\xed\xa0\x80"}); !errors.Is(err, pyjson.ErrSurrogate) || !strings.Contains(err.Error(), `record 2: field "query"`) {
		t.Errorf("surrogate: %v", err)
	}
	if err := w.Write(RoutingRecord{TaskName: "é\u2028/<", ResponseTime: 1e-5}); err != nil {
		t.Error(err)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	want := `{"task_name": "é` + "\u2028" + `/<", "query": "", "ground_truth": "", "metric": "", "choices": null, "task_id": null, "model_name": "", "response": "", "token_num": 0, "input_tokens": 0, "output_tokens": 0, "response_time": 1e-05, "api_key_used": "", "performance": 0.0, "embedding_id": 0, "user_id": null, "fig_id": null}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFileWriterNames: errors name the file, while writing and at the end.
func TestFileWriterNames(t *testing.T) {
	for _, name := range []string{"rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst"} {
		full := errors.New("the disk is full")
		w, err := NewFileWriter[RoutingRecord](brokenWriter{full}, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(RoutingRecord{Performance: math.NaN()}); err == nil || !strings.Contains(err.Error(), name+`: record 1: field "performance"`) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Write(RoutingRecord{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Close(); !errors.Is(err, full) || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// TestRealQueries reads the published queries, writes them, and reads them
// back: nothing is lost, and a second writing gives the same bytes.
func TestRealQueries(t *testing.T) {
	name := filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl")
	got := collect(t, ReadFile[StandardQueryData](name, nil))
	if len(got) != 5168 {
		t.Errorf("%d records, want 5168", len(got))
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
		var want struct {
			TaskName    string  `json:"task_name"`
			Query       string  `json:"query"`
			GroundTruth string  `json:"ground_truth"`
			Metric      string  `json:"metric"`
			Choices     *string `json:"choices"`
			TaskID      *string `json:"task_id"`
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		d := got[i]
		if d.TaskName != want.TaskName || d.Query != want.Query || d.GroundTruth != want.GroundTruth || d.Metric != want.Metric || !cmp.Equal(d.TaskID, want.TaskID) {
			t.Errorf("row %d: %+v", i, d)
		}
		if (want.Choices == nil) != (d.Choices == nil) || d.Choices != nil && len(d.Choices.Text()) == 0 {
			t.Errorf("row %d: choices %v, want %v", i, d.Choices, want.Choices)
		}
		if err := d.Validate(); err != nil {
			t.Errorf("row %d: %v", i, err)
		}
	}
	write := func(list []StandardQueryData) []byte {
		var b bytes.Buffer
		w := NewWriter[StandardQueryData](&b)
		for _, d := range list {
			if err := w.Write(d); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	first := write(got)
	again := collect(t, Records[StandardQueryData](bytes.NewReader(first), nil))
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("written and read back (-want +got):\n%.2000s", diff)
	}
	if !bytes.Equal(first, write(again)) {
		t.Error("a second writing gives other bytes")
	}
}

func TestEncodingJSONRoundTrip(t *testing.T) {
	d := StandardQueryData{"mmlu", "a <b> & é", "A", "em_mc", NewChoices([]string{"<x>", "é"}), new("7"), nil}
	r := NewRoutingRecord(d)
	r.ModelName, r.Performance, r.UserID = "m", 0.5, new("u")
	for _, v := range []any{&d, &r} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := v.(*StandardQueryData); ok {
			var back StandardQueryData
			if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(d, back) {
				t.Errorf("%s: %v\n%s", text, err, cmp.Diff(d, back))
			}
			continue
		}
		var back RoutingRecord
		if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(r, back) {
			t.Errorf("%s: %v\n%s", text, err, cmp.Diff(r, back))
		}
		for line := range Records[RoutingRecord](bytes.NewReader(text), nil) {
			if !cmp.Equal(r, line) {
				t.Error(cmp.Diff(r, line))
			}
		}
	}
}

// repeated yields the same text n times without holding it.
type repeated struct {
	text string
	n    int
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// BenchmarkRecords reads and BenchmarkWriter writes a typical routing line.
func BenchmarkRecords(b *testing.B) {
	line := strings.Replace(routingLine, `"q"`, `"`+strings.Repeat("a question of some length? ", 20)+`"`, 1) + "\n"
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	n := 0
	for _, err := range Records[RoutingRecord](&repeated{text: line, n: b.N}, nil) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatalf("%d records of %d", n, b.N)
	}
}

func BenchmarkWriter(b *testing.B) {
	r := RoutingRecord{TaskName: "t", Query: strings.Repeat("a question of some length? ", 20), Response: strings.Repeat("an answer\n", 30), ResponseTime: 1.25}
	line, _ := r.AppendJSON(nil)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	w := NewWriter[RoutingRecord](io.Discard)
	for b.Loop() {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzRecords holds that what is read can be written and reads back alike.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(minimal + `,"choices":"['a', 'b']","task_id":601.0}` + "\r\n\r{"))
	f.Add([]byte("\ufeff" + routingLine))
	f.Add([]byte(minimal + `,"choices":[{"label":"A","text":1},{"text":"b","label":"B"}]}`))
	f.Add([]byte(minimal + `,"choices":{"label":["A"],"text":[1, null]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for d, err := range Records[StandardQueryData](bytes.NewReader(text), &ReadOptions{MaxLine: 1 << 16}) {
			if err != nil {
				continue
			}
			_ = d.Validate()
			line, err := d.AppendJSON(nil)
			if err != nil {
				if !errors.Is(err, pyjson.ErrSurrogate) {
					t.Fatal(err)
				}
				continue
			}
			for back, err := range Records[StandardQueryData](bytes.NewReader(line), nil) {
				if err != nil || !cmp.Equal(d, back) {
					t.Fatalf("%s: %v", line, err)
				}
			}
		}
		for r, err := range Records[RoutingRecord](bytes.NewReader(text), nil) {
			if err == nil {
				_ = r.Validate()
			}
		}
	})
}
