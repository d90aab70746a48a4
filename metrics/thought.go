package metrics

import "github.com/llmrouter-go/llmrouter/internal/thought"

// WithoutThought returns what a reply says once it has thought: the text after
// the thoughts that stand at its start, without the blank lines before it. A
// reply without a thought is returned as it is.
//
// A thought begins with the reply, white space aside, and is written
//
//   - in a tag: <think>, <thinking>, <thought>, <reasoning>, <scratchpad> and
//     their like, in any letter case, with white space and attributes, in angle
//     or square brackets; or as single marks, such as <|START_THINKING|>;
//   - in a channel that is not the final one: <|channel|>analysis<|message|>, or
//     what is left of it where the marks were dropped, "analysis" and later
//     "assistantfinal".
//
// A prompt's template may have written the opening: then a closing mark that no
// opening stands before ends the thought. Marks of one kind nest; where they do
// not pair, the last closing one counts. A mark in quotation marks or backticks
// is a word about it and none itself. A thought that is never closed has no
// answer after it, which gives "".
//
// Taking thoughts off again changes nothing. Time is linear.
func WithoutThought(reply string) string { return thought.Strip(reply) }
