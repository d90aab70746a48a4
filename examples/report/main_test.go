package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// hostile is a name that would do harm where it is not escaped.
const hostile = `<script>alert("x")</script>&'-70b`

// sevenNames are names of candidates, long and hostile ones among them.
var sevenNames = []string{"small-1b", "a-candidate-with-a-rather-long-name-8b-instruct-v0.3", hostile, "mittel-gemäß-14b", "模型-32b", "large-70b", "free-7b"}

// manyNames are n of them.
func manyNames(n int) []string {
	names := slices.Clone(sevenNames[:min(n, len(sevenNames))])
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("vendor-%d/model-%d-%db-instruct", i%5, i, 1+i*i%70))
	}
	return names
}

// dataSet writes a data set of 3 tasks, 60 queries and candidates, failures and
// missing rows among them, and returns its configuration.
func dataSet(t testing.TB, dir string, names []string) string {
	t.Helper()
	var candidates []llmrouterdata.Candidate
	for i, name := range names {
		price := 0.05 * math.Pow(2.5, float64(i%9)) * (1 + float64(i/9)/7)
		if name == "free-7b" {
			price = 0.07
		}
		candidates = append(candidates, llmrouterdata.Candidate{Name: name, Feature: "f", InputPrice: price, OutputPrice: 2 * price})
	}
	var llms bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&llms, candidates); err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, dir, "llm.json", llms.String())
	var pt bytes.Buffer
	vectors := torchio.NewWriter(&pt, nil)
	var files [2]bytes.Buffer
	for q := range 60 {
		split := 0
		if q >= 45 {
			split = 1
		}
		w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](&files[split])
		task := []string{"gsm8k", `<i>"task"</i>`, "a_task_with_a_long_name_of_its_own"}[q%3]
		for m, name := range names {
			row := llmrouterdata.NewRoutingRecord(llmrouterdata.StandardQueryData{
				TaskName: task, Query: fmt.Sprint("question ", q%58), GroundTruth: "1", Metric: "em",
			})
			row.ModelName, row.Response, row.EmbeddingID = name, "an answer", q
			row.InputTokens, row.OutputTokens, row.ResponseTime = 20+q*7, 5+(q*13+m*29)%300, 0.01*float64(1+(q*m)%50)
			row.TokenNum = row.InputTokens + row.OutputTokens
			if (q*17+m*5)%11 < 3+m%8 {
				row.Performance = 1
			}
			switch {
			case (q+m)%19 == 0:
				row.Response, row.Performance = "API Error: timed out "+hostile, 0
			case (q*m)%41 == 7:
				continue
			}
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		vector := []float32{float32(q % 3), float32(q % 7), float32(math.Sin(float64(q)))}
		if err := vectors.PutInt(int64(q), torchio.Of(vector, 3)); err != nil {
			t.Fatal(err)
		}
	}
	if err := vectors.Close(); err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, dir, "train.jsonl", files[0].String())
	clitest.Write(t, dir, "test.jsonl", files[1].String())
	clitest.Write(t, dir, "vectors.pt", pt.String())
	clitest.Write(t, dir, "not_read", "no candidate\n")
	written := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, name := range clitest.Files(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), written, written); err != nil {
			t.Fatal(err)
		}
	}
	return clitest.Write(t, dir, "config.yaml", `data_path:
  query_data_train: queries.jsonl
  query_data_test: absent.jsonl
  llm_embedding_data: not_read
  routing_data_train: train.jsonl
  routing_data_test: test.jsonl
  query_embedding_data: vectors.pt
  llm_data: llm.json
`)
}

// fullPage makes the page of a whole data set and returns its file.
func fullPage(t *testing.T, dir string) string {
	t.Helper()
	data := filepath.Join(dir, "full")
	config := dataSet(t, data, sevenNames)
	out := filepath.Join(data, "out", "page.html")
	_, errs, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", data, "--out", out,
		"--json", filepath.Join(data, "out", "report.json"), "--figures", filepath.Join(data, "out", "figures"), "--title", "A & B "+hostile)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return out
}

// pageOf makes the page of a data set with n candidates, with further flags, and returns
// its file.
func pageOf(t *testing.T, dir string, n int, args ...string) string {
	t.Helper()
	data := filepath.Join(dir, fmt.Sprint(n))
	config := dataSet(t, data, manyNames(n))
	out := filepath.Join(data, "page.html")
	if _, errs, err := clitest.Run(t.Context(), run, nil, append(args, "--config", config, "--root", data, "--out", out)...); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return out
}

// scoresPage makes the page of a file of scores and returns its file.
func scoresPage(t *testing.T, dir string) string {
	t.Helper()
	var items []any
	for q := range 40 {
		items = append(items, map[string]any{"question": fmt.Sprint("q", q), "scores": map[string]float64{
			"one": float64(q % 2), "two": float64(q%3) / 2, "three": float64(q%5) / 4,
		}})
	}
	text, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	file := clitest.Write(t, dir, "scores.json", string(text))
	out := filepath.Join(dir, "scores.html")
	if _, errs, err := clitest.Run(t.Context(), run, nil, "--scores", file, "--out", out); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReport(t *testing.T) {
	out := fullPage(t, t.TempDir())
	page := read(t, out)
	dir := filepath.Dir(out)

	t.Run("escaped", func(t *testing.T) {
		for _, bad := range []string{"<script", "<i>", `alert("x")`} {
			if strings.Contains(page, bad) {
				t.Errorf("the page holds %q", bad)
			}
		}
		if !strings.Contains(page, "&lt;script&gt;") {
			t.Error("the hostile name is not there at all")
		}
	})
	t.Run("self-contained", func(t *testing.T) {
		if found := regexp.MustCompile(`(?i)https?://|<link[^>]+href="[^d]|@import|url\(|src=`).FindString(page); found != "" {
			t.Errorf("the page refers to something else: %q", found)
		}
	})
	t.Run("json", func(t *testing.T) {
		r := shown{Report: &analysis.Report{}}
		d := json.NewDecoder(strings.NewReader(read(t, filepath.Join(dir, "report.json"))))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Format != analysis.Format || r.Queries != 60 || len(r.Models) != 7 || r.Map == nil {
			t.Errorf("%+v", r)
		}
		checkTables(t, page, r.Report)
		checkMade(t, &r)
	})
	t.Run("figures", func(t *testing.T) {
		files := clitest.Files(t, filepath.Join(dir, "figures"))
		if len(files) != 2*12 {
			t.Errorf("%q", files)
		}
		for _, name := range files {
			text := read(t, filepath.Join(dir, "figures", name))
			for d := xml.NewDecoder(strings.NewReader(text)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s is not well-formed: %v", name, err)
				}
			}
			for _, part := range []string{`xmlns="http://www.w3.org/2000/svg"`, "<title", "<desc", "<text", "prefers-color-scheme", "viewBox"} {
				if !strings.Contains(text, part) {
					t.Errorf("%s has no %s", name, part)
				}
			}
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%s holds what is no number", name)
			}
		}
	})
}

// checkMade holds that a report says whether routing pays, and how the data were
// made.
func checkMade(t *testing.T, r *shown) {
	if r.Promise == nil || r.Made == nil || len(r.Made.Files) < 6 || len(r.Made.Files[1].SHA256) != 64 || len(r.Made.Notes) < 3 {
		t.Errorf("%+v, %+v", r.Promise, r.Made)
	}
}

// checkTables holds that the numbers that figures show stand in the tables.
func checkTables(t *testing.T, html string, r *analysis.Report) {
	tables := strings.Join(regexp.MustCompile(`(?s)<table>.*?</table>`).FindAllString(html, -1), "")
	cells := map[string]bool{}
	for _, m := range regexp.MustCompile(`<t[dh][^>]*>([^<]*)</t[dh]>`).FindAllStringSubmatch(tables, -1) {
		cells[m[1]] = true
	}
	// The labels within bars and cells are numbers of the tables, a cell's
	// performance with two digits of three.
	tokens := map[string]bool{}
	for cell := range cells {
		for _, token := range strings.Fields(cell) {
			token = strings.Trim(token, "()")
			tokens[token] = true
			if x, err := strconv.ParseFloat(token, 64); err == nil {
				tokens[strings.TrimPrefix(fmt.Sprintf("%.2f", x), "0")] = true
			}
		}
	}
	labels := regexp.MustCompile(`<text (?:class="f-on-[^"]*"|fill="#(?:000000|ffffff)")[^>]*>([^<]*)</text>`).FindAllStringSubmatch(html, -1)
	if len(labels) < 4*len(r.Cells) { // two a cell, in two widths
		t.Errorf("only %d labels in figures", len(labels))
	}
	for _, m := range labels {
		if !tokens[m[1]] {
			t.Errorf("a figure shows %q, which stands in no table", m[1])
		}
	}
	for i := range r.Cells {
		if g := &r.Cells[i]; !cells[fmt.Sprintf("%.3f (%d)", g.Performance, g.Rated)] {
			t.Errorf("no table has %s with %s: %.3f (%d)", g.Task, g.Model, g.Performance, g.Rated)
		}
	}
	for i := range r.Models {
		m := &r.Models[i]
		for _, want := range []string{page.Short(m.CostPerQuery * perThousand), page.Short(m.Seconds.P50), page.Short(m.Seconds.P99), page.Whole(m.UniqueBest), page.Whole(m.SharedBest), page.Whole(m.Missing)} {
			if !cells[want] {
				t.Errorf("no table has %s of %s", want, m.Name)
			}
		}
	}
	for _, p := range append([]analysis.Point{r.Routers.Oracle, r.Routers.Random}, r.Routers.OracleFrontier...) {
		if !cells[page.Short(p.Cost*perThousand)] {
			t.Errorf("no table has the cost of %+v", p)
		}
	}
	for _, p := range r.Map.Points {
		if !cells[page.Short(p.X)] || !cells[page.Short(p.Y)] || !cells[p.Query] {
			t.Fatalf("no table has the point %+v", p)
		}
	}
}

// TestSameTwice holds that the same files give the same bytes.
func TestSameTwice(t *testing.T) {
	if a, b := read(t, fullPage(t, t.TempDir())), read(t, fullPage(t, t.TempDir())); a != b {
		t.Error("two pages of one data set differ")
	}
}

func TestEvaluation(t *testing.T) {
	dir := t.TempDir()
	config := dataSet(t, dir, sevenNames)
	report := func(args ...string) (*analysis.Report, error) {
		file := filepath.Join(dir, "report.json")
		_, _, err := clitest.Run(t.Context(), run, nil, append([]string{"--config", config, "--root", dir, "--out", filepath.Join(dir, "page.html"), "--json", file}, args...)...)
		if err != nil {
			return nil, err
		}
		var r analysis.Report
		return &r, json.Unmarshal([]byte(read(t, file)), &r)
	}
	before, err := report()
	if err != nil {
		t.Fatal(err)
	}
	cell := before.Cells[0]
	zeros, line, first := 0, 0, 0 // line: of train.jsonl; first: that of the first zero
	for _, name := range []string{"train.jsonl", "test.jsonl"} {
		for row, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](filepath.Join(dir, name), nil) {
			if err != nil {
				t.Fatal(err)
			}
			line++
			if row.TaskName == cell.Task && row.ModelName == cell.Model && row.Performance == 0 && !strings.HasPrefix(row.Response, "API Error") {
				if zeros++; zeros == 1 {
					first = line
				}
			}
		}
	}
	summary, err := json.Marshal(pipeline.Report{Cells: []pipeline.Cell{{Task: cell.Task, Model: cell.Model, Group: pipeline.Group{NotEvaluated: zeros}}}})
	if err != nil {
		t.Fatal(err)
	}
	after, err := report("--evaluation", clitest.Write(t, dir, "summary.json", string(summary)))
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Cells[0]; zeros == 0 || got.NotEvaluated != zeros || got.Rated != cell.Rated-zeros || !(got.Performance > cell.Performance) {
		t.Errorf("%d answers were not evaluated: before %+v, after %+v", zeros, cell, got)
	}
	// One row by its line, of several zeros.
	summary, err = json.Marshal(pipeline.Report{
		NotEvaluatedRows: dataset.Lines{Train: []int{first}},
		Cells:            []pipeline.Cell{{Task: cell.Task, Model: cell.Model, Group: pipeline.Group{NotEvaluated: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, err = report("--evaluation", clitest.Write(t, dir, "summary.json", string(summary))); err != nil {
		t.Fatal(err)
	}
	if got := after.Cells[0]; zeros < 2 || got.NotEvaluated != 1 || slices.ContainsFunc(after.Warnings, func(w analysis.Warning) bool { return w.Kind == analysis.WarnNotEvaluated }) {
		t.Errorf("one of %d zeros, line %d: %+v, %+v", zeros, first, got, after.Warnings)
	}
	for text, want := range map[string]string{
		"{}": "no cells", "x": "invalid character", "\xff\xfe{\x00}\x00": "UTF-16", `[{"cells": []}]`: `of the kind "array"`, `{"cells": "x"}`: `its "cells" is of the kind "string"`,
		"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2306545\n": "git lfs pull",
	} {
		if _, err := report("--evaluation", clitest.Write(t, dir, "bad.json", text)); err == nil || !strings.Contains(err.Error(), "bad.json") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestOddData draws what has little to draw.
func TestOddData(t *testing.T) {
	for name, text := range map[string]string{
		"one score":       `[{"question": "q", "scores": {"m": 1}}]`,
		"nothing rated":   `[{"question": "q", "scores": {"m": null}}]`,
		"many candidates": manyScores(60, 3),
		"many queries":    manyScores(2, 60),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := clitest.Write(t, dir, "scores.json", text)
			out := filepath.Join(dir, "page.html")
			if _, errs, err := clitest.Run(t.Context(), run, nil, "--scores", file, "--out", out, "--json", filepath.Join(dir, "r.json")); err != nil {
				t.Fatalf("%v\n%s", err, errs)
			}
			page := read(t, out)
			if strings.Contains(page, "NaN") || strings.Contains(page, "+Inf") {
				t.Error("the page holds what is no number")
			}
			if name == "many candidates" && !strings.Contains(page, "the first 40 of 60 candidates") {
				t.Error("it is not said that candidates were left out")
			}
		})
	}
}

func manyScores(models, queries int) string {
	var items []string
	for q := range queries {
		var scores []string
		for m := range models {
			scores = append(scores, fmt.Sprintf(`"model-%d": %v`, m, (q+m)%2))
		}
		items = append(items, fmt.Sprintf(`{"question": "q%d", "scores": {%s}}`, q, strings.Join(scores, ",")))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--config", "a", "--scores", "b"}, {"--config", "a", "--queries", "b"}, {"--scores", "a", "--evaluation", "b"},
		{"--scores", "a", "--train", "all"}, {"--config", "a", "--train", "svm"},
		{"--scores", "a", "--solved", "0"}, {"--scores", "a", "--solved", "NaN"}, {"--scores", "a", "--points", "1"},
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	out := filepath.Join(t.TempDir(), "page.html")
	for _, args := range [][]string{{"--config", "missing.yaml"}, {"--scores", "missing.json"}} {
		if _, _, err := clitest.Run(t.Context(), run, nil, append(args, "--out", out)...); err == nil || !strings.Contains(err.Error(), "missing.") {
			t.Errorf("%q: %v", args, err)
		}
	}
	dir := t.TempDir()
	empty := dataSet(t, dir, sevenNames)
	clitest.Write(t, dir, "train.jsonl", "")
	clitest.Write(t, dir, "test.jsonl", "")
	for _, args := range [][]string{{"--config", empty, "--root", dir}, {"--scores", clitest.Write(t, dir, "scores.json", "[]")}} {
		if _, _, err := clitest.Run(t.Context(), run, nil, append(args, "--out", out)...); err == nil || !strings.Contains(err.Error(), "no row was read") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a page was written all the same")
	}
}

// The screen says why rows have no score, by reason and candidate.
func TestReasonsOnTheScreen(t *testing.T) {
	dir := t.TempDir()
	config, file := dataSet(t, dir, sevenNames), filepath.Join(dir, "report.json")
	screen, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", dir, "--out", filepath.Join(dir, "page.html"), "--json", file)
	if err != nil {
		t.Fatal(err)
	}
	var r analysis.Report
	if err := json.Unmarshal([]byte(read(t, file)), &r); err != nil || len(r.Outcomes) == 0 {
		t.Fatal(r.Outcomes, err)
	}
	for _, o := range r.Outcomes {
		if !strings.Contains(screen, fmt.Sprintf("  %s: %s (", o.Kind, page.Whole(o.Count))) {
			t.Errorf("%q is not on the screen:\n%s", o.Kind, screen)
		}
	}
}

// summaryOf is a summary of step 3 that fits a report: every failed call is of one
// of two kinds, and two models answered for the last candidate.
func summaryOf(r *analysis.Report) *pipeline.Report {
	s := &pipeline.Report{Cells: []pipeline.Cell{{Task: r.Cells[0].Task, Model: r.Cells[0].Model}}}
	for i := range r.Models {
		m := &r.Models[i]
		s.Models = append(s.Models, pipeline.Group{Name: m.Name, Pairs: m.Rows, Failed: m.Failed})
		for j, kind := range []string{"length", "timeout"} {
			if n := []int{min(m.Failed, 1), m.Failed - 1}[j]; n > 0 {
				s.Failures = append(s.Failures, pipeline.Failure{Candidate: m.Name, Kind: kind, Count: n, Example: "said " + kind, Query: fmt.Sprintf("test query %d (task x)", i+1)})
			}
		}
	}
	last := &r.Models[len(r.Models)-1]
	s.Answered = []pipeline.Answered{
		{Candidate: last.Name, Model: "big-2026 " + hostile, Count: 30, Share: 0.75}, {Candidate: last.Name, Count: 10, Share: 0.25},
	}
	return s
}

// outputs are what the program gives.
type outputs struct {
	page, screen, errs string
	r                  shown
}

// showWith shows the data set of a folder with a summary, or without.
func showWith(t *testing.T, dir, config string, summary *pipeline.Report) (o outputs) {
	t.Helper()
	args := []string{"--config", config, "--root", dir, "--out", filepath.Join(dir, "page.html"), "--json", filepath.Join(dir, "report.json")}
	if summary != nil {
		text, err := json.Marshal(summary)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--evaluation", clitest.Write(t, dir, "summary.json", string(text)))
	}
	var err error
	if o.screen, o.errs, err = clitest.Run(t.Context(), run, nil, args...); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "report.json"))), &o.r); err != nil {
		t.Fatal(err)
	}
	o.page = read(t, filepath.Join(dir, "page.html"))
	return o
}

const otherFiles = "summary.json is of other files"

// The page, the screen and the JSON show what a summary knows of the calls.
func TestCallsOfASummary(t *testing.T) {
	dir := t.TempDir()
	config := dataSet(t, dir, sevenNames)
	plain := showWith(t, dir, config, nil)
	if plain.r.Failures != nil || plain.r.Answered != nil || !strings.Contains(plain.screen, "timed out") {
		t.Fatalf("without a summary: %+v\n%s", plain.r.Failures, plain.screen)
	}
	summary := summaryOf(plain.r.Report)
	got := showWith(t, dir, config, summary)
	if diff := cmp.Diff([]any{summary.Failures, summary.Answered}, []any{got.r.Failures, got.r.Answered}); diff != "" || strings.Contains(got.errs, otherFiles) {
		t.Errorf("%s (-summary +JSON):\n%s", got.errs, diff)
	}
	wants := map[string][]string{
		got.screen: {"big-2026 " + hostile + " 30 (75.0 %)", "(it did not tell its name) 10 (25.0 %)"},
		got.page:   {"big-2026 &lt;script&gt;", "<td>30</td><td>75.0 %</td>", "<td>10</td><td>25.0 %</td>"},
	}
	for _, f := range summary.Failures {
		wants[got.page] = append(wants[got.page], fmt.Sprintf(`<th scope="row">%s</th><td class="text">%s</td><td class="text">%s: %s</td><td>%d</td>`,
			f.Kind, template.HTMLEscapeString(f.Candidate), f.Query, f.Example, f.Count))
		wants[got.screen] = append(wants[got.screen], fmt.Sprintf("  %s: %d (%s), for example %s: %s\n", f.Kind, f.Count, f.Candidate, f.Query, f.Example))
	}
	for text, list := range wants {
		for _, want := range list {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not shown in\n%s", want, text[:min(len(text), 2000)])
			}
		}
		if strings.Contains(text, "timed out") {
			t.Error("failures are shown by message too")
		}
	}
}

// Pairs that were not called are failed rows of the files; a summary of other
// files is not believed.
func TestSummaryThatDiffers(t *testing.T) {
	dir := t.TempDir()
	config := dataSet(t, dir, sevenNames)
	plain := showWith(t, dir, config, nil)
	summary := summaryOf(plain.r.Report)
	summary.Models[0].Failed -= 2
	summary.Models[0].Missing = 2
	summary.NotMade = []string{"the budget is spent"}
	got := showWith(t, dir, config, summary)
	if strings.Contains(got.errs, otherFiles) || !strings.Contains(got.screen, "  not called: 2 (small-1b), for example the budget is spent\n") {
		t.Errorf("%s\n%s", got.errs, got.screen)
	}
	summary.Models[0].Failed++
	got = showWith(t, dir, config, summary)
	if got.page != plain.page || got.r.Failures != nil || !strings.Contains(got.errs, otherFiles) || !strings.Contains(got.errs, `"small-1b"`) {
		t.Errorf("a summary of other files: %s", got.errs)
	}
}
