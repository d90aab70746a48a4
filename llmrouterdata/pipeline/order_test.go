package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// TestCandidateOrder: the rows of a query are in the order that was asked for, the
// files pass their check for it and for no other, and the report's lines are of the
// files.
func TestCandidateOrder(t *testing.T) {
	kinds := map[string]bool{}
	for o := range dataset.OrderSeeded + 1 {
		c := testSet(t, 6, 2, "a", "b", "c")
		report, err := evaluate(t, c, Options{Client: &fakeClient{}, CandidateOrder: o})
		if err != nil {
			t.Fatal(err)
		}
		if err := dataset.Check(t.Context(), c, &dataset.CheckOptions{Order: o}); err != nil {
			t.Errorf("%s: %v", o, err)
		}
		d, err := dataset.Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
			for group, err := range d.Groups(t.Context(), split) {
				if err != nil {
					t.Fatal(err)
				}
				order := ""
				for _, row := range group {
					order += row.ModelName
				}
				kinds[o.String()+" "+order] = true
			}
		}
		if report.Pairs != 24 {
			t.Errorf("%+v", report)
		}
	}
	if !kinds["file abc"] || kinds["file bac"] || len(kinds) < 5 {
		t.Errorf("%v", kinds)
	}
	c := testSet(t, 1, 1, "a")
	_, err := evaluate(t, c, Options{Client: &fakeClient{}, CandidateOrder: 9})
	wantError(t, err, "CandidateOrder")
}

// TestLinesOfOrder: the lines of rows without a score, in another order than the
// pairs'.
func TestLinesOfOrder(t *testing.T) {
	c := testSet(t, 0, 0, "a", "b", "c")
	queries := make([]llmrouterdata.StandardQueryData, 8)
	for i := range queries {
		queries[i] = codeQueries()[0]
		queries[i].Query += strings.Repeat(" Quickly.", i)
	}
	writeQueries(t, c.DataPath.QueryDataTrain, queries)
	writeQueries(t, c.DataPath.QueryDataTest, nil)
	registry := metrics.Builtin()
	onlyB := &fakeClient{before: func(_ context.Context, r chat.Request) error {
		if r.Target.Name != "b" {
			return &chat.Error{Kind: chat.KindBadRequest, Fault: chat.FaultQuery, Status: 400, Message: "bad request (HTTP 400)"}
		}
		return nil
	}}
	report, err := evaluate(t, c, Options{Client: onlyB, Metrics: &registry, AllowNotEvaluated: true, CandidateOrder: dataset.OrderSeeded})
	if _, failed := errors.AsType[*FailedCallsError](err); err != nil && !failed {
		t.Fatal(err)
	}
	d, err := dataset.Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var want []int
	inFileOrder := true
	for row, err := range d.Rows(t.Context(), dataset.Train) {
		if err != nil {
			t.Fatal(err)
		}
		if row.ModelName == "b" {
			want = append(want, row.Line)
			inFileOrder = inFileOrder && row.Line%3 == 2
		}
	}
	got := slices.Sorted(slices.Values(report.NotEvaluatedRows.Train))
	if len(want) != 8 || inFileOrder || !slices.Equal(got, want) {
		t.Errorf("lines %v, want %v", got, want)
	}
}
