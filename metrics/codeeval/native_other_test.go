//go:build !linux || !(amd64 || arm64)

package codeeval

import (
	"testing"
	"time"
)

func impatientNative(testing.TB, Sandbox, time.Duration, int64) Sandbox { panic("no native sandbox") }

func childrenOf(*testing.T, Sandbox) []string { return nil }

func busyNative(Sandbox) int { return 0 }

func interpreters(Sandbox) []int { return nil }

func refusedByKernel(string) error { return nil }
