package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// pair is what one call scores.
type pair = [2]string // prediction, truth

// realPairs makes replies of the texts of the published data, so that they have
// the sizes and the character of real ones: a solution answers its problem, and
// elsewhere the query is the reasoning before the answer.
func realPairs(tb testing.TB) map[string][]pair {
	file, err := os.Open(filepath.Join(golden.DataDir(tb), "query_data", "default_query_train.jsonl"))
	if err != nil {
		tb.Skip(err)
	}
	defer file.Close()
	pairs := map[string][]pair{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Task   string `json:"task_name"`
			Query  string `json:"query"`
			Truth  string `json:"ground_truth"`
			Metric string `json:"metric"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal(err)
		}
		add := func(metric, prediction string) {
			pairs[metric] = append(pairs[metric], pair{prediction, r.Truth})
		}
		switch r.Metric {
		case "GSM8K":
			add("GSM8K", r.Truth)
			add("gsm8k_strict", r.Truth)
		case "MATH":
			if r.Task == "math" {
				// Spelled otherwise, so that both sides have to be normalised.
				reply := strings.ReplaceAll(strings.ReplaceAll(r.Truth, `\boxed{`, `\boxed{ `), `\frac`, `\dfrac`)
				add("MATH", reply)
				add("math_strict", reply)
			}
		case "em_mc":
			reply := r.Query + "\n\nSo the answer is (" + r.Truth + ")."
			add("em_mc", reply)
			add("em_mc_strict", reply)
		case "f1_score":
			add("em", "The "+r.Truth+".")
			reply := strings.ToUpper(r.Query[:1]) + r.Query[1:] + ": it is " + r.Truth + "."
			add("cem", reply)
			add("cemf1", reply)
			add("f1_score", reply)
			add("trivia_qa_strict", reply)
		case "commongen_coverage":
			add("commongen_coverage", "The "+strings.ReplaceAll(r.Truth, ", ", " and the ")+".")
		}
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return pairs
}

// scorers are the metrics that are functions of prediction and truth alone.
var scorers = map[string]func(prediction, truth string) float64{
	"em":                 ExactMatch,
	"cem":                CEM,
	"cemf1":              CEMF1,
	"f1_score":           func(prediction, truth string) float64 { f1, _, _ := F1(prediction, truth); return f1 },
	"em_mc":              MultipleChoice,
	"GSM8K":              GSM8K,
	"MATH":               MATH,
	"commongen_coverage": CommonGenCoverage,
	"em_mc_strict":       func(prediction, truth string) float64 { return MultipleChoiceStrict(prediction, truth, 4) },
	"gsm8k_strict":       GSM8KStrict,
	"math_strict":        MATHStrict,
	"trivia_qa_strict":   TriviaQAStrict,
}

func benchmarkPairs(b *testing.B, name string, pairs []pair) {
	scorer, ok := scorers[name]
	if !ok {
		b.Fatalf("no scorer %q", name)
	}
	size := 0
	for _, p := range pairs {
		size += len(p[0]) + len(p[1])
	}
	b.SetBytes(int64(size / len(pairs)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p := &pairs[i]
		if i++; i == len(pairs) {
			i = 0
		}
		scorer(p[0], p[1])
	}
}

// BenchmarkMetric scores replies of real sizes; an op is one reply, and MB/s
// counts prediction and truth.
func BenchmarkMetric(b *testing.B) {
	pairs := realPairs(b)
	for _, name := range Builtin().Names() {
		if len(pairs[name]) > 0 {
			b.Run(name, func(b *testing.B) { benchmarkPairs(b, name, pairs[name]) })
		}
	}
}

// BenchmarkAgainstPython runs the same replies through Python's implementation
// of the same rules (testdata/python/scores.py) and through ours, and reports
// the ratio; of both, the best round over all replies counts.
func BenchmarkAgainstPython(b *testing.B) {
	pairs := realPairs(b)
	for name := range pairs {
		if strings.HasSuffix(name, "_strict") {
			delete(pairs, name) // rules of ours alone
		}
	}
	input, err := json.Marshal(pairs)
	if err != nil {
		b.Fatal(err)
	}
	out, err := python(b, bytes.NewReader(input), "time", "1").Output()
	if err != nil {
		b.Fatal(err)
	}
	var ns map[string]float64
	if err := json.Unmarshal(out, &ns); err != nil {
		b.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(ns)) {
		b.Run(name, func(b *testing.B) {
			scorer, pairs := scorers[name], pairs[name]
			best := math.Inf(1)
			for b.Loop() {
				begin := time.Now()
				for i := range pairs {
					scorer(pairs[i][0], pairs[i][1])
				}
				best = min(best, float64(time.Since(begin).Nanoseconds())/float64(len(pairs)))
			}
			b.ReportMetric(0, "ns/op") // of a round: not the figure that is meant
			b.ReportMetric(best, "go-ns/reply")
			b.ReportMetric(ns[name], "python-ns/reply")
			b.ReportMetric(ns[name]/best, "times-faster")
		})
	}
}

// python returns a command that runs scores.py, and skips the test where there
// is no Python.
func python(tb testing.TB, stdin *bytes.Reader, args ...string) *exec.Cmd {
	path, err := exec.LookPath("python3")
	if err != nil {
		tb.Skip(err)
	}
	cmd := exec.CommandContext(tb.Context(), path, append([]string{filepath.Join("testdata", "python", "scores.py")}, args...)...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.Stderr = os.Stderr
	return cmd
}
