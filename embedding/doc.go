// Package embedding turns texts into vectors, in pure Go.
//
// [Open] opens the encoders that routers use: a Longformer, and BERT, RoBERTa
// and MPNet as sentence-transformers publishes them (MiniLM, bge, gte, e5,
// all-mpnet), with the vectors that sentence-transformers gives.
//
//	model, err := embedding.Open(ctx, "all-MiniLM-L6-v2", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	vectors, err := model.Encode(ctx, []string{"Which eats other creatures?"})
//
// [Longformer] is the encoder of the pipeline: allenai/longformer-base-4096 (or
// any model of that architecture; Beltagy, Peters and Cohan, 2020,
// arXiv:2004.05150), giving the numbers of the Python pipeline: the
// last hidden states, averaged over the tokens. [OpenLongformer] and
// [LongformerOptions] open nothing else.
//
// Any other [Encoder] can take its place: embedding/openai calls an
// OpenAI-compatible endpoint, embedding/cybertron wraps the encoders of
// cybertron.
package embedding
