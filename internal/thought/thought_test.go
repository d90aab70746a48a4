package thought

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStrip(t *testing.T) {
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
		if got := Strip(c.reply); got != c.want {
			t.Errorf("Strip(%q) = %q, want %q", c.reply, got, c.want)
		}
	}
}

// TestOnly holds which replies say nothing but what they think, and that JSON strings
// of them are looked at.
func TestOnly(t *testing.T) {
	for raw, want := range map[string]bool{
		`<think>Lyon?</think>`: true, `<think>Lyon?</think>\n \n`: true, `Lyon?\n</think>\n\n`: true, `<think>Lyon?`: true, ` \n[THINK]Lyon?[/THINK] `: true,
		`\u003cthink\u003eLyon?`: true, `Lyon? \u003c/think\u003e\n`: true, `◁think▷Lyon?◁/think▷`: true, `analysis We need it.assistantfinal`: true,
		`<|channel|>analysis<|message|>Lyon?<|end|>`: true,
		``: false, ` \n`: false, `Paris`: false, `<think>Lyon?</think>Paris`: false, `a > b`: false, `a list: [1, 2]`: false, `Use <b>bold</b>`: false,
	} {
		var reply string
		if err := json.Unmarshal([]byte(`"`+raw+`"`), &reply); err != nil {
			t.Fatal(err)
		}
		if got := Only(reply); got != want || want && !MayBeOnly(raw) {
			t.Errorf("%s: only %v, may be %v", raw, got, MayBeOnly(raw))
		}
	}
	for _, raw := range []string{`Paris`, `It is 4.\n`, `The answer is (B)`, `café`} {
		if MayBeOnly(raw) {
			t.Errorf("%s may be a thought alone", raw)
		}
	}
}

func FuzzStrip(f *testing.F) {
	for _, s := range []string{
		"", "<think>a</think>b", "a</think>b</think>c", "<think>", "<think><think>a</think>b", "</thinking>\n  x", "[THINK]a[/THINK]",
		"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "analysis assistantfinal", "◁think▷a◁/think▷",
		"`</think>`", "<think a=\"b\">c</think>", "\ufeff\xff</think>\u3000\n\tx", "</think></think><thought>a</thought>", "a</think>\n<thought>b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		once := Strip(reply)
		if !strings.Contains(reply, once) {
			t.Errorf("%q gives %q, which it does not hold", reply, once)
		}
		if twice := Strip(once); twice != once {
			t.Errorf("%q gives %q and then %q", reply, once, twice)
		}
		ascii, err := json.Marshal(strings.ToValidUTF8(reply, "?"))
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{string(ascii[1 : len(ascii)-1]), strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(ascii[1 : len(ascii)-1]))} {
			if Only(strings.ToValidUTF8(reply, "?")) && !MayBeOnly(raw) {
				t.Errorf("%s may not be a thought alone, but is", raw)
			}
		}
	})
}
