package codeeval

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	twice  = "def twice(x):\n    return 2 * x"
	square = "def twice(x):\n    return x * x"
	fence3 = "```"
)

// pyBlock is code in a fence.
func pyBlock(code string) string { return fence3 + "python\n" + code + "\n" + fence3 }

// quoted is text in a quotation.
func quoted(text string) string { return "> " + strings.ReplaceAll(text, "\n", "\n> ") }

// findCases are replies with the program that is to be found in them.
var findCases = []struct{ name, reply, want string }{
	{"bare", twice, twice},
	{"bare, after words", "Here is the function:\n\n" + twice, twice},
	{"bare, between words", "Sure!\n\n" + twice + "\n\nIt doubles its argument.\nComplexity: O(1)\ntwice(3) = 6", twice},
	{"bare, headed", "# Solution\n\nThe idea is simple.\n\n" + twice, twice},
	{"bare, with lists", "Steps:\n1. Take x.\n2. Double it (twice).\n- done\n\n" + twice + "\n\n* fast\n* short", twice},
	{"bare, indented as Markdown's code", "So:\n\n    def twice(x):\n        return 2 * x\n\nThat is all.", "    def twice(x):\n        return 2 * x"},
	{"bare, with a fence in a docstring", "So:\n\ndef twice(x):\n    \"\"\"\n    ```\n    twice(1)\n    ```\n    \"\"\"\n    return 2 * x\n\nThat is all.",
		"def twice(x):\n    \"\"\"\n    ```\n    twice(1)\n    ```\n    \"\"\"\n    return 2 * x"},
	{"bare, in another language's words", "函数如下：\n\n" + twice + "\n\n它将参数加倍。", twice},

	{"after words", "Sure! " + pyBlock(twice), twice},
	{"words after it", pyBlock(twice) + " This doubles.", twice},
	{"in a list", "- " + strings.ReplaceAll(pyBlock(twice), "\n", "\n  "), "  " + strings.ReplaceAll(twice, "\n", "\n  ")},
	{"in a numbered list", "1. So:\n\n   " + strings.ReplaceAll(pyBlock(twice), "\n", "\n   "), twice},
	{"in a quotation", quoted("So:\n" + pyBlock(twice)), twice},
	{"in a quotation of a quotation, tildes", quoted("~~~\n" + twice + "\n~~~"), twice},
	{"one line", fence3 + "python def twice(x): return 2 * x" + fence3, "def twice(x): return 2 * x"},
	{"one line without a tag", "It is " + fence3 + "def twice(x): return 2 * x" + fence3 + ".", "def twice(x): return 2 * x"},
	{"code beside the tag", fence3 + "python def twice(x):\n    return 2 * x\n" + fence3, twice},
	{"Python's other tags", fence3 + "{.python}\n" + twice + "\n" + fence3, twice},
	{"a title", fence3 + "python title=\"a.py\"\n" + twice + "\n" + fence3, twice},
	{"a file's name", fence3 + "python:twice.py\n" + twice + "\n" + fence3, twice},
	{"another language's tag", fence3 + "text\n" + twice + "\n" + fence3, twice},
	{"no tag", fence3 + "\n" + twice + "\n" + fence3, twice},
	{"not closed", fence3 + "python\n" + twice, twice},
	{"four marks around three", "````markdown\n" + pyBlock(twice) + "\n````", twice},
	{"Markdown around Python", fence3 + "markdown\nSo:\n" + pyBlock(twice) + "\n" + fence3, twice},
	{"opened twice", fence3 + "python\n" + pyBlock(twice), twice},
	{"tildes in a list", "* ~~~py\n  def twice(x):\n      return 2 * x\n  ~~~", "  def twice(x):\n      return 2 * x"},

	{"markers", "[BEGIN]\n" + twice + "\n[DONE]", twice},
	{"markers named before", "The code stands between [BEGIN] and [DONE].\n\n[BEGIN]\n" + twice + "\n[DONE]\nBetween [BEGIN] and [DONE], as asked.", twice},
	{"bold markers", "**[BEGIN]**\n" + twice + "\n**[DONE]**", twice},
	{"headed markers", "### [BEGIN]\n" + twice + "\n### [DONE]", twice},
	{"commented markers", "# [BEGIN]\n" + twice + "\n# [DONE]", twice},
	{"markers with colons", "[BEGIN]:\n" + twice + "\n[DONE].", twice},
	{"repeated markers", "[BEGIN]\n[BEGIN]\n" + twice + "\n[DONE]\n[DONE]", twice},
	{"spaced, small markers", "[ begin ]\n" + twice + "\n[ done ]", twice},
	{"closed as a tag", "[BEGIN]\n" + twice + "\n[/BEGIN]\nDoubles.", twice},
	{"closed by an end", "[BEGIN]\n" + twice + "\n[END]\nDoubles.", twice},
	{"markers in one line", "Sure: [BEGIN] def twice(x): return 2 * x [DONE] as asked.", " def twice(x): return 2 * x "},
	{"markers around a fence", "[BEGIN]\n" + pyBlock(twice) + "\n[DONE]", twice},
	{"markers in a fence", pyBlock("[BEGIN]\n" + twice + "\n[DONE]"), twice},
	{"an index is no marker", "So:\n" + pyBlock("def twice(x, begin=0):\n    y = [x, x]\n    return y[begin] * 2"), "def twice(x, begin=0):\n    y = [x, x]\n    return y[begin] * 2"},
	{"a list of one name is no marker", "[BEGIN]\ndef twice(done):\n    y = [done]\n    return 2 * y[0]\n[DONE]", "def twice(done):\n    y = [done]\n    return 2 * y[0]"},
	{"a draft between markers", "[BEGIN]\n" + square + "\n[DONE]\nNo, that squares.\n[BEGIN]\n" + twice + "\n[DONE]", twice},

	{"the last version", "First:\n" + pyBlock(square) + "\nBetter:\n" + pyBlock(twice), twice},
	{"a draft in a fence, the answer between markers", pyBlock(square) + "\n[BEGIN]\n" + twice + "\n[DONE]", twice},
	{"use after it", pyBlock(twice) + "\nUse it so:\n" + pyBlock("print(twice(3))\nresult = twice(3)"), twice},
	{"use before it", pyBlock("twice(3)") + "\n" + pyBlock(twice), twice},
	{"a stub after it", pyBlock(twice) + "\nIts form:\n" + pyBlock("def twice(x):\n    ..."), twice},
	{"cut short after it", pyBlock(twice) + "\nAgain:\n" + fence3 + "python\ndef twice(x):\n    return (2 *", twice},
	{"installing before it", fence3 + "bash\npip install x\n" + fence3 + "\n" + pyBlock(twice), twice},

	{"a helper", pyBlock("def add(a, b):\n    return a + b") + "\nand\n" + pyBlock("def twice(x):\n    return add(x, x)"),
		"def add(a, b):\n    return a + b\ndef twice(x):\n    return add(x, x)"},
	{"a helper's helper", pyBlock("import operator\nN = 2\nM = 3") + "\n" + pyBlock("def mul(a):\n    return operator.mul(a, N)") + "\n" + pyBlock("def twice(x):\n    return mul(x)"),
		"import operator\nN = 2\ndef mul(a):\n    return operator.mul(a, N)\ndef twice(x):\n    return mul(x)"},
	{"a helper after it", pyBlock("def twice(x):\n    return add(x, x)") + "\nwith\n" + pyBlock("def add(a, b):\n    return a + b"),
		"def add(a, b):\n    return a + b\ndef twice(x):\n    return add(x, x)"},
	{"the helper's last version", pyBlock("def add(a, b):\n    return a") + pyBlock("def add(a, b):\n    return a + b") + "\n" + pyBlock("def twice(x):\n    return add(x, x)"),
		"def add(a, b):\n    return a + b\ndef twice(x):\n    return add(x, x)"},
	{"an import of all", pyBlock("from math import *") + "\n" + pyBlock("def twice(x):\n    return floor(2 * x)"), "from math import *\ndef twice(x):\n    return floor(2 * x)"},
	{"imports in brackets", pyBlock("from math import (\n    floor as f,\n    ceil,\n)") + "\n" + pyBlock("def twice(x):\n    return f(2 * x)"),
		"from math import (\n    floor as f,\n    ceil,\n)\ndef twice(x):\n    return f(2 * x)"},
	{"names of its own are no needs", pyBlock("result = twice(3)\nx = 5") + "\n" + pyBlock("def twice(x):\n    result = 2 * x\n    return result"), "def twice(x):\n    result = 2 * x\n    return result"},
	{"what it redefines is no need", pyBlock("def add(a):\n    return a\n"+square) + "\n" + pyBlock("def add(a):\n    return a + a\ndef twice(x):\n    return add(x)"), "def add(a):\n    return a + a\ndef twice(x):\n    return add(x)"},

	{"a body", "[BEGIN]\n    return 2 * x\n[DONE]", "    return 2 * x"},
	{"the last body", "First:\n" + pyBlock("    return x * x") + "\nNo:\n" + pyBlock("    return 2 * x") + "\n" + pyBlock("print(1)"), "    return 2 * x"},
	{"a body between prose", "The body is:\n\n    y = 2 * x\n    return y\n\nIt doubles.", "    y = 2 * x\n    return y"},
	{"an import before the body", pyBlock("import math") + "\n" + pyBlock("    return math.floor(2 * x)"), "import math\nreturn math.floor(2 * x)"},

	{"special tokens", twice + "<|im_end|>", twice},
	{"several of them", pyBlock(twice) + "\n<|eot_id|>\n</s> ", twice},
	{"after the marker", twice + "\n[DONE]<|endoftext|>", twice},
	{"a byte order mark", "\ufeff" + twice, twice},
	{"zero-width", "\u200b" + pyBlock(twice), twice},
	{"no-break spaces", "def twice(x):\n\u00a0\u00a0\u00a0\u00a0return 2 * x", twice},
	{"Windows", strings.ReplaceAll("Sure:\n"+pyBlock(twice), "\n", "\r\n"), twice},
	{"nothing", "", ""},
	{"a refusal", "I cannot help with that.", "I cannot help with that."},
}

func TestFindProgram(t *testing.T) {
	for _, c := range findCases {
		t.Run(c.name, func(t *testing.T) {
			got := findProgram(c.reply, []string{"twice"})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("of %q (-want +got):\n%s", c.reply, diff)
			}
			if again := findProgram(got, []string{"twice"}); again != got {
				t.Errorf("%q is found in %q", again, got)
			}
		})
	}
}

func TestCleanSource(t *testing.T) {
	for in, want := range map[string]string{
		"return\u00a0x":                     "return x",
		"x\u200b = '\u00a0\u200b' # \u00a0": "x = '\u00a0\u200b' # \u00a0",
		"s = '''\n\u00a0a\n'''\ny\u3000= 1": "s = '''\n\u00a0a\n'''\ny = 1",
		"x\t=\t1":                           "x\t=\t1",
		"é = '\u2009'\n":                    "é = '\u2009'\n",
	} {
		if got := cleanSource(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestFutureFirst(t *testing.T) {
	for in, want := range map[string]string{
		"import os\nx = 1": "import os\nx = 1",
		"import os\nfrom __future__ import annotations\nx = 1":     "from __future__ import annotations\nimport os\nx = 1",
		"import os\nfrom __future__ import (\n  annotations)\n\nx": "from __future__ import (\n  annotations)\nimport os\n\nx",
		"s = '''\nfrom __future__ import annotations\n'''":         "s = '''\nfrom __future__ import annotations\n'''",
	} {
		if got := futureFirst(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestIsStatement(t *testing.T) {
	for _, line := range []string{
		"import os, sys", "from os import path", "def f(x):", "async def f():", "class A(B):", "@cache", "@f(1)", "x = 1", "x, y = y, x", "x: int = 5", "x += 1",
		"x >>= 1", "x[0] = 5", "(a, b) = c", "*a, b = c", "f(x)", "a.b(c)", "f(x)(y)", "return", "return x if y else z", "return -1", "if x:", "if x: return 1",
		"else:", "for i in range(3):", "while True:", "with open(f) as g:", "try:", "except ValueError as e:", "except:", "'''doc'''", "\"doc\"", "...", "pass",
		"assert x == 'a', \"it's\"", "raise ValueError('a b c')", "print('a b', end='')", "x = [i for i in y if not z]", "yield x", "await f()", "lambda_ = lambda x: x",
		"match x:", "case 1:", "x = f\"a {b} c\"", "global a, b", "if (a and", "from a import (", "x = 1.", "del x[0]", "x = y = 0", "if (n := 3) > 2:", "x = r'a'",
	} {
		if !isStatement(line) {
			t.Errorf("%q is a statement", line)
		}
	}
	for _, line := range []string{
		"", "# a comment", "Here is the function:", "It doubles its argument.", "Note: this is fast", "Complexity: O(n)", "1. Take x", "- item", "* item (a b)", "**Bold**", "Don't do it",
		"Done.", "Output: 6", "twice(3) = 6", "6 = twice(3)", "twice(3) → 6", "for example", "if the list is empty, return 0", "return the sum", "from the list", "import it now", "> quoted",
		">>> f(x)", "```python", "[DONE]", "x", "答案如下", "twice(3) returns 6", "class of its own", "| a | b |", "<think>", "e.g. f(x).", "$x = 5$", "and so on", "= 5",
	} {
		if isStatement(line) {
			t.Errorf("%q is no statement", line)
		}
	}
}

func FuzzFindProgram(f *testing.F) {
	for _, s := range []string{
		"", "[BEGIN]\ndef f():\n    return 1\n[DONE]", "```python\ndef f(): pass\n```", "> ```\n> x = 1\n> ```", "- ~~~py\n  def f(): return 1\n  ~~~", "def f():\n  '''\n```\n'''\n  return 1\nprose here",
		"```python def f(): return 1```", "[BEGIN] [BEGIN] [DONE] [DONE", "<|im_end|>", "[done]", "a\n```\n```\n````\n", "\ufeff\u00a0\u200b", "import a\n```\nf = a\n```", "'''\n```py\n'''", "\x00\xff(((", "f(\n```\n", ">```\n> \x1e",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		once := findProgram(reply, []string{"f"})
		if len(once) > 4*len(reply)+64 {
			t.Errorf("%d bytes of %d", len(once), len(reply))
		}
		if twice := findProgram(once, []string{"f"}); twice != once {
			t.Errorf("%q gives %q and then %q", reply, once, twice)
		}
		cleanSource(reply)
		futureFirst(reply)
	})
}
