//go:build !purego && !noasm

#include "textflag.h"

// The NEON tile: up to 6 rows by 16 columns, in V0..V23, four registers a row.
//
//	R8..R13   rows of a      R14  b              R15  steps left
//	V24..V27  a row of b     V28..V31  a value of a, four times

#define ROW(row, t, c0, c1, c2, c3) \
	VLD1R.P 4(row), [t.S4]      \
	VFMLA   V24.S4, t.S4, c0.S4 \
	VFMLA   V25.S4, t.S4, c1.S4 \
	VFMLA   V26.S4, t.S4, c2.S4 \
	VFMLA   V27.S4, t.S4, c3.S4

#define STEP1 \
	VLD1.P 64(R14), [V24.S4, V25.S4, V26.S4, V27.S4] \
	ROW(R8, V28, V0, V1, V2, V3)

#define STEP2 \
	STEP1 \
	ROW(R9, V29, V4, V5, V6, V7)

#define STEP3 \
	STEP2 \
	ROW(R10, V30, V8, V9, V10, V11)

#define STEP4 \
	STEP3 \
	ROW(R11, V31, V12, V13, V14, V15)

#define STEP5 \
	STEP4 \
	ROW(R12, V28, V16, V17, V18, V19)

#define STEP6 \
	STEP5 \
	ROW(R13, V29, V20, V21, V22, V23)

#define ZERO(c0, c1, c2, c3) \
	VEOR c0.B16, c0.B16, c0.B16 \
	VEOR c1.B16, c1.B16, c1.B16 \
	VEOR c2.B16, c2.B16, c2.B16 \
	VEOR c3.B16, c3.B16, c3.B16

// Storing a row of c at R0, R1 bytes before the next: the sum plus the bias,
// V24..V27, or plus what is there. The assembler has no addition of vectors; a
// multiply-add with ones, V30, is one.
#define STOREBIAS(c0, c1, c2, c3) \
	VMOV   V24.B16, V28.B16      \
	VMOV   V25.B16, V29.B16      \
	VFMLA  V30.S4, c0.S4, V28.S4 \
	VFMLA  V30.S4, c1.S4, V29.S4 \
	VST1.P [V28.S4, V29.S4], 32(R0) \
	VMOV   V26.B16, V28.B16      \
	VMOV   V27.B16, V29.B16      \
	VFMLA  V30.S4, c2.S4, V28.S4 \
	VFMLA  V30.S4, c3.S4, V29.S4 \
	VST1   [V28.S4, V29.S4], (R0) \
	SUB    $32, R0 \
	ADD    R1, R0

#define STOREADD(c0, c1, c2, c3) \
	VLD1   (R0), [V24.S4, V25.S4, V26.S4, V27.S4] \
	VFMLA  V30.S4, c0.S4, V24.S4 \
	VFMLA  V30.S4, c1.S4, V25.S4 \
	VFMLA  V30.S4, c2.S4, V26.S4 \
	VFMLA  V30.S4, c3.S4, V27.S4 \
	VST1   [V24.S4, V25.S4, V26.S4, V27.S4], (R0) \
	ADD    R1, R0

// Storing a row of c, times the row's factor at R7.
#define STORESCALE(c0, c1, c2, c3) \
	VLD1R.P 4(R7), [V30.S4] \
	VEOR   V24.B16, V24.B16, V24.B16 \
	VEOR   V25.B16, V25.B16, V25.B16 \
	VEOR   V26.B16, V26.B16, V26.B16 \
	VEOR   V27.B16, V27.B16, V27.B16 \
	VFMLA  V30.S4, c0.S4, V24.S4 \
	VFMLA  V30.S4, c1.S4, V25.S4 \
	VFMLA  V30.S4, c2.S4, V26.S4 \
	VFMLA  V30.S4, c3.S4, V27.S4 \
	VST1   [V24.S4, V25.S4, V26.S4, V27.S4], (R0) \
	ADD    R1, R0

#define EACH1(OP) OP(V0, V1, V2, V3)

#define EACH2(OP) \
	EACH1(OP) \
	OP(V4, V5, V6, V7)

#define EACH3(OP) \
	EACH2(OP) \
	OP(V8, V9, V10, V11)

#define EACH4(OP) \
	EACH3(OP) \
	OP(V12, V13, V14, V15)

#define EACH5(OP) \
	EACH4(OP) \
	OP(V16, V17, V18, V19)

#define EACH6(OP) \
	EACH5(OP) \
	OP(V20, V21, V22, V23)

// TILE computes a tile of n rows whose first row of a is at R17.
#define TILE(STEP, EACH, loop, add, end) \
	MOVD R17, R8      \
	ADD  R3, R8, R9   \
	ADD  R3, R9, R10  \
	ADD  R3, R10, R11 \
	ADD  R3, R11, R12 \
	ADD  R3, R12, R13 \
	MOVD R4, R14      \
	MOVD R5, R15      \
	EACH(ZERO)        \
loop:                 \
	STEP              \
	SUBS $1, R15      \
	BNE  loop         \
	VDUP R16, V30.S4  \
	CBZ  R7, add      \
	VLD1 (R7), [V24.S4, V25.S4, V26.S4, V27.S4] \
	EACH(STOREBIAS)   \
	B    end          \
add:                  \
	EACH(STOREADD)    \
end:

// func gemmPanelNEON(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, k, rows int, bias *float32)
//
// One panel: c[rows][16] = a[rows][k]·b[k][16] + bias, or c += a·b without a
// bias. ldc and lda are in bytes, k is at least 1.
TEXT ·gemmPanelNEON(SB), NOSPLIT, $0-64
	MOVD c+0(FP), R0
	MOVD ldc+8(FP), R1
	MOVD a+16(FP), R17
	MOVD lda+24(FP), R3
	MOVD b+32(FP), R4
	MOVD k+40(FP), R5
	MOVD rows+48(FP), R6
	MOVD bias+56(FP), R7
	MOVD $0x3f800000, R16
	CMP  $6, R6
	BLT  tail

tile:
	TILE(STEP6, EACH6, loop6, add6, end6)
	ADD  R3, R3, R8
	ADD  R3, R8, R8
	ADD  R8<<1, R17, R17
	SUB  $6, R6
	CMP  $6, R6
	BGE  tile

tail:
	CBZ  R6, done
	CMP  $2, R6
	BLT  rows1
	BEQ  rows2
	CMP  $4, R6
	BLT  rows3
	BEQ  rows4
	TILE(STEP5, EACH5, loop5, add5, end5)
	RET

rows4:
	TILE(STEP4, EACH4, loop4, add4, end4)
	RET

rows3:
	TILE(STEP3, EACH3, loop3, add3, end3)
	RET

rows2:
	TILE(STEP2, EACH2, loop2, add2, end2)
	RET

rows1:
	TILE(STEP1, EACH1, loop1, add1, end1)

done:
	RET

// The tile of mix: a row of a, of which the tile takes the columns from R8 on,
// is 64 bytes long; R3 is the bytes between rows of b.
#define MIX1 \
	VLD1 (R14), [V24.S4, V25.S4, V26.S4, V27.S4] \
	ADD  R3, R14 \
	ROW(R8, V28, V0, V1, V2, V3)

#define MIX2 \
	MIX1 \
	ROW(R8, V29, V4, V5, V6, V7)

#define MIX3 \
	MIX2 \
	ROW(R8, V30, V8, V9, V10, V11)

#define MIX4 \
	MIX3 \
	ROW(R8, V31, V12, V13, V14, V15)

#define MIX5 \
	MIX4 \
	ROW(R8, V28, V16, V17, V18, V19)

#define MIX6 \
	MIX5 \
	ROW(R8, V29, V20, V21, V22, V23)

#define MIXTILE(MIX, rest, EACH, loop) \
	MOVD R17, R8   \
	MOVD R4, R14   \
	MOVD R5, R15   \
	EACH(ZERO)     \
loop:              \
	MIX            \
	ADD  $rest, R8 \
	SUBS $1, R15   \
	BNE  loop      \
	EACH(STORESCALE)

// func mixPanelNEON(c *float32, ldc uintptr, a, b *float32, ldb uintptr, rows, k int, scale *float32)
//
// One panel: c[rows][16] = scale[rows]*(aᵀ·b), a being [k][16] and b [k][16]
// with rows ldb bytes apart; k is at least 1.
TEXT ·mixPanelNEON(SB), NOSPLIT, $0-64
	MOVD c+0(FP), R0
	MOVD ldc+8(FP), R1
	MOVD a+16(FP), R17
	MOVD b+24(FP), R4
	MOVD ldb+32(FP), R3
	MOVD rows+40(FP), R6
	MOVD k+48(FP), R5
	MOVD scale+56(FP), R7
	CMP  $6, R6
	BLT  tail

tile:
	MIXTILE(MIX6, 40, EACH6, loop6)
	ADD  $24, R17
	SUB  $6, R6
	CMP  $6, R6
	BGE  tile

tail:
	CBZ  R6, done
	CMP  $2, R6
	BLT  rows1
	BEQ  rows2
	CMP  $4, R6
	BLT  rows3
	BEQ  rows4
	MIXTILE(MIX5, 44, EACH5, loop5)
	RET

rows4:
	MIXTILE(MIX4, 48, EACH4, loop4)
	RET

rows3:
	MIXTILE(MIX3, 52, EACH3, loop3)
	RET

rows2:
	MIXTILE(MIX2, 56, EACH2, loop2)
	RET

rows1:
	MIXTILE(MIX1, 60, EACH1, loop1)

done:
	RET
