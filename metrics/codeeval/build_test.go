package codeeval

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const addPrompt = `from typing import List

LIMIT = 3


def helper(x):
    """ Helps. """
    return x


def total(xs: List[int]) -> int:
    """ Sums.
    >>> total([1, 2])
    3
    """
`

const addTests = "def check(candidate):\n    assert candidate([1, 2]) == 3\n"

const addBefore = "from typing import List\n\nLIMIT = 3\n\n\ndef helper(x):\n    \"\"\" Helps. \"\"\"\n    return x\n\n\n"

func TestHumanEvalProgram(t *testing.T) {
	const loop = "    s = 0\n    for x in xs:\n        s += x\n    return s"
	const whole = "def total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s"
	below := func(code string) string { return addPrompt + code + "\n" }
	instead := func(code string) string { return addBefore + code + "\n" }
	for _, test := range []struct{ name, reply, want string }{
		{"body as asked", loop, below(loop)},
		{"body between markers", "[BEGIN]\n" + loop + "\n[DONE]", below(loop)},
		{"markers in other case, text around", "Sure.\n[begin]\n" + loop + "\n[Done]\nBye.", below(loop)},
		{"no closing marker", "[BEGIN]\n" + loop, below(loop)},
		{"closing marker alone", loop + "\n[DONE]", below(loop)},
		{"closing marker at the end of the last line", loop + "[DONE]", below(loop)},
		{"a list of one variable is no marker", "    x = [done]\n    return x", below("    x = [done]\n    return x")},
		{"body without indentation", "s = 0\nfor x in xs:\n    s += x\nreturn s", below(loop)},
		{"body with two spaces", "  s = 0\n  for x in xs:\n    s += x\n  return s", below("    s = 0\n    for x in xs:\n      s += x\n    return s")},
		{"body with tabs", "\ts = 0\n\tfor x in xs:\n\t\ts += x\n\treturn s", below("    s = 0\n    for x in xs:\n    \ts += x\n    return s")},
		{"body with eight spaces", strings.ReplaceAll("    "+loop, "\n", "\n    "), below(loop)},
		{"first line trimmed", strings.TrimSpace(loop), below(loop)},
		{"first line trimmed, marked", "[BEGIN]" + strings.TrimSpace(loop) + "[DONE]", below(loop)},
		{"first line trimmed, opens a block", "for x in xs:\n        s += x\n    return s", below("    for x in xs:\n        s += x\n    return s")},
		{"first line not trimmed, opens a block", "for x in xs:\n    s += x\nreturn s", below("    for x in xs:\n        s += x\n    return s")},
		{"if and else, first line trimmed", "if xs:\n        return 1\n    else:\n        return 2", below("    if xs:\n        return 1\n    else:\n        return 2")},
		{"one line", "return sum(xs)", below("    return sum(xs)")},
		{"comment first, trimmed", "# sums\n    return sum(xs)", below("    # sums\n    return sum(xs)")},
		{"nested function in a body", "def inner(x):\n        return x\n    return sum(map(inner, xs))", below("    def inner(x):\n        return x\n    return sum(map(inner, xs))")},
		{"body, then another function", "    return other(xs)\n\ndef other(xs):\n    return sum(xs)", below("    return other(xs)\n\ndef other(xs):\n    return sum(xs)")},
		{"string with line ends in a body", "x = '''a\n  b\nc'''\nreturn len(x)", below("    x = '''a\n  b\nc'''\n    return len(x)")},
		{"brackets over lines", "x = [\n1,\n  2]\nreturn sum(x)", below("    x = [\n    1,\n      2]\n    return sum(x)")},
		{"whole function", whole, instead(whole)},
		{"whole function, fenced", "Here:\n```python\n" + whole + "\n```\nDone.", instead(whole)},
		{"whole function, fence without a language", "```\n" + whole + "\n```", instead(whole)},
		{"whole function, fence not closed", "```python\n" + whole, instead(whole)},
		{"whole function, fence closed at a line's end", "```python\n" + whole + "```", instead(whole)},
		{"whole function, tildes", "~~~py\n" + whole + "\n~~~", instead(whole)},
		{"fence between markers", "[BEGIN]\n```python\n" + whole + "\n```\n[DONE]", instead(whole)},
		{"markers in a fence", "```python\n[BEGIN]\n" + whole + "\n[DONE]\n```", instead(whole)},
		{"markers across a fence", "```python\n[BEGIN]\n" + whole + "\n```\n[DONE]", instead(whole)},
		{"fence in a list item", "1. So:\n   ```python\n" + "   " + strings.ReplaceAll(whole, "\n", "\n   ") + "\n   ```", instead(whole)},
		{"the block that defines the function", "```python\nprint(total([1]))\n```\n```python\n" + whole + "\n```", instead(whole)},
		{"a fence in a docstring", "```python\ndef total(xs):\n    \"\"\"\n    ```\n    total([])\n    ```\n    \"\"\"\n    return sum(xs)\n```", instead("def total(xs):\n    \"\"\"\n    ```\n    total([])\n    ```\n    \"\"\"\n    return sum(xs)")},
		{"whole function with imports and helpers", "import math\n\ndef h(x):\n    return x\n\n" + whole, instead("import math\n\ndef h(x):\n    return x\n\n" + whole)},
		{"whole function, all indented", strings.ReplaceAll("    "+whole, "\n", "\n    "), instead(whole)},
		{"whole function, first line trimmed", strings.ReplaceAll(whole, "\n", "\n    "), instead(strings.ReplaceAll(whole, "\n", "\n    "))},
		{"import trimmed, function indented", "import os\n    def total(xs):\n        return 1", instead("import os\ndef total(xs):\n    return 1")},
		{"a lambda", "total = lambda xs: sum(xs)", instead("total = lambda xs: sum(xs)")},
		{"async and decorated", "@cache\nasync def total(xs):\n    return 1", instead("@cache\nasync def total(xs):\n    return 1")},
		{"Windows line ends", "```python\r\ndef total(xs):\r\n    return 1\r\n```", instead("def total(xs):\n    return 1")},
		{"nothing", "", below("")},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := HumanEval(addPrompt, addTests, test.reply)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, p.Solution); diff != "" {
				t.Errorf("solution (-want +got):\n%s", diff)
			}
			want := Program{Solution: p.Solution, Tests: []string{addTests, "check(total)"}, EntryPoint: "total", Preamble: addBefore}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("program (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHumanEvalPromptForms(t *testing.T) {
	for _, test := range []struct{ name, prompt, reply, want string }{
		{"unfinished stub, body", "def he(x):\n    ", "return x", "def he(x):\n    return x\n"},
		{"unfinished stub, whole", "import re\n\ndef he(x):\n    ", "def he(x):\n  return x", "import re\n\ndef he(x):\n  return x\n"},
		{"stub with tabs", "def he(x):\n\t'''doc'''\n", "return x", "def he(x):\n\t'''doc'''\n\treturn x\n"},
		{"no line end", "def he(x):\n    'doc'", "return x", "def he(x):\n    'doc'\n    return x\n"},
		{"decorated stub", "@cache\ndef he(x):\n    'doc'\n", "def he(x): return x", "def he(x): return x\n"},
		{"a def in a docstring", "def he(x):\n    '''\ndef other(x):\n'''\n", "return x", "def he(x):\n    '''\ndef other(x):\n'''\n    return x\n"},
	} {
		p, err := HumanEval(test.prompt, "def check(candidate):\n    candidate(1)", test.reply)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if p.Solution != test.want || p.EntryPoint != "he" {
			t.Errorf("%s: %q of %q, want %q", test.name, p.EntryPoint, p.Solution, test.want)
		}
	}
}

func TestHumanEvalTestForms(t *testing.T) {
	for _, test := range []struct {
		tests string
		want  []string
	}{
		{"def check(c):\n    pass", []string{"def check(c):\n    pass", "check(total)"}},
		{"def check(c):\n    pass\ncheck(total)", []string{"def check(c):\n    pass\ncheck(total)"}},
		{"assert total([]) == 0", []string{"assert total([]) == 0"}},
	} {
		p, err := HumanEval(addPrompt, test.tests, "return 0")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, p.Tests); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.tests, diff)
		}
	}
	for _, test := range []struct{ prompt, tests string }{
		{"", "def check(c): pass"}, {"x = 1", "def check(c): pass"}, {addPrompt, ""}, {addPrompt, " \n"},
	} {
		if _, err := HumanEval(test.prompt, test.tests, "return 0"); !errors.Is(err, ErrRecord) {
			t.Errorf("%q, %q: %v, want ErrRecord", test.prompt, test.tests, err)
		}
	}
}

func TestMBPPProgram(t *testing.T) {
	const code = "import re\ndef f(x):\n    return x"
	tests := []string{"assert f(1) == 1"}
	for _, test := range []struct{ name, reply, want string }{
		{"bare", code, code},
		{"marked", "[BEGIN]\n" + code + "\n[Done]", code},
		{"fenced", "Text.\n```python\n" + code + "\n```\nText.", code},
		{"marked, indented", "[BEGIN]\n" + strings.ReplaceAll("    "+code, "\n", "\n    ") + "\n[DONE]", code},
		{"first line trimmed", strings.ReplaceAll(code, "\n", "\n    "), code},
		{"usage in a second block", "```python\n" + code + "\n```\n```python\nprint(f(1))\n```", code},
		{"shell first", "```bash\npip install x\n```\n```python\n" + code + "\n```", code},
		{"usage first, neither named", "```\nf(1)\n```\n```\n" + code + "\n```", code},
		{"other language alone", "```text\n" + code + "\n```", code},
		{"nothing", "", ""},
	} {
		p, err := MBPP(tests, test.reply)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Program{Solution: test.want, Tests: tests}, p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for _, tests := range [][]string{nil, {}, {"assert 1", " "}} {
		if _, err := MBPP(tests, code); !errors.Is(err, ErrRecord) {
			t.Errorf("%q: %v, want ErrRecord", tests, err)
		}
	}
}

func TestParseTests(t *testing.T) {
	want := []string{`assert f("a") == 'b'`, "assert f(1)"}
	for _, truth := range []string{
		`["assert f(\"a\") == 'b'", "assert f(1)"]`,
		`['assert f("a") == \'b\'', "assert f(1)"]`,
		`('assert f("a") == \'b\'', "assert f(1)")`,
	} {
		got, err := ParseTests(truth)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", truth, err, diff)
		}
	}
	for _, truth := range []string{"", "[]", "()", "{}", "assert f(1)", "[1]", `["a", null]`, `["", "a"]`, `"a"`, "['a'"} {
		if got, err := ParseTests(truth); !errors.Is(err, ErrRecord) {
			t.Errorf("%q: %q, %v, want ErrRecord", truth, got, err)
		}
	}
}

func FuzzHumanEval(f *testing.F) {
	for _, s := range []string{"", "[BEGIN]", "```python\n", "    return 1\n[DONE]", "x = '''\n", "\\\n\\", "(((\n", "def total(xs):\n\tpass", "\x00\xff", "'\\\n'"} {
		f.Add(addPrompt, addTests, s)
	}
	f.Fuzz(func(t *testing.T, prompt, tests, reply string) {
		p, err := HumanEval(prompt, tests, reply)
		if err == nil && (p.EntryPoint == "" || len(p.Tests) == 0) {
			t.Errorf("no entry point or tests: %+v", p)
		}
		if limit := 16*(len(prompt)+len(reply)) + 64; err == nil && len(p.Solution) > 64*limit {
			t.Errorf("solution of %d bytes", len(p.Solution))
		}
		if _, err := MBPP([]string{"assert f()"}, reply); err != nil {
			t.Error(err)
		}
		if _, _, err := ExtractCode(reply, "HumanEval/1"); err != nil {
			t.Error(err)
		}
		ParseTests(reply)
	})
}

func FuzzExtractCode(f *testing.F) {
	for _, s := range []string{"", "[BEGIN]\n    x\n[DONE]", "[beg\u0130n]x[DONE", "\u3000[BEGIN]def f(): pass", "\x00\xff\xed\xa0\x80"} {
		f.Add(s, "HumanEval/1")
		f.Add(s, " +1_0\u0663 ")
	}
	f.Fuzz(func(t *testing.T, prediction, taskID string) {
		code, id, err := ExtractCode(prediction, taskID)
		humanEval := strings.HasPrefix(taskID, "HumanEval")
		switch {
		case err != nil:
			if humanEval || !errors.Is(err, ErrTaskID) {
				t.Error(err)
			}
		case humanEval:
			if id != taskID || len(code) > 5*len(prediction)+4 {
				t.Errorf("id %q, %d bytes of %d", id, len(code), len(prediction))
			}
		default:
			if !strings.Contains(prediction, code) {
				t.Errorf("%q is not part of the reply", code)
			}
			if _, again, err := ExtractCode("", id); err != nil || again != id {
				t.Errorf("the id %q is read as %q, %v", id, again, err)
			}
		}
	})
}

func FuzzParseTests(f *testing.F) {
	for _, s := range []string{`["assert f(1)"]`, "['a', \"b'\"]", "('a',)", "[[[[", "[1]", "[' ']"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, truth string) {
		tests, err := ParseTests(truth)
		if err != nil && !errors.Is(err, ErrRecord) {
			t.Error(err)
		}
		if err == nil && (len(tests) == 0 || slices.ContainsFunc(tests, blank)) {
			t.Errorf("%q", tests)
		}
	})
}

// TestHostileTextsAreFast builds programs of replies and prompts on which anything
// but linear time would show.
func TestHostileTextsAreFast(t *testing.T) {
	const n = 1 << 19
	for _, reply := range []string{
		strings.Repeat("(", n), strings.Repeat("'", n), strings.Repeat("\\\n", n), strings.Repeat("[begin", n/6),
		strings.Repeat("```\n", n/4), strings.Repeat("```py\nx```\n", n/10), strings.Repeat("[done]x\n", n/8), strings.Repeat("x[done]\n", n/8),
		strings.Repeat("def f():\n", n/9), strings.Repeat(" ", n) + "x", strings.Repeat("if x:\n  ", n/8),
		strings.Repeat("x\n", n/2), strings.Repeat("[BEGIN]\n", n/8), strings.Repeat("> ```\n", n/6), strings.Repeat("import a\n```\n", n/13),
		strings.Repeat("```py\n'''\n", n/10), strings.Repeat("def f(): return g()\n```\n```\ndef g(): return 1\n```\n", n/50), strings.Repeat("[x] ", n/4),
		strings.Repeat("<|a|>", n/5), strings.Repeat("\u00a0", n/2), strings.Repeat("a, ", n/3) + "= b", strings.Repeat("````", n/4) + "\nx", strings.Repeat("@a\n", n/3),
	} {
		start := time.Now()
		if _, err := HumanEval(addPrompt, addTests, reply); err != nil {
			t.Error(err)
		}
		if _, err := HumanEval(reply+"\n"+addPrompt, addTests, "return 1"); err != nil && !errors.Is(err, ErrRecord) {
			t.Error(err)
		}
		t.Logf("%.10q: %v", reply, time.Since(start))
		if _, err := MBPP([]string{"assert f(1)"}, reply); err != nil {
			t.Error(err)
		}
	}
}
