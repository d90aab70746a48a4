package tokenizer

import (
	"testing"
	"testing/fstest"
)

// TestFingerprintIsKept pins the fingerprint that a common tokenizer had before
// settings and levels of added tokens were read: vectors in caches bear it.
func TestFingerprintIsKept(t *testing.T) {
	v := withMerges([2]string{"a", "b"})
	tok, err := Open(t.Context(), fstest.MapFS{"tokenizer.json": {Data: tokenizerJSONOf(t, v, true, nil)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "93654d3d852db8f2f7423a04f5f8c3036560775ae67a1ca90d3dafe525c925a1"
	if got := tok.Fingerprint(); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
