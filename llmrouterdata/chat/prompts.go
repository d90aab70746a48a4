package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// A Prompt is what a model is asked: an optional system message and a user
// message.
type Prompt struct {
	// System is the system message; "" sends none.
	System string
	// User is the user message.
	User string
}

// A PromptFunc makes the prompt of a query. It must give equal prompts for
// equal queries.
type PromptFunc func(q llmrouterdata.StandardQueryData) (Prompt, error)

// Prompts makes prompts by task name. It is an immutable value: With returns
// another. The zero value knows no task; [BuiltinPrompts] is where to start.
type Prompts struct {
	byTask map[string]PromptFunc
}

// With returns p with fn making the prompts of the given task, whether p knew
// the task or not. A nil fn takes the task out.
func (p Prompts) With(task string, fn PromptFunc) Prompts {
	tasks := maps.Clone(p.byTask)
	if tasks == nil {
		tasks = map[string]PromptFunc{}
	}
	if fn == nil {
		delete(tasks, task)
	} else {
		tasks[task] = fn
	}
	return Prompts{tasks}
}

// Tasks returns the names of the tasks that p knows, sorted.
func (p Prompts) Tasks() []string { return slices.Sorted(maps.Keys(p.byTask)) }

// For makes the prompt of q. It fails with an [*UnknownTaskError] for a task
// that p does not know, and when the record lacks what its prompt shows.
func (p Prompts) For(q llmrouterdata.StandardQueryData) (Prompt, error) {
	fn := p.byTask[q.TaskName]
	if fn == nil {
		return Prompt{}, &UnknownTaskError{Task: q.TaskName, Near: near(q.TaskName, p.Tasks())}
	}
	prompt, err := fn(q)
	if err == nil && strings.TrimSpace(prompt.User) == "" {
		err = errors.New("the user message is empty")
	}
	if err != nil {
		return Prompt{}, fmt.Errorf("chat: prompt of task %q: %w", q.TaskName, err)
	}
	return prompt, nil
}

// An UnknownTaskError names a task that has no prompt.
type UnknownTaskError struct {
	// Task is the unknown name.
	Task string
	// Near are known names that resemble it, best first; else all known names.
	Near []string
}

// Error implements error.
func (e *UnknownTaskError) Error() string {
	return fmt.Sprintf("chat: no prompt for task %q (known: %s)", e.Task, strings.Join(e.Near, ", "))
}

// near returns the names that differ from name in about a third of their letters at most, nearest
// first, or all names where there are none.
func near(name string, names []string) []string {
	type match struct {
		name  string
		edits int
	}
	fold := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '-' || r == '_' || r == ' ' {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	var found []match
	for _, n := range names {
		a, b := fold(name), fold(n)
		edits := editDistance(a, b)
		if len(a) >= 3 && strings.Contains(b, a) {
			edits = min(edits, 1)
		}
		if edits <= max(1, (len(b)+1)/3) {
			found = append(found, match{n, edits})
		}
	}
	if len(found) == 0 {
		return names
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.edits - b.edits })
	out := make([]string, len(found))
	for i, m := range found {
		out[i] = m.name
	}
	return out
}

// editDistance is the Levenshtein distance in bytes, which suffices for names.
func editDistance(a, b string) int {
	if len(a) > 64 {
		a = a[:64]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
