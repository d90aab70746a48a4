package chat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// The system messages. What they ask for is what the metrics look for: the last
// letter in parentheses, the last number, the last \boxed{}, the text between
// [BEGIN] and [DONE].
const (
	systemChoice = `You answer multiple-choice questions. Think it through briefly, then decide on exactly one of the options listed. ` +
		`Finish your reply with the label of that option in parentheses, for example (B), and put no other letter in parentheses after it.`

	systemNumber = `You solve word problems. Work step by step and show each calculation. ` +
		`Put the final answer alone on the last line as a plain number: no unit, no currency sign, no thousands separator, and nothing after it.`

	systemBoxed = `You solve mathematical problems. Give the final answer, simplified as far as possible, inside \boxed{}. ` +
		`Put nothing but the answer between the braces, and use \boxed{} only once.`

	systemProgram = `You write Python 3 programs. Reply with one complete, self-contained solution, imports included, ` +
		`placed between a line [BEGIN] and a line [DONE]. Write code only: no explanations, no usage examples and no Markdown fences.`

	systemBody = `You complete Python 3 functions. Reply with only the body of the function, indented as it must stand below the signature you are given, ` +
		`placed between a line [BEGIN] and a line [DONE]. Do not repeat the signature or the docstring, and write no explanations and no Markdown fences.`

	systemConcepts = `You write short, natural prose. From the list of concepts you are given, write one coherent paragraph of two or three sentences ` +
		`that uses every concept, either as it stands or in an inflected form. Reply with the paragraph only.`
)

// BuiltinPrompts returns the prompts of the pipeline's benchmarks:
//
//	natural_qa, trivia_qa, agentverse-mgsm   the query alone
//	mmlu, gpqa                               the question and its options under headings
//	commonsense_qa, openbook_qa,
//	arc_challenge, agentverse-logicgrid      the question and its labelled options
//	gsm8k, math, geometry3k                  the question
//	mathvista                                the question, and its options where it has any
//	mbpp                                     the task and its tests
//	human_eval                               the function to complete
//	commongen                                the list of concepts
//
// All but the first line come with a system message that says in which form the
// answer is wanted. All options are shown, however many there are, with their
// own labels or with letters (past D too).
func BuiltinPrompts() Prompts {
	return Prompts{map[string]PromptFunc{
		"natural_qa":           plain(""),
		"trivia_qa":            plain(""),
		"agentverse-mgsm":      plain(""), // the query itself asks for \boxed{}
		"mmlu":                 headedOptions,
		"gpqa":                 headedOptions,
		"commonsense_qa":       labelledOptions,
		"openbook_qa":          labelledOptions,
		"arc_challenge":        labelledOptions,
		"agentverse-logicgrid": labelledOptions,
		"gsm8k":                question(systemNumber),
		"math":                 question(systemBoxed),
		"geometry3k":           question(systemBoxed),
		"mathvista":            mathVista,
		"mbpp":                 mbpp,
		"human_eval":           humanEval,
		"commongen":            commonGen,
	}}
}

// plain sends the query as it is.
func plain(system string) PromptFunc {
	return func(q llmrouterdata.StandardQueryData) (Prompt, error) {
		return Prompt{System: system, User: q.Query}, nil
	}
}

func question(system string) PromptFunc {
	return func(q llmrouterdata.StandardQueryData) (Prompt, error) {
		return Prompt{System: system, User: "Question: " + q.Query}, nil
	}
}

// options returns the texts and labels of a question that must have some.
func optionLists(q llmrouterdata.StandardQueryData) (texts, labels []string, err error) {
	if q.Choices == nil {
		return nil, nil, errors.New(`field "choices": null, but the prompt shows the options`)
	}
	texts, labels = q.Choices.Text(), q.Choices.Labels()
	if len(texts) == 0 {
		return nil, nil, errors.New(`field "choices": holds no options`)
	}
	if len(labels) != len(texts) {
		return nil, nil, fmt.Errorf(`field "choices": %d labels for %d options`, len(labels), len(texts))
	}
	return texts, labels, nil
}

// headedOptions shows "A. text" lines below a heading.
func headedOptions(q llmrouterdata.StandardQueryData) (Prompt, error) {
	texts, labels, err := optionLists(q)
	if err != nil {
		return Prompt{}, err
	}
	var b strings.Builder
	b.WriteString("## Question:\n" + q.Query + "\n\n## Options:\n")
	for i, text := range texts {
		b.WriteString(labels[i] + ". " + text + "\n")
	}
	return Prompt{System: systemChoice, User: b.String()}, nil
}

// labelledOptions shows "(A) text" lines.
func labelledOptions(q llmrouterdata.StandardQueryData) (Prompt, error) {
	texts, labels, err := optionLists(q)
	if err != nil {
		return Prompt{}, err
	}
	var b strings.Builder
	b.WriteString("Question: " + q.Query + "\n")
	for i, text := range texts {
		b.WriteString("\n(" + labels[i] + ") " + text)
	}
	return Prompt{System: systemChoice, User: b.String()}, nil
}

func mathVista(q llmrouterdata.StandardQueryData) (Prompt, error) {
	if q.Choices == nil || len(q.Choices.Text()) == 0 {
		return Prompt{System: systemBoxed, User: q.Query}, nil
	}
	texts, labels, err := optionLists(q)
	if err != nil {
		return Prompt{}, err
	}
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = labels[i] + ". " + text
	}
	return Prompt{System: systemBoxed, User: q.Query + "\n\n## Options:\n" + strings.Join(lines, "\n")}, nil
}

func mbpp(q llmrouterdata.StandardQueryData) (Prompt, error) {
	if q.Choices == nil || len(q.Choices.Text()) == 0 {
		return Prompt{}, errors.New(`field "choices": holds no tests, but the prompt shows them`)
	}
	return Prompt{
		System: systemProgram,
		User: "Task: " + q.Query + "\n\nYour program has to pass these tests:\n\n" +
			strings.Join(q.Choices.Text(), "\n"),
	}, nil
}

func humanEval(q llmrouterdata.StandardQueryData) (Prompt, error) {
	return Prompt{System: systemBody, User: "Complete the following Python function.\n\n" + q.Query}, nil
}

func commonGen(q llmrouterdata.StandardQueryData) (Prompt, error) {
	return Prompt{System: systemConcepts, User: "Concepts: " + q.Query}, nil
}
