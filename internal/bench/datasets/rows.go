//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/datasets"
)

// The columns that the records are made of, as structs.
type (
	naturalQA struct {
		Question string   `column:"question"`
		Answers  []string `column:"golden_answers"`
	}
	triviaQA struct {
		Question string   `column:"question"`
		Aliases  []string `column:"answer.normalized_aliases"`
	}
	mmlu struct {
		Question string   `column:"question"`
		Choices  []string `column:"choices"`
		Answer   int      `column:"answer"`
	}
	gpqa struct {
		Question string `column:"Question"`
		Correct  string `column:"Correct Answer"`
		Wrong1   string `column:"Incorrect Answer 1"`
		Wrong2   string `column:"Incorrect Answer 2"`
		Wrong3   string `column:"Incorrect Answer 3"`
	}
	mbpp struct {
		TaskID int      `column:"task_id"`
		Text   string   `column:"text"`
		Tests  []string `column:"test_list"`
	}
	humanEval struct {
		TaskID string `column:"task_id"`
		Prompt string `column:"prompt"`
		Test   string `column:"test"`
	}
	gsm8k struct {
		Question string `column:"question"`
		Answer   string `column:"answer"`
	}
	options struct {
		Question string   `column:"question"`
		Labels   []string `column:"choices.label"`
		Texts    []string `column:"choices.text"`
		Answer   string   `column:"answerKey"`
	}
	openBookQA struct {
		Question string   `column:"question_stem"`
		Labels   []string `column:"choices.label"`
		Texts    []string `column:"choices.text"`
		Answer   string   `column:"answerKey"`
	}
	math struct {
		Problem  string `column:"problem"`
		Solution string `column:"solution"`
	}
)

var scanRows = map[string]func(context.Context, *datasets.Table, int) error{
	"natural_qa":     scan[naturalQA],
	"trivia_qa":      scan[triviaQA],
	"mmlu":           scan[mmlu],
	"gpqa":           scan[gpqa],
	"mbpp":           scan[mbpp],
	"human_eval":     scan[humanEval],
	"gsm8k":          scan[gsm8k],
	"commonsense_qa": scan[options],
	"math":           scan[math],
	"openbook_qa":    scan[openBookQA],
	"arc_challenge":  scan[options],
}

func scan[T any](ctx context.Context, t *datasets.Table, want int) error {
	n := 0
	for _, err := range datasets.All[T](ctx, t) {
		if err != nil {
			return err
		}
		n++
	}
	if n != want {
		return fmt.Errorf("%d rows, want %d", n, want)
	}
	return nil
}
