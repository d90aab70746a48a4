// Package tokenizer turns texts into the token ids of encoders. It holds two
// kinds: byte-level byte pair encoding, as in GPT-2 (Radford et al. 2019;
// Sennrich et al. 2016 for the merges), of RoBERTa and Longformer; and
// WordPiece (Wu et al. 2016) of BERT and MPNet. It gives the ids that the
// tokenizer files' own implementation gives.
//
//	tok, err := tokenizer.Open(ctx, os.DirFS(dir), nil)
//	...
//	ids, err := tok.Encode("Hello world!", &tokenizer.Options{MaxTokens: 4096})
//
// A text becomes ids in five steps:
//
//  1. The strings of special and of added tokens (<s>, <pad>, </s>, <unk>, <mask>)
//     are cut out, some with the white space beside them where the files say so.
//  2. What is left is changed, by BERT's rules: control characters go, Chinese
//     characters are set between spaces, accents and upper case go. Then the
//     other added tokens are looked for.
//  3. It is cut into words. In BERT these lie between white space, and a
//     punctuation mark is one. In GPT-2 they are English contractions, a run of
//     letters, of digits or of other characters, each with the one space before
//     it, and white space; letters, digits and white space are those of Unicode
//     (the edition of package unicode).
//  4. The bytes of a word are merged pair by pair, the earliest line of the
//     merge list first and the leftmost place first; or, in WordPiece, the
//     longest token that begins the word is taken, then the longest that goes
//     on with it.
//  5. The ids are cut at the limit, on the side that the files name, and set
//     between <s> and </s>, or [CLS] and [SEP].
//
// docs/MODELS.md has what the files of a folder mean together.
//
// Text is UTF-8. Bytes that are not, lone surrogates included, are an
// [InvalidTextError] unless [Options.AllowInvalid] is set: the merges work on
// bytes, so such a text can be encoded too, and decodes to the same bytes.
package tokenizer
