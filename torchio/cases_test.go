package torchio_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// TestCasesFiles runs the cases of torch files: what torch.load gives is read,
// by id, or as a value of the dict.
func TestCasesFiles(t *testing.T) {
	golden.RunFileCases(t, []string{"torch"}, map[string]func(*testing.T, golden.FileCase){
		"torchio.Open, IntDict (or Root)": func(t *testing.T, c golden.FileCase) {
			var want map[string]any
			golden.Unmarshal(t, c.ID, c.Expect, &want)
			f, err := torchio.Open(c.Path(0))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			root, ok := f.Root().(*torchio.Dict)
			if !ok || root.Len() != len(want) || len(want) == 0 {
				t.Fatalf("%v, want %d values", f.Root(), len(want))
			}
			tensors := true
			for key, w := range want {
				var k any = key
				if n, err := strconv.ParseFloat(key, 64); err == nil {
					k = n // equal to the integer
				}
				v, ok := root.Get(k)
				if !ok {
					v, ok = root.Get(key)
				}
				if !ok {
					t.Errorf("no key %s", key)
					continue
				}
				if _, isTensor := v.(*torchio.Tensor); !isTensor {
					tensors = false
				}
				checkCase(t, key, v, w)
			}
			_, numbers := root.Get(0)
			if ids, err := f.IntDict(); tensors && numbers && (err != nil || ids.Len() != len(want)) {
				t.Errorf("IntDict: %v", err)
			}
		},
	})
}

// checkCase compares a value with what JSON says of it.
func checkCase(t *testing.T, key string, v, want any) {
	t.Helper()
	switch want := want.(type) {
	case []any:
		x, ok := v.(*torchio.Tensor)
		if !ok {
			t.Errorf("%s: a %T, want a tensor", key, v)
			return
		}
		got := make([]float64, x.NumElements())
		if err := x.CopyFloat64To(got); err != nil || len(got) != len(want) {
			t.Errorf("%s: %v, %v, want %v", key, got, err, want)
			return
		}
		for i, w := range want {
			if w, ok := w.(float64); !ok || math.Abs(got[i]-w) > 1e-6*max(1, math.Abs(w)) {
				t.Errorf("%s[%d]: %v, want %v", key, i, got[i], want[i])
			}
		}
	case float64:
		var got float64
		switch v := v.(type) {
		case int64:
			got = float64(v)
		case float64:
			got = v
		default:
			t.Errorf("%s: a %T, want a number", key, v)
		}
		if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("%s: %v, want %v", key, v, want)
		}
	default:
		if v != want {
			t.Errorf("%s: %v, want %v", key, v, want)
		}
	}
}

// TestPointer says what stands in the place of the file.
func TestPointer(t *testing.T) {
	_, err := open([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2306545\n"), nil)
	if !errorTypes["format"](err) || !strings.Contains(err.Error(), "Git LFS pointer, not the file of 2306545 bytes") {
		t.Error(err)
	}
}
