// Package pyliteral reads Python literals as ast.literal_eval does, and writes
// str() of the values that JSON can hold. Published routing data carries both:
// the options of a question as the repr of a list or a dict, and embeddings as
// the text of a torch tensor.
//
// The grammar is that of CPython 3.11: strings with all their prefixes and
// escapes, bytes, numbers, tuples, lists, dicts, sets, None, booleans, the
// ellipsis, implicit concatenation, comments and line joining. Anything that
// would have to be evaluated is refused, and so is a hexadecimal, octal or binary
// integer of more than 262,144 bits: bringing one into digits takes long.
package pyliteral
