//go:build !purego && !noasm

#include "textflag.h"

// Constants, eight times each.
#define CONST8(name, bits) \
	DATA  name<>+0(SB)/4, $bits  \
	DATA  name<>+4(SB)/4, $bits  \
	DATA  name<>+8(SB)/4, $bits  \
	DATA  name<>+12(SB)/4, $bits \
	DATA  name<>+16(SB)/4, $bits \
	DATA  name<>+20(SB)/4, $bits \
	DATA  name<>+24(SB)/4, $bits \
	DATA  name<>+28(SB)/4, $bits \
	GLOBL name<>(SB), RODATA|NOPTR, $32

CONST8(one, 0x3f800000) // 1.0
CONST8(half, 0x3f000000) // 0.5
CONST8(geluLimit, 0x40b33333) // 5.6
CONST8(geluMinus, 0xc0b33333) // -5.6
CONST8(geluP0, 0x3f4c4228) // 0.797884464263916
CONST8(geluP1, 0x3d8ccdec) // 0.06875213980674744
CONST8(geluP2, 0x3c1a3f54) // 0.009414512664079666
CONST8(geluP3, 0x39b64b94) // 0.0003477005520835519
CONST8(geluP4, 0x37554a1e) // 1.2713046089629643e-05
CONST8(geluP5, 0x333e3a0d) // 4.4290619172215884e-08
CONST8(geluQ1, 0x3e81736d) // 0.252833753824234
CONST8(geluQ2, 0x3ced13b7) // 0.02894006483256817
CONST8(geluQ3, 0x3afabccf) // 0.001912975567393005
CONST8(geluQ4, 0x389d7ff2) // 7.510175055358559e-05
CONST8(geluQ5, 0x359e67c0) // 1.180211256723851e-06
CONST8(lowest, 0xff7fffff) // -3.4028234663852886e+38
CONST8(expMin, 0xc2aeac4f) // -87.33654
CONST8(log2e, 0x3fb8aa3b) // 1.4426950409
CONST8(expRound, 0x4b400000) // 12582912.0
CONST8(ln2High, 0x3f318000) // 0.693359375
CONST8(ln2Low, 0xb95e8083) // -0.00021219444
CONST8(expC0, 0x39506967) // 0.000198756915
CONST8(expC1, 0x3ab743ce) // 0.0013981999507
CONST8(expC2, 0x3c088908) // 0.0083334519073
CONST8(expC3, 0x3d2aa9c1) // 0.041665795894
CONST8(expC4, 0x3e2aaaaa) // 0.16666665459

// func geluAVX2(x *float32, n int)
//
// x*Φ(x) for n values, n a positive multiple of 16. erf(x/√2) is x*P(x²)/Q(x²)
// for |x| up to 5.6, beyond which it is 1 in float32: a rational function
// fitted for the least absolute error, 2e-8 before rounding.
TEXT ·geluAVX2(SB), NOSPLIT, $0-16
	MOVQ    x+0(FP), SI
	MOVQ    n+8(FP), CX
	VMOVUPS geluLimit<>(SB), Y10
	VMOVUPS geluMinus<>(SB), Y11
	VMOVUPS half<>(SB), Y12

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1

	// min and max return their second source, here x, where it is NaN.
	VMINPS Y0, Y10, Y2
	VMINPS Y1, Y10, Y3
	VMAXPS Y2, Y11, Y2
	VMAXPS Y3, Y11, Y3
	VMULPS Y2, Y2, Y4
	VMULPS Y3, Y3, Y5

	VMOVUPS     geluP5<>(SB), Y6
	VMOVUPS     geluP4<>(SB), Y13
	VMOVAPS     Y6, Y7
	VFMADD213PS Y13, Y4, Y6
	VFMADD213PS Y13, Y5, Y7
	VMOVUPS     geluQ5<>(SB), Y8
	VMOVUPS     geluQ4<>(SB), Y14
	VMOVAPS     Y8, Y9
	VFMADD213PS Y14, Y4, Y8
	VFMADD213PS Y14, Y5, Y9
	VMOVUPS     geluP3<>(SB), Y13
	VFMADD213PS Y13, Y4, Y6
	VFMADD213PS Y13, Y5, Y7
	VMOVUPS     geluQ3<>(SB), Y14
	VFMADD213PS Y14, Y4, Y8
	VFMADD213PS Y14, Y5, Y9
	VMOVUPS     geluP2<>(SB), Y13
	VFMADD213PS Y13, Y4, Y6
	VFMADD213PS Y13, Y5, Y7
	VMOVUPS     geluQ2<>(SB), Y14
	VFMADD213PS Y14, Y4, Y8
	VFMADD213PS Y14, Y5, Y9
	VMOVUPS     geluP1<>(SB), Y13
	VFMADD213PS Y13, Y4, Y6
	VFMADD213PS Y13, Y5, Y7
	VMOVUPS     geluQ1<>(SB), Y14
	VFMADD213PS Y14, Y4, Y8
	VFMADD213PS Y14, Y5, Y9
	VMOVUPS     geluP0<>(SB), Y13
	VFMADD213PS Y13, Y4, Y6
	VFMADD213PS Y13, Y5, Y7
	VMOVUPS     one<>(SB), Y14
	VFMADD213PS Y14, Y4, Y8
	VFMADD213PS Y14, Y5, Y9

	VMULPS      Y2, Y6, Y6
	VMULPS      Y3, Y7, Y7
	VDIVPS      Y8, Y6, Y6
	VDIVPS      Y9, Y7, Y7
	VMULPS      Y12, Y0, Y0
	VMULPS      Y12, Y1, Y1
	VFMADD213PS Y0, Y0, Y6
	VFMADD213PS Y1, Y1, Y7
	VMOVUPS     Y6, (SI)
	VMOVUPS     Y7, 32(SI)
	ADDQ        $64, SI
	SUBQ        $16, CX
	JNZ         loop
	VZEROUPPER
	RET

// EXP replaces x by exp(x), x being at most 0. n and p are free registers.
// Y8..Y15 hold constants; see expNonPositive. Below the least exponent the result
// is 0; VMAXPS returns its second source, x, where that is NaN, which so stays.
#define EXP(x, m, n, p) \
	VCMPPS      $1, Y8, x, m         \
	VMAXPS      x, Y8, x             \
	VMOVAPS     Y10, n               \
	VFMADD231PS Y9, x, n             \
	VSUBPS      Y10, n, n            \
	VFNMADD231PS Y11, n, x           \
	VFNMADD231PS Y12, n, x           \
	VMOVAPS     Y13, p               \
	VFMADD213PS expC1<>(SB), x, p    \
	VFMADD213PS expC2<>(SB), x, p    \
	VFMADD213PS expC3<>(SB), x, p    \
	VFMADD213PS Y14, x, p            \
	VFMADD213PS half<>(SB), x, p     \
	VFMADD213PS Y15, x, p            \
	VFMADD213PS Y15, x, p            \
	VCVTPS2DQ   n, n                 \
	VPSLLD      $23, n, n            \
	VPADDD      n, p, p              \
	VANDNPS     p, m, x

// func softmaxAVX2(s *float32, n int, inv *float32)
//
// For each of 16 columns of s, [n][16] with n at least 1: s = exp(s-max) and
// inv = 1/sum, or 0 where the sum is 0.
TEXT ·softmaxAVX2(SB), NOSPLIT, $0-24
	MOVQ s+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ inv+16(FP), DX

	VMOVUPS lowest<>(SB), Y0
	VMOVAPS Y0, Y1
	MOVQ    SI, DI
	MOVQ    CX, BX

high:
	VMAXPS (DI), Y0, Y0
	VMAXPS 32(DI), Y1, Y1
	ADDQ   $64, DI
	DECQ   BX
	JNZ    high

	VMOVUPS expMin<>(SB), Y8
	VMOVUPS log2e<>(SB), Y9
	VMOVUPS expRound<>(SB), Y10
	VMOVUPS ln2High<>(SB), Y11
	VMOVUPS ln2Low<>(SB), Y12
	VMOVUPS expC0<>(SB), Y13
	VMOVUPS expC4<>(SB), Y14
	VMOVUPS one<>(SB), Y15

	// Y0, Y1 highest, Y2, Y3 sum.
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

row:
	VMOVUPS (SI), Y4
	VSUBPS  Y0, Y4, Y4
	EXP(Y4, Y5, Y6, Y7)
	VMOVUPS Y4, (SI)
	VADDPS  Y4, Y2, Y2
	VMOVUPS 32(SI), Y4
	VSUBPS  Y1, Y4, Y4
	EXP(Y4, Y5, Y6, Y7)
	VMOVUPS Y4, 32(SI)
	VADDPS  Y4, Y3, Y3
	ADDQ    $64, SI
	DECQ    CX
	JNZ     row

	VXORPS  Y4, Y4, Y4
	VCMPPS  $0, Y4, Y2, Y5
	VCMPPS  $0, Y4, Y3, Y6
	VDIVPS  Y2, Y15, Y2
	VDIVPS  Y3, Y15, Y3
	VANDNPS Y2, Y5, Y2
	VANDNPS Y3, Y6, Y3
	VMOVUPS Y2, (DX)
	VMOVUPS Y3, 32(DX)
	VZEROUPPER
	RET

// SUM8 adds the eight values of y; the sum is in all of x.
#define SUM8(y, x, t, tx) \
	VEXTRACTF128 $1, y, tx  \
	VADDPS       tx, x, x   \
	VMOVHLPS     x, x, tx   \
	VADDPS       tx, x, x   \
	VMOVSHDUP    x, tx      \
	VADDSS       tx, x, x

// func normalizeAVX2(dst, x, y, gain, bias *float32, n int, eps float32)
//
// Layer normalisation of x+y, n a positive multiple of 8.
TEXT ·normalizeAVX2(SB), NOSPLIT, $0-52
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+40(FP), CX
	SHLQ $2, CX           // bytes
	MOVQ CX, BX
	ANDQ $~127, BX        // in whole groups of four registers

	// t = x+y to dst, and the mean.
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	XORQ   AX, AX
	CMPQ   AX, BX
	JGE    sumRest

sumGroup:
	VMOVUPS (SI)(AX*1), Y4
	VMOVUPS 32(SI)(AX*1), Y5
	VMOVUPS 64(SI)(AX*1), Y6
	VMOVUPS 96(SI)(AX*1), Y7
	VADDPS  (DX)(AX*1), Y4, Y4
	VADDPS  32(DX)(AX*1), Y5, Y5
	VADDPS  64(DX)(AX*1), Y6, Y6
	VADDPS  96(DX)(AX*1), Y7, Y7
	VMOVUPS Y4, (DI)(AX*1)
	VMOVUPS Y5, 32(DI)(AX*1)
	VMOVUPS Y6, 64(DI)(AX*1)
	VMOVUPS Y7, 96(DI)(AX*1)
	VADDPS  Y4, Y0, Y0
	VADDPS  Y5, Y1, Y1
	VADDPS  Y6, Y2, Y2
	VADDPS  Y7, Y3, Y3
	ADDQ    $128, AX
	CMPQ    AX, BX
	JLT     sumGroup

sumRest:
	CMPQ    AX, CX
	JGE     sumDone
	VMOVUPS (SI)(AX*1), Y4
	VADDPS  (DX)(AX*1), Y4, Y4
	VMOVUPS Y4, (DI)(AX*1)
	VADDPS  Y4, Y0, Y0
	ADDQ    $32, AX
	JMP     sumRest

sumDone:
	VADDPS       Y1, Y0, Y0
	VADDPS       Y3, Y2, Y2
	VADDPS       Y2, Y0, Y0
	SUM8(Y0, X0, Y4, X4)
	MOVQ         n+40(FP), R8
	VCVTSI2SSQ   R8, X5, X5
	VDIVSS       X5, X0, X0
	VBROADCASTSS X0, Y8

	// The variance.
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	XORQ   AX, AX
	CMPQ   AX, BX
	JGE    squareRest

squareGroup:
	VMOVUPS     (DI)(AX*1), Y4
	VMOVUPS     32(DI)(AX*1), Y5
	VMOVUPS     64(DI)(AX*1), Y6
	VMOVUPS     96(DI)(AX*1), Y7
	VSUBPS      Y8, Y4, Y4
	VSUBPS      Y8, Y5, Y5
	VSUBPS      Y8, Y6, Y6
	VSUBPS      Y8, Y7, Y7
	VFMADD231PS Y4, Y4, Y0
	VFMADD231PS Y5, Y5, Y1
	VFMADD231PS Y6, Y6, Y2
	VFMADD231PS Y7, Y7, Y3
	ADDQ        $128, AX
	CMPQ        AX, BX
	JLT         squareGroup

squareRest:
	CMPQ        AX, CX
	JGE         squareDone
	VMOVUPS     (DI)(AX*1), Y4
	VSUBPS      Y8, Y4, Y4
	VFMADD231PS Y4, Y4, Y0
	ADDQ        $32, AX
	JMP         squareRest

squareDone:
	VADDPS       Y1, Y0, Y0
	VADDPS       Y3, Y2, Y2
	VADDPS       Y2, Y0, Y0
	SUM8(Y0, X0, Y4, X4)
	VCVTSI2SSQ   R8, X5, X5
	VDIVSS       X5, X0, X0
	VADDSS       eps+48(FP), X0, X0
	VSQRTSS      X0, X0, X0
	VMOVSS       one<>(SB), X1
	VDIVSS       X0, X1, X0
	VBROADCASTSS X0, Y9

	MOVQ gain+24(FP), SI
	MOVQ bias+32(FP), DX
	XORQ AX, AX

scale:
	VMOVUPS     (DI)(AX*1), Y4
	VSUBPS      Y8, Y4, Y4
	VMULPS      Y9, Y4, Y4
	VMOVUPS     (SI)(AX*1), Y5
	VFMADD213PS (DX)(AX*1), Y5, Y4
	VMOVUPS     Y4, (DI)(AX*1)
	ADDQ        $32, AX
	CMPQ        AX, CX
	JLT         scale
	VZEROUPPER
	RET

// EIGHT writes eight rows of eight values at R9, R8 bytes apart, times Y15, as
// eight columns at DI+at, 64 bytes apart.
#define EIGHT(at) \
	LEAQ   (R9)(R8*2), R10 \
	ADDQ   R8, R10         \
	LEAQ   (R10)(R8*2), R11 \
	ADDQ   R8, R11         \
	VMULPS (R9), Y15, Y0          \
	VMULPS (R9)(R8*1), Y15, Y1    \
	VMULPS (R9)(R8*2), Y15, Y2    \
	VMULPS (R10), Y15, Y3         \
	VMULPS (R10)(R8*1), Y15, Y4   \
	VMULPS (R10)(R8*2), Y15, Y5   \
	VMULPS (R11), Y15, Y6         \
	VMULPS (R11)(R8*1), Y15, Y7   \
	VUNPCKLPS Y1, Y0, Y8          \
	VUNPCKHPS Y1, Y0, Y9          \
	VUNPCKLPS Y3, Y2, Y10         \
	VUNPCKHPS Y3, Y2, Y11         \
	VUNPCKLPS Y5, Y4, Y12         \
	VUNPCKHPS Y5, Y4, Y13         \
	VUNPCKLPS Y7, Y6, Y14         \
	VUNPCKHPS Y7, Y6, Y0          \
	VSHUFPS $0x44, Y10, Y8, Y1    \
	VSHUFPS $0xEE, Y10, Y8, Y2    \
	VSHUFPS $0x44, Y11, Y9, Y3    \
	VSHUFPS $0xEE, Y11, Y9, Y4    \
	VSHUFPS $0x44, Y14, Y12, Y5   \
	VSHUFPS $0xEE, Y14, Y12, Y6   \
	VSHUFPS $0x44, Y0, Y13, Y7    \
	VSHUFPS $0xEE, Y0, Y13, Y8    \
	VPERM2F128 $0x20, Y5, Y1, Y9  \
	VPERM2F128 $0x20, Y6, Y2, Y10 \
	VPERM2F128 $0x20, Y7, Y3, Y11 \
	VPERM2F128 $0x20, Y8, Y4, Y12 \
	VPERM2F128 $0x31, Y5, Y1, Y1  \
	VPERM2F128 $0x31, Y6, Y2, Y2  \
	VPERM2F128 $0x31, Y7, Y3, Y3  \
	VPERM2F128 $0x31, Y8, Y4, Y4  \
	VMOVUPS Y9, (0+at)(DI)        \
	VMOVUPS Y10, (64+at)(DI)      \
	VMOVUPS Y11, (128+at)(DI)     \
	VMOVUPS Y12, (192+at)(DI)     \
	VMOVUPS Y1, (256+at)(DI)      \
	VMOVUPS Y2, (320+at)(DI)      \
	VMOVUPS Y3, (384+at)(DI)      \
	VMOVUPS Y4, (448+at)(DI)

// func transposeAVX2(dst, src *float32, lds uintptr, d int, scale float32)
//
// dst[d][16] = scale*src[16][d]ᵀ, d a positive multiple of 8; lds in bytes.
TEXT ·transposeAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         lds+16(FP), R8
	MOVQ         d+24(FP), CX
	VBROADCASTSS scale+32(FP), Y15
	LEAQ         (SI)(R8*8), DX

block:
	MOVQ SI, R9
	EIGHT(0)
	MOVQ DX, R9
	EIGHT(32)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $512, DI
	SUBQ $8, CX
	JNZ  block
	VZEROUPPER
	RET
