package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// making says how a data set was made, as far as files tell.
type making struct {
	Files []madeFile `json:"files"`
	// Written is when the last of the files was, in UTC.
	Written time.Time `json:"written"`
	// Notes are names and values: encoder, interpreters, versions.
	Notes []note `json:"notes"`
}

// madeFile is a file of the data set.
type madeFile struct {
	Use    string `json:"use"` // its key in the configuration
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type note struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// madeOf looks at the files of a configuration, of which data is open.
func madeOf(config string, c *llmrouterdata.Config, data *dataset.Dataset) (*making, error) {
	d := &c.DataPath
	m := &making{}
	for _, f := range [][2]string{
		{"configuration", config}, {"routing_data_train", d.RoutingDataTrain}, {"routing_data_test", d.RoutingDataTest}, {"llm_data", d.LLMData},
		{"query_embedding_data", d.QueryEmbeddingData}, {"query_embedding_data_train", d.QueryEmbeddingDataTrain}, {"query_embedding_data_test", d.QueryEmbeddingDataTest},
		{"llm_embedding_data", d.LLMEmbeddingData}, {"query_data_train", d.QueryDataTrain}, {"query_data_test", d.QueryDataTest},
	} {
		if err := m.add(f[0], f[1]); err != nil {
			return nil, err
		}
	}
	m.note("embedding model of the configuration", c.Embedding.Model)
	if n := data.Embeddings(); n > 0 {
		m.note("vectors of the queries", fmt.Sprintf("%s of %s numbers, %s", page.Whole(n), page.Whole(data.Dim()), data.Precision()))
	}
	m.note("encoder of the candidates' vectors", encoders(data.EmbeddedCandidates))
	m.versions()
	return m, nil
}

// encoders names what made the vectors of candidates, as far as their file tells.
func encoders(candidates []llmrouterdata.Candidate) string {
	var names []string
	for i := range candidates {
		if name := candidates[i].EmbeddingEncoder; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// tell notes what a summary says, nil where there is none of these files.
func (m *making) tell(summary *pipeline.Report) {
	if summary != nil {
		m.note("encoder of the queries (layers, width, pooling, hash of weights and tokenizer)", cmp.Or(summary.Encoder, "not told by the summary"))
		m.note("interpreters that ran programs", strings.Join(summary.ScoredBy, ", "))
		m.note("thoughts in replies", summary.Thoughts)
		for _, g := range summary.Models {
			if g.Batched > 0 {
				m.note("times not measured: "+g.Name, fmt.Sprintf("%d answers came in batches, with 0.0 for a time", g.Batched))
			}
		}
	} else {
		m.note("encoder of the queries, interpreters", "the files do not tell; the summary of step 3 does (--evaluation)")
	}
}

func (m *making) note(name, value string) {
	if value != "" {
		m.Notes = append(m.Notes, note{name, value})
	}
}

// add hashes a file, if it is named and there.
func (m *making) add(use, name string) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if at := info.ModTime().UTC(); at.After(m.Written) && use != "configuration" {
		m.Written = at.Truncate(time.Second)
	}
	m.Files = append(m.Files, madeFile{use, filepath.Base(name), n, fmt.Sprintf("%x", h.Sum(nil))})
	return nil
}

// versions notes what made the report.
func (m *making) versions() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	m.note("this report", strings.TrimSpace(info.Main.Path+" "+version)+", "+info.GoVersion)
}

// section shows it.
func (m *making) section() page.Section {
	files := &page.Table{Caption: "Files", Texts: 2, Head: []string{"use", "name", "bytes", "SHA-256"}}
	for _, f := range m.Files {
		files.Rows = append(files.Rows, []string{f.Use, f.Name, page.Whole(int(f.Bytes)), f.SHA256})
	}
	notes := &page.Table{Caption: "Encoder, precision, interpreters, versions", Texts: 2, Head: []string{"what", "value"}}
	for _, n := range m.Notes {
		notes.Rows = append(notes.Rows, []string{n.Name, n.Value})
	}
	return page.Section{ID: "made", Title: "How this was made", Text: []string{
		fmt.Sprintf("The last file of the data set was written on %s. Who has files with these hashes has these data.", m.Written.Format("2 January 2006, 15:04 MST")),
	}, Tables: []*page.Table{files.Cap(), notes.Cap()}}
}
