// Package kernel holds the operations that a Longformer's time goes to: products
// with packed weights, attention through a window, GELU, softmax and layer
// normalisation, on float32; and those that look up the nearest of many vectors:
// estimates of cosines from signs, and products with some rows.
//
// They come in tiers, one [Set] each: "generic" in plain Go, which is the
// stated reference and runs everywhere, "avx2" and "avx512" for amd64, "neon"
// for arm64. [Default] picks the fastest that the processor has; the build tags
// purego and noasm leave all but generic out.
//
// # Bits
//
// An element of a result depends on its own operands alone: not on the rows
// beside it, not on how a product is cut into calls, not on alignment. Every
// tile sums in ascending order, one sum for each block of 384 products, and adds
// the blocks in order. avx2 and avx512 share this order and the code of all
// else, and give equal bits. generic rounds each product, the others fuse
// multiplication and addition, so that these differ in rounding.
//
// # Layouts
//
// Activations are row-major and are read where they are. Weights are packed
// once, when they are loaded, in panels of 16 outputs ([Weights]); the layout is
// that of all tiers. Attention takes 16 queries at a time and keeps their scores
// as [keys][16], so that keys and values need no packing: the queries are the
// packed operand of the first product, and the scores, as they fall out of it,
// are the unpacked one of the second.
package kernel
