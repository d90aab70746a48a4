//go:build !purego && !noasm

#include "textflag.h"

// LOOKUP looks up what a register of codes, c, gives in the tables V16 and V17,
// and adds both to sum. V31 is 15 in each byte.
#define LOOKUP(c, low, high, t0, t1, sum) \
	VAND  V31.B16, c.B16, low.B16 \
	VUSHR $4, c.B16, high.B16     \
	VTBL  low.B16, [t0.B16], low.B16 \
	VTBL  high.B16, [t1.B16], high.B16 \
	VADD  low.B16, sum.B16, sum.B16 \
	VADD  high.B16, sum.B16, sum.B16

// func signSumsNEON(sums *uint16, codes, table *byte, steps int)
//
// A block of 32 vectors, each of steps times 16 numbers: 64 bytes of codes. Four
// bytes looked up are added, in V6 and V7, before they are widened.
TEXT ·signSumsNEON(SB), NOSPLIT, $0-32
	MOVD  sums+0(FP), R0
	MOVD  codes+8(FP), R1
	MOVD  table+16(FP), R5
	MOVD  steps+24(FP), R6
	VMOVI $15, V31.B16
	VEOR  V0.B16, V0.B16, V0.B16
	VEOR  V1.B16, V1.B16, V1.B16
	VEOR  V2.B16, V2.B16, V2.B16
	VEOR  V3.B16, V3.B16, V3.B16

step:
	VLD1.P  64(R1), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1.P  64(R5), [V16.B16, V17.B16, V18.B16, V19.B16]
	VEOR    V6.B16, V6.B16, V6.B16
	VEOR    V7.B16, V7.B16, V7.B16
	LOOKUP(V20, V24, V25, V16, V17, V6)
	LOOKUP(V21, V26, V27, V16, V17, V7)
	LOOKUP(V22, V24, V25, V18, V19, V6)
	LOOKUP(V23, V26, V27, V18, V19, V7)
	VUADDW  V6.B8, V0.H8, V0.H8
	VUADDW2 V6.B16, V1.H8, V1.H8
	VUADDW  V7.B8, V2.H8, V2.H8
	VUADDW2 V7.B16, V3.H8, V3.H8
	SUBS    $1, R6, R6
	BNE     step

	VST1 [V0.H8, V1.H8, V2.H8, V3.H8], (R0)
	RET
