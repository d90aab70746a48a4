package rounds

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// simulation is real queries with the published scores of their candidates, one of
// each text. Prices are real; how many
// tokens an answer has is invented.
type simulation struct {
	queries    []llmrouterdata.StandardQueryData
	candidates []llmrouterdata.Candidate
	data       *routers.Data
}

// published reads the simulation's queries.
func published(t testing.TB) *simulation {
	t.Helper()
	dir := golden.DataDir(t)
	text, err := os.ReadFile(filepath.Join(dir, "scores", "dcrouter_train.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Question string             `json:"question"`
		Scores   map[string]float64 `json:"scores"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	scores := map[string]map[string]float64{}
	for _, one := range list {
		scores[one.Question] = one.Scores
	}
	all, err := llmrouterdata.ReadCandidatesFile(filepath.Join(dir, "llm_candidates", "default_llm_embeddings.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := &simulation{}
	var models []routers.Model
	for _, c := range all {
		if _, ok := list[0].Scores[c.Name]; ok {
			s.candidates = append(s.candidates, c)
			models = append(models, routers.Model{Name: c.Name, InputPrice: c.InputPrice, OutputPrice: c.OutputPrice})
		}
	}
	var queries []routers.Query
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](filepath.Join(dir, "query_data", "default_query_train.jsonl"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		of := scores[q.Query]
		if of == nil {
			continue
		}
		delete(scores, q.Query)
		s.queries = append(s.queries, q)
		queries = append(queries, s.query(t, q, of))
	}
	if s.data, err = routers.NewData(models, queries); err != nil {
		t.Fatal(err)
	}
	return s
}

// query is a query with the scores of the candidates. All of them take as many
// tokens as its text and its task let expect.
func (s *simulation) query(t testing.TB, q llmrouterdata.StandardQueryData, scores map[string]float64) routers.Query {
	t.Helper()
	vectors, err := wordhash.Encoder{}.Encode(t.Context(), []string{q.Query})
	if err != nil {
		t.Fatal(err)
	}
	input, output := int32(len(q.Query)/4), int32(60+wordhash.Hash(q.TaskName)%440)
	one := routers.Query{Task: q.TaskName, Text: q.Query, Vector: vectors[0]}
	for _, c := range s.candidates {
		one.Pairs = append(one.Pairs, routers.Pair{Score: scores[c.Name], InputTokens: input, OutputTokens: output})
	}
	return one
}

// half is a training half: the queries that rules see.
type half struct {
	*simulation
	rows []int // of data
}

// split draws the queries of the test half, a fifth of them.
func (s *simulation) split(seed uint64) (train *half, test *routers.Data) {
	random := rand.New(rand.NewPCG(seed, 5))
	rows := random.Perm(s.data.Len())
	n := len(rows) / 5
	return &half{s, rows[n:]}, s.data.Subset(rows[:n])
}

// cost is what a candidate's answer to a query costs.
func (h *half) cost(q, c int) float64 { return h.data.Cost(h.rows[q], c) }

// answered is what the candidates of a round made of its queries.
func (h *half) answered(t testing.TB, r *Round) *routers.Data {
	t.Helper()
	rows := make([]int, len(r.Queries))
	for i, q := range r.Queries {
		rows[i] = h.rows[q]
	}
	d, err := h.data.Subset(rows).OfModels(r.Candidates)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// collect follows a rule, query by query in the order of its rounds, until it ends
// or the money is spent. It returns what was completed, and what that and the
// pilot's candidates cost.
func (h *half) collect(t testing.TB, rule Rule, money float64) (Round, float64) {
	t.Helper()
	state := &State{Candidates: h.candidates, Train: len(h.rows)}
	for _, row := range h.rows {
		state.Queries = append(state.Queries, h.queries[row])
	}
	called := map[[2]int]bool{}
	spent := 0.0
	for {
		next, err := rule.Next(t.Context(), state)
		if err == nil {
			err = next.check(state)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range next.Queries {
			missing := 0.0
			for _, c := range next.Candidates {
				if !called[[2]int{q, c}] {
					missing += h.cost(q, c)
				}
			}
			if spent+missing > money {
				return Round{Queries: next.Queries[:i], Candidates: next.Candidates}, spent
			}
			spent += missing
			for _, c := range next.Candidates {
				called[[2]int{q, c}] = true
			}
		}
		if next.Last {
			return next, spent
		}
		state.Round, state.Answered = next, h.answered(t, &next)
	}
}

// all is what everything costs.
func (h *half) all() float64 {
	sum := 0.0
	for q := range h.rows {
		for c := range h.candidates {
			sum += h.cost(q, c)
		}
	}
	return sum
}

// aiq fits a ridge router to what was collected and judges it on the test half,
// between the costs of its cheapest and its dearest candidate.
func (h *half) aiq(t testing.TB, r *Round, test *routers.Data) float64 {
	t.Helper()
	router, err := routers.Fit(t.Context(), h.answered(t, r), routers.Ridge{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	of, err := test.OfModels(r.Candidates)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := router.Predict(t.Context(), of, nil)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := predictions.Curve()
	if err != nil {
		t.Fatal(err)
	}
	points := make([]routers.Point, len(curve))
	for i, s := range curve {
		points[i] = s.Point
	}
	low, high := math.Inf(1), 0.0
	for c := range h.candidates {
		single, err := routers.Single(test, c)
		if err != nil {
			t.Fatal(err)
		}
		low, high = min(low, single.USD()), max(high, single.USD())
	}
	return routers.AIQ(points, low, high)
}

func doubling(t testing.TB, o DoublingOptions) *Doubling {
	t.Helper()
	rule, err := NewDoubling(&o)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// splits is how many times the queries are divided.
const splits = 14

// paired is a difference over the splits.
type paired []float64

func (p paired) mean() float64 {
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	return sum / float64(len(p))
}

func (p paired) standardError() float64 {
	mean, sum := p.mean(), 0.0
	for _, v := range p {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(p)-1) / float64(len(p)))
}

// TestHalfTheMoney: a router trained on what rounds with dropping collect for half
// of the money is as good as one trained on all, and no worse than on whole queries
// without dropping for the same money. Test queries are the same, split by split.
func TestHalfTheMoney(t *testing.T) {
	if testing.Short() {
		t.Skip("fits some hundred routers")
	}
	s := published(t)
	var lost, gained, full, left paired
	for seed := range uint64(splits) {
		train, test := s.split(seed)
		money := train.all()
		everything, _ := train.collect(t, doubling(t, DoublingOptions{Seed: int64(seed), NoCurve: true}), math.Inf(1))
		whole, spentWhole := train.collect(t, doubling(t, DoublingOptions{Seed: int64(seed), NoCurve: true}), money/2)
		dropping, spent := train.collect(t, doubling(t, DoublingOptions{Seed: int64(seed), NoCurve: true, DropDominated: true}), money/2)
		a, b, c := train.aiq(t, &everything, test), train.aiq(t, &whole, test), train.aiq(t, &dropping, test)
		t.Logf("split %d: all %.4f, half by whole queries %.4f (%d queries, %.0f %%), by rounds with dropping %.4f (%d queries, %d candidates, %.0f %%)",
			seed, a, b, len(whole.Queries), 100*spentWhole/money, c, len(dropping.Queries), len(dropping.Candidates), 100*spent/money)
		full, lost, gained, left = append(full, a), append(lost, a-c), append(gained, c-b), append(left, a-b)
	}
	t.Logf("AIQ of all %.4f; rounds with dropping lose %.4f (%.4f) of it for half of the money, whole queries %.4f (%.4f); dropping gains %.4f (%.4f)",
		full.mean(), lost.mean(), lost.standardError(), left.mean(), left.standardError(), gained.mean(), gained.standardError())
	if lost.mean() > 0.003 {
		t.Errorf("half of the money loses %.4f", lost.mean())
	}
	if gained.mean() < 0 {
		t.Errorf("dropping loses %.4f", -gained.mean())
	}
}
