package metrics_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/metrics"
)

var update = flag.Bool("update", false, "write the table of docs/AGREEMENT.md")

const (
	agreementDoc   = "../docs/AGREEMENT.md"
	agreementBegin = "<!-- begin: go test -run TestPeerScores ./metrics -update -->\n"
	agreementEnd   = "<!-- end -->"
)

// answerCase is an answer with the verdict that is right.
type answerCase struct {
	Kind       string   // of an inner LaTeX form, "int: sign"
	Metric     string   // of an answer
	Prediction string   `json:"prediction"`
	Truth      string   `json:"truth"`
	Choices    []string `json:"choices"`
	Want       float64  `json:"want"`

	row string // of the table
}

// comparison is one table: the scorers of one kind of answer side by side.
type comparison struct {
	name  string
	ours  []string
	peers []string
	cases []answerCase
	// truth gives the part of a ground truth that peers take.
	truth func(string) string
}

// TestPeerScoresAgree holds the table of how often our metrics and others' score
// an answer wrongly: the verdicts of every scorer on the case files, counted. A
// changed figure fails, whoever's it is.
func TestPeerScoresAgree(t *testing.T) {
	python := peertest.Python(t, "eval")
	comparisons := agreementCases(t)
	versions, theirs := peerVerdicts(t, python, comparisons)

	var table, differences strings.Builder
	fmt.Fprintf(&table, "math-verify %s, inspect-ai %s.\n", versions["math-verify"], versions["inspect-ai"])
	differences.WriteString("\n| reference's metric | strict metric | answers | verdicts that differ |\n|---|---|---:|---:|\n")
	registry := metrics.Builtin()
	for _, c := range comparisons {
		verdicts := map[string][]bool{}
		for _, name := range c.ours {
			for _, a := range c.cases {
				result, err := registry.Score(t.Context(), name, metrics.Input{Prediction: a.Prediction, Truth: a.Truth, Choices: a.Choices})
				if err != nil || !result.Evaluated {
					t.Fatalf("%s of %q: %+v, %v", name, a.Prediction, result, err)
				}
				verdicts[name] = append(verdicts[name], result.Score == 1)
			}
		}
		for _, name := range c.peers {
			verdicts[name], theirs = theirs[:len(c.cases)], theirs[len(c.cases):]
		}
		c.write(&table, verdicts)
		c.writeDifference(&differences, verdicts)
	}
	table.WriteString(differences.String())
	compareAgreement(t, table.String())
}

// agreementCases reads the case files.
func agreementCases(t *testing.T) []comparison {
	t.Helper()
	same := func(truth string) string { return truth }
	math := comparison{name: "MATH", ours: []string{"MATH", "math_strict"}, peers: []string{"math-verify", "inspect math"}, truth: same}
	gsm8k := comparison{name: "GSM8K", ours: []string{"GSM8K", "gsm8k_strict"}, peers: []string{"math-verify", "inspect match"}, truth: func(truth string) string {
		_, number, _ := strings.Cut(truth, "#### ")
		return number
	}}
	choice := comparison{name: "Multiple choice", ours: []string{"em_mc", "em_mc_strict"}, peers: []string{"inspect choice"}, truth: same}
	trivia := comparison{name: "TriviaQA", ours: []string{"cem", "trivia_qa_strict"}, truth: same}

	const answers = "calls/answers.jsonl"
	for _, c := range golden.Cases[answerCase](t, "scores/math_forms.jsonl") {
		c.row, _, _ = strings.Cut(c.Kind, ":")
		c.Truth, c.Prediction = `\boxed{`+c.Truth+`}`, `\boxed{`+c.Prediction+`}`
		math.cases = append(math.cases, c)
	}
	for _, file := range []struct {
		name string
		into *comparison
	}{{"scores/gsm8k_forms.jsonl", &gsm8k}, {"scores/mc_forms.jsonl", &choice}} {
		for _, c := range golden.Cases[answerCase](t, file.name) {
			c.row = filepath.Base(file.name)
			file.into.cases = append(file.into.cases, c)
		}
	}
	of := map[string]*comparison{
		"MATH": &math, "math_strict": &math, "GSM8K": &gsm8k, "gsm8k_strict": &gsm8k, "em_mc": &choice, "em_mc_strict": &choice, "trivia_qa_strict": &trivia,
	}
	for _, c := range golden.Cases[answerCase](t, answers) {
		if into := of[c.Metric]; into != nil {
			c.row = filepath.Base(answers)
			into.cases = append(into.cases, c)
		}
	}
	return []comparison{math, gsm8k, choice, trivia}
}

// peerVerdicts asks each peer for each answer of its comparison, in the order of
// comparisons, peers and cases.
func peerVerdicts(t *testing.T, python string, comparisons []comparison) (versions map[string]string, verdicts []bool) {
	t.Helper()
	var asked bytes.Buffer
	encoder := json.NewEncoder(&asked)
	n := 0
	for _, c := range comparisons {
		for _, peer := range c.peers {
			for _, a := range c.cases {
				request := map[string]any{"peer": peer, "prediction": a.Prediction, "truth": c.truth(a.Truth), "choices": a.Choices}
				if err := encoder.Encode(request); err != nil {
					t.Fatal(err)
				}
				n++
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "agreement.py"))
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = &asked, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	if err := decoder.Decode(&versions); err != nil {
		t.Fatal(err)
	}
	for range n {
		var answer struct{ Right *bool }
		if err := decoder.Decode(&answer); err != nil || answer.Right == nil {
			t.Fatalf("the peers gave %d verdicts of %d: %v", len(verdicts), n, err)
		}
		verdicts = append(verdicts, *answer.Right)
	}
	return versions, verdicts
}

// tally counts the answers of a row and what a scorer does wrong on them.
type tally struct{ right, missed, wrong, granted int }

func (n *tally) add(want, got bool) {
	if want {
		n.right++
	} else {
		n.wrong++
	}
	switch {
	case want && !got:
		n.missed++
	case got && !want:
		n.granted++
	}
}

// write writes the table: one row a kind of case, one column a scorer.
func (c comparison) write(w *strings.Builder, verdicts map[string][]bool) {
	scorers := append(append([]string(nil), c.ours...), c.peers...)
	fmt.Fprintf(w, "\n| %s | right answers | wrong answers | %s |\n|---|---:|---:|%s\n", c.name, strings.Join(scorers, " | "), strings.Repeat("---:|", len(scorers)))
	var rows []string
	seen := map[string]bool{}
	for _, a := range c.cases {
		if !seen[a.row] {
			seen[a.row] = true
			rows = append(rows, a.row)
		}
	}
	const all = "all"
	for _, row := range append(rows, all) {
		tallies := make([]tally, len(scorers))
		for i, a := range c.cases {
			if row != all && row != a.row {
				continue
			}
			for k, scorer := range scorers {
				tallies[k].add(a.Want == 1, verdicts[scorer][i])
			}
		}
		fmt.Fprintf(w, "| %s | %d | %d |", row, tallies[0].right, tallies[0].wrong)
		for _, n := range tallies {
			fmt.Fprintf(w, " %d, %d |", n.missed, n.granted)
		}
		w.WriteByte('\n')
	}
}

// writeDifference writes the row of how often the reference's metric, the first of
// ours, and the strict one, the second, say different things.
func (c comparison) writeDifference(w *strings.Builder, verdicts map[string][]bool) {
	n := 0
	for i, reference := range verdicts[c.ours[0]] {
		if reference != verdicts[c.ours[1]][i] {
			n++
		}
	}
	fmt.Fprintf(w, "| %s | %s | %d | %d |\n", c.ours[0], c.ours[1], len(c.cases), n)
}

// compareAgreement holds the document to the table, or rewrites it.
func compareAgreement(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(agreementDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), agreementBegin)
	documented, after, ended := strings.Cut(rest, agreementEnd)
	if !found || !ended {
		t.Fatalf("%s lacks the marks of the table", agreementDoc)
	}
	if *update {
		if err := os.WriteFile(agreementDoc, []byte(before+agreementBegin+table+agreementEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(documented, table); diff != "" {
		t.Errorf("%s (-documented +computed; -update writes it):\n%s", agreementDoc, diff)
	}
}
