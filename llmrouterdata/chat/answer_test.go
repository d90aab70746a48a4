package chat

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func httpResponse(contentType, body string) *http.Response {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

const jsonType = "application/json; charset=utf-8"

func TestReadAnswer(t *testing.T) {
	counted := usage{prompt: 3, completion: 4, total: 7}
	unknown := usage{estimated: true}
	for _, c := range []struct {
		name, contentType, body string
		text, finish            string
		usage                   usage
		kind                    Kind // "": an answer
	}{
		{"plain", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`, "hi", "stop", counted, ""},
		{"no content type", "", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"text/plain", "text/plain", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"problem+json", "application/problem+json", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"byte-order mark", jsonType, "\ufeff\r\n{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}\n", "hi", "", unknown, ""},
		{"several choices", jsonType, `{"choices":[{"index":1,"message":{"content":"first"}},{"index":0,"message":{"content":"second"}}]}`, "first", "", unknown, ""},
		{"empty text", jsonType, `{"choices":[{"message":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, "", "stop", counted, ""},
		{"content as object", jsonType, `{"choices":[{"message":{"content":{"answer": 12}}}]}`, `{"answer": 12}`, "", unknown, ""},
		{"content as number", jsonType, `{"choices":[{"message":{"content":5}}]}`, "5", "", unknown, ""},
		{"content as strings", jsonType, `{"choices":[{"message":{"content":["a","b"]}}]}`, "ab", "", unknown, ""},
		{"nested text", jsonType, `{"choices":[{"message":{"content":[{"type":"text","text":{"value":"a"}}]}}]}`, "a", "", unknown, ""},
		{"thought among the parts", jsonType, `{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}}]}`, "a", "", unknown, ""},
		{"legacy text", jsonType, `{"choices":[{"text":"hi"}]}`, "hi", "", unknown, ""},
		{"trailing garbage", jsonType, `{"choices":[{"message":{"content":"hi"}}]} x`, "hi", "", unknown, ""},
		{"NaN", jsonType, `{"choices":[{"message":{"content":"NaN is\" NaN"}}],"x":[NaN,-Infinity,Infinity]}`, `NaN is" NaN`, "", unknown, ""},
		{"line feed in a string", jsonType, "{\"choices\":[{\"message\":{\"content\":\"a\nb\"}}]}", "a\nb", "", unknown, ""},
		{"in a list", jsonType, `[{"choices":[{"message":{"content":"hi"}}]}]`, "hi", "", unknown, ""},
		{"wrapped", jsonType, `{"success":true,"result":{"choices":[{"message":{"content":"hi"}}]}}`, "hi", "", unknown, ""},
		{"usage of another form", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":[]}`, "hi", "", unknown, ""},
		{"thinking counted apart", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}}`, "hi", "", usage{prompt: 32, completion: 103, total: 135, reasoning: 94}, ""},
		{"cached", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":32,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":30}}}`, "hi", "", usage{prompt: 32, completion: 9, total: 41, cached: 30}, ""},
		{"cached counted apart", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"input_tokens":10,"cache_read_input_tokens":1000,"output_tokens":5}}`, "hi", "", usage{prompt: 1010, completion: 5, total: 1015, cached: 1000}, ""},
		{"JSON as HTML", "text/html", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"JSON as image", "image/png", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"JSON as stream", "text/event-stream", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"stream as JSON", jsonType, "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "hi", "stop", unknown, ""},
		{"comments before JSON", jsonType, ": keep-alive\n\n: keep-alive\n\n{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}", "hi", "", unknown, ""},
		{"cut by length", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"MAX_TOKENS"}]}`, "hi", "length", unknown, ""},
		{"parts", jsonType, `{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}}]}`, "ab", "", unknown, ""},
		{"text beside tools", jsonType, `{"choices":[{"message":{"content":"hi","tool_calls":[{"id":"1"}]}}]}`, "hi", "", unknown, ""},
		{"text beside refusal", jsonType, `{"choices":[{"message":{"content":"hi","refusal":null}}]}`, "hi", "", unknown, ""},
		{"surrogate", jsonType, `{"choices":[{"message":{"content":"\ud800x"}}]}`, "\uFFFDx", "", unknown, ""},
		{"escapes", jsonType, `{"choices":[{"message":{"content":"\u00e9\n\ud83d\ude00\u2028"}}]}`, "é\n😀\u2028", "", unknown, ""},
		{"null error", jsonType, `{"error":null,"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"no total", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, "hi", "", counted, ""},
		{"counts as text and floats", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":"3","completion_tokens":4.0,"total_tokens":7}}`, "hi", "", counted, ""},
		{"null usage", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":null}`, "hi", "", unknown, ""},
		{"absurd usage", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":-3,"completion_tokens":1e99,"total_tokens":{}}}`, "hi", "", unknown, ""},
		{"partly absurd usage", jsonType, `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":-1}}`, "hi", "", usage{prompt: 3, completion: 1, total: 4, estimated: true}, ""},

		{"no choices", jsonType, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, "", "", counted, KindNoChoices},
		{"choices null", jsonType, `{"choices":null}`, "", "", unknown, KindNoChoices},
		{"null content", jsonType, `{"choices":[{"message":{"content":null},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, "", "length", counted, KindLength},
		{"nothing but thought", jsonType, `{"choices":[{"message":{"content":null,"reasoning_content":"hm"},"finish_reason":"stop"}]}`, "", "stop", unknown, KindNoContent},
		{"empty by length", jsonType, `{"choices":[{"message":{"content":""},"finish_reason":"length"}]}`, "", "length", unknown, KindLength},
		{"missing content", jsonType, `{"choices":[{"message":{}}]}`, "", "", unknown, KindTruncated},
		{"null content with usage", jsonType, `{"choices":[{"message":{"content":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, "", "", counted, KindNoContent},
		{"broken off", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"abort"}]}`, "", "", unknown, KindServer},
		{"broken off behind", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop","native_finish_reason":"network_error"}]}`, "", "", unknown, KindServer},
		{"filtered with text", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"SAFETY"}]}`, "", "", unknown, KindRefusal},
		{"error in a choice", jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop","error":{"code":429}}]}`, "", "", unknown, KindRateLimited},
		{"refusal", jsonType, `{"choices":[{"message":{"content":null,"refusal":"I will not"}}]}`, "", "", unknown, KindRefusal},
		{"filtered", jsonType, `{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}`, "", "content_filter", unknown, KindRefusal},
		{"tool calls", jsonType, `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}`, "", "", unknown, KindToolCalls},
		{"function call", jsonType, `{"choices":[{"message":{"content":"","function_call":{"name":"f"}}}]}`, "", "", unknown, KindToolCalls},
		{"array", jsonType, `[]`, "", "", usage{}, KindInvalidJSON},
		{"not JSON", jsonType, `{"choices": oops}`, "", "", usage{}, KindInvalidJSON},
		{"half", jsonType, `{"choices":[{"message":{"content":"h`, "", "", usage{}, KindTruncated},
		{"half a number", jsonType, `{"choices":[{"index":`, "", "", usage{}, KindTruncated},
		{"empty", jsonType, "", "", "", usage{}, KindTruncated},
		{"blank", jsonType, " \n", "", "", usage{}, KindTruncated},
		{"HTML", "text/html", `<html>502</html>`, "", "", usage{}, KindHTML},
		{"HTML as JSON", jsonType, "\n<!DOCTYPE html>", "", "", usage{}, KindHTML},
		{"image", "image/png", "\x89PNG", "", "", usage{}, KindContentType},
		{"text", "text/plain", "upstream busy", "", "", usage{}, KindContentType},
		{"bad content type", "a/b/c;;", `{"choices":[{"message":{"content":"hi"}}]}`, "hi", "", unknown, ""},
		{"error", jsonType, `{"error":{"code":429,"message":"x"}}`, "", "", usage{}, KindRateLimited},
		{"error as text", jsonType, `{"error":"overloaded"}`, "", "", usage{}, KindServer},
		{"error with a name", jsonType, `{"error":{"code":"model_not_found","status":404}}`, "", "", usage{}, KindNotFound},

		{"stream", "text/event-stream", "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n" +
			": comment\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"he\"}}],\"usage\":null}\r\n\r\n" +
			"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}},{\"index\":0,\"delta\":{\"content\":\"llo\"},\"finish_reason\":\"stop\"}]}\n\n" +
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\ndata: [DONE]\n\n", "hello", "stop", counted, ""},
		{"stream without DONE", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n", "hi", "stop", unknown, ""},
		{"stream without finish", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n", "hi", "", unknown, ""},
		{"stream cut", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n", "hi", "", unknown, KindTruncated},
		{"stream empty", "text/event-stream", "", "", "", unknown, KindTruncated},
		{"stream done at once", "text/event-stream", "data: [DONE]\n\n", "", "", unknown, KindNoChoices},
		{"stream of garbage", "text/event-stream", "data: {oops\n\n", "", "", usage{}, KindInvalidJSON},
		{"stream error", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"error\":{\"code\":500}}\n\n", "", "", usage{}, KindServer},
		{"stream refusal", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"refusal\":\"I will\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"refusal\":\" not\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "", "stop", unknown, KindRefusal},
		{"stream of nothing", "text/event-stream", "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "", "stop", unknown, KindTruncated},
		{"stream of empty text", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "", "stop", unknown, KindTruncated},
		{"stream in two halves", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi \\ud83d\"}}]}\r\rdata: {\"choices\":[{\"delta\":{\"content\":\"\\ude00 12\"},\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\r\r", "hi 😀 12", "stop", unknown, ""},
		{"stream of usage in pieces", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":{\"input_tokens\":3}}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"output_tokens\":4}}\n\ndata: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n", "hi", "stop", counted, ""},
		{"stream with words in it", "text/event-stream", "event: ping\ndata: : working\n\ndata:\n\ndata: still working\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\ndata: [DONE]\n", "hi", "stop", unknown, ""},
		{"stream with an error event", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\nevent: error\ndata: {\"message\":\"engine died\",\"code\":500}\n\ndata: [DONE]\n\n", "", "", unknown, KindServer},
		{"stream with an error field", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\nerror: {\"message\":\"engine died\"}\n\ndata: [DONE]\n\n", "", "", unknown, KindServer},
		{"stream with a bare error", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n{\"error\":{\"message\":\"engine died\"}}\n\ndata: [DONE]\n\n", "", "", unknown, KindServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := readAnswer(httpResponse(c.contentType, c.body), &Body{}, 1<<20, nil)
			kind := Kind("")
			if err != nil {
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Fatalf("got %v", err)
				}
				kind = e.Kind
			}
			if kind != c.kind {
				t.Fatalf("got %q (%v), want %q", kind, err, c.kind)
			}
			if c.kind == "" && (a.text != c.text || a.finish != c.finish) {
				t.Errorf("got %q, %q", a.text, a.finish)
			}
			if c.usage == unknown {
				if !a.usage.estimated || (a.usage.completion > 0) != (a.written && c.kind != KindToolCalls) {
					t.Errorf("got %+v, want estimates", a.usage)
				}
			} else if c.usage != (usage{}) && a.usage != c.usage {
				t.Errorf("got %+v, want %+v", a.usage, c.usage)
			}
		})
	}
}

// TestTooLarge: no more than the limit is read, whatever the form, and an
// answer of exactly the limit is read.
func TestTooLarge(t *testing.T) {
	body := `{"choices":[{"message":{"content":"` + strings.Repeat("x", 1000) + `"}}]}`
	stream := "data: " + body + "\n\ndata: [DONE]\n\n"
	for _, c := range []struct{ contentType, body string }{{jsonType, body}, {"text/event-stream", stream}} {
		a, err := readAnswer(httpResponse(c.contentType, c.body), &Body{}, int64(len(c.body)), nil)
		if err != nil || len(a.text) != 1000 {
			t.Errorf("%s at the limit: %v", c.contentType, err)
		}
		res := httpResponse(c.contentType, c.body+strings.Repeat(" ", 1<<20))
		unread := res.Body
		_, err = readAnswer(res, &Body{}, int64(len(body))-1, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != KindTooLarge {
			t.Errorf("%s over the limit: %v", c.contentType, err)
		}
		rest, _ := io.ReadAll(unread)
		if len(rest) < 1<<19 {
			t.Errorf("%s: only %d bytes were left unread", c.contentType, len(rest))
		}
	}
}

// TestDecompressionBomb: the cap counts what the answer unpacks to.
func TestDecompressionBomb(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	res := httpResponse(jsonType, "")
	res.Body, res.ContentLength = unpacked, -1
	_, err = readAnswer(res, &Body{}, 1<<20, nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != KindTooLarge {
		t.Errorf("got %v", err)
	}
}

// A limit that is meant as none is one.
func TestNoLimit(t *testing.T) {
	const text = `{"choices":[{"message":{"content":"hi"}}]}`
	for _, most := range []int64{math.MaxInt64, int64(len(text))} {
		if a, err := readAnswer(httpResponse(jsonType, text), &Body{}, most, nil); err != nil || a.text != "hi" {
			t.Errorf("limit %d: %+v, %v", most, a, err)
		}
	}
}

type brokenReader struct {
	data string
	err  error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.data == "" {
		return 0, b.err
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

func TestBrokenBody(t *testing.T) {
	for _, contentType := range []string{jsonType, "text/event-stream"} {
		res := httpResponse(contentType, "")
		res.Body = io.NopCloser(&brokenReader{"data: {\"choices\"", io.ErrUnexpectedEOF})
		if _, err := readAnswer(res, &Body{}, 1<<20, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v", contentType, err)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(jsonType, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}`)
	f.Add(jsonType, `{"choices":[{"message":{"content":[{"type":"text","text":"a"}],"refusal":1,"tool_calls":[]}}]}`)
	f.Add(jsonType, `{"error":{"code":429,"message":"x","type":[]}}`)
	f.Add("text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	f.Add("text/html", "<html>")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		a, err := readAnswer(httpResponse(contentType, body), &Body{}, 1<<12, nil)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); ok && e.compose().Message == "" {
				t.Errorf("no message for %q", e.Kind)
			}
			return
		}
		if !utf8.ValidString(a.text) {
			t.Errorf("text %q", a.text)
		}
		if u := a.usage; u.prompt < 0 || u.completion < 0 || u.total < 0 || u.total > 2*maxCount {
			t.Errorf("usage %+v", u)
		}
	})
}

func TestKindsHaveWords(t *testing.T) {
	for _, k := range []Kind{
		KindRateLimited, KindServer, KindAuth, KindQuota, KindNotFound, KindBadRequest, KindTimeout, KindConnection, KindUnavailable,
		KindTruncated, KindInvalidJSON, KindHTML, KindContentType, KindTooLarge, KindNoChoices, KindNoContent, KindRefusal, KindToolCalls,
	} {
		if (&Error{Kind: k}).compose().Message == "" {
			t.Errorf("%s has no message", k)
		}
	}
	e := (&Error{Kind: KindRateLimited, Status: 429, Code: "slow_down", Candidate: "m"}).compose()
	if diff := cmp.Diff(`chat: candidate "m": rate limited (HTTP 429, slow_down)`, e.Error()); diff != "" {
		t.Error(diff)
	}
}

// TestContentIsNotCopied: an answer in one piece, with nothing escaped, is the
// text that was read.
func TestContentIsNotCopied(t *testing.T) {
	var thought strings.Builder
	text := jsonText(`"` + strings.Repeat("The answer is 42. ", 20) + `"`)
	allocations := testing.AllocsPerRun(10, func() {
		var c content
		if c.add(text, &thought) || c.String() != string(text[1:len(text)-1]) {
			t.Fatal("another text")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// TestContentInPieces: pieces join as they stand in their JSON.
func TestContentInPieces(t *testing.T) {
	var thought strings.Builder
	for want, pieces := range map[string][]jsonText{
		"":           {`""`, `null`, ``},
		"ab":         {`""`, `"a"`, `""`, ` "b" `},
		"a\nb\"c":    {`"a\n"`, `"b\"c"`},
		"\U0001F600": {`"\ud83d"`, `"\ude00"`},
		"a{\"b\":1}": {`"a"`, `{"b":1}`},
		"1.50":       {`1.50`},
		"xyz":        {`["x",{"type":"text","text":"y"}]`, `"z"`},
	} {
		var c content
		for _, piece := range pieces {
			c.add(piece, &thought)
		}
		if got := c.String(); got != want || (c.len() == 0) != (want == "") {
			t.Errorf("%q gives %q, of length %d, want %q", pieces, got, c.len(), want)
		}
	}
}
