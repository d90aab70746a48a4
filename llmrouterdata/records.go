package llmrouterdata

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// StandardQueryData is one line of a query file
// (query_data_train.jsonl, query_data_test.jsonl): one question of one
// benchmark, with what is needed to score an answer to it.
type StandardQueryData struct {
	// TaskName names the benchmark, for example "gsm8k".
	TaskName string `json:"task_name"`
	// Query is the question as the benchmark puts it; it is what gets embedded. A
	// list of chat messages is read as its transcript.
	Query string `json:"query"`
	// GroundTruth is the expected answer. For MBPP it is the JSON text of the
	// array of assert statements.
	GroundTruth string `json:"ground_truth"`
	// Metric names the scorer, for example "em_mc".
	Metric string `json:"metric"`
	// Choices holds the options of a multiple-choice question, nil otherwise.
	Choices *Choices `json:"choices"`
	// TaskID identifies the problem of a code benchmark, nil otherwise.
	TaskID *string `json:"task_id"`
	// Extra are the other fields, in the order of the file. They stand behind these
	// six, in query files and in routing files; encoding/json does not see them.
	Extra []ExtraField `json:"-"`
}

// RoutingRecord is one line of a routing file: the six fields of a query and
// what one candidate made of it.
type RoutingRecord struct {
	TaskName    string   `json:"task_name"`
	Query       string   `json:"query"`
	GroundTruth string   `json:"ground_truth"`
	Metric      string   `json:"metric"`
	Choices     *Choices `json:"choices"`
	TaskID      *string  `json:"task_id"`

	// ModelName is the candidate's key in the candidate file.
	ModelName string `json:"model_name"`
	// Response is the answer's text; for a failed call "API Error: ...".
	Response string `json:"response"`
	// TokenNum is the number of tokens in all, prompt and answer.
	TokenNum int `json:"token_num"`
	// InputTokens is the number of tokens of the prompt.
	InputTokens int `json:"input_tokens"`
	// OutputTokens is the number of tokens of the answer.
	OutputTokens int `json:"output_tokens"`
	// ResponseTime is how long the answer took, in seconds.
	ResponseTime float64 `json:"response_time"`
	// APIKeyUsed is a short label of the key, never the key; empty by default.
	APIKeyUsed string `json:"api_key_used"`
	// Performance is the score, from 0 (wrong) to 1 (right).
	Performance float64 `json:"performance"`
	// EmbeddingID is the query's key in the embedding file, from 0. A row
	// read without one has [NoEmbedding].
	EmbeddingID int `json:"embedding_id"`
	// UserID and FigID are reserved and nil.
	UserID *string `json:"user_id"`
	FigID  *string `json:"fig_id"`
	// Extra are the other fields, in the order of the file. They are written behind the
	// six of the query, whose they are; encoding/json does not see them.
	Extra []ExtraField `json:"-"`
}

// NoEmbedding is the EmbeddingID of a row that was read with null or NaN in
// its place. It is not valid in a finished file.
const NoEmbedding = -1

// QueryKey identifies a query: records with equal keys share one embedding id.
type QueryKey struct {
	TaskName, Query, GroundTruth, Metric string
}

// Hash returns the SHA-256 of the four texts, each behind its length in bytes
// (8 bytes, little-endian): texts that run together give another hash.
func (k QueryKey) Hash() (sum [sha256.Size]byte) {
	h := sha256.New()
	var size [8]byte
	for _, s := range [...]string{k.TaskName, k.Query, k.GroundTruth, k.Metric} {
		binary.LittleEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		_, _ = io.WriteString(h, s) // a hash takes everything
	}
	h.Sum(sum[:0])
	return sum
}

// Key returns the record's identity.
func (d StandardQueryData) Key() QueryKey {
	return QueryKey{d.TaskName, d.Query, d.GroundTruth, d.Metric}
}

// Key returns the identity of the record's query.
func (r RoutingRecord) Key() QueryKey {
	return QueryKey{r.TaskName, r.Query, r.GroundTruth, r.Metric}
}

// Equal reports whether all fields of d and e are equal but for Extra.
func (d StandardQueryData) Equal(e StandardQueryData) bool {
	return d.Key() == e.Key() && d.Choices.Equal(e.Choices) &&
		(d.TaskID == nil) == (e.TaskID == nil) && (d.TaskID == nil || *d.TaskID == *e.TaskID)
}

// QueryData returns the query that the record answers.
func (r RoutingRecord) QueryData() StandardQueryData {
	return StandardQueryData{r.TaskName, r.Query, r.GroundTruth, r.Metric, r.Choices, r.TaskID, r.Extra}
}

// NewRoutingRecord returns a record of the query d, the rest still zero.
func NewRoutingRecord(d StandardQueryData) RoutingRecord {
	return RoutingRecord{
		TaskName: d.TaskName, Query: d.Query, GroundTruth: d.GroundTruth,
		Metric: d.Metric, Choices: d.Choices, TaskID: d.TaskID, Extra: d.Extra,
	}
}

// NotCalled is the message of a row whose pair was not called.
const NotCalled = "the call was not made"

// FailedCall returns the response of a row whose call failed with a message.
func FailedCall(message string) string { return "API Error: " + message }
