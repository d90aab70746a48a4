package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// numbered is a row and its line.
type numbered struct {
	row
	line int
}

// slowly reads lines without the shortcut for rows of one query.
func slowly(file string, text []byte) (rows []numbered, errs []string) {
	for i, line := range strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n") {
		number := i + 1
		r, ok, err := newRowReader(newHeads()).decode([]byte(line), file, number)
		if err != nil {
			errs = append(errs, err.Error())
		} else if ok {
			rows = append(rows, numbered{r, number})
		}
	}
	return rows, errs
}

// fast reads lines as a block.
func fast(file string, text []byte) (rows []numbered, errs []string) {
	b := block[row]{text: text}
	b.decode(file, newRowReader(newHeads()).decode)
	for _, line := range b.lines {
		if line.err != nil {
			errs = append(errs, line.err.Error())
		} else {
			rows = append(rows, numbered{line.value, line.number})
		}
	}
	return rows, errs
}

// readAll reads a file in blocks. A line that is none is given to bad; any other
// error is returned.
func readAll(ctx context.Context, name string, workers int, row func(*row, int), bad func(error)) error {
	known := newHeads()
	for line, err := range readLines(ctx, name, workers, func() lineDecoder[decodedRow] { return newRowReader(known).decode }) {
		if _, ok := errors.AsType[*llmrouterdata.LineError](err); ok {
			bad(err)
		} else if err != nil {
			return err
		} else {
			row(&line.value, line.number)
		}
	}
	return nil
}

type decodedRow = row // where row is a parameter

var compareRows = cmp.AllowUnexported(row{}, head{}, Pair{}, numbered{})

const line = `{"task_name": "gsm8k", "query": "q\u00e9", "ground_truth": "1", "metric": "GSM8K", "choices": null, "task_id": null, ` +
	`"model_name": "m", "response": "So \"it\" is\n1 é", "token_num": 3, "input_tokens": 1, "output_tokens": 2, "response_time": 0.25, ` +
	`"api_key_used": "", "performance": 1.0, "embedding_id": 7, "user_id": null, "fig_id": null}`

// TestFastRowsAreTheSame holds that a row which is scanned says what it says
// when it is decoded.
func TestFastRowsAreTheSame(t *testing.T) {
	for name, second := range map[string]string{
		"the same":          line,
		"another model":     strings.Replace(line, `"m"`, `"n"`, 1),
		"escaped model":     strings.Replace(line, `"m"`, `"\u006d"`, 1),
		"failed":            strings.Replace(line, `So `, `API Error: timed out`, 1),
		"escaped failed":    strings.Replace(line, `So `, `\u0041PI Error: x`, 1),
		"escaped later":     strings.Replace(line, `So `, `AP\u0049 Error: x`, 1),
		"graded failure":    strings.Replace(line, `So \"it\" is\n1 é`, `API Error: x`, 1),
		"a thought alone":   strings.Replace(line, `So \"it\" is\n1 é`, `<think>\"x\"</think>\n`, 1),
		"an open thought":   strings.Replace(line, `So `, `\n<think>So `, 1),
		"an ended thought":  strings.Replace(line, `1 é`, `\u003c/think\u003e`, 1),
		"half a pair":       strings.Replace(line, `So `, `<think>\ud83d`, 1),
		"further columns":   strings.Replace(line, `"model_name"`, `"level": 3, "hard": true, "model_name"`, 1),
		"nested column":     strings.Replace(line, `"model_name"`, `"tags": ["a"], "model_name"`, 1),
		"NaN":               strings.Replace(line, `1.0`, `NaN`, 1),
		"null performance":  strings.Replace(line, `1.0`, `null`, 1),
		"integer":           strings.Replace(line, `1.0`, `1`, 1),
		"too good":          strings.Replace(line, `1.0`, `1.5`, 1),
		"negative":          strings.Replace(line, `"input_tokens": 1`, `"input_tokens": -1`, 1),
		"float tokens":      strings.Replace(line, `"input_tokens": 1`, `"input_tokens": 1.0`, 1),
		"leading zero":      strings.Replace(line, `"input_tokens": 1`, `"input_tokens": 01`, 1),
		"no tokens":         strings.Replace(line, `"input_tokens": 1, `, ``, 1),
		"twice":             strings.Replace(line, `"input_tokens": 1, `, `"input_tokens": 1, "input_tokens": 5, `, 1),
		"huge":              strings.Replace(line, `"input_tokens": 1`, `"input_tokens": 99999999999999999999`, 1),
		"compact":           strings.ReplaceAll(strings.ReplaceAll(line, `": `, `":`), `, "`, `,"`),
		"bad escape":        strings.Replace(line, `\n`, `\x`, 1),
		"control character": strings.Replace(line, `\n`, "\x01", 1),
		"not UTF-8":         strings.Replace(line, `é"`, "\xff\"", 1),
		"null response":     strings.Replace(line, `"So \"it\" is\n1 é"`, `null`, 1),
		"null embedding":    strings.Replace(line, `7`, `null`, 1),
		"unknown field":     strings.Replace(line, `"fig_id": null`, `"fig_id": null, "extra": [1]`, 1),
		"query again":       strings.Replace(line, `"fig_id": null`, `"fig_id": null, "query": "z"`, 1),
		"trailing comma":    strings.Replace(line, `"fig_id": null`, `"fig_id": null,`, 1),
		"something after":   line + " x",
		"space after":       line + "  ",
		"cut short":         line[:len(line)-20],
		"carriage return":   line + "\r",
		"two on one":        line + "\r" + line,
		"other query":       strings.Replace(line, `q\u00e9`, `qé`, 1),
		"nested choices":    strings.Replace(line, `"choices": null`, `"choices": ["a", "b"]`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			other := strings.Replace(line, "gsm8k", "math", 1)
			text := []byte(strings.Join([]string{second, line, second, line, other, second}, "\n"))
			got, errs := fast("f", text)
			rows, want := slowly("f", text)
			if diff := cmp.Diff(rows, got, compareRows); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want, errs); diff != "" {
				t.Error(diff)
			}
			if len(got)+len(errs) < 6 {
				t.Errorf("%d rows, %d errors", len(got), len(errs))
			}
		})
	}
}

func FuzzFastRows(f *testing.F) {
	f.Add(line, line)
	f.Add(line, strings.Replace(line, "1.0", "-0.5e-3", 1))
	f.Add(strings.Replace(line, "gsm8k", "a", 1), strings.Replace(line, "So ", "API Error: ", 1))
	f.Add(strings.Replace(line, `"fig_id": null`, `"fig_id": null, "query": "z"`, 1), line)
	f.Add(line, strings.Replace(line, "So ", "ERROR: ", 1))
	f.Add(line, strings.Replace(line, "So ", "<think>So ", 1))
	f.Add(strings.Replace(line, `"model_name"`, `"level": 3, "hard": true, "model_name"`, 1), strings.Replace(line, `é"`, `</think>\n"`, 1))
	f.Add(strings.Replace(line, `So \"it\" is\n1 é`, `  \n`, 1), line)
	f.Fuzz(func(t *testing.T, first, second string) {
		if strings.ContainsAny(first+second, "\r\n\ufeff") {
			return
		}
		text := []byte(first + "\n" + second + "\n" + first)
		got, gotErrs := fast("f", text)
		rows, errs := slowly("f", text)
		if diff := cmp.Diff(rows, got, compareRows); diff != "" {
			t.Error(diff)
		}
		if len(errs) != len(gotErrs) {
			t.Errorf("errors %q, want %q", gotErrs, errs)
		}
	})
}

// TestShortcutIsTaken holds that the test above tests something.
func TestShortcutIsTaken(t *testing.T) {
	for _, line := range []string{line, strings.Replace(line, `"model_name"`, `"level": 3, "hard": true, "model_name"`, 1)} {
		d := newRowReader(newHeads())
		if _, _, err := d.decode([]byte(line), "f", 1); err != nil {
			t.Fatal(err)
		}
		var r row
		if len(d.begin) == 0 || !d.known || !d.scanAnswer([]byte(line)[len(d.begin):], &r) {
			t.Errorf("a row as the pipeline writes it is not scanned: %s", line)
		}
	}
}

// TestFailuresAndEmptyAnswers: what a response says of its call, read by the
// shortcut and without it.
func TestFailuresAndEmptyAnswers(t *testing.T) {
	for response, want := range map[string]struct {
		outcome Outcome
		kind    string
		empty   bool
	}{
		`API Error: timed out`: {outcome: Failed, kind: "timed out"},
		`ERROR: 'service'`:     {outcome: Failed, kind: "'service'"},
		`\u0045RROR: x`:        {outcome: Failed, kind: "x"},
		`ERROR:x`:              {outcome: Scored},
		`error: x`:             {outcome: Scored},
		``:                     {outcome: Scored, empty: true},
		`   \n`:                {outcome: Scored, empty: true},
		`\n\t `:                {outcome: Scored, empty: true},
		"\u3000\\n":            {outcome: Scored, empty: true},
		`  x`:                  {outcome: Scored},
	} {
		text := strings.NewReplacer(`So \"it\" is\n1 é`, response, `": 1, "output_tokens": 2, "response_time": 0.25`, `": 0, "output_tokens": 0, "response_time": 0.0`).Replace(line)
		for _, warm := range []bool{false, true} {
			d := newRowReader(newHeads())
			if warm {
				if _, _, err := d.decode([]byte(text), "f", 1); err != nil {
					t.Fatal(err)
				}
			}
			r, ok, err := d.decode([]byte(text), "f", 1)
			if err != nil || !ok || r.Outcome != want.outcome || r.kind != want.kind || r.Empty != want.empty {
				t.Errorf("%q: %+v, %v, %v", response, r, ok, err)
			}
		}
	}
	// An answer may begin like an error.
	r := row{}
	r.setAnswer("m", "ERROR: division by zero", 10, 5, 0.5, 1, 0)
	if r.Outcome != Scored || r.Score != 1 {
		t.Errorf("%+v", r)
	}
}

// TestBlocks holds that neither blocks nor workers show in what is read.
func TestBlocks(t *testing.T) {
	var text bytes.Buffer
	long := strings.Repeat("x", 3*blockSize/2) // a line of more than a block
	for i := range 4000 {
		one := line
		switch i % 500 {
		case 3:
			one = "no record"
		case 7:
			one = ""
		case 11:
			one += "\r"
		case 13:
			one = strings.Replace(line, "gsm8k", fmt.Sprint("task", i), 1)
		case 17:
			one += "\r" + line
		}
		if i == 2000 {
			one = strings.Replace(line, "So ", long, 1)
		}
		text.WriteString(strings.Replace(one, `: 7`, fmt.Sprint(": ", i), 1))
		if i != 3999 {
			text.WriteByte('\n')
		}
	}
	name := filepath.Join(t.TempDir(), "rows.jsonl")
	writeFile(t, name, text.String())
	var want []row
	var wantErrs []string
	for record, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](name, nil) {
		if err != nil {
			wantErrs = append(wantErrs, err.Error())
			continue
		}
		r := row{head: headOf(record.Key())}
		r.setAnswer(record.ModelName, record.Response, record.InputTokens, record.OutputTokens, record.ResponseTime, record.Performance, record.EmbeddingID)
		want = append(want, r)
	}
	for _, workers := range []int{1, 2, 7} {
		var rows []row
		var errs []string
		lastLine := 0
		err := readAll(t.Context(), name, workers, func(r *row, line int) {
			if line < lastLine {
				t.Errorf("line %d after line %d", line, lastLine)
			}
			lastLine = line
			rows = append(rows, *r)
		}, func(err error) { errs = append(errs, err.Error()) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, rows, compareRows); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(wantErrs, errs); diff != "" {
			t.Error(diff)
		}
	}
}

func TestReadRowsEnds(t *testing.T) {
	dir := t.TempDir()
	none := func(*row, int) { t.Error("a row") }
	bad := func(err error) { t.Error(err) }
	if err := readAll(t.Context(), filepath.Join(dir, "missing"), 2, none, bad); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	writeFile(t, empty, "")
	if err := readAll(t.Context(), empty, 2, none, bad); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := readAll(ctx, empty, 2, none, bad); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	huge := filepath.Join(dir, "huge")
	writeFile(t, huge, strings.Repeat("x", llmrouterdata.DefaultMaxLine+2*blockSize))
	if err := readAll(t.Context(), huge, 2, none, bad); !errors.Is(err, llmrouterdata.ErrLineTooLong) {
		t.Errorf("a line without end: %v", err)
	}
}
