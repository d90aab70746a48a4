package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// event is an event whose first choice says a text, which is JSON without quotes.
func event(text string) string {
	return fmt.Sprintf("data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n", text)
}

func other(text string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"delta\":{\"content\":\"%s\"},\"index\":1}]}\n\n", text)
}

// shown are the pieces that are shown after each that is added, and at the end.
func shown(p *Pieces, pieces ...string) []string {
	var out []string
	for _, text := range pieces {
		out = append(out, string(bytes.Join(p.Add([]byte(text)), nil)))
	}
	return append(out, string(bytes.Join(p.Rest(), nil)))
}

func TestPieces(t *testing.T) {
	r := NewRedactor("sk-secret-123", "with/slash\"", "short")
	for name, tt := range map[string]struct{ in, want []string }{
		"none":             {[]string{event("a"), ": wait\n\n", event("b")}, []string{event("a"), ": wait\n\n", event("b"), ""}},
		"whole":            {[]string{event("a sk-secret-123 b")}, []string{event("a [key] b"), ""}},
		"in a comment":     {[]string{": sk-secret-123\n"}, []string{": [key]\n", ""}},
		"in two":           {[]string{event("a sk-sec"), event("ret-123 b")}, []string{"", event("a [key]") + event(" b"), ""}},
		"in many":          {[]string{event("sk-s"), event("ecre"), event("t-12"), event("3sk-secret-123")}, []string{"", "", "", event("[key]") + event("") + event("") + event("[key]"), ""}},
		"it is none":       {[]string{event("a sk-sec"), event("ond")}, []string{"", event("a sk-sec") + event("ond"), ""}},
		"too little":       {[]string{event("a sk-"), event("secret-123!")}, []string{event("a sk-"), event("[key]!"), ""}},
		"not the end":      {[]string{event("a sk-sec")}, []string{"", event("a sk-sec")}},
		"with a comment":   {[]string{event("sk-sec"), ": wait\n", event("ret-123")}, []string{"", "", event("[key]") + ": wait\n" + event(""), ""}},
		"with another":     {[]string{event("sk-sec"), other("hi"), event("ret-123")}, []string{"", "", event("[key]") + other("hi") + event(""), ""}},
		"of two choices":   {[]string{event("sk-sec"), other("ret-123"), event("x")}, []string{"", "", event("sk-sec") + other("ret-123") + event("x"), ""}},
		"escaped":          {[]string{event(`a \u0073k-secret\u002D123 b\n`)}, []string{event(`a [key] b\n`), ""}},
		"escaped, in two":  {[]string{event(`\u0073k-se`), event(`c\u0072et-123 \u00e9`)}, []string{"", event("[key]") + event(` \u00e9`), ""}},
		"another's escape": {[]string{event(`with\/slash\" \ud83d\ude00`)}, []string{event(`[key] \ud83d\ude00`), ""}},
		"CRLF":             {[]string{"event: x\r\ndata: {\"a\":\"sk-sec\"}\r\n\r\n", "data: {\"a\":\"ret-123\"}\r\n\r\n"}, []string{"", "event: x\r\ndata: {\"a\":\"[key]\"}\r\n\r\ndata: {\"a\":\"\"}\r\n\r\n", ""}},
		"two lines":        {[]string{"data: {\"a\":\ndata: \"sk-s\\u0065cret-123\"}\n\n"}, []string{"data: {\"a\":\ndata: \"[key]\"}\n\n", ""}},
		"a name":           {[]string{`data: {"sk-secret\u002d123":1}` + "\n\n"}, []string{`data: {"[key]":1}` + "\n\n", ""}},
		"torn":             {[]string{`data: {"a":"sk-se`}, []string{`data: {"a":"sk-se`, ""}},
		"tools": {[]string{
			`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"k\":\"sk-sec"}}]}}]}` + "\n\n",
			`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ret-123\"}"}}]}}]}` + "\n\n",
		}, []string{"", `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"k\":\"[key]"}}]}}]}` + "\n\n" +
			`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"}"}}]}}]}` + "\n\n", ""}},
	} {
		got := shown(r.Pieces(true), tt.in...)
		if strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%s:\n%q, want\n%q", name, got, tt.want)
		}
	}
	whole := "{\"a\": [\"sk-s\\u0065cret-123\", \"x\"],\n\"b\": \"sk-secret-123\"}"
	if got := shown(r.Pieces(false), whole); got[0] != "{\"a\": [\"[key]\", \"x\"],\n\"b\": \"[key]\"}" {
		t.Errorf("whole: %q", got)
	}
	for _, r := range []*Redactor{nil, NewRedactor("short", "")} {
		if got := shown(r.Pieces(true), event("a")); got[0] != event("a") {
			t.Errorf("without a secret: %q", got)
		}
	}
}

// FuzzPieces: whatever comes is shown but for whole secrets, whether they stand in
// one event or in two; an event stays one.
func FuzzPieces(f *testing.F) {
	f.Add("a sk-sec", "ret-123 b", `,"x":[{"index":1}`)
	f.Add(`\u0073k-secret-123`, `\`, `"`)
	f.Add("sk-sk-secret-12", "3sk-secret-123", "")
	f.Add("\x8f\x91", `\`, "S")
	f.Fuzz(func(t *testing.T, one, two, junk string) {
		const secret = "sk-secret-123"
		r := NewRedactor(secret)
		got := strings.Join(shown(r.Pieces(true), event(one), event(two), junk), "")
		if !strings.Contains(one+two+junk, "s") && !strings.Contains(one+two+junk, `\`) && got != event(one)+event(two)+junk {
			t.Errorf("%q", got)
		}
		quotedOne, _ := json.Marshal(one)
		quotedTwo, _ := json.Marshal(two)
		events := []string{event(string(quotedOne[1 : len(quotedOne)-1])), event(string(quotedTwo[1 : len(quotedTwo)-1]))}
		var said [2]string
		for i, text := range strings.SplitAfter(strings.Join(shown(r.Pieces(true), events...), ""), "\n\n")[:2] {
			var e struct {
				Choices []struct{ Delta struct{ Content string } }
			}
			if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "data:")), &e); err != nil {
				t.Fatalf("%v: %q", err, text)
			}
			said[i] = e.Choices[0].Delta.Content
		}
		before := string([]rune(one)) + string([]rune(two)) // as in JSON: U+FFFD for each byte that is no UTF-8
		all := said[0] + said[1]
		if strings.Contains(said[0], secret) || strings.Contains(said[1], secret) || !strings.Contains(before, "s") && all != before {
			t.Errorf("%q of %q", said, before)
		}
	})
}
