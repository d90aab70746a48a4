//go:build !purego && !noasm

#include "textflag.h"

// The AVX-512 tile: 12 rows by 2 panels of 16 columns, in Z0..Z23.
//
//	SI, R11, R12, R13  a, rows 0, 3, 6, 9     R8  bytes between rows of a
//	BX, R9             b, both panels         CX  steps left

#define ROW(addr, t, lo, hi) \
	VBROADCASTSS addr, t    \
	VFMADD231PS  Z24, t, lo \
	VFMADD231PS  Z25, t, hi

#define STEP(a, b) \
	VMOVUPS b(BX), Z24                  \
	VMOVUPS b(R9), Z25                  \
	ROW(a(SI), Z26, Z0, Z1)             \
	ROW(a(SI)(R8*1), Z27, Z2, Z3)       \
	ROW(a(SI)(R8*2), Z28, Z4, Z5)       \
	ROW(a(R11), Z29, Z6, Z7)            \
	ROW(a(R11)(R8*1), Z30, Z8, Z9)      \
	ROW(a(R11)(R8*2), Z31, Z10, Z11)    \
	ROW(a(R12), Z26, Z12, Z13)          \
	ROW(a(R12)(R8*1), Z27, Z14, Z15)    \
	ROW(a(R12)(R8*2), Z28, Z16, Z17)    \
	ROW(a(R13), Z29, Z18, Z19)          \
	ROW(a(R13)(R8*1), Z30, Z20, Z21)    \
	ROW(a(R13)(R8*2), Z31, Z22, Z23)

#define NEXT(n) \
	ADDQ $(4*n), SI  \
	ADDQ $(4*n), R11 \
	ADDQ $(4*n), R12 \
	ADDQ $(4*n), R13 \
	ADDQ $(64*n), BX \
	ADDQ $(64*n), R9

#define ZERO(lo, hi) \
	VPXORD lo, lo, lo \
	VPXORD hi, hi, hi

#define STOREBIAS(lo, hi) \
	VADDPS  Z24, lo, lo \
	VADDPS  Z25, hi, hi \
	VMOVUPS lo, (DI)    \
	VMOVUPS hi, 64(DI)  \
	ADDQ    R10, DI

#define STOREADD(lo, hi) \
	VADDPS  (DI), lo, lo   \
	VADDPS  64(DI), hi, hi \
	VMOVUPS lo, (DI)       \
	VMOVUPS hi, 64(DI)     \
	ADDQ    R10, DI

#define ALL(OP) \
	OP(Z0, Z1)   \
	OP(Z2, Z3)   \
	OP(Z4, Z5)   \
	OP(Z6, Z7)   \
	OP(Z8, Z9)   \
	OP(Z10, Z11) \
	OP(Z12, Z13) \
	OP(Z14, Z15) \
	OP(Z16, Z17) \
	OP(Z18, Z19) \
	OP(Z20, Z21) \
	OP(Z22, Z23)

// What comes next is fetched a little in every four steps, since many fetches at
// once stall the loads of a and b behind them. FETCH asks for
//
//   - the tile's lines of c (BP), to be written, a row at a time in twelve turns
//     from LATE+44 steps left on: some 1,500 cycles before they are stored to,
//     which so waits for nothing. Fetched when the tile begins, they would be
//     driven out by b again;
//   - the next tile's rows of a (AX), into the L2 cache: 192 bytes a turn, a
//     row of 384 values in eight turns. After the last tile these
//     rows are others' or none at all; a fetch never faults.
//
// c is fetched with PREFETCHW, for writing. The assembler has no word for it:
// 0F 0D 4D and the distance from BP.
#define LATE 64
#define FETCHC \
	LONG $0x004D0D0F \
	LONG $0x404D0D0F \
	ADDQ R10, BP

#define FETCH(rest, same) \
	CMPQ CX, $(LATE+44)  \
	JGT  rest            \
	CMPQ CX, $LATE       \
	JLT  rest            \
	FETCHC               \
rest:                    \
	PREFETCHT1 (AX)      \
	PREFETCHT1 64(AX)    \
	PREFETCHT1 128(AX)   \
	ADDQ  $192, AX       \
	TESTQ $28, CX        \
	JNE   same           \
	LEAQ  -1536(AX)(R8*1), AX \
same:

// func gemmPairAVX512(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, bpanel uintptr, k, tiles int, bias *float32)
//
// Two neighbouring panels: c[12*tiles][32] = a·b + bias, or c += a·b without a
// bias. ldc, lda and bpanel are in bytes.
TEXT ·gemmPairAVX512(SB), NOSPLIT, $8-72
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), R10
	MOVQ a+16(FP), AX
	MOVQ lda+24(FP), R8
	MOVQ tiles+56(FP), DX

	// The panels after these are needed next: the first two tiles fetch them
	// into the L2 cache, from R14 to R15.
	MOVQ b+32(FP), R14
	MOVQ bpanel+40(FP), R15
	LEAQ (R14)(R15*2), R14
	LEAQ (R14)(R15*2), R15

tile:
	MOVQ DI, BP
	MOVQ AX, SI
	LEAQ (R8)(R8*2), CX
	LEAQ (SI)(CX*1), R11
	LEAQ (R11)(CX*1), R12
	LEAQ (R12)(CX*1), R13
	LEAQ (R13)(CX*1), AX
	MOVQ b+32(FP), BX
	MOVQ bpanel+40(FP), R9
	ADDQ BX, R9
	MOVQ k+48(FP), CX
	ALL(ZERO)
	SUBQ $4, CX
	JLT  ones
	CMPQ R14, R15
	JGE  four

ahead:
	FETCH(aheadRest, aheadSame)
	PREFETCHT1 (R14)
	PREFETCHT1 64(R14)
	PREFETCHT1 128(R14)
	PREFETCHT1 192(R14)
	ADDQ $256, R14
	STEP(0, 0)
	STEP(4, 64)
	STEP(8, 128)
	STEP(12, 192)
	NEXT(4)
	SUBQ $4, CX
	JGE  ahead
	JMP  ones

four:
	FETCH(fourRest, fourSame)
	STEP(0, 0)
	STEP(4, 64)
	STEP(8, 128)
	STEP(12, 192)
	NEXT(4)
	SUBQ $4, CX
	JGE  four

ones:
	ADDQ $4, CX
	JZ   store

one:
	STEP(0, 0)
	NEXT(1)
	DECQ CX
	JNZ  one

store:
	MOVQ bias+64(FP), CX
	TESTQ CX, CX
	JZ   add
	VMOVUPS (CX), Z24
	VMOVUPS 64(CX), Z25
	ALL(STOREBIAS)
	JMP  next

add:
	ALL(STOREADD)

next:
	// AX has walked on: the next tile's first row is three after R13's, which
	// has come to the end of its own.
	MOVQ k+48(FP), CX
	SHLQ $2, CX
	MOVQ R13, AX
	SUBQ CX, AX
	ADDQ R8, AX
	LEAQ (AX)(R8*2), AX
	DECQ DX
	JNZ  tile
	VZEROUPPER
	RET
