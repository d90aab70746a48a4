// Package safetensors reads and writes files of named tensors in the format of
// the same name:
//
//	8 bytes   length n of the header, little-endian
//	n bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//	the rest  the elements, little-endian, row-major, without gaps
//
// Offsets count from the end of the header; the key "__metadata__" holds
// strings. Opening a file reads its header only; the elements of a tensor are
// read when they are asked for. Files need not be trusted: every number of the
// header is held against the size of the file, and a header that does not add
// up is a [FormatError].
package safetensors
