// Package codeeval scores code that a language model wrote, by running it with
// its tests in a sandbox: the code_eval metric of HumanEval and MBPP.
package codeeval
