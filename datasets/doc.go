// Package datasets reads eleven public benchmarks as typed records and draws
// from them the queries of a routing data set.
//
// [Catalog] describes the benchmarks as data. A [Source] says where their files
// are: [FromHub] on the Hugging Face hub, [FromDir] and [FromFS] in a folder.
// [Open] gives one benchmark as a [Table], to be read from end to end or row by
// row; [Rows] and [All] read its columns into a struct of the caller's. A
// benchmark of one's own is a [Spec] with a struct and a function, see the
// example of [Decode].
//
// [Generate] does what the pipeline's first step does: it samples every
// benchmark, turns the rows into records and splits them into training and
// test. It draws random numbers as the Python pipeline does, so that the same
// files and the same seed give the same queries in the same order.
//
// Parquet files are read column by column and page by page, .jsonl and .csv
// files, compressed (.gz, .zst) or not, line by line. What a file states about itself is not trusted:
// broken and hostile files give errors, not panics, and memory is bounded by
// the pages in use.
package datasets
