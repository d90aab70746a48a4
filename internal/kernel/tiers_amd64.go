//go:build amd64 && !purego && !noasm

package kernel

var tiers = []*Set{generic}
