package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// replay is the real queries that have published scores, one of each text.
type replay struct {
	queries    []llmrouterdata.StandardQueryData
	scores     []map[string]float64
	candidates []llmrouterdata.Candidate
	vectors    [][]float32
	prompts    chat.Prompts
}

// readReplay reads the published files below a folder.
func readReplay(ctx context.Context, data string) (*replay, error) {
	text, err := os.ReadFile(filepath.Join(data, "scores", "dcrouter_train.json"))
	if err != nil {
		return nil, err
	}
	var list []struct {
		Question string             `json:"question"`
		Scores   map[string]float64 `json:"scores"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	scores := map[string]map[string]float64{}
	for _, s := range list {
		scores[s.Question] = s.Scores
	}
	r := &replay{prompts: chat.BuiltinPrompts()}
	all, err := llmrouterdata.ReadCandidatesFile(filepath.Join(data, "llm_candidates", "default_llm_embeddings.json"))
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if _, ok := list[0].Scores[c.Name]; ok {
			r.candidates = append(r.candidates, c)
		}
	}
	seen := map[string]bool{}
	var texts []string
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](filepath.Join(data, "query_data", "default_query_train.jsonl"), nil) {
		if err != nil {
			return nil, err
		}
		if seen[q.Query] || scores[q.Query] == nil {
			continue
		}
		seen[q.Query] = true
		r.queries = append(r.queries, q)
		r.scores = append(r.scores, scores[q.Query])
		texts = append(texts, q.Query)
	}
	r.vectors, err = wordhash.Encoder{}.Encode(ctx, texts)
	return r, err
}

// isTest draws the test queries: a share of each task, by a seed.
func (r *replay) isTest(share float64, seed uint64) []bool {
	byTask := map[string][]int{}
	for i, q := range r.queries {
		byTask[q.TaskName] = append(byTask[q.TaskName], i)
	}
	tasks := make([]string, 0, len(byTask))
	for t := range byTask {
		tasks = append(tasks, t)
	}
	slices.Sort(tasks)
	random := rand.New(rand.NewPCG(seed, 0))
	test := make([]bool, len(r.queries))
	for _, t := range tasks {
		ids := byTask[t]
		random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, i := range ids[:int(math.Round(share*float64(len(ids))))] {
			test[i] = true
		}
	}
	return test
}

// lengths are the mean tokens of an answer by task; 60 for others.
var lengths = map[string]float64{
	"math": 320, "gsm8k": 180, "agentverse-mgsm": 180, "mbpp": 200, "human_eval": 220, "agentverse-logicgrid": 300,
	"commongen": 40, "natural_qa": 45, "trivia_qa": 35,
}

// tokens invents how long prompt and answer are: the prompt's from its text, the
// answer's log-normal about the mean of its task, times how verbose the model is.
func (r *replay) tokens(i int, model string) (prompt, answer int, err error) {
	q := r.queries[i]
	p, err := r.prompts.For(q)
	if err != nil {
		return 0, 0, err
	}
	mean := lengths[q.TaskName]
	if mean == 0 {
		mean = 60
	}
	random := rand.New(rand.NewPCG(wordhash.Hash(q.Query), wordhash.Hash(model)))
	verbosity := 0.7 + 0.6*float64(wordhash.Hash(model)%1000)/1000
	answer = int(mean*verbosity*math.Exp(0.5*random.NormFloat64())) + 1
	return len(p.System+"\n"+p.User+"\n")/4 + 1, answer, nil
}

// write writes the data set with the test queries of a seed below a folder.
func (r *replay) write(dir string, seed uint64) (*llmrouterdata.Config, error) {
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: filepath.Join(dir, "queries_train.jsonl"), QueryDataTest: filepath.Join(dir, "queries_test.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "query_embeddings.pt"),
		RoutingDataTrain:   filepath.Join(dir, "routing_train.jsonl"), RoutingDataTest: filepath.Join(dir, "routing_test.jsonl"),
		LLMData: filepath.Join(dir, "llm.json"), LLMEmbeddingData: filepath.Join(dir, "llm_embeddings.json"),
	}
	var queries, rows [2]bytes.Buffer
	id := 0
	var vectors bytes.Buffer
	tensors := torchio.NewWriter(&vectors, nil)
	test := r.isTest(0.2, seed)
	for side := range 2 {
		qw, rw := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](&queries[side]), llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](&rows[side])
		for i, q := range r.queries {
			if test[i] != (side == 1) {
				continue
			}
			if err := qw.Write(q); err != nil {
				return nil, err
			}
			if err := r.writeRows(rw, i, id); err != nil {
				return nil, err
			}
			if err := tensors.PutInt(int64(id), torchio.Of(r.vectors[i], len(r.vectors[i]))); err != nil {
				return nil, err
			}
			id++
		}
		if err := qw.Flush(); err != nil {
			return nil, err
		}
		if err := rw.Flush(); err != nil {
			return nil, err
		}
	}
	if err := tensors.Close(); err != nil {
		return nil, err
	}
	var bare, embedded bytes.Buffer
	if err := r.writeCandidates(&bare, &embedded); err != nil {
		return nil, err
	}
	for name, text := range map[string]*bytes.Buffer{
		c.DataPath.QueryDataTrain: &queries[0], c.DataPath.QueryDataTest: &queries[1],
		c.DataPath.RoutingDataTrain: &rows[0], c.DataPath.RoutingDataTest: &rows[1],
		c.DataPath.QueryEmbeddingData: &vectors, c.DataPath.LLMData: &bare, c.DataPath.LLMEmbeddingData: &embedded,
	} {
		if err := os.WriteFile(name, text.Bytes(), 0o666); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// writeAll writes the data sets of the seeds from 0, each with its configuration.
func (r *replay) writeAll(folder string, splits uint64) error {
	for seed := range splits {
		dir, err := filepath.Abs(filepath.Join(folder, fmt.Sprintf("split-%d", seed)))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		c, err := r.write(dir, seed)
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(map[string]any{"data_path": map[string]string{
			"query_data_train": c.DataPath.QueryDataTrain, "query_data_test": c.DataPath.QueryDataTest,
			"query_embedding_data": c.DataPath.QueryEmbeddingData,
			"routing_data_train":   c.DataPath.RoutingDataTrain, "routing_data_test": c.DataPath.RoutingDataTest,
			"llm_data": c.DataPath.LLMData, "llm_embedding_data": c.DataPath.LLMEmbeddingData,
		}}, "", "  ") // which is YAML too
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// writeCandidates writes the candidates without and with their embeddings.
func (r *replay) writeCandidates(bare, embedded *bytes.Buffer) error {
	if err := llmrouterdata.WriteCandidates(embedded, r.candidates); err != nil {
		return err
	}
	list := slices.Clone(r.candidates)
	for i := range list {
		list[i].Embedding = nil
	}
	return llmrouterdata.WriteCandidates(bare, list)
}

// writeRows writes the rows of query i, whose vector has an id.
func (r *replay) writeRows(w *llmrouterdata.Writer[llmrouterdata.RoutingRecord], i, id int) error {
	for _, c := range r.candidates {
		score, ok := r.scores[i][c.Name]
		if !ok {
			return fmt.Errorf("query %d has no score of %s", i, c.Name)
		}
		prompt, answer, err := r.tokens(i, c.Name)
		if err != nil {
			return err
		}
		row := llmrouterdata.NewRoutingRecord(r.queries[i])
		row.ModelName, row.Performance, row.EmbeddingID = c.Name, score, id
		row.Response = strings.Join([]string{"replayed answer of", c.Name}, " ")
		row.InputTokens, row.OutputTokens, row.TokenNum, row.ResponseTime = prompt, answer, prompt+answer, 0.1
		if err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}
