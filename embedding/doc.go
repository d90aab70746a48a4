// Package embedding turns texts into vectors.
//
// [Longformer] is the encoder of the pipeline: allenai/longformer-base-4096 (or
// any model of that architecture; Beltagy, Peters and Cohan, 2020,
// arXiv:2004.05150) in pure Go, giving the numbers of the Python pipeline: the
// last hidden states, averaged over the tokens.
//
//	model, err := embedding.OpenLongformer(ctx, "longformer-base-4096", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	vectors, err := model.Encode(ctx, []string{"Which eats other creatures?"})
//
// Any other [Encoder] can take its place: embedding/openai calls an
// OpenAI-compatible endpoint, embedding/cybertron wraps the encoders of
// cybertron.
package embedding
