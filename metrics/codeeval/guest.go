package codeeval

import _ "embed"

// The Python sources that run beside the untrusted code.
var (
	//go:embed guest/harness.py
	harnessSource string
	//go:embed guest/strict.py
	strictSource string
)

// commonImports are the modules that an interpreter has ready before a program
// starts: those that solutions of HumanEval and MBPP import, and those whose
// import does what a sealed interpreter refuses (asyncio). Others are imported
// when a program asks for them.
var commonImports = []string{
	"abc", "array", "ast", "asyncio", "bisect", "builtins", "calendar", "cmath",
	"collections", "collections.abc", "contextlib", "copy", "dataclasses",
	"datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq",
	"inspect", "io", "itertools", "json", "keyword", "linecache", "locale", "math", "numbers",
	"operator", "pprint", "queue", "random", "re", "secrets", "signal", "statistics", "string",
	"struct", "sys", "tempfile", "textwrap", "threading", "time", "timeit", "tokenize",
	"traceback", "types", "typing", "unicodedata", "unittest", "uuid",
	"warnings", "weakref", "zlib",
}
