package codeeval

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/metrics"
)

//go:embed testdata/solutions.txt
var solutionSource string

//go:embed testdata/plain.py
var plainPeer string

// record is what these tests need of a line of the published queries.
type record struct {
	Task   string `json:"task_name"`
	Query  string `json:"query"`
	Truth  string `json:"ground_truth"`
	TaskID string `json:"task_id"`
}

// key is the id as solutions.txt spells it.
func (r record) key() string {
	if r.Task == "mbpp" {
		return "mbpp/" + r.TaskID
	}
	return r.TaskID
}

func (r record) input(reply string) metrics.Input {
	return metrics.Input{Task: r.Task, TaskID: r.TaskID, Query: r.Query, Truth: r.Truth, Prediction: reply}
}

// program is what the metric makes of a reply to the record.
func (r record) program(t testing.TB, reply string) Program {
	t.Helper()
	p, err := NewMetric(nil, nil).(*codeMetric).program(r.input(reply))
	if err != nil {
		t.Fatalf("%s: %v", r.key(), err)
	}
	return p
}

// codeRecords returns the real HumanEval and MBPP records.
func codeRecords(t testing.TB) []record {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	var list []record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(`"code_eval"`)) {
			continue
		}
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(list) < 600 {
		t.Fatalf("%d records with code", len(list))
	}
	return list
}

// rightReplies returns the replies of solutions.txt by their keys.
func rightReplies(t testing.TB) map[string]string {
	t.Helper()
	replies := map[string]string{}
	for _, section := range strings.Split(solutionSource, "\n#@ ")[1:] {
		key, reply, found := strings.Cut(section, "\n")
		if !found || replies[key] != "" {
			t.Fatalf("solutions.txt: %q", key)
		}
		replies[key] = reply
	}
	return replies
}

// stubs returns replies that are nearly always wrong, in several ways.
func stubs(t testing.TB, r record) []string {
	if r.Task == "human_eval" {
		return []string{"    return None", "return", "    while False:\n        pass\n    return 0", "    raise ValueError('no')", "    retrun 1"}
	}
	tests, err := ParseTests(r.Truth)
	if err != nil {
		t.Fatalf("%s: %v", r.key(), err)
	}
	m := regexp.MustCompile(`assert\s+\(?\s*(?:not\s+)?(?:\w+\(\s*)*?([A-Za-z_]\w*)\s*\(`).FindStringSubmatch(tests[0])
	if m == nil {
		t.Fatalf("%s: no function in %q", r.key(), tests[0])
	}
	name := m[1]
	return []string{
		"def " + name + "(*a):\n    return None",
		"def " + name + "(*a):\n    return a[0]",
		"[BEGIN]\ndef " + name + "(*a):\n    return True\n[DONE]",
		"```python\ndef " + name + "(*a):\n    raise KeyError(a)\n```",
		"def " + name + "(*a)\n    pass",
	}
}

// plainVerdicts runs programs with CPython and nothing else, each as one text.
func plainVerdicts(t testing.TB, programs []Program) []bool {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no python3 to compare with")
	}
	var in bytes.Buffer
	for _, p := range programs {
		line, err := json.Marshal(p.Solution + "\n" + strings.Join(p.Tests, "\n") + "\n")
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command(python, "-I", "-S", "-c", plainPeer)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(programs) {
		t.Fatalf("%d verdicts for %d programs", len(lines), len(programs))
	}
	verdicts := make([]bool, len(lines))
	for i, line := range lines {
		verdicts[i] = line == "1"
	}
	return verdicts
}

// run runs programs on all workers and returns the verdicts in their order.
func run(t testing.TB, sb Sandbox, programs []Program) []Verdict {
	t.Helper()
	verdicts := make([]Verdict, len(programs))
	errs := make([]error, len(programs))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				verdicts[i], errs[i] = sb.Run(context.Background(), programs[i])
			}
		})
	}
	for i := range programs {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("program %d: %v", i, err)
		}
	}
	return verdicts
}

// TestVerdicts holds the sandboxes' verdicts on all real tests against plain
// CPython's: with stubs, most of which fail, and with right solutions.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	records := codeRecords(t)
	replies := rightReplies(t)
	var programs []Program
	var names []string
	right := 0
	for i, r := range records {
		// One stub for each record, of changing form.
		list := stubs(t, r)
		reply := list[i%len(list)]
		programs, names = append(programs, r.program(t, reply)), append(names, fmt.Sprintf("%s with stub %q", r.key(), reply))
		if reply := replies[r.key()]; reply != "" {
			programs, names = append(programs, r.program(t, reply)), append(names, r.key()+" with its solution")
			delete(replies, r.key())
			right++
		}
	}
	if len(replies) > 0 || right < 40 {
		t.Errorf("%d right solutions, and no record for %v", right, replies)
	}
	want := plainVerdicts(t, programs)
	passed := 0
	for i, name := range names {
		if strings.HasSuffix(name, "with its solution") && !want[i] {
			t.Errorf("%s fails in plain CPython:\n%s", name, programs[i].Solution)
		}
		if want[i] {
			passed++
		}
	}
	t.Logf("%d programs, %d right solutions, %d pass in plain CPython", len(programs), right, passed)
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		for i, v := range run(t, sb, programs) {
			if (v.Outcome == Passed) != want[i] {
				t.Errorf("%s: %v (%s), plain CPython: %v", names[i], v.Outcome, v.Detail, want[i])
			}
		}
	})
}

// TestStrictVerdicts: strict runs pass the right solutions, and fail what only
// looks right.
func TestStrictVerdicts(t *testing.T) {
	t.Parallel()
	records := codeRecords(t)
	replies := rightReplies(t)
	var programs []Program
	var names []string
	var want []bool
	for i, r := range records {
		reply := replies[r.key()]
		if reply != "" {
			programs, names, want = append(programs, r.program(t, reply)), append(names, r.key()), append(want, true)
		}
		if i%16 == 0 { // strict runs take twice the time
			programs, names = append(programs, r.program(t, stubs(t, r)[0])), append(names, r.key()+" with a stub")
			want = append(want, false)
		}
	}
	plain := plainVerdicts(t, programs)
	for i := range programs {
		programs[i].Strict = true
		want[i] = plain[i]
	}
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		for i, v := range run(t, sb, programs) {
			if (v.Outcome == Passed) != want[i] {
				t.Errorf("%s: %v (%s), want passed %v", names[i], v.Outcome, v.Detail, want[i])
			}
		}
	})
}

func TestStrictAgainstCheats(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, solution string
		tests          []string
		cheat          bool // passes when not strict
	}{
		{"always equal", "class A:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()", []string{"assert f(1) == 2"}, true},
		{"shadowed abs", "abs = lambda x: 0\ndef f(x):\n    return 10 ** 9", []string{"assert abs(f(1) - 1.5) < 1e-6"}, true},
		{"patched module", "import math\nmath.fabs = lambda x: 0\ndef f(x):\n    return 10 ** 9", []string{"import math\nassert math.fabs(f(1) - 1.5) < 1e-6"}, true},
		{"patched module that the tests do not import", "import math\nmath.fabs = lambda x: 0\ndef f(x):\n    return 10 ** 9", []string{"assert math.fabs(f(1) - 1.5) < 1e-6"}, true},
		{"expected values read from the caller", "import sys\ndef f(x):\n    return [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, str)][0]", []string{"assert f(1) == 'secret'"}, true},
		{"int that equals all", "class I(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\ndef f(x):\n    return I(1)", []string{"assert f(1) == 2"}, true},
		{"str that equals all", "class S(str):\n    def __eq__(self, other):\n        return True\n    __hash__ = str.__hash__\ndef f(x):\n    return [S('a')]", []string{"assert f(1) == ['b']"}, true},
		{"written answers", "import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, b'[\"ready\"]\\n[\"returned\", [\"int\", \"0x2\"], [null], {}]\\n')\n    except OSError:\n        pass\ndef f(x):\n    return 1", []string{"assert f(1) == 3"}, false},
		{"raised StopIteration", "def f(x):\n    raise StopIteration", []string{"assert f(1) == 2"}, false},
		{"ended", "import os\ndef f(x):\n    os._exit(0)", []string{"assert f(1) == 2"}, false},
		{"silent", "import os\nos._exit(0)", []string{"assert f(1) == 2"}, false},
		{"too much", "def f(x):\n    return 'x' * (80 << 20)", []string{"assert f(1) == 2"}, false},
		{"without end", "import itertools\ndef f(x):\n    return itertools.count()", []string{"assert f(1) == 2"}, false},
		{"nested", "def f(x):\n    x = []\n    for _ in range(10000):\n        x = [x]\n    return x", []string{"assert f(1) == 2"}, false},
		{"not the function", "g = lambda x: 2", []string{"assert f(1) == 2"}, false},
	}
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		sb = impatient(t, sb, 2*time.Second, 0)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				p := Program{Solution: test.solution, Tests: test.tests}
				v, err := sb.Run(context.Background(), p)
				if err != nil || (v.Outcome == Passed) != test.cheat {
					t.Errorf("not strict: %v (%s), %v", v.Outcome, v.Detail, err)
				}
				p.Strict = true
				v, err = sb.Run(context.Background(), p)
				if err != nil || v.Outcome == Passed {
					t.Errorf("strict: %v (%s), %v", v.Outcome, v.Detail, err)
				}
			})
		}
	})
}

// TestStrictValues: what may cross between the processes arrives as it left.
func TestStrictValues(t *testing.T) {
	t.Parallel()
	p := Program{
		Solution: `
import collections, decimal, fractions, math
def same(x): return x
def kinds(): return [None, True, 1, -2**70, 1.5, math.inf, 2j, "é\ud800", b"\xff", (1, [2]), {3}, frozenset({4}), {(1, 2): [3]}, range(3),
    collections.deque([5]), decimal.Decimal("1.10"), fractions.Fraction(1, 3), collections.OrderedDict(a=1), collections.Counter("aa"),
    collections.defaultdict(int, b=2), collections.namedtuple("P", "x y")(1, 2), bytearray(b"a"), ...]
def lazy(): return map(str, [1, 2])
def keys(): return {"a": 1}.keys()
def fill(a, b): a.append(9); b.update(k=1)
def grow(s, d): s.add(3); d.appendleft(0)
def fail(kind):
    if kind == 1: raise ValueError("bad")
    if kind == 2:
        class Own(Exception): pass
        raise Own("own")
    raise SystemExit
state = 0
def count():
    global state
    state += 1
    return state
`,
		Tests: []string{
			`for v in (None, False, 7, -1.25, "x", b"y", (1, (2, [3])), {"a": {1: 2}}, {1, 2}, 10**30): assert same(v) == v and type(same(v)) is type(v)`,
			`k = kinds()
assert k[:6] == [None, True, 1, -2**70, 1.5, math.inf] and k[6] == 2j and k[7] == "é\ud800" and k[8:12] == [b"\xff", (1, [2]), {3}, frozenset({4})]
assert k[12] == {(1, 2): [3]} and k[13] == range(3) and k[14] == collections.deque([5]) and k[15] == decimal.Decimal("1.10") and str(k[15]) == "1.10"
assert k[16] == fractions.Fraction(1, 3) and k[17] == {"a": 1} and k[18] == {"a": 2} and k[19] == {"b": 2} and k[20] == (1, 2) and k[21] == b"a" and k[22] is ...`,
			`assert math.isnan(same(math.nan)) and str(same(-0.0)) == "-0.0"`,
			`it = lazy()
assert next(it) == "1" and list(it) == ["2"]
assert list(keys()) == ["a"]`,
			`a, b = [1], {}
assert fill(a, b=b) is None and a == [1, 9] and b == {"k": 1}
s, d = {1}, collections.deque([1])
grow(s, d)
assert s == {1, 3} and d == collections.deque([0, 1])`,
			`for kind, want in ((1, ValueError), (2, RuntimeError), (3, RuntimeError)):
    try: fail(kind)
    except want as e: assert "bad" in str(e) or kind != 1
    else: assert False`,
			`assert count() == 1 and count() == 2`,
		},
		Strict: true,
	}
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		for _, test := range p.Tests {
			p := p
			p.Tests = []string{"import collections, decimal, fractions, math\n" + test}
			v, err := sb.Run(context.Background(), p)
			if err != nil || v.Outcome != Passed {
				t.Errorf("%s\n%v (%s), %v", test, v.Outcome, v.Detail, err)
			}
		}
	})
}
