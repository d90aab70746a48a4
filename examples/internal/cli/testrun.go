package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// testRunMark stands in the names of the files that test runs write.
const testRunMark = "_testrun"

// TestRunName returns the name that a test run writes in the place of another:
// a_testrun.jsonl.gz for a.jsonl.gz; "" for "".
func TestRunName(name string) string {
	if name == "" {
		return ""
	}
	dir, base := filepath.Split(name)
	end := ""
	for _, compressed := range []string{".gz", ".zst"} {
		if stem, ok := strings.CutSuffix(base, compressed); ok {
			base, end = stem, compressed
		}
	}
	ext := filepath.Ext(base)
	return dir + strings.TrimSuffix(base, ext) + testRunMark + ext + end
}

// TestRunQueries has a test run of step 2a write query files of its own.
func TestRunQueries(d *llmrouterdata.DataPath) {
	d.QueryDataTrain, d.QueryDataTest = TestRunName(d.QueryDataTrain), TestRunName(d.QueryDataTest)
}

// TestRunOutputs has a test run of step 3 write files of its own, and read those
// that one of step 2a has written, if it has.
func TestRunOutputs(d *llmrouterdata.DataPath) error {
	d.QueryEmbeddingData = TestRunName(d.QueryEmbeddingData)
	d.RoutingDataTrain, d.RoutingDataTest = TestRunName(d.RoutingDataTrain), TestRunName(d.RoutingDataTest)
	own := *d
	TestRunQueries(&own)
	there := 0
	for _, name := range []string{own.QueryDataTrain, own.QueryDataTest} {
		switch _, err := os.Stat(name); {
		case err == nil:
			there++
		case name != "" && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the query file of a test run: %w", err)
		}
	}
	if there == 2 {
		*d = own
	}
	return nil
}
