// Package cybertron joins [embedding.Encoder] and the text encoders of
// github.com/nlpodyssey/cybertron, in both directions:
//
//   - [New] makes an embedding.Encoder of any textencoding.Interface, so that a
//     cybertron model can embed the queries of a routing dataset;
//   - [NewTextEncoder] makes a textencoding.Interface of any embedding.Encoder,
//     so that a Longformer can serve a cybertron program.
//
// The vectors are cybertron's own. For models of BERT they are not those of
// sentence-transformers: its tokenizer takes "two-person" or "café" for one
// unknown word and a run of Chinese characters for one. With all-MiniLM-L6-v2,
// mean pooling, 7 of 60 published queries had a cosine below 0.9999 to the right
// vector (the lowest 0.80), "two-person" 0.64, "café" 0.22, two Chinese
// characters 0.90. A text of more tokens than the model has positions for is an
// error, where sentence-transformers cuts; 2_Normalize and max_seq_length are not
// read, nor are safetensors; and cybertron's converter (tasks.Load calls it)
// writes spago_model.bin into the model's folder. For these models use embedding.Open, which has none of
// that; this package is for the models that cybertron alone has.
//
// A model is loaded by cybertron, here from a folder with spago_model.bin:
//
//	model, err := bert.LoadTextEncoding(dir) // pkg/tasks/textencoding/bert
//	...
//	encoder, err := cybertron.New(ctx, model, &cybertron.Options{Name: dir, Pooling: 1})
//
// Only programs that import this package link cybertron.
package cybertron
