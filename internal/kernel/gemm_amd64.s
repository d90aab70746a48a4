//go:build !purego && !noasm

#include "textflag.h"

// The AVX2 tile: up to 6 rows by 16 columns, in Y0..Y11, two registers a row.
//
//	SI  a, row 0        R8  bytes between rows of a     R12  a, row 3
//	BX  b               CX  steps left                  Y12, Y13  a row of b
//
// Rows of a are read where they are, one value at a time, which a broadcast
// load does for nothing; only b has to be packed.

#define ZERO(lo, hi) \
	VXORPS lo, lo, lo \
	VXORPS hi, hi, hi

#define ROW(addr, t, lo, hi) \
	VBROADCASTSS addr, t       \
	VFMADD231PS  Y12, t, lo    \
	VFMADD231PS  Y13, t, hi

#define LOADB(at) \
	VMOVUPS at(BX), Y12      \
	VMOVUPS (at+32)(BX), Y13

#define ROW0(at) ROW(at(SI), Y14, Y0, Y1)
#define ROW1(at) ROW(at(SI)(R8*1), Y15, Y2, Y3)
#define ROW2(at) ROW(at(SI)(R8*2), Y14, Y4, Y5)
#define ROW3(at) ROW(at(R12), Y15, Y6, Y7)
#define ROW4(at) ROW(at(R12)(R8*1), Y14, Y8, Y9)
#define ROW5(at) ROW(at(R12)(R8*2), Y15, Y10, Y11)

#define STEP1(a, b) LOADB(b) ROW0(a)
#define STEP2(a, b) STEP1(a, b) ROW1(a)
#define STEP3(a, b) STEP2(a, b) ROW2(a)
#define STEP4(a, b) STEP3(a, b) ROW3(a)
#define STEP5(a, b) STEP4(a, b) ROW4(a)
#define STEP6(a, b) STEP5(a, b) ROW5(a)

// LOOP sums k steps, four at a time and then one at a time.
#define LOOP(STEP, FETCH, four, ones, one, done) \
	MOVQ AX, CX      \
	SUBQ $4, CX      \
	JLT  ones        \
four:                \
	FETCH            \
	STEP(0, 0)       \
	STEP(4, 64)      \
	STEP(8, 128)     \
	STEP(12, 192)    \
	ADDQ $16, SI     \
	ADDQ $16, R12    \
	ADDQ $256, BX    \
	SUBQ $4, CX      \
	JGE  four        \
ones:                \
	ADDQ $4, CX      \
	JZ   done        \
one:                 \
	STEP(0, 0)       \
	ADDQ $4, SI      \
	ADDQ $4, R12     \
	ADDQ $64, BX     \
	DECQ CX          \
	JNZ  one         \
done:

// AHEAD fetches the next panel of b into the L2 cache, from R13 on, two
// lines for four steps: the first two tiles of 6 rows ask for all of it.
#define AHEAD \
	PREFETCHT1 (R13)   \
	PREFETCHT1 64(R13) \
	ADDQ $128, R13

#define NOTHING

// Storing a row of c at DI, R10 bytes before the next: the sum plus the bias
// (Y12, Y13), or plus what is there.
#define STOREBIAS(lo, hi) \
	VADDPS  Y12, lo, lo    \
	VADDPS  Y13, hi, hi    \
	VMOVUPS lo, (DI)       \
	VMOVUPS hi, 32(DI)     \
	ADDQ    R10, DI

#define STOREADD(lo, hi) \
	VADDPS  (DI), lo, lo   \
	VADDPS  32(DI), hi, hi \
	VMOVUPS lo, (DI)       \
	VMOVUPS hi, 32(DI)     \
	ADDQ    R10, DI

#define STORE1(S) S(Y0, Y1)
#define STORE2(S) STORE1(S) S(Y2, Y3)
#define STORE3(S) STORE2(S) S(Y4, Y5)
#define STORE4(S) STORE3(S) S(Y6, Y7)
#define STORE5(S) STORE4(S) S(Y8, Y9)
#define STORE6(S) STORE5(S) S(Y10, Y11)

#define ZERO1 ZERO(Y0, Y1)
#define ZERO2 ZERO1 ZERO(Y2, Y3)
#define ZERO3 ZERO2 ZERO(Y4, Y5)
#define ZERO4 ZERO3 ZERO(Y6, Y7)
#define ZERO5 ZERO4 ZERO(Y8, Y9)
#define ZERO6 ZERO5 ZERO(Y10, Y11)

#define START \
	MOVQ R11, SI           \
	MOVQ b+32(FP), BX      \
	LEAQ (R11)(R8*2), R12  \
	ADDQ R8, R12

#define FINISH(STORE, add, end) \
	TESTQ R9, R9           \
	JZ    add              \
	VMOVUPS (R9), Y12      \
	VMOVUPS 32(R9), Y13    \
	STORE(STOREBIAS)       \
	JMP   end              \
add:                       \
	STORE(STOREADD)

// func gemmPanelAVX2(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, k, rows int, bias *float32)
//
// One panel: c[rows][16] = a[rows][k]·b[k][16] + bias, or c += a·b without a
// bias. ldc and lda are in bytes.
TEXT ·gemmPanelAVX2(SB), NOSPLIT, $0-64
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), R10
	MOVQ a+16(FP), R11
	MOVQ lda+24(FP), R8
	MOVQ k+40(FP), AX
	MOVQ rows+48(FP), DX
	MOVQ bias+56(FP), R9

	// The next panel follows this one.
	MOVQ AX, R15
	SHLQ $6, R15
	MOVQ b+32(FP), R13
	ADDQ R15, R13
	ADDQ R13, R15
	SUBQ $6, DX
	JLT  tail

tile:
	START
	ZERO6
	CMPQ R13, R15
	JLT  ahead
	LOOP(STEP6, NOTHING, four6, ones6, one6, done6)
	JMP  store6
ahead:
	LOOP(STEP6, AHEAD, four6a, ones6a, one6a, done6a)
store6:
	FINISH(STORE6, add6, end6)
end6:
	LEAQ (R8)(R8*2), R12
	LEAQ (R11)(R12*2), R11
	SUBQ $6, DX
	JGE  tile

tail:
	ADDQ $6, DX
	JZ   end
	CMPQ DX, $2
	JLT  rows1
	JEQ  rows2
	CMPQ DX, $4
	JLT  rows3
	JEQ  rows4

	START
	ZERO5
	LOOP(STEP5, AHEAD, four5, ones5, one5, done5)
	FINISH(STORE5, add5, end)
	JMP end

rows4:
	START
	ZERO4
	LOOP(STEP4, AHEAD, four4, ones4, one4, done4)
	FINISH(STORE4, add4, end)
	JMP end

rows3:
	START
	ZERO3
	LOOP(STEP3, AHEAD, four3, ones3, one3, done3)
	FINISH(STORE3, add3, end)
	JMP end

rows2:
	START
	ZERO2
	LOOP(STEP2, AHEAD, four2, ones2, one2, done2)
	FINISH(STORE2, add2, end)
	JMP end

rows1:
	START
	ZERO1
	LOOP(STEP1, AHEAD, four1, ones1, one1, done1)
	FINISH(STORE1, add1, end)

end:
	VZEROUPPER
	RET

// The AVX2 tile of mix: a is [k][16], a row of it in SI; SI holds the tile's
// first column. R8 is the bytes between rows of b.
#define MIXROW(at, t, lo, hi) ROW(at(SI), t, lo, hi)
#define MIX1 LOADB(0) MIXROW(0, Y14, Y0, Y1)
#define MIX2 MIX1 MIXROW(4, Y15, Y2, Y3)
#define MIX3 MIX2 MIXROW(8, Y14, Y4, Y5)
#define MIX4 MIX3 MIXROW(12, Y15, Y6, Y7)
#define MIX5 MIX4 MIXROW(16, Y14, Y8, Y9)
#define MIX6 MIX5 MIXROW(20, Y15, Y10, Y11)

#define MIXNEXT \
	ADDQ $64, SI \
	ADDQ R8, BX

#define MIXLOOP(MIX, two, odd, done) \
	MOVQ AX, CX  \
	SUBQ $2, CX  \
	JLT  odd     \
two:             \
	MIX          \
	MIXNEXT      \
	MIX          \
	MIXNEXT      \
	SUBQ $2, CX  \
	JGE  two     \
odd:             \
	ADDQ $2, CX  \
	JZ   done    \
	MIX          \
done:

// Storing a row of c, times the row's factor at R9.
#define STORESCALE(lo, hi) \
	VBROADCASTSS (R9), Y12  \
	VMULPS  Y12, lo, lo     \
	VMULPS  Y12, hi, hi     \
	VMOVUPS lo, (DI)        \
	VMOVUPS hi, 32(DI)      \
	ADDQ    $4, R9          \
	ADDQ    R10, DI

// func mixPanelAVX2(c *float32, ldc uintptr, a, b *float32, ldb uintptr, rows, k int, scale *float32)
//
// One panel: c[rows][16] = scale[rows]*(aᵀ·b), a being [k][16] and b [k][16]
// with rows ldb bytes apart.
TEXT ·mixPanelAVX2(SB), NOSPLIT, $0-64
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), R10
	MOVQ a+16(FP), R11
	MOVQ b+24(FP), R12
	MOVQ ldb+32(FP), R8
	MOVQ rows+40(FP), DX
	MOVQ k+48(FP), AX
	MOVQ scale+56(FP), R9
	SUBQ $6, DX
	JLT  tail

tile:
	MOVQ R11, SI
	MOVQ R12, BX
	ZERO6
	MIXLOOP(MIX6, two6, odd6, done6)
	STORE6(STORESCALE)
	ADDQ $24, R11
	SUBQ $6, DX
	JGE  tile

tail:
	ADDQ $6, DX
	JZ   end
	MOVQ R11, SI
	MOVQ R12, BX
	CMPQ DX, $2
	JLT  rows1
	JEQ  rows2
	CMPQ DX, $4
	JLT  rows3
	JEQ  rows4

	ZERO5
	MIXLOOP(MIX5, two5, odd5, done5)
	STORE5(STORESCALE)
	JMP end

rows4:
	ZERO4
	MIXLOOP(MIX4, two4, odd4, done4)
	STORE4(STORESCALE)
	JMP end

rows3:
	ZERO3
	MIXLOOP(MIX3, two3, odd3, done3)
	STORE3(STORESCALE)
	JMP end

rows2:
	ZERO2
	MIXLOOP(MIX2, two2, odd2, done2)
	STORE2(STORESCALE)
	JMP end

rows1:
	ZERO1
	MIXLOOP(MIX1, two1, odd1, done1)
	STORE1(STORESCALE)

end:
	VZEROUPPER
	RET
