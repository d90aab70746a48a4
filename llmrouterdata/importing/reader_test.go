package importing_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

// write writes a file below a new folder.
func write(t testing.TB, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestColumns(t *testing.T) {
	mapping := map[string]string{
		"query": "prompt", "model": "llm", "response": "answer", "score": "right", "ground_truth": "truth", "choices": "options",
		"input_tokens": "in", "output_tokens": "out", "response_time": "s", "cost": "usd", "repeat": "n", "failure": "error", "task_id": "id", "task": "set",
	}
	csv := write(t, "a.csv", "\ufeffprompt,llm,answer,right,truth,options,in,out,s,usd,n,error,id,set\n"+
		"What?,m,\"This,\nthat\",True,This,\"['This', 'That']\",10,2,0.5,0.001,2,,7,own\nWhat?,m,,x,,,,,,,,,,\nshort\nWhy?,m,,,,,,-1,-2,,,refused,,own\n")
	jsonl := write(t, "a.jsonl", `{"prompt": "What?", "llm": "m", "answer": "This,\nthat", "right": true, "truth": "This", "options": ["This", "That"], "in": 10, "out": 2, "s": 0.5, "usd": 0.001, "n": 2, "error": null, "id": 7, "set": "own"}`+
		"\n\n[]\n{\"prompt\": \"What?\", \"right\": \"x\"}\n"+`{"prompt": "Why?", "llm": "m", "out": -1, "s": -2, "error": "refused", "set": "own"}`)
	want := []said{
		{
			Task: "own", Model: "m", Query: "What?", Truth: "This", Response: "This,\nthat", Scorer: "score", Repeat: 2, Score: 1, Seconds: 0.5, Cost: 0.001,
			Input: 10, Output: 2, Choices: []string{"This", "That"},
		},
		{Task: "own", Model: "m", Query: "Why?", Failure: "refused", Score: -1, Seconds: -1, Cost: -1, Input: -1, Output: -1},
	}
	for _, name := range []string{csv, jsonl} {
		results, reasons, err := read(t, importing.Columns, &importing.ReaderOptions{Columns: mapping}, name)
		slices.Sort(reasons)
		if len(results) != 2 || !slices.Equal(reasons, []string{importing.ReasonBadScore, importing.ReasonMalformed}) || err != nil {
			t.Fatalf("%s: %+v, %q, %v", name, results, reasons, err)
		}
		if diff := cmp.Diff(want, []said{saidBy(results[0]), saidBy(results[1])}); diff != "" || *results[0].TaskID != "7" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	mapping["response"] = "reply"
	if _, _, err := read(t, importing.Columns, &importing.ReaderOptions{Columns: mapping}, csv); err == nil || !strings.Contains(err.Error(), `"reply"`) {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestRouterLog reads lines as the server writes them, one of them scored since.
func TestRouterLog(t *testing.T) {
	log := write(t, "log.jsonl", `{"time":"2026-11-30T12:00:00Z","asked":"auto","query":"What?","context":0,"choice":"m","model_name":"m","response":"This","input_tokens":10,"output_tokens":2,"response_time":0.5,"cost_usd":0.001,"task_name":"own","ground_truth":"This","metric":"em_mc","performance":1}
{"asked":"n","query":"What?","context":0,"model_name":"n","response":"That","input_tokens":10,"output_tokens":2,"tokens_estimated":true,"response_time":1,"cost_usd":0.002}
{"asked":"auto","query":"Why?","context":0,"choice":"m","failed":["n"],"model_name":"m","response":"","input_tokens":0,"output_tokens":0,"response_time":2,"cost_usd":0,"error":"timeout"}
{"asked":"auto","query":"Why?","context":0,"model_name":"m","response":"","error":"cancelled"}
{"asked":"auto","query":"And then?","context":2,"model_name":"m","response":"This"}
{"asked":"auto","query":"Why?","context":0,"model_name":"m","response":"x","performance":"good"}
{"asked":"auto","query":"Wh
`)
	results, reasons, err := read(t, importing.RouterLog, nil, log)
	if want := []string{importing.ReasonNoResponse, importing.ReasonContext, importing.ReasonBadScore, importing.ReasonMalformed}; len(results) != 3 || !slices.Equal(reasons, want) || err != nil {
		t.Fatalf("%+v, %q, %v", results, reasons, err)
	}
	want := []said{
		{Task: "own", Model: "m", Query: "What?", Truth: "This", Response: "This", Scorer: "em_mc", Score: 1, Seconds: 0.5, Cost: 0.001, Input: 10, Output: 2},
		{Model: "n", Query: "What?", Response: "That", Score: -1, Seconds: 1, Cost: 0.002, Input: -1, Output: -1},
		{Model: "m", Query: "Why?", Failure: "timeout", Score: -1, Seconds: 2, Cost: 0, Input: -1, Output: -1},
	}
	if diff := cmp.Diff(want, []said{saidBy(results[0]), saidBy(results[1]), saidBy(results[2])}); diff != "" {
		t.Error(diff)
	}
}

// TestColumnsOfModels reads a row a query, as RouteLLM has it.
func TestColumnsOfModels(t *testing.T) {
	name := write(t, "a.csv", "prompt,gpt,mix\nWhat?,True,False\n")
	results, reasons, err := read(t, importing.Columns, &importing.ReaderOptions{
		Task: "own", Scorer: "correct", Columns: map[string]string{"query": "prompt", "score.gpt-4": "gpt", "score.mixtral": "mix"},
	}, name)
	if len(results) != 2 || reasons != nil || err != nil {
		t.Fatalf("%+v, %q, %v", results, reasons, err)
	}
	for i, want := range []said{{Model: "gpt-4", Score: 1}, {Model: "mixtral", Score: 0}} {
		want.Task, want.Query, want.Scorer, want.Seconds, want.Cost, want.Input, want.Output = "own", "What?", "correct", -1, -1, -1, -1
		if diff := cmp.Diff(want, saidBy(results[i])); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBatch(t *testing.T) {
	line := func(id, rest string) string { return `{"custom_id": "` + id + `", ` + rest + "}\n" }
	request := func(id, text string) string {
		return line(id, `"body": {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "`+text+`"}]}]}`)
	}
	const ok = `{"status_code": 200, "body": {"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}}`
	in := write(t, "in.jsonl", request("1", "one")+request("2", "two")+request("3", "three")+request("4", "four"))
	out := write(t, "out.jsonl", line("3", `"response": {"job": `+ok+`}`)+line("1", `"response": `+ok)+line("5", `"response": `+ok)+
		line("2", `"response": {"status_code": 200, "body": {"choices": [{"message": {"content": null}}]}}`)+"{\"custom_id\": \"1\", \"respon")
	failed := write(t, "errors.jsonl", line("4", `"response": null, "error": {"code": "batch_expired", "message": "expired"}`))
	results, reasons, err := read(t, importing.OpenAIBatch, nil, out, in, failed)
	if err != nil || !slices.Equal(reasons, []string{importing.ReasonMalformed, importing.ReasonNoRequest, importing.ReasonNoResponse}) {
		t.Fatalf("%q, %v", reasons, err)
	}
	var got [][3]string
	for _, r := range results {
		got = append(got, [3]string{r.Query, r.Response, r.Failure})
	}
	if diff := cmp.Diff([][3]string{{"three", "yes", ""}, {"one", "yes", ""}, {"four", "", "expired"}}, got); diff != "" {
		t.Error(diff)
	}
	other := write(t, "other.jsonl", request("1", "another"))
	if _, _, err := read(t, importing.OpenAIBatch, nil, in, other); err == nil || !strings.Contains(err.Error(), "custom_id") {
		t.Errorf("one id for two requests: %v", err)
	}
}

// archive is a zip of members by name.
func archive(t testing.TB, members map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range members {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, "log.eval", b.String())
}

func TestInspect(t *testing.T) {
	const header = `{"version": 2, "eval": {"task": "own", "model": "m"}}`
	const sample = `{"id": 1, "epoch": 1, "input": [{"role": "user", "content": "What?"}], "target": "x", "output": {"choices": [{"message": {"content": "x"}}]}, "scores": {"s": {"value": VALUE}}}`
	with := func(value string) string {
		return archive(t, map[string]string{"_journal/start.json": header, "samples/1_epoch_1.json": strings.Replace(sample, "VALUE", value, 1)})
	}
	for value, want := range map[string]float64{`"C"`: 1, `"I"`: 0, `"P"`: 0.5, `"N"`: 0, "0.25": 0.25, "true": 1, "1": 1} {
		results, _, err := read(t, importing.Inspect, nil, with(value))
		if err != nil || len(results) != 1 || *results[0].Score != want || results[0].Query != "What?" || results[0].Response != "x" {
			t.Errorf("%s: %+v, %v", value, results, err)
		}
	}
	for _, value := range []string{`{"a": 1}`, `"good"`, "null", "NaN"} {
		if _, reasons, err := read(t, importing.Inspect, nil, with(value)); !slices.Equal(reasons, []string{importing.ReasonBadScore}) || err != nil {
			t.Errorf("%s: %q, %v", value, reasons, err)
		}
	}
	failed := archive(t, map[string]string{"header.json": header, "samples/1_epoch_1.json": `{"id": 1, "epoch": 1, "input": "What?", "target": ["a", "b"], "error": {"message": "it broke"}}`})
	results, _, err := read(t, importing.Inspect, nil, failed)
	if err != nil || len(results) != 1 || results[0].Failure != "it broke" || results[0].GroundTruth != `["a", "b"]` {
		t.Errorf("%+v, %v", results, err)
	}
	for _, members := range []map[string]string{
		{}, {"header.json": "{"}, {"header.json": `{"version": 1}`}, {"header.json": header, "samples/1_epoch_1.json": "["},
	} {
		if _, _, err := read(t, importing.Inspect, nil, archive(t, members)); err == nil || errors.As(err, new(*importing.SkippedError)) {
			t.Errorf("%q is a log: %v", members, err)
		}
	}
}

// fuzzReader feeds a reader what may be no file of its format: it must end, without
// a panic, and say of each result where it is.
func fuzzReader(f *testing.F, format, name string, o *importing.ReaderOptions, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		reader, err := importing.Open(format, o)
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range reader.Read(t.Context(), []string{write(t, name, string(text))}) {
			if err == nil && (r.Where == "" || r.InputTokens != nil && *r.InputTokens < 0 || r.Repeat < 0) {
				t.Errorf("%+v", r)
			}
		}
	})
}

func FuzzLMEval(f *testing.F) {
	fuzzReader(f, importing.LMEval, "samples_own.jsonl", nil,
		`{"doc": {"question": "q", "choices": {"text": ["a"], "label": ["A"]}}, "target": "1", "arguments": {"gen_args_0": {"arg_0": ["[{\"role\": \"user\", \"content\": \"p\"}]"]}}, "resps": [["r", "s"]], "filter": "none", "metrics": ["acc"], "acc": 1.0}`,
		`{"resps": [[["-0.1", "False"]]], "metrics": [1]}`)
}

func FuzzInspectDocument(f *testing.F) {
	fuzzReader(f, importing.Inspect, "log.json", nil,
		`{"version": 2, "eval": {"task": "t", "model": "m"}, "samples": [{"epoch": 1, "input": "q", "target": ["a"], "output": {"completion": "a", "time": 1}, "scores": {"s": {"value": "C"}}}]}`)
}

func FuzzInspectArchive(f *testing.F) {
	text, err := os.ReadFile(archive(f, map[string]string{"header.json": `{"version": 2}`, "samples/1.json": `{"epoch": 1}`}))
	if err != nil {
		f.Fatal(err)
	}
	fuzzReader(f, importing.Inspect, "log.eval", nil, string(text))
}

func FuzzOpenAIBatch(f *testing.F) {
	fuzzReader(f, importing.OpenAIBatch, "batch.jsonl", nil,
		`{"custom_id": "1", "body": {"model": "m", "messages": [{"role": "user", "content": "q"}]}}`+"\n"+`{"custom_id": "1", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "a"}}]}}}`)
}

func FuzzLiteLLM(f *testing.F) {
	fuzzReader(f, importing.LiteLLM, "log.jsonl", nil,
		`{"litellm_call_id": "1", "status": "success", "messages": [{"role": "user", "content": [{"text": "q"}]}], "response": {"choices": [{"message": {"content": "a"}}]}, "prompt_tokens": 3}`)
}

func FuzzRouterLog(f *testing.F) {
	fuzzReader(f, importing.RouterLog, "log.jsonl", nil,
		`{"time": "2026-11-30T12:00:00Z", "asked": "auto", "query": "q", "context": 0, "choice": "m", "model_name": "m", "response": "a", "input_tokens": 3, "output_tokens": 1, "response_time": 0.5, "cost_usd": 1e-05, "performance": 1, "metric": "em_mc"}`)
}

func FuzzRouterBench(f *testing.F) {
	fuzzReader(f, importing.RouterBench, "wide.csv", nil, "sample_id,prompt,eval_name,m,m|model_response,m|total_cost\n1,['q'],own,1.0,\"['a', 'b']\",0.1\n")
}

func FuzzLLMRouterBench(f *testing.F) {
	fuzzReader(f, importing.LLMRouterBench, "result.json", nil, `{"records": [{"origin_query": "q", "raw_output": "a", "score": 1, "ground_truth": ["x"], "prompt_tokens": 1e3}]}`)
}

func FuzzColumns(f *testing.F) {
	o := &importing.ReaderOptions{Columns: map[string]string{"query": "q", "score.m": "s", "choices": "c", "input_tokens": "i"}}
	fuzzReader(f, importing.Columns, "table.csv", o, "q,s,c,i\nwhat,True,\"['a']\",3\n")
}
