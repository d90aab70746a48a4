package metrics

import (
	"strings"
	"testing"
)

func TestWithoutThought(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{"", ""},
		{"Paris", "Paris"},
		{"\n\n  Paris\n", "\n\n  Paris\n"},
		{"<think>Lyon?</think>Paris", "Paris"},
		{"<think>Lyon?</think>\n\n    return 1", "    return 1"},
		{"\ufeff\n <THINK >Lyon?</ think >\nParis", "Paris"},
		{`<think mode="long">Lyon?</think>Paris`, "Paris"},
		{"<thinking>Lyon?</thinking>Paris", "Paris"},
		{"<reasoning>Lyon?</reasoning>Paris", "Paris"},
		{"[THINK]Lyon?[/THINK]Paris", "Paris"},
		{"◁think▷Lyon?◁/think▷Paris", "Paris"},
		{"<|START_THINKING|>Lyon?<|END_THINKING|>Paris", "Paris"},
		{"<|channel>thought\nLyon?<channel|>Paris", "Paris"},
		{"<think></think>Paris", "Paris"},
		// A second thought; another kind of tag inside is part of the thought.
		{"<think>a</think>\n<think>b</think>\nParis", "Paris"},
		{"<think>a <reasoning> b</think>Paris", "Paris"},
		{"<think>a <think>b</think> c</think>Paris", "Paris"},
		{"<think>it begins with <think> then</think>Paris", "Paris"},
		// The template wrote the opening.
		{"Lyon?\n</think>\nParis", "Paris"},
		{"Use `</think>` or '</think>'.", "Use `</think>` or '</think>'."},
		{"<think>I end it with `</think>`, of course.</think>Paris", "Paris"},
		{"The pair <think> and </think> is a tag.", "The pair <think> and </think> is a tag."},
		{`t.split("</think>")[-1]`, `t.split("</think>")[-1]`},
		// No answer came.
		{"<think>Candidates: Paris", ""},
		{"<think>Candidates: Paris</think>\n", ""},
		{"<think", "<think"},
		{"<thinker>x</thinker>", "<thinker>x</thinker>"},
		{"a < think > b", "a < think > b"},
		// Channels.
		{"<|channel|>analysis<|message|>Lyon?<|end|><|start|>assistant<|channel|>final<|message|>Paris<|return|>", "Paris"},
		{"<|start|>assistant<|channel|>analysis<|message|>Lyon?<|end|>", ""},
		{"<|channel|>final<|message|>Paris", "Paris"},
		{"<|channel|>analysis", ""},
		{"analysisWe need Lyon.assistantfinalParis", "Paris"},
		{"analysis of the case", "analysis of the case"},
	} {
		if got := WithoutThought(c.reply); got != c.want {
			t.Errorf("WithoutThought(%q) = %q, want %q", c.reply, got, c.want)
		}
	}
}

func TestRegistryTakesThoughtsOff(t *testing.T) {
	const reply = "<think>Maybe (B).</think>The answer is (C)."
	for _, c := range []struct {
		registry Registry
		truth    string
		want     float64
	}{
		{Builtin(), "C", 1},
		{Builtin().WithWholeReplies(), "C", 1},
	} {
		result, err := c.registry.Score(t.Context(), "em_mc", Input{Prediction: reply, Truth: c.truth})
		if err != nil || result != Scored(c.want) {
			t.Errorf("%+v, %v", result, err)
		}
	}
	item := Item{Metric: "em_mc", Input: Input{Prediction: "<think>Maybe (B).</think>C", Truth: "B"}}
	for want, registry := range []Registry{Builtin(), Builtin().WithWholeReplies()} {
		extended, err := registry.With(Pure("mine", CEM))
		if err != nil {
			t.Fatal(err)
		}
		if extended, err = extended.WithTask("quac", "mine"); err != nil {
			t.Fatal(err)
		}
		outcomes, err := Evaluate(t.Context(), []Item{item}, &BatchOptions{Registry: extended})
		if err != nil || outcomes[0].Result != Scored(float64(want)) {
			t.Errorf("%+v, %v, want %d", outcomes, err, want)
		}
	}
}

func FuzzWithoutThought(f *testing.F) {
	for _, s := range []string{
		"", "<think>a</think>b", "a</think>b</think>c", "<think>", "<think><think>a</think>b", "</thinking>\n  x", "[THINK]a[/THINK]",
		"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "analysis assistantfinal", "◁think▷a◁/think▷",
		"`</think>`", "<think a=\"b\">c</think>", "\ufeff\xff</think>\u3000\n\tx", "</think></think><thought>a</thought>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		once := WithoutThought(reply)
		if !strings.Contains(reply, once) {
			t.Errorf("%q gives %q, which it does not hold", reply, once)
		}
		if twice := WithoutThought(once); twice != once {
			t.Errorf("%q gives %q and then %q", reply, once, twice)
		}
	})
}
