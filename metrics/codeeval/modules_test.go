package codeeval

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMissingModules: a program that ends for want of a package's module is not
// evaluated, wherever and however it imports it; any other failure is one.
func TestMissingModules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, solution, test string
		lacks                string // the module; "": it is evaluated
		want                 Outcome
	}{
		{name: "import", solution: "import numpy", test: "pass", lacks: "numpy"},
		{name: "import as", solution: "import numpy as np\nx = np.zeros(3)", test: "pass", lacks: "numpy"},
		{name: "import of a part", solution: "import numpy.linalg as x", test: "pass", lacks: "numpy"},
		{name: "import from", solution: "from pandas import DataFrame as y", test: "pass", lacks: "pandas"},
		{name: "import from a part", solution: "from scipy.special.orthogonal import *", test: "pass", lacks: "scipy"},
		{name: "several, the first that lacks", solution: "import os, sympy, requests", test: "pass", lacks: "sympy"},
		{name: "within the function", solution: "def f(x):\n    import torch\n    return torch.tensor(x)", test: "assert f(1) == 1", lacks: "torch"},
		{name: "by importlib", solution: "import importlib\nm = importlib.import_module('sklearn.svm')", test: "pass", lacks: "sklearn"},
		{name: "by __import__", solution: "m = __import__('PIL.Image')", test: "pass", lacks: "PIL"},
		{name: "raised again", solution: "try:\n    import yaml\nexcept ImportError:\n    raise", test: "pass", lacks: "yaml"},
		{name: "the other one is missing too", solution: "try:\n    import numpy\nexcept ImportError:\n    import cupy as numpy", test: "pass", lacks: "cupy"},
		{name: "in the test", solution: "def f(x):\n    return x", test: "import numpy.testing as t\nt.assert_equal(f(1), 1)", lacks: "numpy"},
		{name: "from, in the test", solution: "def f(x):\n    return x", test: "from requests import get\nassert f(1)", lacks: "requests"},
		{name: "in a function of the test", solution: "def f(x):\n    return x", test: "def check(f):\n    import pandas\n    assert f(1)\ncheck(f)", lacks: "pandas"},
		{name: "a fallback that passes", solution: "try:\n    import numpy as np\nexcept ImportError:\n    np = None\ndef f(x):\n    return np is None", test: "assert f(1)", want: Passed},
		{name: "a fallback of ModuleNotFoundError", solution: "def f(x):\n    try:\n        from sympy import isprime\n    except ModuleNotFoundError:\n        isprime = lambda n: n == 7\n    return isprime(x)", test: "assert f(7)", want: Passed},
		{name: "a fallback that is wrong", solution: "try:\n    import numpy as np\nexcept ImportError:\n    np = None\ndef f(x):\n    return np is None", test: "assert not f(1)"},
		{name: "a fallback without the name", solution: "try:\n    import numpy as np\nexcept ImportError:\n    pass\ndef f(x):\n    return np.zeros(x)", test: "assert f(1)"},
		{name: "an import that is not reached", solution: "def f(x):\n    return x\n    import numpy", test: "assert f(1) == 2"},
		{name: "wrong before the import", solution: "def f(x):\n    y = [][x]\n    import numpy", test: "assert f(1)"},
		{name: "a module that does not exist", solution: "import no_such_module", test: "pass"},
		{name: "a name that starts like one", solution: "from numpyx import zeros", test: "pass"},
		{name: "a module of one's own, in the test", solution: "def f(x):\n    return x", test: "import solution\nassert f(1)"},
		{name: "a part that the library lacks", solution: "import json.numpy", test: "pass"},
		{name: "a name that the library lacks", solution: "from math import numpy", test: "pass"},
		{name: "a part of a package that is made up", solution: "import sys\nsys.modules['numpy'] = type(sys)('numpy')\nimport numpy.linalg", test: "pass"},
		{name: "refused", solution: "import ctypes", test: "pass"},
		{name: "another exception that says so", solution: "raise ValueError(\"No module named 'numpy'\")", test: "pass"},
	}
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		for _, test := range tests {
			for _, strict := range []bool{false, true} {
				solution := test.solution
				if !strings.Contains(solution, "def f(") {
					solution += "\ndef f(x):\n    return x"
				}
				v, err := sb.Run(context.Background(), Program{Solution: solution, Tests: []string{test.test}, EntryPoint: "f", Strict: strict})
				want := test.want
				if test.lacks != "" {
					want = NotEvaluated
				}
				if err != nil || v.Outcome != want || test.lacks != "" && v.Detail != "module "+test.lacks || v.Interpreter == "" {
					t.Errorf("%s (strict: %v): %s (%s), %v, want %s (%s)", test.name, strict, v.Outcome, v.Detail, err, want, test.lacks)
				}
			}
		}
	})
}

// TestPackagedModules: the list is sorted, names none of the modules that a
// program has ready, and is the one that the documentation shows.
func TestPackagedModules(t *testing.T) {
	if !slices.IsSorted(packagedModules) || len(slices.Compact(slices.Clone(packagedModules))) != len(packagedModules) {
		t.Error("not sorted, or one twice")
	}
	for _, name := range packagedModules {
		if slices.Contains(commonImports, name) {
			t.Errorf("%s is part of the library", name)
		}
	}
	text, err := os.ReadFile("../../docs/SANDBOX.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "<!-- packaged modules -->\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var shown []string
	for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(list, -1) {
		shown = append(shown, m[1])
	}
	if diff := cmp.Diff(packagedModules, shown); diff != "" {
		t.Errorf("docs/SANDBOX.md (-code +docs):\n%s", diff)
	}
}
