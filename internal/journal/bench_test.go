package journal

import (
	"encoding/json"
	"strings"
	"testing"
)

var readyText = strings.Repeat("There are 42 apples, I think. ", 8) + "(B) 42"

// BenchmarkDecodeEntry reads a line of a journal, by the decoder of our own lines
// and by the one of every other.
func BenchmarkDecodeEntry(b *testing.B) {
	text, err := json.Marshal(&Entry{
		Call: "0dc7bf6b369300a2880a644e3a2834ab", Candidate: "model-1", Task: "gsm8k", Response: readyText,
		TokenNum: 140, InputTokens: 80, OutputTokens: 60, ResponseTime: 1.25, Key: "key-1", Attempts: 1, CostUSD: 1e-4, FinishReason: "stop",
	})
	if err != nil {
		b.Fatal(err)
	}
	line := string(text) + "\n"
	for name, decode := range map[string]func(*Entry) bool{
		"own":  func(e *Entry) bool { return parse(line, e) },
		"json": func(e *Entry) bool { return json.Unmarshal([]byte(line), e) == nil },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var e Entry
				if !decode(&e) || e.Response != readyText {
					b.Fatal("the line was not read")
				}
			}
		})
	}
}
