// Package cybertron joins [embedding.Encoder] and the text encoders of
// github.com/nlpodyssey/cybertron, in both directions:
//
//   - [New] makes an embedding.Encoder of any textencoding.Interface, so that a
//     cybertron model can embed the queries of a routing dataset;
//   - [NewTextEncoder] makes a textencoding.Interface of any embedding.Encoder,
//     so that a Longformer can serve a cybertron program.
//
// Only programs that import this package link cybertron.
package cybertron
