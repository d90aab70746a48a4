package codeeval

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// ErrRecord: a record holds no program: its prompt or its tests are missing or
// of another form.
var ErrRecord = errors.New("codeeval: record without a program")

// HumanEval builds the program of a HumanEval record: the prompt (the record's
// query), the source of its tests, which defines check(candidate) (the record's
// ground truth), and a model's reply.
//
// The function under test is the last one that the prompt defines. The reply
// may hold it in any of these forms, between [BEGIN] and [DONE], in fences, or
// between prose; of several versions the last complete one counts, and what it
// needs of the others comes with it:
//
//   - the whole function, perhaps with imports and helpers: it takes the place
//     of the prompt's, whose imports and helpers stay before it;
//   - the body alone, with any indentation that is consistent, also when the
//     first line has lost its own: it goes below the prompt.
//
// The error is an ErrRecord.
func HumanEval(prompt, tests, prediction string) (Program, error) {
	if strings.TrimSpace(tests) == "" {
		return Program{}, fmt.Errorf("%w: no tests", ErrRecord)
	}
	p, err := readPrompt(prompt)
	if err != nil {
		return Program{}, err
	}
	code := cleanSource(findProgram(prediction, []string{p.name}))
	return p.program(p.complete(code), tests), nil
}

// humanEvalPipeline is HumanEval with the pipeline's extraction.
func humanEvalPipeline(prompt, tests, prediction, taskID string) (Program, error) {
	if strings.TrimSpace(tests) == "" {
		return Program{}, fmt.Errorf("%w: no tests", ErrRecord)
	}
	p, err := readPrompt(prompt)
	if err != nil {
		return Program{}, err
	}
	code, _, err := ExtractCode(prediction, taskID)
	if err != nil {
		return Program{}, err
	}
	return p.program(prompt+code, tests), nil
}

// MBPP builds the program of an MBPP record: its tests, one Python statement
// list each, the first of which may be what the others need, and a model's
// reply, which holds the whole code between [BEGIN] and [DONE], in fences, or
// between prose; see [HumanEval]. The error is an ErrRecord.
func MBPP(tests []string, prediction string) (Program, error) {
	if len(tests) == 0 || slices.ContainsFunc(tests, blank) {
		return Program{}, fmt.Errorf("%w: no tests, or an empty one", ErrRecord)
	}
	code := cleanSource(findProgram(prediction, calledNames(tests)))
	return Program{Solution: futureFirst(relaid(readLines(code), "")), Tests: tests}, nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// ParseTests reads the list of tests in an MBPP record's ground truth: the text
// of a JSON array of strings, or of a Python list or tuple of strings as the
// published files hold it. The error is an ErrRecord.
func ParseTests(truth string) ([]string, error) {
	v, err := pyjson.Parse([]byte(truth))
	if err != nil {
		if v, err = pyliteral.Parse(truth); err != nil {
			return nil, fmt.Errorf("%w: the ground truth is no list of tests: %w", ErrRecord, err)
		}
	}
	if tuple, ok := v.(pyliteral.Tuple); ok {
		v = []any(tuple)
	}
	items, ok := v.([]any)
	if !ok || len(items) == 0 {
		return nil, fmt.Errorf("%w: the ground truth is no list of tests", ErrRecord)
	}
	tests := make([]string, len(items))
	for i, item := range items {
		if tests[i], ok = item.(string); !ok || blank(tests[i]) {
			return nil, fmt.Errorf("%w: test %d of the ground truth is no source", ErrRecord, i)
		}
	}
	return tests, nil
}

// prompt is a HumanEval prompt taken apart.
type prompt struct {
	text   string
	before string // what comes before the function under test
	name   string // of the function under test
	indent string // of its body
}

var (
	definition = regexp.MustCompile(`^(?:async[ \t]+)?def[ \t]+([^\s(:]+)[ \t]*[(\[]`)
	assignment = regexp.MustCompile(`^([^\s=:.(\[]+)[ \t]*(?::[^=]*)?=(?:[^=]|$)`)
	class      = regexp.MustCompile(`^class[ \t]+([^\s(:]+)`)
)

func readPrompt(text string) (prompt, error) {
	text = strings.TrimRight(text, " \t")
	lines := readLines(text)
	at, name := -1, ""
	for i, line := range lines {
		if m := definition.FindStringSubmatch(line.text); m != nil && line.starts {
			at, name = i, m[1]
		}
	}
	if at < 0 {
		return prompt{}, fmt.Errorf("%w: the prompt defines no function", ErrRecord)
	}
	p := prompt{text: text, name: name, indent: "    "}
	start := at
	for start > 0 && strings.HasPrefix(lines[start-1].text, "@") {
		start--
	}
	var before strings.Builder
	for _, line := range lines[:start] {
		before.WriteString(line.text)
		before.WriteByte('\n')
	}
	p.before = before.String()
	for _, line := range lines[at+1:] {
		if indent := line.indent(); line.starts && indent != "" {
			p.indent = indent
			break
		}
	}
	return p, nil
}

// complete makes a module of the prompt and the code of a reply.
func (p prompt) complete(code string) string {
	lines := readLines(code)
	whole := relaid(lines, "")
	for _, line := range readLines(whole) {
		if line.starts && slices.Contains(definedNames(line.text), p.name) {
			return futureFirst(p.before + whole + "\n")
		}
	}
	text := p.text
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + relaid(lines, p.indent) + "\n"
}

// futureFirst moves the imports of __future__ that stand in the first column to
// the top of a module: elsewhere Python refuses them.
func futureFirst(module string) string {
	if !strings.Contains(module, "__future__") {
		return module
	}
	var first, rest []sourceLine
	future := false
	for _, line := range readLines(module) {
		if line.starts {
			from, after := nextToken(line.text)
			name, _ := nextToken(after)
			future = from.text == "from" && name.text == "__future__" && line.indent() == ""
		} else if !line.continues {
			future = false
		}
		if future {
			first = append(first, line)
		} else {
			rest = append(rest, line)
		}
	}
	return joined(append(first, rest...))
}

func (p prompt) program(solution, tests string) Program {
	out := Program{Solution: solution, Tests: []string{tests}, EntryPoint: p.name, Preamble: p.before}
	defines, calls := false, false
	for _, line := range readLines(tests) {
		defines = defines || line.starts && slices.Contains(definedNames(line.text), "check")
		calls = calls || line.starts && strings.HasPrefix(line.text, "check(")
	}
	if defines && !calls {
		out.Tests = append(out.Tests, "check("+p.name+")")
	}
	return out
}

// definedNames returns the name that a statement in the first column defines.
func definedNames(statement string) []string {
	for _, form := range []*regexp.Regexp{definition, class, assignment} {
		if m := form.FindStringSubmatch(statement); m != nil {
			return m[1:]
		}
	}
	return nil
}

var call = regexp.MustCompile(`([\pL_][\pL\pN_]*)\s*\(`)

// calledNames returns the names that are called in the tests, in order.
func calledNames(tests []string) []string {
	var names []string
	for _, t := range tests {
		for _, m := range call.FindAllStringSubmatch(t, -1) {
			if !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	return names
}
