// Package exporting writes a finished data set in forms that others read: a
// folder that Hugging Face's load_dataset opens, and wide tables with a row a
// query and columns for each model.
//
//	report, err := exporting.HubFolder(ctx, config, "folder", nil)
//
// The folder holds all that the data set does; [ReadHubFolder] makes the same data
// set of it. Wide tables are in RouterBench's layout; they keep scores, answers and
// costs.
//
// What a data set is called from, headers, parameters and time limits, is in none of
// them.
package exporting
