//go:build arm64 && !purego && !noasm

package kernel

var tiers = []*Set{generic}
