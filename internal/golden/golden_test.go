package golden

import "testing"

// TestGoldenFunctionsHaveOwners holds the vectors against the two tables: each
// function is either run by a package or passed over for a stated reason.
func TestGoldenFunctionsHaveOwners(t *testing.T) {
	count := map[string]int{}
	for v := range All(t) {
		count[v.Fn]++
	}
	for fn, n := range count {
		owner, owned := Owners[fn]
		reason, skipped := NotReproduced[fn]
		switch {
		case owned && skipped:
			t.Errorf("%s stands in both tables", fn)
		case owned:
			t.Logf("%s: %d vectors, run by %s", fn, n, owner)
		case skipped:
			t.Run(fn, func(t *testing.T) { t.Skipf("%d vectors: %s", n, reason) })
		default:
			t.Errorf("unknown fn %q (%d vectors)", fn, n)
		}
	}
}
