package pipeline

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// The vectors run the Python pipeline's step 3 from query files and canned
// replies to its routing files. mend changes its rows by the differences that
// the README states, one by one; everything else must be equal to the byte.
func TestGoldenRouting(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){"routing_e2e": testRouting})
}

// reply is a canned answer.
type reply struct {
	response, raised          string
	isRaised                  bool
	total, prompt, completion int
	elapsed                   float64
}

// cannedClient gives the replies in the order of the calls.
type cannedClient struct {
	t       *testing.T
	replies []reply
}

func (c *cannedClient) Complete(_ context.Context, r chat.Request) (chat.Response, error) {
	if len(c.replies) == 0 {
		c.t.Fatal("more calls than replies")
	}
	next := c.replies[0]
	c.replies = c.replies[1:]
	response := chat.Response{ResponseTime: time.Duration(math.Round(next.elapsed * 1e9)), Attempts: 1}
	if next.isRaised {
		return chat.Response{}, &chat.Error{Candidate: r.Target.Name, Message: next.raised}
	}
	if message, ok := strings.CutPrefix(next.response, "API Error: "); ok {
		return response, &chat.Error{Candidate: r.Target.Name, Message: message}
	}
	response.Text, response.TotalTokens, response.PromptTokens, response.CompletionTokens = next.response, next.total, next.prompt, next.completion
	return response, nil
}

// flatEncoder gives every text the same vector.
type flatEncoder struct{}

func (flatEncoder) Dim() int { return 3 }

func (flatEncoder) Encode(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = []float32{1, 2, 3}
	}
	return vectors, nil
}

func rawPrompt(q llmrouterdata.StandardQueryData) (chat.Prompt, error) {
	return chat.Prompt{User: q.Query}, nil
}

// standInCode is the vectors' stand-in for running code: a pass where the
// extracted code contains "ok".
func standInCode(prediction, taskID string) float64 {
	code, _, err := codeeval.ExtractCode(prediction, taskID)
	if err == nil && strings.Contains(code, "ok") {
		return 1
	}
	return 0
}

func testRouting(t *testing.T, v golden.Vector) {
	args := decode(t, v, v.Args)
	out := decode(t, v, v.Out)
	replies := cannedReplies(args)
	var models []string
	for _, m := range get(args, "models").([]any) {
		models = append(models, m.(string))
	}
	called := slices.DeleteFunc(slices.Clone(models), func(name string) bool { return strings.HasSuffix(name, "_think") })
	files := map[string]string{"train": get(args, "train").(string), "test": get(args, "test").(string)}
	dir := t.TempDir()
	c := testConfig(dir)
	writeCandidates(t, c.DataPath.LLMData, models)
	names := map[string]string{"train": c.DataPath.QueryDataTrain, "test": c.DataPath.QueryDataTest}
	for split, text := range files {
		// Choices that are neither a list nor an object are lost by the Python
		// loader or printed as they are; here such a line is refused (D6).
		files[split] = withoutOddChoices(t, text)
		writeFile(t, names[split], files[split])
	}

	prompts := chat.Prompts{}
	for _, task := range []string{"natural_qa", "trivia_qa", "mmlu", "gpqa", "mbpp", "human_eval", "gsm8k", "commonsense_qa", "math", "openbook_qa", "arc_challenge"} {
		prompts = prompts.With(task, rawPrompt)
	}
	registry, err := metrics.Builtin().With(metrics.NewMetric("code_eval", func(_ context.Context, in metrics.Input) (metrics.Result, error) {
		return metrics.Scored(standInCode(in.Prediction, in.TaskID)), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	client := &cannedClient{t: t, replies: replies}
	if invalid := invalidQueries(files["train"] + files["test"]); invalid != nil {
		// D11: what cannot be asked or scored is an error before the first call.
		_, err := planAndRun(t.Context(), c, Options{Encoder: flatEncoder{}, Prompts: &prompts, Metrics: &registry, Client: client})
		if err == nil || len(client.replies) != len(replies) {
			t.Errorf("%s: %v, but the run started: %v", v.Where, invalid, err)
		}
		return
	}
	_, err = planAndRun(t.Context(), c, Options{
		Encoder: flatEncoder{}, Prompts: &prompts, Metrics: &registry, Workers: 1, Client: client,
	})
	if err != nil {
		t.Errorf("%s: %v", v.Where, err)
		return
	}
	if len(client.replies) > 0 {
		t.Errorf("%s: %d replies were not asked for", v.Where, len(client.replies))
	}

	// Ids count the keys in order of first appearance, training before test.
	ids := map[llmrouterdata.QueryKey]int{}
	var keys []llmrouterdata.QueryKey
	var queries []llmrouterdata.StandardQueryData
	for _, split := range []string{"train", "test"} {
		for q, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](strings.NewReader(files[split]), nil) {
			if err != nil {
				t.Fatalf("%s: %v", v.Where, err)
			}
			queries = append(queries, q)
			if _, ok := ids[q.Key()]; !ok {
				ids[q.Key()] = len(ids)
				keys = append(keys, q.Key())
			}
		}
	}
	checkKeys(t, v, get(out, "embedding_keys").([]any), keys, len(get(args, "embed_fail").([]any)) > 0)

	row := 0
	for _, split := range []string{"train", "test"} {
		written, err := os.ReadFile(map[string]string{"train": c.DataPath.RoutingDataTrain, "test": c.DataPath.RoutingDataTest}[split])
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(written, []byte("\n")), []byte("\n"))
		want := strings.Split(strings.TrimSuffix(get(out, split).(string), "\n"), "\n")
		if len(written) == 0 {
			lines = nil
		}
		if want[0] == "" {
			want = nil
		}
		if len(lines) != len(want) {
			t.Errorf("%s: %s has %d rows, want %d", v.Where, split, len(lines), len(want))
			return
		}
		for i := range lines {
			expected := decode(t, v, []byte(want[i]))
			mend(expected, queries[row/len(called)], replies[row], ids, split == "train" && lacksTextIDs(files["train"]) || split == "test" && lacksTextIDs(files["test"]))
			text, err := pyjson.Append(nil, expected, pyjson.Style{})
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != string(lines[i]) {
				t.Errorf("%s: %s row %d\n got %s\nwant %s", v.Where, split, i+1, lines[i], text)
			}
			row++
		}
	}
}

// mend turns a row of the Python pipeline into ours.
func mend(row *pyjson.Object, q llmrouterdata.StandardQueryData, r reply, ids map[llmrouterdata.QueryKey]int, floatIDs bool) {
	// D6: choices are a JSON string, whatever form was read.
	if q.Choices == nil {
		row.Set("choices", nil)
	} else {
		row.Set("choices", q.Choices.JSON())
	}
	// D8: an array becomes its JSON text, a task id text or null.
	row.Set("ground_truth", q.GroundTruth)
	row.Set("task_id", nil)
	if q.TaskID != nil {
		row.Set("task_id", *q.TaskID)
	}
	// D8: integers are integers and performance is a float; no NaN. A failed
	// embedding fails the run here, so that every row has its id.
	row.Set("embedding_id", pyjson.NewInt(int64(ids[q.Key()])))
	if n, _ := row.Get("performance"); n != nil {
		if i, ok := n.(pyjson.Int); ok {
			row.Set("performance", i.Float64())
		}
	}
	// D8: times are floats; they are kept to the nanosecond.
	row.Set("response_time", time.Duration(math.Round(r.elapsed*1e9)).Seconds())
	// A null answer is an empty one.
	if must(row.Get("response")) == nil {
		row.Set("response", "")
	}
	failed := r.isRaised || strings.HasPrefix(r.response, "API Error: ")
	switch {
	case failed:
		// D3: an error is no answer: its row has the error text, no tokens and
		// performance 0.0.
		message, _ := strings.CutPrefix(r.response, "API Error: ")
		if r.isRaised {
			message = r.raised
		}
		row.Set("response", "API Error: "+message)
		for _, key := range []string{"token_num", "input_tokens", "output_tokens"} {
			row.Set(key, pyjson.NewInt(0))
		}
		row.Set("performance", 0.0)
	case q.Metric == "code_eval" && floatIDs:
		// D13: task ids that pandas made floats score 0.0 there.
		row.Set("performance", standInCode(r.response, *q.TaskID))
	case strings.HasPrefix(r.response, "ERROR"):
		// D3: only a failed call goes unscored, not an answer that begins like
		// one.
		result, err := metrics.Builtin().Score(context.Background(), q.Metric, metrics.Input{Task: q.TaskName, Prediction: r.response, Truth: q.GroundTruth})
		if err == nil && result.Evaluated {
			row.Set("performance", result.Score)
		} else if q.Metric == "code_eval" {
			row.Set("performance", standInCode(r.response, *q.TaskID))
		}
	}
	// What is not there is left out, where pandas writes NaN.
	there := &pyjson.Object{}
	for i := range row.Len() {
		key, value := row.At(i)
		if f, number := value.(float64); key != "question_type" || !number || f-f == 0 {
			there.Set(key, value)
		}
	}
	*row = *there
}

func must(v any, _ bool) any { return v }

// lacksTextIDs reports whether a split has MBPP rows and no text among its
// task ids, so that pandas makes them floats.
func lacksTextIDs(text string) bool {
	ints := false
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		v, err := pyjson.Parse([]byte(strings.TrimSpace(line)))
		o, ok := v.(*pyjson.Object)
		if err != nil || !ok {
			continue
		}
		switch id, _ := o.Get("task_id"); id.(type) {
		case string:
			return false
		case pyjson.Int:
			ints = true
		}
	}
	return ints
}

// invalidQueries returns what is wrong with the records of a text, nil where
// all are valid and there is at least one.
func invalidQueries(text string) error {
	n := 0
	for q, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](strings.NewReader(text), nil) {
		n++
		if err == nil {
			err = q.Validate()
		}
		if err != nil {
			return err
		}
	}
	if n == 0 {
		return errors.New("no query")
	}
	return nil
}

// withoutOddChoices sets choices that are neither a list nor an object to
// null.
func withoutOddChoices(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		refused := false
		for _, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](strings.NewReader(line), nil) {
			refused = err != nil
		}
		if refused {
			v, err := pyjson.Parse([]byte(strings.TrimSpace(line)))
			if err != nil {
				t.Fatal(err)
			}
			v.(*pyjson.Object).Set("choices", nil)
			fixed, err := pyjson.Append(nil, v, pyjson.Style{})
			if err != nil {
				t.Fatal(err)
			}
			line = string(fixed)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// checkKeys compares the order of the ids. Where embeddings failed the Python
// pipeline leaves their keys out.
func checkKeys(t *testing.T, v golden.Vector, want []any, got []llmrouterdata.QueryKey, some bool) {
	t.Helper()
	if !some && len(want) != len(got) {
		t.Errorf("%s: %d keys, want %d", v.Where, len(got), len(want))
		return
	}
	i := 0
	for _, item := range want {
		key := item.([]any)
		truth, ok := key[2].(string)
		if !ok {
			text, err := pyjson.Append(nil, untuple(key[2]), pyjson.Style{ASCII: true})
			if err != nil {
				t.Fatal(err)
			}
			truth = string(text)
		}
		k := llmrouterdata.QueryKey{TaskName: key[0].(string), Query: key[1].(string), GroundTruth: truth, Metric: key[3].(string)}
		for some && i < len(got) && got[i] != k {
			i++
		}
		if i == len(got) || got[i] != k {
			t.Errorf("%s: key %d is %q, want %q", v.Where, i, got[min(i, len(got)-1)], k)
			return
		}
		i++
	}
}

func untuple(v any) any {
	if o, ok := v.(*pyjson.Object); ok {
		if items, ok := o.Get("$tuple"); ok {
			return items
		}
	}
	return v
}

func cannedReplies(args *pyjson.Object) []reply {
	var list []reply
	for _, item := range get(args, "replies").([]any) {
		o := item.(*pyjson.Object)
		if raised, ok := o.Get("raise"); ok {
			list = append(list, reply{raised: raised.(string), isRaised: true})
			continue
		}
		r := reply{total: number(o, "token_num"), prompt: number(o, "prompt_tokens"), completion: number(o, "completion_tokens")}
		r.response, _ = get(o, "response").(string)
		switch f := get(o, "elapsed").(type) {
		case float64:
			r.elapsed = f
		case pyjson.Int:
			r.elapsed = f.Float64()
		}
		list = append(list, r)
	}
	return list
}

func number(o *pyjson.Object, key string) int {
	n, _ := get(o, key).(pyjson.Int).Int64()
	return int(n)
}

func get(o *pyjson.Object, key string) any {
	v, _ := o.Get(key)
	return v
}

func decode(t *testing.T, v golden.Vector, raw []byte) *pyjson.Object {
	t.Helper()
	value, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	o, ok := value.(*pyjson.Object)
	if !ok {
		t.Fatalf("%s: a vector of another form", v.Where)
	}
	return o
}

// testConfig names the seven files below dir.
func testConfig(dir string) *llmrouterdata.Config {
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: filepath.Join(dir, "query_data", "train.jsonl"), QueryDataTest: filepath.Join(dir, "query_data", "test.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "routing_data", "embeddings.pt"),
		RoutingDataTrain:   filepath.Join(dir, "routing_data", "train.jsonl"), RoutingDataTest: filepath.Join(dir, "routing_data", "test.jsonl"),
		LLMData: filepath.Join(dir, "llm.json"), LLMEmbeddingData: filepath.Join(dir, "llm_embeddings.json"),
	}
	return c
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// writeCandidates writes candidates of the given names at a local endpoint.
func writeCandidates(t testing.TB, name string, models []string) {
	t.Helper()
	var list []llmrouterdata.Candidate
	for _, m := range models {
		list = append(list, llmrouterdata.Candidate{Name: m, Model: "model/" + m, Service: "local", APIEndpoint: "http://127.0.0.1:1/v1", Feature: "the model " + m, InputPrice: 1, OutputPrice: 2})
	}
	var b bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&b, list); err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, b.String())
}
