// Package arch holds the test of the architecture: who may import whom. The
// rules are those of docs/ARCHITECTURE.md.
package arch
