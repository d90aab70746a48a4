//go:build linux

package main

import (
	"os"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/parquet-go/parquet-go"
)

// pagesTouched returns the share of the columns' bytes that lie in the pages
// which hold the rows.
func pagesTouched(name string, columns []datasets.Column, rows []int) (float64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	pq, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return 0, err
	}
	needed := map[string]bool{}
	for _, c := range columns {
		needed[c.Name] = true
	}
	hit, all := 0.0, 0.0
	first := int64(0)
	for g, group := range pq.RowGroups() {
		for c, chunk := range group.ColumnChunks() {
			path := strings.Join(pq.Metadata().RowGroups[g].Columns[c].MetaData.PathInSchema, ".")
			if !needed[strings.TrimSuffix(path, ".list.element")] {
				continue
			}
			index, err := chunk.OffsetIndex()
			if err != nil {
				return 0, err
			}
			for p := range index.NumPages() {
				from, to := first+index.FirstRowIndex(p), first+group.NumRows()
				if p+1 < index.NumPages() {
					to = first + index.FirstRowIndex(p+1)
				}
				size := float64(index.CompressedPageSize(p))
				all += size
				for _, r := range rows {
					if int64(r) >= from && int64(r) < to {
						hit += size
						break
					}
				}
			}
		}
		first += group.NumRows()
	}
	return hit / all, nil
}
