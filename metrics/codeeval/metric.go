package codeeval

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/metrics"
)

// MetricOptions configures [NewMetric]. The zero value is ready for use.
type MetricOptions struct {
	// Name is the metric's name. Default "code_eval".
	Name string
	// Strict runs solution and tests in two processes; see [Program.Strict].
	// The scores are not those of the Python pipeline then.
	Strict bool
	// PipelineExtraction takes the code from the reply as the Python pipeline
	// does, by [ExtractCode], instead of handling fences and indentation.
	PipelineExtraction bool
}

// NewMetric returns the metric that runs code: 1 when the program made of the
// record and the reply passes the record's own tests, else 0. Give it to a
// registry in the place of the built-in code_eval, which evaluates nothing:
//
//	sandbox, err := codeeval.Open(ctx, nil)
//	...
//	registry, err := metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
//
// The record is HumanEval's when its task id starts with "HumanEval" or its
// task is "human_eval": then the query is the prompt and the ground truth the
// source of the tests. Else it is MBPP's: then the ground truth is the list of
// tests in JSON or as a Python literal, or, where it is neither, the choices
// are the tests. A record without tests is not evaluated, nor is a program that
// needs a package (see [NotEvaluated]), and with a nil sandbox nothing is; the
// reason says so, such as "module numpy". An error means that the sandbox failed.
func NewMetric(sb Sandbox, o *MetricOptions) metrics.Metric {
	m := &codeMetric{sandbox: sb}
	if o != nil {
		m.options = *o
	}
	if m.options.Name == "" {
		m.options.Name = "code_eval"
	}
	return m
}

type codeMetric struct {
	sandbox Sandbox
	options MetricOptions
}

// Name returns the metric's name.
func (m *codeMetric) Name() string { return m.options.Name }

// Score runs the program of one record.
func (m *codeMetric) Score(ctx context.Context, in metrics.Input) (metrics.Result, error) {
	if m.sandbox == nil {
		return metrics.NotEvaluated("no sandbox configured"), nil
	}
	program, err := m.program(in)
	if errors.Is(err, ErrRecord) {
		return metrics.NotEvaluated(err.Error()), nil
	} else if err != nil {
		return metrics.Result{}, err
	}
	program.Strict = m.options.Strict
	verdict, err := m.sandbox.Run(ctx, program)
	if errors.Is(err, ErrNoTests) {
		return metrics.NotEvaluated(err.Error()), nil
	} else if err != nil {
		return metrics.Result{}, fmt.Errorf("codeeval: task %s: %w", in.TaskID, err)
	}
	result := metrics.Scored(0)
	switch verdict.Outcome {
	case Passed:
		result = metrics.Scored(1)
	case NotEvaluated:
		return metrics.NotEvaluated(verdict.Detail), nil
	}
	result.By = verdict.Interpreter
	return result, nil
}

// program makes the program of a record.
func (m *codeMetric) program(in metrics.Input) (Program, error) {
	if strings.HasPrefix(in.TaskID, "HumanEval") || in.Task == "human_eval" {
		if m.options.PipelineExtraction {
			id := in.TaskID
			if !strings.HasPrefix(id, "HumanEval") {
				id = "HumanEval/" + id
			}
			return humanEvalPipeline(in.Query, in.Truth, in.Prediction, id)
		}
		return HumanEval(in.Query, in.Truth, in.Prediction)
	}
	tests, err := ParseTests(in.Truth)
	if err != nil && len(in.Choices) > 0 {
		tests, err = in.Choices, nil
	}
	if err != nil {
		return Program{}, err
	}
	if m.options.PipelineExtraction {
		code, _, err := ExtractCode(in.Prediction, "0")
		return Program{Solution: code, Tests: tests}, err
	}
	return MBPP(tests, in.Prediction)
}
