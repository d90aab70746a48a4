// Package openai makes an [embedding.Encoder] of a service that speaks the
// OpenAI API for embeddings: POST {endpoint}/embeddings. Hosted models, gateways
// and local servers (vLLM, Ollama, llama.cpp, text-embeddings-inference) do.
//
//	enc, err := openai.New(ctx, &openai.Options{
//		Model:  "text-embedding-3-small",
//		APIKey: openai.Secret(key),
//	})
//
// Texts go out in batches, equal texts once; answers are put in order by their
// index and checked: as many vectors as texts, all of one length, all numbers
// finite. Failures that may pass are retried, a bounded number of times. Keys are
// never part of an error.
//
// Only programs that import this package link the OpenAI client.
package openai
