package importing

import (
	"runtime"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// Options configures [Import]; nil and the zero value give the defaults.
type Options struct {
	// Match joins results with the queries of query_data_train and
	// query_data_test, which then say task, ground truth, metric, choices and
	// split. A result belongs to the query of its task whose text its query is,
	// or whose prompt its prompt is. Default: both files are made of the
	// results, split by the configuration's data_generation.
	Match bool
	// Prompt makes what a query asks of a model, for Match. Nil: queries are
	// found by their texts alone.
	Prompt func(llmrouterdata.StandardQueryData) (string, error)
	// Metric is the metric of the queries that are made. Default: the name of
	// the source's scorer.
	Metric string
	// Repeat is which of several answers of one model to one query is taken, as
	// the source numbers them, from 1. 0: the first.
	Repeat int
	// Rescore computes all scores anew, by the queries' metrics. Default: the
	// source's are taken, and results without one are left out.
	Rescore bool
	// Metrics are those of Rescore. Nil: [metrics.Builtin].
	Metrics *metrics.Registry
	// Workers is how many answers are scored at once, from 1 up. 0: GOMAXPROCS.
	// Results do not depend on it.
	Workers int
	// Encoder embeds the queries. Nil: query_embedding_data is not written.
	Encoder embedding.Encoder
	// PublishIncomplete writes error rows for the candidates that a query has no
	// result of. Default: such queries are left out.
	PublishIncomplete bool
}

// validate fills in the defaults.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "importing: Options")
	options.Number(f, "Repeat", &v.Repeat, 1, 1, 0)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	if v.Metrics == nil {
		v.Metrics = new(metrics.Builtin())
	}
	if v.Match && v.Metric != "" {
		f.Add("Metric", "is %q, and with Match the queries name their metrics", v.Metric)
	}
	return v, f.Err()
}
