//go:build !(amd64 || arm64) || purego || noasm

package kernel

var tiers = []*Set{generic}
