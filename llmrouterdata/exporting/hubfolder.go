package exporting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// The files of a folder beside README.md.
const (
	candidatesFile         = "candidates.json"
	embeddedCandidatesFile = "candidate_embeddings.json"
)

// parquetName is the file of a configuration of the folder and a split.
func parquetName(config string, split dataset.Split) string {
	return fmt.Sprintf("%s/%s-00000-of-00001.parquet", config, split)
}

// HubFolder writes a data set as a folder that load_dataset opens: the
// configuration "queries", with an embedding of fixed length where the data set has
// embeddings, and "routing", each with the splits train and test as parquet files;
// a card, README.md, with the benchmarks' licences and how the data was made; the
// candidates, without what they are called with; and the candidates' embeddings,
// where there are some. A split without queries is left out.
//
// Embedding ids are given anew, in order of first appearance, since queries may be
// left out. Files appear when all of them are complete.
func HubFolder(ctx context.Context, c *llmrouterdata.Config, dir string, o *Options) (_ *Report, err error) {
	s, err := openSource(ctx, c, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.data.Close()) }()
	f := &folder{source: s, dir: dir, ids: map[llmrouterdata.QueryKey]int{}, card: newCard(s)}
	defer f.out.Abort()
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		if err := f.split(ctx, split); err != nil {
			return nil, err
		}
	}
	if err := f.writeCandidates(); err != nil {
		return nil, err
	}
	if err := f.write("README.md", func(w io.Writer) error {
		_, err := io.WriteString(w, f.card.text())
		return err
	}); err != nil {
		return nil, err
	}
	return &s.report, f.out.Commit()
}

// folder is being written.
type folder struct {
	*source
	dir  string
	out  atomicfile.Group
	ids  map[llmrouterdata.QueryKey]int
	card *card
}

// write writes a file under a temporary name.
func (f *folder) write(name string, write func(io.Writer) error) error {
	w, err := f.out.Create(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	if err := write(w); err != nil {
		return fmt.Errorf("exporting: %s: %w", name, err)
	}
	return nil
}

// split writes the files of a split.
func (f *folder) split(ctx context.Context, split dataset.Split) error {
	return f.write(parquetName("queries", split), func(queries io.Writer) error {
		return f.write(parquetName("routing", split), func(routing io.Writer) error {
			rows := newTable[routingRow](routing)
			put, end := f.queryTable(queries, split)
			if err := f.each(ctx, split, func(group []dataset.Row) error {
				id, known := f.ids[group[0].Key()]
				if !known {
					id = len(f.ids)
					f.ids[group[0].Key()] = id
				}
				if err := put(group[0].QueryData(), id, group[0].EmbeddingID); err != nil {
					return err
				}
				for i := range group {
					f.card.add(&group[i])
					if err := rows.put(newRoutingRow(&group[i], id)); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
			return errors.Join(end(), rows.close())
		})
	})
}

// queryTable begins the file of the queries of a split, with or without embeddings.
func (f *folder) queryTable(w io.Writer, split dataset.Split) (put func(d llmrouterdata.StandardQueryData, id, from int) error, end func() error) {
	if f.data.Dim() == 0 {
		plain := newTable[queryRow](w)
		return func(d llmrouterdata.StandardQueryData, id, _ int) error { return plain.put(newQueryRow(d, id)) }, plain.close
	}
	embedded := newTable[embeddedRow](w)
	return func(d llmrouterdata.StandardQueryData, id, from int) error {
		vector, err := f.data.Embedding(split, from)
		if err != nil {
			return err
		}
		r := newQueryRow(d, id)
		return embedded.put(embeddedRow{r.TaskName, r.Query, r.GroundTruth, r.Metric, r.Choices, r.TaskID, r.EmbeddingID, vector})
	}, embedded.close
}

// writeCandidates writes the candidates and their embeddings.
func (f *folder) writeCandidates() error {
	if err := f.write(candidatesFile, func(w io.Writer) error { return llmrouterdata.WriteCandidates(w, published(f.data.Candidates)) }); err != nil {
		return err
	}
	if len(f.data.EmbeddedCandidates) == 0 {
		return nil
	}
	var text bytes.Buffer // a fault of the candidates leaves no file half written
	if err := llmrouterdata.WriteEmbeddedCandidates(&text, f.data.EmbeddedCandidates); err != nil {
		return err
	}
	return f.write(embeddedCandidatesFile, func(w io.Writer) error { _, err := w.Write(text.Bytes()); return err })
}

// published returns candidates without what they are called with, which may hold
// secrets.
func published(candidates []llmrouterdata.Candidate) []llmrouterdata.Candidate {
	list := slices.Clone(candidates)
	for i := range list {
		c := &list[i]
		c.APIEndpoint, _, _ = strings.Cut(c.APIEndpoint, "?")
		*c = llmrouterdata.Candidate{
			Name: c.Name, Size: c.Size, Feature: c.Feature, InputPrice: c.InputPrice, OutputPrice: c.OutputPrice, Unpriced: c.Unpriced,
			CachedInputPrice: c.CachedInputPrice, ReasoningPrice: c.ReasoningPrice, BatchPriceFactor: c.BatchPriceFactor,
			Model: c.Model, Service: c.Service, APIEndpoint: c.APIEndpoint, Extra: c.Extra,
		}
	}
	return list
}
