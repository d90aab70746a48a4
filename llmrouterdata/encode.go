package llmrouterdata

import (
	"fmt"
	"math"
	"strconv"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// object appends the members of one JSON object and keeps the first error.
type object struct {
	dst []byte
	err error
}

func (o *object) key(name string) {
	if o.dst[len(o.dst)-1] != '{' {
		o.dst = append(o.dst, ", "...)
	}
	o.dst = append(append(append(o.dst, '"'), name...), `": `...)
}

func (o *object) text(name, s string) {
	o.key(name)
	dst, err := pyjson.AppendString(o.dst, s, false)
	if err != nil {
		o.fail(name, err)
		return
	}
	o.dst = dst
}

func (o *object) fail(name string, err error) {
	if o.err == nil {
		o.err = &FieldError{name, err}
	}
}

func (o *object) optional(name string, s *string) {
	if s == nil {
		o.key(name)
		o.dst = append(o.dst, "null"...)
		return
	}
	o.text(name, *s)
}

func (o *object) choices(name string, c *Choices) {
	o.key(name)
	text, err := c.MarshalJSON()
	if err != nil {
		o.fail(name, err)
	}
	o.dst = append(o.dst, text...)
}

func (o *object) integer(name string, n int) {
	o.key(name)
	o.dst = strconv.AppendInt(o.dst, int64(n), 10)
}

func (o *object) number(name string, f float64) {
	o.key(name)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		o.fail(name, fmt.Errorf("%v has no place in JSON", f))
	}
	o.dst = pyjson.AppendFloat(o.dst, f)
}

func (o *object) query(d StandardQueryData) {
	o.text("task_name", d.TaskName)
	o.text("query", d.Query)
	o.text("ground_truth", d.GroundTruth)
	o.text("metric", d.Metric)
	o.choices("choices", d.Choices)
	o.optional("task_id", d.TaskID)
	o.extra(d.Extra)
}

// AppendJSON appends the record as it stands in a query file, without the line
// end. Text that is not UTF-8 is a *FieldError.
func (d StandardQueryData) AppendJSON(dst []byte) ([]byte, error) {
	o := object{dst: append(dst, '{')}
	o.query(d)
	return append(o.dst, '}'), o.err
}

// AppendJSON appends the record as it stands in a routing file, without the
// line end. Text that is not UTF-8 and numbers that are not finite are a
// *FieldError.
func (r RoutingRecord) AppendJSON(dst []byte) ([]byte, error) {
	o := object{dst: append(dst, '{')}
	o.query(r.QueryData())
	o.text("model_name", r.ModelName)
	o.text("response", r.Response)
	o.integer("token_num", r.TokenNum)
	o.integer("input_tokens", r.InputTokens)
	o.integer("output_tokens", r.OutputTokens)
	o.number("response_time", r.ResponseTime)
	o.text("api_key_used", r.APIKeyUsed)
	o.number("performance", r.Performance)
	o.integer("embedding_id", r.EmbeddingID)
	o.optional("user_id", r.UserID)
	o.optional("fig_id", r.FigID)
	return append(o.dst, '}'), o.err
}
