package dataset

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"unicode"

	"github.com/llmrouter-go/llmrouter/internal/jsonscan"
	"github.com/llmrouter-go/llmrouter/internal/thought"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// row is a line of a routing file, texts replaced by digests.
type row struct {
	head
	Pair
	model     string
	kind      string // why the row is failed or not evaluated
	embedding int32  // or llmrouterdata.NoEmbedding
	graded    bool   // a failed call with a performance other than 0
	invalid   bool   // a count or time that cannot be, taken as 0
}

// head is what rows of a query have in common.
type head struct {
	key, text    digest
	task, metric string
}

// The responses of failed calls begin so. The second is what the Python pipeline
// writes of a call that it could not make, with no tokens and no time; an answer
// that begins so has some.
const (
	errorPrefix   = "API Error: "
	notMadePrefix = "ERROR: "
)

// failure returns the message of a failed call. Counts and times that cannot be are
// none.
func failure(response string, input, output int, seconds float64) (message string, failed bool) {
	if message, failed = strings.CutPrefix(response, errorPrefix); failed {
		return message, true
	}
	if message, failed = strings.CutPrefix(response, notMadePrefix); failed && input <= 0 && output <= 0 && !(seconds > 0) {
		return message, true
	}
	return "", false
}

// headOf returns what rows of a query have in common.
func headOf(k llmrouterdata.QueryKey) head {
	sum := k.Hash()
	return head{key: digest(sum[:len(digest{})]), text: digestOf([]byte(k.Query)), task: k.TaskName, metric: k.Metric}
}

// setAnswer fills in what the candidate made of the query.
func (r *row) setAnswer(model, response string, input, output int, seconds, performance float64, embedding int) {
	*r = row{head: r.head, model: model, embedding: llmrouterdata.NoEmbedding}
	r.InputTokens, r.OutputTokens, r.Outcome = count(input), count(output), Scored
	if embedding >= 0 && embedding <= math.MaxInt32 {
		r.embedding = int32(embedding)
	}
	r.invalid = input < 0 || output < 0 || seconds < 0 || seconds >= maxSeconds
	if seconds >= minSeconds && seconds < maxSeconds { // not NaN
		r.Seconds = seconds
	}
	message, isFailed := failure(response, input, output, seconds)
	switch {
	case isFailed:
		r.Outcome, r.kind = Failed, failureKind(message)
		r.graded = performance != 0 && performance == performance
	case performance != performance:
		r.Outcome, r.kind = NotEvaluated, KindNoScore
	case performance < 0 || performance > 1:
		r.Outcome, r.kind = NotEvaluated, KindOutOfRange
	default:
		r.Score = performance
	}
	r.Empty = !isFailed && strings.TrimSpace(response) == ""
}

func count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// failureKind is the message of a failed call on one line, cut to
// maxKindRunes.
func failureKind(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > maxKindRunes {
		message = string(runes[:maxKindRunes-1]) + "…"
	}
	if message == "" {
		return "no message"
	}
	return message
}

// heads has the head of each beginning by its digest, for rows that do not follow
// each other. The readers of a file share it. There may be millions: they are values.
type heads struct {
	mu sync.RWMutex
	of map[digest]head
}

func newHeads() *heads { return &heads{of: map[digest]head{}} }

func (h *heads) find(begin digest) (of head, known bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	of, known = h.of[begin]
	return of, known
}

func (h *heads) add(begin digest, of head) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[begin] = of
}

// rowReader turns lines into rows. The first row of a query is decoded by
// llmrouterdata; a line that begins with the same bytes differs only in the
// candidate's part, which is scanned at a fraction of the cost.
type rowReader struct {
	begin  []byte // of the line before, up to its model_name; empty: unknown
	head   head   // of the lines that begin so
	known  bool   // whether it is
	heads  *heads
	intern map[string]string
}

func newRowReader(h *heads) *rowReader {
	return &rowReader{heads: h, intern: map[string]string{}}
}

// decode is a lineDecoder.
func (d *rowReader) decode(line []byte, file string, number int) (r row, ok bool, err error) {
	if len(d.begin) == 0 || !bytes.HasPrefix(line, d.begin) {
		d.begin = append(d.begin[:0], beginning(line)...)
		d.head, d.known = d.heads.find(digestOf(d.begin))
	}
	if d.known {
		if r.head = d.head; d.scanAnswer(line[len(d.begin):], &r) {
			return r, true, nil
		}
	}
	record, ok, err := llmrouterdata.ParseLine[llmrouterdata.RoutingRecord](line, file, number)
	if err != nil || !ok {
		return row{}, false, err
	}
	r.head = headOf(record.Key())
	r.task, r.metric = d.name(r.task), d.name(r.metric)
	// What follows the beginning must not say anything of the query again.
	if scanned := r; len(d.begin) > 0 && !d.known && d.scanAnswer(line[len(d.begin):], &scanned) {
		d.head, d.known = r.head, true
		d.heads.add(digestOf(d.begin), r.head)
	}
	r.setAnswer(d.name(record.ModelName), record.Response, record.InputTokens, record.OutputTokens, record.ResponseTime, record.Performance, record.EmbeddingID)
	r.ThoughtOnly = r.Outcome != Failed && thought.Only(record.Response)
	return r, true, nil
}

// name keeps one copy of a name.
func (d *rowReader) name(s string) string {
	if kept, ok := d.intern[s]; ok {
		return kept
	}
	s = strings.Clone(s)
	d.intern[s] = s
	return s
}

// beginning returns a line up to its model_name, where the members before it are the
// query's: its six, and others that have no meaning here. All are strings, numbers or
// words.
func beginning(line []byte) []byte {
	s := jsonscan.New(line)
	seen := 0
	for s.Mark("{"); s.OK; s.Mark(",") {
		at := len(line) - len(s.Rest)
		switch name := s.Raw(); name {
		case "task_name", "query", "ground_truth", "metric", "choices", "task_id":
			seen++
		case "model_name":
			if seen == 6 {
				return line[:at]
			}
			return nil
		case "response", "token_num", "input_tokens", "output_tokens", "response_time", "api_key_used", "performance", "embedding_id", "user_id", "fig_id":
			return nil
		}
		s.Mark(":")
		s.Scalar()
	}
	return nil
}

// answer is what scanAnswer reads: texts as they are written.
type answer struct {
	model, response          string
	input, output, embedding int
	seconds, performance     float64
}

// Bits of the members that an answer must have once.
const (
	hasModel = 1 << iota
	hasResponse
	hasTokens
	hasInput
	hasOutput
	hasSeconds
	hasPerformance
	hasEmbedding
	hasAll = 1<<iota - 1
)

// member reads the value of a member and returns its bit, 0 for one that does
// not count.
func (a *answer) member(s *jsonscan.Scanner, name string) (bit int) {
	switch name {
	case "model_name":
		a.model = s.Raw()
		return hasModel
	case "response":
		a.response = s.Raw()
		return hasResponse
	case "token_num":
		s.Integer()
		return hasTokens
	case "input_tokens":
		a.input = s.Integer()
		return hasInput
	case "output_tokens":
		a.output = s.Integer()
		return hasOutput
	case "response_time":
		a.seconds = s.Float()
		return hasSeconds
	case "performance":
		a.performance = s.Float()
		return hasPerformance
	case "embedding_id":
		a.embedding = s.Integer()
		return hasEmbedding
	case "api_key_used", "user_id", "fig_id":
		s.Value()
	default:
		s.OK = false
	}
	return 0
}

// scanAnswer reads a line from its model_name on. It reports false for
// everything that llmrouterdata might read in another way.
func (d *rowReader) scanAnswer(line []byte, r *row) bool {
	s := jsonscan.New(line)
	var a answer
	seen := 0
	for more := true; more && s.OK; more = s.Has(",") {
		s.Space()
		name := s.Raw()
		s.Mark(":")
		bit := a.member(&s, name)
		s.OK = s.OK && seen&bit == 0
		seen |= bit
		s.Space()
	}
	s.Mark("}")
	if !s.OK || len(s.Rest) > 0 || seen != hasAll || len(a.model) == 0 || strings.IndexByte(a.model, '\\') >= 0 {
		return false
	}
	response := a.response
	thoughtOnly := false
	if thought.MayBeOnly(response) {
		text := jsonscan.Scanner{Rest: `"` + response + `"`, OK: true}
		if thoughtOnly = thought.Only(text.Text()); !text.OK {
			return false
		}
	}
	switch begin := strings.TrimLeftFunc(response, unicode.IsSpace); {
	case strings.IndexByte(begin[:min(len(begin), 3)], '\\') >= 0:
		return false // may be an escaped API or ERR, or white space
	case strings.HasPrefix(response, "API") || strings.HasPrefix(response, "ERR"):
		if strings.IndexByte(response, '\\') >= 0 {
			return false
		}
		response = strings.Clone(response) // its kind outlives the line
	}
	model := d.name(a.model)
	r.setAnswer(model, response, a.input, a.output, a.seconds, a.performance, a.embedding)
	r.ThoughtOnly = thoughtOnly && r.Outcome != Failed
	return true
}
