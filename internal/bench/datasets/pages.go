//go:build linux

package main

import (
	"os"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/parquet-go/parquet-go"
)

// pagesTouched returns the number of the columns' data pages that hold the
// rows, and that of all.
func pagesTouched(name string, columns []datasets.Column, rows []int) (hit, all int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	pq, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return 0, 0, err
	}
	needed := map[string]bool{}
	for _, c := range columns {
		needed[c.Name] = true
	}
	first := int64(0)
	for g, group := range pq.RowGroups() {
		for c, chunk := range group.ColumnChunks() {
			path := strings.Join(pq.Metadata().RowGroups[g].Columns[c].MetaData.PathInSchema, ".")
			if !needed[strings.TrimSuffix(path, ".list.element")] {
				continue
			}
			index, err := chunk.OffsetIndex()
			if err != nil {
				return 0, 0, err
			}
			for p := range index.NumPages() {
				from, to := first+index.FirstRowIndex(p), first+group.NumRows()
				if p+1 < index.NumPages() {
					to = first + index.FirstRowIndex(p+1)
				}
				all++
				for _, r := range rows {
					if int64(r) >= from && int64(r) < to {
						hit++
						break
					}
				}
			}
		}
		first += group.NumRows()
	}
	return hit, all, nil
}
