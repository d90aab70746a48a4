package cli

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

func TestShow(t *testing.T) {
	var out bytes.Buffer
	bar := progress.New(&out) // no terminal
	show := Show(bar)
	show(pipeline.Progress{Stage: pipeline.StageGenerate, Done: 1, Total: 22, Detail: "open gsm8k"})
	show(pipeline.Progress{Stage: pipeline.StageGenerate, Done: 22, Total: 22})
	show(pipeline.Progress{Stage: pipeline.StageCall, Done: 0, Total: 940})
	show(pipeline.Progress{Stage: pipeline.StageEmbed, Done: 0, Total: 235})
	show(pipeline.Progress{Stage: pipeline.StageCall, Done: 470, Total: 940, Failed: 2, Rate: 100, Left: 5 * time.Second})
	show(pipeline.Progress{Stage: pipeline.StageEmbed, Done: 235, Total: 235})
	show(pipeline.Progress{Stage: pipeline.StageCall, Done: 940, Total: 940, Failed: 3, Resumed: 40, CostUSD: 0.5})
	rows := ShowRows(bar)
	for n := range 3 {
		rows(10*(n+1), 30)
	}
	bar.Close()
	got := regexp.MustCompile(`[0-9.]+ s\b`).ReplaceAllString(out.String(), "T s")
	want := `reading benchmarks: done in T s
calls: 50 % (470 of 940)
embedding: 235 in T s
calls: 940 in T s, 40 from the journal, 3 failed, 0.500000 USD
writing rows: 30 % (10 of 30)
writing rows: 60 % (20 of 30)
writing rows: 30 in T s
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
