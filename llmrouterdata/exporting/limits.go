package exporting

const rowGroup = 10_000 // rows of a row group: what is in memory while a file is written
