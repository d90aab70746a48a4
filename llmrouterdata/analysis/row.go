package analysis

import (
	"bytes"
	"crypto/sha256"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// row is a line of a routing file, texts replaced by digests.
type row struct {
	pair
	key, text    digest
	task, metric string
	model        string
	kind         string // why the row is failed or not evaluated
	embedding    int32
	line         int32
	graded       bool // a failed call with a performance other than 0
	invalid      bool // a count or time that cannot be, taken as 0
}

const errorPrefix = "API Error: "

// Kinds of rows that were not evaluated.
const (
	kindNoScore    = "no performance in the row"
	kindOutOfRange = "performance outside of 0 to 1"
)

// setQuery fills in what rows of a query have in common.
func (r *row) setQuery(record *llmrouterdata.RoutingRecord) {
	k := record.Key()
	r.key = digestOf(k.TaskName, k.Query, k.GroundTruth, k.Metric)
	r.text = digestOf(k.Query)
	r.task, r.metric = k.TaskName, k.Metric
}

// setAnswer fills in what the candidate made of the query.
func (r *row) setAnswer(model, response string, input, output int, seconds, performance float64, embedding int) {
	r.model = model
	r.pair = pair{input: count(input), output: count(output), outcome: scored}
	r.embedding = -1
	if embedding >= 0 && embedding <= math.MaxInt32 {
		r.embedding = int32(embedding)
	}
	r.invalid = input < 0 || output < 0 || seconds < 0 || seconds >= 1e9
	if seconds >= 1e-9 && seconds < 1e9 { // not NaN; less than a nanosecond is none
		r.seconds = seconds
	}
	r.kind, r.graded = "", false
	message, isFailed := strings.CutPrefix(response, errorPrefix)
	switch {
	case isFailed:
		r.outcome, r.kind = failed, failureKind(message)
		r.graded = performance != 0 && performance == performance
	case performance != performance:
		r.outcome, r.kind = notEvaluated, kindNoScore
	case performance < 0 || performance > 1:
		r.outcome, r.kind = notEvaluated, kindOutOfRange
	default:
		r.score = performance
	}
}

func count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// failureKind is the message of a failed call on one line, cut to 100
// characters.
func failureKind(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > 100 {
		message = string(runes[:99]) + "…"
	}
	if message == "" {
		return "no message"
	}
	return message
}

// rowReader turns lines into rows. The first row of a query is decoded by
// llmrouterdata; a line that begins with the same bytes differs only in the
// candidate's part, which is scanned at a fraction of the cost.
type rowReader struct {
	head   []byte // the line of the row before up to its model_name; empty: unknown
	common row    // what rows of that query have in common
	known  *heads // of the whole file
	intern map[string]string
}

func newRowReader(known *heads) *rowReader {
	return &rowReader{known: known, intern: map[string]string{}}
}

// heads remembers the queries of a file by how their lines begin, for rows that
// do not follow each other. Its readers share it.
type heads struct {
	mu sync.RWMutex
	by map[digest]common
}

// common is what rows of a query have in common.
type common struct {
	key, text    digest
	task, metric string
}

func (h *heads) get(head []byte) (common, bool) {
	sum := sha256.Sum256(head)
	h.mu.RLock()
	defer h.mu.RUnlock()
	c, ok := h.by[digest(sum[:len(digest{})])]
	return c, ok
}

func (h *heads) put(head []byte, c common) {
	sum := sha256.Sum256(head)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[digest(sum[:len(digest{})])] = c
}

// read decodes one line of a routing file without its end. yield gets each row
// or error; a line with a carriage return within may give several. It returns
// how many lines there were.
func (d *rowReader) read(file string, line []byte, yield func(row, error)) int {
	if len(d.head) == 0 || !bytes.HasPrefix(line, d.head) {
		d.head = append(d.head[:0], headOf(line)...)
		if c, ok := d.known.get(d.head); ok && len(d.head) > 0 {
			d.common = row{key: c.key, text: c.text, task: c.task, metric: c.metric}
		} else {
			d.head = d.head[:0]
		}
	}
	if len(d.head) > 0 {
		r := d.common
		if d.scanAnswer(line[len(d.head):], &r) {
			yield(r, nil)
			return 1
		}
	}
	d.head = d.head[:0]
	lines := 1 + bytes.Count(bytes.TrimSuffix(line, []byte("\r")), []byte("\r"))
	good := 0
	for record, err := range llmrouterdata.Records[llmrouterdata.RoutingRecord](bytes.NewReader(line), &llmrouterdata.ReadOptions{Name: file}) {
		if err != nil {
			yield(row{}, err)
			continue
		}
		good++
		r := row{}
		r.setQuery(&record)
		r.task, r.metric = d.name(r.task), d.name(r.metric)
		d.common = r
		r.setAnswer(record.ModelName, record.Response, record.InputTokens, record.OutputTokens, record.ResponseTime, record.Performance, record.EmbeddingID)
		r.model = d.name(r.model)
		yield(r, nil)
	}
	if lines == 1 && good == 1 {
		if d.head = append(d.head, headOf(line)...); len(d.head) > 0 {
			d.known.put(d.head, common{d.common.key, d.common.text, d.common.task, d.common.metric})
		}
	}
	return lines
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

// headOf returns a line up to its model_name, where the members before it are
// the query's six and no nested values.
func headOf(line []byte) []byte {
	s := scanner{rest: line, ok: true}
	seen := 0
	for s.take('{'); s.ok; s.take(',') {
		s.space()
		at := len(line) - len(s.rest)
		switch name := s.text(); string(name) {
		case "task_name", "query", "ground_truth", "metric", "choices", "task_id":
			seen++
		case "model_name":
			if seen == 6 {
				return line[:at]
			}
			return nil
		default:
			return nil
		}
		s.take(':')
		s.value()
	}
	return nil
}

// scanAnswer reads a line from its model_name on. It reports false for
// everything that llmrouterdata might read in another way.
func (d *rowReader) scanAnswer(line []byte, r *row) bool {
	s := scanner{rest: line, ok: true}
	var model, response []byte
	var input, output, embedding int
	var seconds, performance float64
	seen := 0
	for i, more := 0, true; more && s.ok; i++ {
		s.space()
		name := s.text()
		s.take(':')
		s.space()
		switch string(name) {
		case "model_name":
			model = s.text()
			s.ok = s.ok && bytes.IndexByte(model, '\\') < 0 && seen&1 == 0
			seen |= 1
		case "response":
			response = s.text()
			s.ok = s.ok && seen&2 == 0
			seen |= 2
		case "token_num":
			s.integer()
			s.ok = s.ok && seen&4 == 0
			seen |= 4
		case "input_tokens":
			input = s.integer()
			s.ok = s.ok && seen&8 == 0
			seen |= 8
		case "output_tokens":
			output = s.integer()
			s.ok = s.ok && seen&16 == 0
			seen |= 16
		case "response_time":
			seconds = s.float()
			s.ok = s.ok && seen&32 == 0
			seen |= 32
		case "performance":
			performance = s.float()
			s.ok = s.ok && seen&64 == 0
			seen |= 64
		case "embedding_id":
			embedding = s.integer()
			s.ok = s.ok && seen&128 == 0
			seen |= 128
		case "api_key_used", "user_id", "fig_id":
			if !s.null() {
				s.text()
			}
		default:
			return false
		}
		s.space()
		more = s.has(',')
	}
	s.take('}')
	s.space()
	if !s.ok || len(s.rest) > 0 || seen != 255 || len(model) == 0 {
		return false
	}
	if bytes.HasPrefix(response, []byte("API")) {
		if bytes.IndexByte(response, '\\') >= 0 {
			return false
		}
	} else if len(response) > 0 && response[0] == '\\' {
		return false // may be an escaped A
	} else {
		response = nil
	}
	name, ok := d.intern[string(model)]
	if !ok {
		name = d.name(string(model))
	}
	r.setAnswer(name, string(response), input, output, seconds, performance, embedding)
	return true
}

// scanner takes a flat JSON object apart from its front; ok turns false at the
// first thing that is not as expected, after which nothing counts.
type scanner struct {
	rest []byte
	ok   bool
}

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t') {
		s.rest = s.rest[1:]
	}
}

// has takes a byte away if it comes next.
func (s *scanner) has(c byte) bool {
	if len(s.rest) > 0 && s.rest[0] == c {
		s.rest = s.rest[1:]
		return true
	}
	return false
}

// take takes a byte that must come next, after white space.
func (s *scanner) take(c byte) {
	s.space()
	s.ok = s.ok && s.has(c)
}

func (s *scanner) null() bool {
	rest, ok := bytes.CutPrefix(s.rest, []byte("null"))
	if ok {
		s.rest = rest
	}
	return ok
}

// value passes over a text or null.
func (s *scanner) value() {
	if s.space(); !s.null() {
		s.text()
	}
	s.space()
}

// text takes a string and returns it as it is written.
func (s *scanner) text() []byte {
	if !s.has('"') {
		s.ok = false
		return nil
	}
	end := stringEnd(s.rest)
	if end < 0 {
		s.ok = false
		return nil
	}
	text := s.rest[:end]
	s.rest = s.rest[end+1:]
	return text
}

// digits takes a number in JSON's spelling.
func (s *scanner) digits() []byte {
	end := 0
	for end < len(s.rest) && strings.IndexByte("0123456789+-.eE", s.rest[end]) >= 0 {
		end++
	}
	text := s.rest[:end]
	s.rest = s.rest[end:]
	first := bytes.TrimPrefix(text, []byte("-"))
	switch {
	case len(first) == 0 || first[0] < '0' || first[0] > '9':
		s.ok = false
	case len(first) > 1 && first[0] == '0' && first[1] >= '0' && first[1] <= '9':
		s.ok = false
	case bytes.HasSuffix(first, []byte(".")) || bytes.Contains(first, []byte(".e")) || bytes.Contains(first, []byte(".E")):
		s.ok = false
	}
	return text
}

func (s *scanner) integer() int {
	n, err := strconv.Atoi(string(s.digits()))
	s.ok = s.ok && err == nil
	return n
}

func (s *scanner) float() float64 {
	f, err := strconv.ParseFloat(string(s.digits()), 64)
	s.ok = s.ok && err == nil
	return f
}
