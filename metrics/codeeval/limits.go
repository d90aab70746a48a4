package codeeval

import "time"

// Of NativeOptions.
const (
	nativeTimeLimit = 3 * time.Second // as in the Python pipeline
	nativeMemory    = 1 << 30
	minNativeMemory = 128 << 20 // room for Python itself and what it imports
)

// Of WASIOptions.
const (
	wasiTimeLimit = 30 * time.Second // Python takes about ten times as long here
	wasiMemory    = 256 << 20
	minWASIMemory = 128 << 20 // room for the booted interpreter and its stack
	maxWASIMemory = 1 << 32   // what 32-bit addresses reach
)

// What crosses between this process and a guest.
const (
	// maxSource bounds what is handed to the interpreter, in bytes: a program
	// that was meant to be run has some kB.
	maxSource = 16 << 20
	// maxFrame bounds an answer of a guest, in bytes; honest ones hold an
	// outcome and a message.
	maxFrame = 1 << 20
	// tailSize is what is kept of each end of a guest's output: the first holds
	// the message, the last the answer.
	tailSize = 512
	// maxDetail is how much of an exception's text a verdict bears.
	maxDetail = 500
)

// Of the native sandbox.
const (
	// scratch is the size of the file system that a program can write to, in
	// bytes. It lies in memory.
	scratch = 32 << 20
	// startTime is how long an interpreter may take to get ready, on a machine
	// that has other things to do.
	startTime = 30 * time.Second
)

// Of an instance of the WASI module.
const (
	// The module's own stack of 512 KiB is too small for the recursion that
	// programs may count on, so jobs run on one that the guest allocates.
	guestStack = 24 << 20
	// A zone below the stack that is found changed tells of an overrun.
	guestGuard = 64 << 10
	// How deeply C functions may call back into Python, instead of the 500
	// that the small stack allows. At 6 KiB each the stack holds double that.
	guestRecursion = 2000
	// Memory that programs find free, in MiB. One that needs more makes the
	// instance grow, and a grown one is not used again.
	guestSpare = 16
	// How long a solution may take to end by itself once the tests have, which
	// keeps its instance.
	endTime = 100 * time.Millisecond
)
