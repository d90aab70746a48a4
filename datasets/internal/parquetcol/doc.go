// Package parquetcol reads chosen columns of a parquet file, page by page.
//
// The footer and the schema are parquet-go's; the walk over the pages is ours,
// for three reasons. Sizes that a file states about itself are checked before
// memory is allocated, so that a few hostile bytes cannot ask for gigabytes.
// Rows that are not wanted cost a page header and not a decoded page. And text
// goes from the page straight to its final strings.
//
// Columns are addressed by a dotted path ("answer.aliases"); the two levels of
// groups that a list is stored in are skipped whatever their names, since
// writers disagree on them ("list.element", "list.item", "bag.array_element").
// A column holds one value a row or one list of values a row; lists of lists
// are not read.
//
// Layout of the formats: github.com/apache/parquet-format.
package parquetcol
