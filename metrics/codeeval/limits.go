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

// What crosses between this process and a guest, in bytes.
const (
	maxSource = 16 << 20 // handed to the interpreter; a program that is meant to be run has some kB
	maxFrame  = 1 << 20  // of a guest's answer: an outcome and a message
	tailSize  = 512      // kept of each end of the output: the message is first, the answer last
	maxDetail = 500      // of an exception's text in a verdict
)

// Of the native sandbox.
const (
	scratch   = 32 << 20         // bytes that a program can write to files, which lie in memory
	startTime = 30 * time.Second // for an interpreter to get ready, on a machine that has other things to do
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
	// How many rounds of loops and calls by reference a guest makes before it
	// lets the host in: some tenths of a millisecond, for which Go's collector
	// may have to wait.
	pauseSteps = 100_000
	// Of the file of a booted guest's memory, in bytes; it has some 30 MB.
	maxImage = 256 << 20
	// Bytes of pages that an instance keeps from one program to the next.
	maxRestored = 6 << 20
	// Once the tests have ended, a solution that ends by itself within this
	// time keeps its instance.
	endTime = 100 * time.Millisecond
)

// Of finding the program in a reply.
const (
	maxFindings = 8   // wrappings, one in another
	maxMarker   = 32  // bytes of a marker, spaces included
	maxEndMarks = 16  // special tokens at the end
	maxEndMark  = 256 // bytes in which one of them lies, with the white space after it
)
