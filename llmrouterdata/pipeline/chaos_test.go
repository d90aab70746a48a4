package pipeline

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// 10,000 pairs go through a server with every fault, with 8 keys and 200
// workers: every row is there and right, no key is used while it rests, and the
// healthy ones share the load. The fake clock makes the rests exact, however busy
// the machine is.
func TestChaos(t *testing.T) {
	synctest.Test(t, testChaos)
}

func testChaos(t *testing.T) {
	models := []string{"a", "b", "c", "d"}
	c := testSet(t, 2000, 500, models...)
	healthy := []string{"k-1", "k-2", "k-3", "k-4", "k-5"}
	limited := []string{"k-limited-a", "k-limited-b"}
	config := chaos.Config{
		Seed: 1, Latency: chaos.LogNormal(2*time.Second, 0.5), RejectedKeys: []string{"k-rejected"}, MaxFaults: 5,
		Cooldown: time.Second, Answer: fakeAnswer,
		Faults: []chaos.Fault{
			{Kind: chaos.RateLimited, Probability: 0.02, RetryAfter: 2 * time.Second, Keys: limited[:1]},
			{Kind: chaos.RateLimitedDate, Probability: 0.02, RetryAfter: 2 * time.Second, Keys: limited[1:]},
			{Kind: chaos.RateLimitedSilent, Probability: 0.02, Keys: limited},
			{Kind: chaos.ServerError, Probability: 0.01},
			{Kind: chaos.Unavailable, Probability: 0.02, RetryAfter: time.Second, Keys: limited},
			{Kind: chaos.Disconnect, Probability: 0.01},
			{Kind: chaos.DisconnectEarly, Probability: 0.01},
			{Kind: chaos.Hang, Probability: 0.002},
			{Kind: chaos.Drip, Probability: 0.002},
			{Kind: chaos.TruncatedJSON, Probability: 0.01},
			{Kind: chaos.InvalidJSON, Probability: 0.01},
			{Kind: chaos.HTMLPage, Probability: 0.01},
			{Kind: chaos.WrongType, Probability: 0.005},
			{Kind: chaos.NoChoices, Probability: 0.005},
			{Kind: chaos.EmbeddedError, Probability: 0.005},
		},
	}
	s := chaos.New(config)
	transport, stop := s.Pipe()
	defer stop()
	c.APIEndpoint = chaos.PipeURL
	writeFile(t, c.DataPath.LLMData, localCandidates(models))
	keys, err := chat.ParseKeys("k-rejected,k-limited-a,k-limited-b,k-1,k-2,k-3,k-4,k-5")
	if err != nil {
		t.Fatal(err)
	}
	report, err := evaluate(t, c, Options{
		Keys: keys, Workers: 200, KeyLabels: true,
		Client: newClient(t, chat.Options{Transport: transport}),
	})
	if err != nil || report.Failed+report.Missing+report.ScoreErrors != 0 || report.Called != 10000 {
		t.Fatalf("%+v, %v", report, err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	queries := append(testQueries(0, 2000), testQueries(1600, 500)...)
	rows := readRows(t, c)
	if len(rows) != 10000 {
		t.Fatalf("%d rows", len(rows))
	}
	prompts, registry := chat.BuiltinPrompts(), metrics.Builtin()
	right := 0
	for i, row := range rows {
		prompt, err := prompts.For(queries[i/4])
		if err != nil {
			t.Fatal(err)
		}
		answer := fakeAnswer("model/"+models[i%4], prompt.User)
		score, err := registry.Score(t.Context(), row.Metric, metrics.Input{Task: row.TaskName, Prediction: answer, Truth: row.GroundTruth})
		if err != nil {
			t.Fatal(err)
		}
		if score.Score == 1 {
			right++
		}
		in, out := chaos.PromptTokens(prompt.System, prompt.User), chaos.CompletionTokens(answer)
		if row.Key() != queries[i/4].Key() || row.ModelName != models[i%4] || row.Response != answer ||
			row.InputTokens != in || row.OutputTokens != out || row.TokenNum != in+out || row.Performance != score.Score || row.ResponseTime <= 0 || row.APIKeyUsed == "" || row.APIKeyUsed == "key-1" {
			t.Fatalf("row %d: %+v", i+1, row)
		}
	}
	if right < 2000 || right > 8000 {
		t.Errorf("%d answers are right", right)
	}
	stats := s.Stats()
	for i, v := range stats.Violations {
		if i < 10 {
			t.Errorf("key %s was used %v after it was told to rest, %v too early", v.Key, v.After, v.Early)
		}
	}
	for _, f := range config.Faults {
		if f.Keys == nil && stats.Faults[f.Kind] == 0 {
			t.Errorf("no call met the fault %q", f.Kind)
		}
	}
	total := 0
	for _, k := range healthy {
		total += stats.ByKey[k]
	}
	even := float64(total) / float64(len(healthy))
	for _, k := range healthy {
		if n := float64(stats.ByKey[k]); math.Abs(n-even) > 0.1*even {
			t.Errorf("key %s: %v requests, %.1f %% off the even share", k, n, 100*(n/even-1))
		}
	}
	if n := stats.ByKey["k-rejected"]; n == 0 || n > 200 {
		t.Errorf("%d requests with the rejected key", n)
	}
	t.Logf("%d requests for 10,000 pairs in %.0f s of the fake clock, at most %d at once", stats.Requests, report.Seconds, stats.MaxInFlight)
}
