package chat

import (
	"errors"
	"strings"
	"testing"
)

// oddity is an answer in a form that services are not meant to give.
type oddity struct {
	name, body string // a stream where it begins with "data:" or "event:"
	kind       Kind   // "": the answer "It is 12"
	detail     string // of a failure
}

const (
	piece12  = `{"choices":[{"index":0,"delta":{"content":"It is 12"},"finish_reason":null}]}`
	pieceEnd = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
)

// events are pieces as a stream of events.
func events(pieces ...string) string {
	return "data: " + strings.Join(pieces, "\n\ndata: ") + "\n\n"
}

// choiceOf is a completion with one choice, of which inner are fields.
func choiceOf(inner string) string {
	return `{"choices":[{` + inner + `}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`
}

var oddities = []oddity{
	// An error, wherever it stands.
	{"in a message", choiceOf(`"message":{"content":"par","error":{"message":"gone","code":502}},"finish_reason":"stop"`), KindServer, "gone"},
	{"in a delta", events(`{"choices":[{"delta":{"content":"par","error":{"message":"gone"}},"finish_reason":"stop"}]}`, "[DONE]"), KindServer, "gone"},
	{"as a word in a choice", choiceOf(`"message":{"content":"par"},"error":"gone","finish_reason":"stop"`), KindServer, "gone"},
	{"errors beside a choice", `{"choices":[{"message":{"content":"par"},"finish_reason":"stop"}],"errors":[{"message":"boom"}]}`, KindServer, "boom"},
	{"base_resp beside a choice", `{"choices":[{"message":{"content":"par"},"finish_reason":"stop"}],"base_resp":{"status_code":1002,"status_msg":"rate limit"}}`, KindRateLimited, "rate limit"},
	{"error true", `{"error":true,"message":"rate limit exceeded"}`, KindRateLimited, "rate limit exceeded"},
	{"error in JSON in a text", `{"error":"{\"message\":\"slow\",\"code\":429}"}`, KindRateLimited, "slow"},
	{"a message alone", `{"message":"insufficient balance"}`, KindQuota, "insufficient balance"},
	{"a text", `"rate limit exceeded"`, KindRateLimited, "rate limit exceeded"},
	{"words", `Rate limit exceeded`, KindRateLimited, "Rate limit exceeded"},
	{"an object that is not known", `{"foo":"bar"}`, KindNoChoices, `{"foo":"bar"}`},
	{"event with a message alone", events(piece12, `{"message":"engine died"}`, "[DONE]"), KindServer, "engine died"},
	{"event with a code and a message", events(piece12, `{"code":"InternalError","message":"engine died"}`, "[DONE]"), KindServer, "engine died"},
	{"event with a detail", events(piece12, `{"detail":"engine died"}`, "[DONE]"), KindServer, "engine died"},
	{"event called an exception", events(piece12) + "event: modelStreamErrorException\ndata: engine died\n\n" + events("[DONE]"), KindServer, "engine died"},
	{"event called failed", events(piece12) + "event: failed\ndata: {\"message\":\"engine died\"}\n\n" + events("[DONE]"), KindServer, "engine died"},
	{"event of words", events(piece12, "Internal Server Error", "[DONE]"), KindServer, "Internal Server Error"},
	{"line of words", events(piece12) + "Error: engine died\n\n" + events("[DONE]"), KindServer, "engine died"},
	{"page in a stream", events(piece12) + "<html><title>502 Bad Gateway</title></html>\n\n" + events("[DONE]"), KindTruncated, "502 Bad Gateway"},
	{"after the end", events(piece12, pieceEnd, `{"error":{"message":"engine died"}}`), KindServer, "engine died"},

	// An error that says nothing is none, and neither is what tells how it goes.
	{"error 0", `{"error":0,"choices":[{"message":{"content":"It is 12"},"finish_reason":"stop"}]}`, "", ""},
	{"error without words", `{"error":{"message":"","code":null},"choices":[{"message":{"content":"It is 12"},"finish_reason":"stop"}]}`, "", ""},
	{"empty error", `{"error": { },"errors":[],"choices":[{"message":{"content":"It is 12"},"finish_reason":"stop"}]}`, "", ""},
	{"good base_resp", `{"choices":[{"message":{"content":"It is 12"},"finish_reason":"stop"}],"base_resp":{"status_code":0,"status_msg":"success"}}`, "", ""},
	{"event of a status", events(`{"type":"status","message":"queued"}`, piece12, "[DONE]"), "", ""},
	{"event of a source", events(piece12, `{"type":"citation","text":"a book"}`, pieceEnd, "[DONE]"), "", ""},
	{"event of a filter", events(`{"choices":[],"id":"","object":"","prompt_filter_results":[{"content_filter_results":{"hate":{"filtered":false}}}]}`, piece12, pieceEnd), "", ""},

	// Finish reasons.
	{"broken off, then stop", events(`{"choices":[{"delta":{"content":"par"},"finish_reason":"error"}]}`, pieceEnd, "[DONE]"), KindServer, "error"},
	{"filtered, then stop", events(`{"choices":[{"delta":{"content":"par"},"finish_reason":"content_filter"}]}`, pieceEnd, "[DONE]"), KindRefusal, "content_filter"},
	{"an object", choiceOf(`"message":{"content":"par"},"finish_reason":{"type":"abort","message":"x"}`), KindServer, "abort"},
	{"a toxic text", choiceOf(`"message":{"content":"par"},"finish_reason":"ERROR_TOXIC"`), KindRefusal, "ERROR_TOXIC"},
	{"None, and cut", events(`{"choices":[{"delta":{"content":"par"},"finish_reason":"None"}]}`), KindTruncated, ""},
	{"behind a gateway", choiceOf(`"message":{"content":"par"},"finish_reason":"stop","native_finish_reason":"network_error"`), KindServer, "network_error"},

	// What can be read.
	{"the whole text once more", events(piece12, `{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"It is 12"}}]}`), "", ""},
	{"the whole text beside a delta", events(piece12, `{"choices":[{"finish_reason":"stop","delta":{"content":""},"message":{"content":"It is 12"}}]}`), "", ""},
	{"messages as pieces", events(`{"choices":[{"message":{"content":"It is "}}]}`, `{"choices":[{"finish_reason":"stop","message":{"content":"12"}}]}`), "", ""},
	{"another index", events(`{"choices":[{"index":1,"delta":{"content":"It is 12"},"finish_reason":"stop"}]}`, "[DONE]"), "", ""},
	{"two choices without an index", `{"choices":[{"message":{"content":"It is 12"}},{"message":{"content":"other"}}]}`, "", ""},
	{"the end on the same line", "data: " + piece12 + "[DONE]\n\n", "", ""},
	{"the end in quotes", events(piece12, `"[DONE]"`), "", ""},
	{"the end in lower case", events(piece12, `[done]`), "", ""},
	{"something behind", events(piece12+" x", pieceEnd), "", ""},
	{"lines of pieces", piece12 + "\n" + pieceEnd + "\n", "", ""},
	{"pieces in a row", `{"choices":[{"delta":{"content":"It is "}}]}{"choices":[{"delta":{"content":"12"},"finish_reason":"stop"}]}`, "", ""},
	{"list of pieces", "[" + piece12 + "," + pieceEnd + "]", "", ""},
	{"lines of pieces, cut", piece12 + "\n" + piece12 + "\n", KindTruncated, ""},
	{"cut within a piece", events(piece12) + `data: {"choices":[{"del`, KindTruncated, ""},
	{"content of a part", choiceOf(`"message":{"content":[{"type":"text","content":"It is 12"}]},"finish_reason":"stop"`), "", ""},
}

func TestOddities(t *testing.T) {
	for _, c := range oddities {
		for _, contentType := range []string{jsonType, "text/event-stream", ""} {
			t.Run(c.name+" as "+contentType, func(t *testing.T) {
				a, err := readAnswer(httpResponse(contentType, c.body), &Body{stream: contentType != jsonType}, 1<<20, nil)
				kind := Kind("")
				if e, ok := errors.AsType[*Error](err); ok {
					kind = e.Kind
					if !strings.Contains(e.Detail, c.detail) {
						t.Errorf("the detail is %q, want %q in it", e.Detail, c.detail)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if kind != c.kind || kind == "" && a.text != "It is 12" {
					t.Errorf("got %q (%v) and %q, want %q", kind, err, a.text, c.kind)
				}
			})
		}
	}
}

// TestEndings: words that are not in the table are told by their parts, and others
// not at all.
func TestEndings(t *testing.T) {
	for want, reasons := range map[ending]string{
		endBroken:  "ABORTED cancelled network-error MALFORMED_RESPONSE overloaded preempted modelUnloaded rate_limit UNKNOWN time_limit user_cancelled",
		endFilter:  "IMAGE_SAFETY content-filter ERROR_TOXIC unsafe content_risk guardrail.intervened",
		endLength:  "max_new_tokens max-tokens contextLengthReached length_limit TOKEN_LIMIT",
		endWhole:   "STOP eos end_turn stop-sequence",
		endUnknown: "OTHER pause_turn incomplete",
	} {
		for reason := range strings.FieldsSeq(reasons) {
			if got := endingOf(reason); got != want {
				t.Errorf("%s: %v, want %v", reason, got, want)
			}
		}
	}
}
