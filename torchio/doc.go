// Package torchio reads and writes the files of torch.save and torch.load,
// without torch: tensors, dicts of tensors, state dicts, checkpoints.
//
// A Writer streams a file in one pass. The routing pipeline's embeddings, a
// dict of float32 vectors by id, are written like this:
//
//	w := torchio.NewWriter(out, nil)
//	for id, vec := range vectors {
//		if err := w.PutInt(int64(id), torchio.Of(vec)); err != nil {
//			return err
//		}
//	}
//	return w.Close()
//
// A File reads both formats that torch has used, zip archives and, before
// torch 1.6, bare pickles. Opening one reads its directory and its pickle;
// the elements of a tensor are read, or found in a mapping of the file, when
// they are asked for:
//
//	f, err := torchio.Open("query_embeddings.pt")
//	...
//	defer f.Close()
//	vectors, err := f.IntDict()
//	...
//	for id, t := range vectors.All() {
//		vec := make([]float32, t.NumElements())
//		if err := t.CopyTo(vec); err != nil {
//			return err
//		}
//		use(id, vec)
//	}
//
// Files need not be trusted. The pickle runs on a short list of allowed
// globals and nothing is ever looked up outside of it; every length, offset
// and stride is checked against the bytes that are there; memory is bounded
// by ReadOptions. The format is explained in docs/TORCH-FILES.md.
package torchio
