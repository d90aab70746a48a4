package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestGoldenPython holds the Python implementation that the benchmarks compare
// with against the same vectors as ours.
func TestGoldenPython(t *testing.T) {
	cmd := python(t, nil, "check", golden.Dir(t))
	if out, err := cmd.Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fragments are what texts are made of to be scored by both implementations:
// what the scorers look for, and what lies near it.
var fragments = []string{
	"a", "an", "the", "A", "The", "AN", "than", "anna", "yes", "no", "noanswer", "word", "words", "worded", "worder",
	"wording", "s", "ss", "as", "bed", "ing", "ring", "sing", " ", "  ", "\t", "\n", "\r\n", "\x1c", "\x1f", "\x00", "\u0085", "\u00a0",
	"\u2003", "\u200b", "\u3000", ".", ",", "-", "_", "'", "\"", "!", "?", "$", "%", "#", "####", "#####", ":", ";", "/",
	"(", ")", "(A)", "( b )", "(\u00a0C\u3000)", "(1)", "[D]", "0", "7", "42", "007", "3.50", "1,000", "-5", "1e5", "..", "1_0",
	"\uff15", "\u0663", "\u00b2", "\u00bd", "\u2167", "\u2460", "\u0301", "a\u0301", "\u0308", "\u0345", "\u02b0", "\u00ad",
	"\u03a3", "\u03c3", "\u03c2", "\u039f\u0394\u039f\u03a3", "\u0130", "\u0131", "\u212a", "\u017f", "\u1e9e", "\u00df", "\u01c4", "\U00010400", "\u6f22",
	"\U0001f600", "e\u0301", "\u00c9",
	`\boxed`, `\boxed `, `\boxed{`, `\boxed{5}`, `\fbox`, `\fbox{`, `\Boxed{`, "boxed", "{", "}", "{{", "}}", "x=", "=", "k = ",
	`\frac`, `\frac12`, `\frac{1}{2}`, `\dfrac`, `\tfrac`, "frac", `\sqrt`, `\sqrt3`, `\sqrt{`, `\left`, `\right`, `\!`, `\\`, `\`,
	`\$`, `\%`, `%`, `^\circ`, `^{\circ}`, `\text{ `, `\text{`, " .", "{.", ".5", "0.5", "1/2", "-1/2", "x/2", "/",
}

func randomText(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(fragments[r.IntN(len(fragments))])
	}
	return b.String()
}

// randomPair returns two texts that are often related.
func randomPair(r *rand.Rand) (prediction, truth string) {
	truth = randomText(r, 6)
	switch r.IntN(4) {
	case 0:
		return randomText(r, 12), truth
	case 1:
		return randomText(r, 4) + truth + randomText(r, 4), truth
	case 2:
		return randomText(r, 4) + `\boxed{` + truth + "}" + randomText(r, 2), truth
	default:
		return strings.ToUpper(truth) + randomText(r, 2), truth
	}
}

// TestAgreesWithPython scores random texts with both implementations. They
// share no code, and Python has its own character tables.
func TestAgreesWithPython(t *testing.T) {
	version, err := python(t, nil, "unicode").Output()
	if err != nil {
		t.Fatal(err)
	}
	if v := strings.TrimSpace(string(version)); v != "14.0.0" {
		t.Skipf("python3 has Unicode %s; want 14.0.0, the one of Python 3.11", v)
	}
	type call struct{ name, prediction, truth string }
	var (
		calls []call
		input bytes.Buffer
		r     = rand.New(rand.NewPCG(1, 2))
	)
	names := []string{"em", "cem", "cemf1", "f1_score", "em_mc", "GSM8K", "MATH", "commongen_coverage"}
	for range 3000 {
		p, g := randomPair(r)
		for _, name := range names {
			calls = append(calls, call{name, p, g})
			line, err := json.Marshal([3]string{name, p, g})
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(line, '\n'))
		}
	}
	out, err := python(t, bytes.NewReader(input.Bytes()), "score").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for i, c := range calls {
		if !lines.Scan() {
			t.Fatalf("Python gave %d scores for %d calls", i, len(calls))
		}
		var want float64
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if got := scorers[c.name](c.prediction, c.truth); got != want {
			t.Errorf("%s(%q, %q) = %v, Python says %v", c.name, c.prediction, c.truth, got, want)
		}
	}
}
