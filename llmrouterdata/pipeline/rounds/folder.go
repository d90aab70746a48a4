package rounds

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Folder is where a run keeps its rounds: the name of routing_data_train with
// ".rounds" behind it.
func Folder(c *llmrouterdata.Config) string { return c.DataPath.RoutingDataTrain + ".rounds" }

// Collected is the configuration of the data set that a run gives: the outputs are
// those of c, and its query files and candidate files have what the set has rows
// of. llm_embedding_data is named where c names it, and is written where it was
// there.
func Collected(c *llmrouterdata.Config) *llmrouterdata.Config {
	collected := inFolder(c, "collected")
	d := &collected.DataPath
	d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest = c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest
	return collected
}

// Pilot is the configuration of the first round as a data set of its own, with the
// rows of the candidates that were left out after it. It is written where some
// were.
func Pilot(c *llmrouterdata.Config) *llmrouterdata.Config { return inFolder(c, "pilot") }

// underWay is the configuration of the round that is being called: all its queries
// stand in one file, in the order in which they are called.
func underWay(c *llmrouterdata.Config) *llmrouterdata.Config {
	round := inFolder(c, "round")
	round.DataPath.QueryDataTrain = filepath.Join(filepath.Dir(round.DataPath.LLMData), "query_train.jsonl")
	round.DataPath.QueryDataTest, round.DataPath.LLMEmbeddingData = os.DevNull, ""
	return round
}

// inFolder is a configuration whose files are in a folder below Folder. A split
// without queries stays one.
func inFolder(c *llmrouterdata.Config, folder string) *llmrouterdata.Config {
	path := func(name string) string { return filepath.Join(Folder(c), folder, name) }
	other := *c
	other.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: path("query_train.jsonl"), QueryDataTest: path("query_test.jsonl"), QueryEmbeddingData: path("query_embeddings.pt"),
		RoutingDataTrain: path("routing_train.jsonl"), RoutingDataTest: path("routing_test.jsonl"), LLMData: path("llm.json"),
	}
	if c.DataPath.QueryDataTrain == os.DevNull {
		other.DataPath.QueryDataTrain = os.DevNull
	}
	if c.DataPath.QueryDataTest == os.DevNull {
		other.DataPath.QueryDataTest = os.DevNull
	}
	if c.DataPath.LLMEmbeddingData != "" {
		other.DataPath.LLMEmbeddingData = path("llm_embeddings.json")
	}
	return &other
}

// inputs are what step 3 reads.
type inputs struct {
	train, test []llmrouterdata.StandardQueryData
	// listed is llm_data, and embedded llm_embedding_data, nil where there is none.
	listed, embedded []llmrouterdata.Candidate
}

// only takes the candidates of a list that stay; those that are not called do.
func only(list, stay []llmrouterdata.Candidate) []llmrouterdata.Candidate {
	return slices.DeleteFunc(slices.Clone(list), func(c llmrouterdata.Candidate) bool {
		return c.Called() && !slices.ContainsFunc(stay, func(s llmrouterdata.Candidate) bool { return s.Name == c.Name })
	})
}

// write writes the files, each of which appears whole.
func (in *inputs) write(d *llmrouterdata.DataPath) error {
	var group atomicfile.Group
	defer group.Abort()
	errs := []error{
		writeFile(&group, d.QueryDataTrain, queriesWriter(in.train)),
		writeFile(&group, d.QueryDataTest, queriesWriter(in.test)),
		writeFile(&group, d.LLMData, func(w io.Writer) error { return llmrouterdata.WriteCandidates(w, in.listed) }),
	}
	if in.embedded != nil && d.LLMEmbeddingData != "" {
		errs = append(errs, writeFile(&group, d.LLMEmbeddingData, func(w io.Writer) error { return llmrouterdata.WriteEmbeddedCandidates(w, in.embedded) }))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return group.Commit()
}

func queriesWriter(queries []llmrouterdata.StandardQueryData) func(io.Writer) error {
	return func(out io.Writer) error {
		w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](out)
		for _, q := range queries {
			if err := w.Write(q); err != nil {
				return err
			}
		}
		return w.Flush()
	}
}

// writeFile adds a file to a group, unless it stands for a split without queries.
func writeFile(group *atomicfile.Group, name string, write func(io.Writer) error) error {
	if name == os.DevNull {
		return nil
	}
	f, err := group.Create(name)
	if err == nil {
		err = write(f)
	}
	if err != nil {
		return fmt.Errorf("rounds: %s: %w", name, err)
	}
	return nil
}

// readEmbedded reads llm_embedding_data; nil where it is not named or there.
func readEmbedded(name string) ([]llmrouterdata.Candidate, error) {
	if name == "" {
		return nil, nil
	}
	list, err := llmrouterdata.ReadCandidatesFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}
