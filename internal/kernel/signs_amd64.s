//go:build !purego && !noasm

#include "textflag.h"

// Eight words, w, of a sum of levels become estimates, at an offset of DI; Y14 is
// what twice a sum is for nothing, Y13 the largest so far.
#define ESTIMATE(w, t, offset) \
	VPMOVZXWD w, t                  \
	VPADDD    t, t, t               \
	VPSUBD    Y14, t, t             \
	VCVTDQ2PS t, t                  \
	VMULPS    offset(R10), t, t     \
	VMOVUPS   t, offset(DI)         \
	VMAXPS    t, Y13, Y13

// func estimateAVX2(dst, largest *float32, codes, table *byte, scales *float32, steps, blocks int)
//
// blocks of 32 vectors, each of steps times 16 numbers: 64 bytes of codes. Four
// bytes looked up are added before they are widened. The even and the odd ones are
// summed apart: words of the bytes as they are, from which the odd sums are taken
// off in the end, and of the odd bytes alone.
TEXT ·estimateAVX2(SB), NOSPLIT, $0-56
	MOVQ         dst+0(FP), DI
	MOVQ         largest+8(FP), R11
	MOVQ         codes+16(FP), SI
	MOVQ         table+24(FP), DX
	MOVQ         scales+32(FP), R10
	MOVQ         steps+40(FP), R8
	MOVQ         blocks+48(FP), CX
	MOVL         $0x0f0f0f0f, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	IMUL3Q       $240, R8, AX // 16 numbers of 15
	VMOVD        AX, X14
	VPBROADCASTD X14, Y14

block:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	MOVQ  DX, BX
	MOVQ  R8, R9

step:
	VMOVDQU        (SI), Y2
	VMOVDQU        32(SI), Y4
	VPSRLW         $4, Y2, Y3
	VPSRLW         $4, Y4, Y5
	VPAND          Y15, Y2, Y2
	VPAND          Y15, Y3, Y3
	VPAND          Y15, Y4, Y4
	VPAND          Y15, Y5, Y5
	VBROADCASTI128 (BX), Y6
	VBROADCASTI128 16(BX), Y7
	VBROADCASTI128 32(BX), Y8
	VBROADCASTI128 48(BX), Y9
	VPSHUFB        Y2, Y6, Y6
	VPSHUFB        Y3, Y7, Y7
	VPSHUFB        Y4, Y8, Y8
	VPSHUFB        Y5, Y9, Y9
	VPADDB         Y7, Y6, Y6
	VPADDB         Y9, Y8, Y8
	VPADDB         Y8, Y6, Y6
	VPSRLW         $8, Y6, Y7
	VPADDW         Y6, Y0, Y0
	VPADDW         Y7, Y1, Y1
	ADDQ           $64, SI
	ADDQ           $64, BX
	DECQ           R9
	JNZ            step

	VPSLLW     $8, Y1, Y2
	VPSUBW     Y2, Y0, Y0
	VPUNPCKLWD Y1, Y0, Y2
	VPUNPCKHWD Y1, Y0, Y3
	VPERM2I128   $0x20, Y3, Y2, Y4
	VPERM2I128   $0x31, Y3, Y2, Y5
	VEXTRACTI128 $1, Y4, X6
	VEXTRACTI128 $1, Y5, X7
	MOVL         $0xff800000, AX // -Inf
	VMOVD        AX, X13
	VPBROADCASTD X13, Y13
	ESTIMATE(X4, Y4, 0)
	ESTIMATE(X6, Y6, 32)
	ESTIMATE(X5, Y5, 64)
	ESTIMATE(X7, Y7, 96)
	VEXTRACTF128 $1, Y13, X12
	VMAXPS       X12, X13, X13
	VPSHUFD      $0x4e, X13, X12
	VMAXPS       X12, X13, X13
	VPSHUFD      $0xb1, X13, X12
	VMAXPS       X12, X13, X13
	VMOVSS       X13, (R11)
	ADDQ         $128, DI
	ADDQ         $128, R10
	ADDQ         $4, R11
	DECQ         CX
	JNZ          block
	VZEROUPPER
	RET

// func dotAVX2(a, b, next *float32, n int) float32
//
// n is a positive multiple of 32. Meanwhile next is fetched, which takes longer
// than the products where it lies in memory.
TEXT ·dotAVX2(SB), NOSPLIT, $0-36
	MOVQ   a+0(FP), SI
	MOVQ   b+8(FP), DI
	MOVQ   next+16(FP), DX
	MOVQ   n+24(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

loop:
	VMOVUPS     (SI), Y4
	VMOVUPS     32(SI), Y5
	VMOVUPS     64(SI), Y6
	VMOVUPS     96(SI), Y7
	VFMADD231PS (DI), Y4, Y0
	VFMADD231PS 32(DI), Y5, Y1
	VFMADD231PS 64(DI), Y6, Y2
	VFMADD231PS 96(DI), Y7, Y3
	PREFETCHT0  (DX)
	PREFETCHT0  64(DX)
	ADDQ        $128, SI
	ADDQ        $128, DI
	ADDQ        $128, DX
	SUBQ        $32, CX
	JNZ         loop

	VADDPS       Y1, Y0, Y0
	VADDPS       Y3, Y2, Y2
	VADDPS       Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	VMOVSS       X0, ret+32(FP)
	VZEROUPPER
	RET
