package main

import (
	"path/filepath"
	"testing"
)

// TestOperations runs each operation once, on little, so that none can rot.
func TestOperations(t *testing.T) {
	const n, dim = 150, 10
	for _, layout := range []string{"shared", "separate", "stacked"} {
		file := filepath.Join(t.TempDir(), layout)
		if err := operate("write-"+layout, file, n, dim); err != nil {
			t.Fatal(err)
		}
		for _, op := range []string{"read", "read-mapped"} {
			sink = 0
			if err := operate(op, file, n, dim); err != nil {
				t.Fatal(err)
			}
			if want := wantSum(n, dim); !sameSum(sink, want) {
				t.Errorf("%s, %s: the sum is %v, want %v", layout, op, sink, want)
			}
		}
	}
	if err := operate("fly", "", n, dim); err == nil {
		t.Error("an unknown operation succeeds")
	}
}
