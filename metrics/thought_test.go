package metrics

import "testing"

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
