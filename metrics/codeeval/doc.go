// Package codeeval scores code that a language model wrote, by running it with
// its tests in a sandbox: the code_eval metric of HumanEval and MBPP.
//
// [Open] opens the best [Sandbox] of this machine, and [NewMetric] makes a
// metric of it for package metrics. [HumanEval] and [MBPP] build a [Program]
// from a record and a reply alone, for use without the metric.
//
// # Backends
//
//   - native ([OpenNative]), on Linux: one warm interpreter of this machine's
//     Python for each worker forks a child for each program. The child gives
//     up everything before it runs a line: it sees no file but the
//     interpreter's libraries, has no network, starts no process, has limits
//     for time and memory, and passes a system call filter. Namespaces do it,
//     or Landlock where they are refused; root or not.
//   - WASI ([OpenWASI]), everywhere: CPython 3.12 compiled to WebAssembly runs
//     inside this process, booted once; each program starts from a copy of the
//     booted memory. What it could do harm with does not exist there.
//
// Both decide by a self-check at their start, not by assumptions: programs that
// must pass pass, and what must be refused is refused.
//
// # How a pass is proven
//
// By a token: 32 random bytes that the judge in the interpreter reads after the
// solution's code was compiled, straight onto the evaluation stack of the very
// call that will write them back, and inside of which solution and tests run.
// No variable, frame, closure or constant holds it, no exit code or printed
// text counts, and an audit hook bars the ways to raw memory. See
// docs/SANDBOX.md for what is guaranteed and what is not, and [Program.Strict]
// for runs in which the solution and its tests share no interpreter at all.
//
// Verdicts do not depend on the number of workers or on what ran before: the
// order of sets and the random numbers are the same in each run.
package codeeval
