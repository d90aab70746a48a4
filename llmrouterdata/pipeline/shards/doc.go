// Package shards runs step 3 of the pipeline as many small data sets that any
// scheduler can hand out, and merges them into the files of one run.
//
// # Terms
//
// A shard is a part of one split: its queries, and a data set of its own with
// rows, vectors, journal and vector cache.
//
// The working folder holds the list of shards and a folder for each. All
// processes see it, on one machine or on a shared disk:
//
//	shards.jsonl            the list
//	queries/NAME.jsonl      the queries of a shard
//	shards/NAME/            its data set, its state and its claim
//	budget.json             which part of the budget each shard has
//	cooldowns/              which keys are busy
//
// A claim is the right to work on a shard: the lock of a file. It ends with its
// process, however that ends, so that whoever comes next goes on from the
// journal. Nobody works on a shard without it, and so no two processes append to
// one journal.
//
// The state of a shard is a file that says how far it has come. A shard is done
// when its state says so of the queries that the list names.
//
// # The way of the work
//
// [Split] cuts the query files. [Folder.Run], in any number of processes, works
// on the shards that were given to it, or on whatever is left. [Folder.Merge]
// makes one data set of them, as one run would have made it. [Folder.Status]
// says how far all of it is.
//
// What the processes share beside the shards are the budget ([RunOptions]) and what
// they learn of busy keys ([Cooldowns]). Limits a minute are divided, by
// [chat.Options] of each.
package shards
