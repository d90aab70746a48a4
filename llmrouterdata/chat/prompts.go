package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/spell"
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
		return Prompt{}, &UnknownTaskError{Task: q.TaskName, Near: spell.Near(q.TaskName, p.Tasks()), Known: p.Tasks()}
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
	// Near are known names that resemble it, best first; nil: none does.
	Near []string
	// Known are all known names, sorted.
	Known []string
}

// Error implements error.
func (e *UnknownTaskError) Error() string {
	near := ""
	if len(e.Near) > 0 {
		near = "did you mean " + strings.Join(e.Near, " or ") + "? "
	}
	return fmt.Sprintf("chat: no prompt for task %q (%sknown: %s)", e.Task, near, strings.Join(e.Known, ", "))
}
