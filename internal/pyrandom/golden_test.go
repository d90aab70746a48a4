package pyrandom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

type goldenSeed struct{ Type, Value string }

func (s goldenSeed) apply(t *testing.T, r *Rand) {
	t.Helper()
	switch s.Type {
	case "int", "inthex":
		base := 10
		if s.Type == "inthex" {
			base = 16
		}
		n, ok := new(big.Int).SetString(s.Value, base)
		if !ok {
			t.Fatalf("seed %q", s.Value)
		}
		r.SeedBig(n)
		if n.IsInt64() {
			// The product's own way in must agree.
			other := New(n.Int64())
			if other.mt != r.mt {
				t.Errorf("Seed(%v) and SeedBig(%v) differ", n, n)
			}
		}
	case "bool":
		r.Seed(map[string]int64{"True": 1, "False": 0}[s.Value])
	case "float":
		f, err := strconv.ParseFloat(s.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		r.SeedFloat64(f)
	case "str":
		r.SeedString(s.Value)
	default:
		t.Fatalf("unknown type of seed %q", s.Type)
	}
}

func TestGoldenSeq(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){"seq": goldenSeq})
}

func goldenSeq(t *testing.T, v golden.Vector) {
	var args struct {
		Seed goldenSeed
		Ops  [][]json.RawMessage
	}
	golden.Unmarshal(t, v.Where, v.Args, &args)
	var outs []json.RawMessage
	golden.Unmarshal(t, v.Where, v.Out, &outs)
	if len(outs) != len(args.Ops) {
		t.Fatalf("%s: %d results for %d operations", v.Where, len(outs), len(args.Ops))
	}
	r := new(Rand)
	args.Seed.apply(t, r)
	for i, op := range args.Ops {
		var name string
		golden.Unmarshal(t, v.Where, op[0], &name)
		where := fmt.Sprintf("%s: op %d %s", v.Where, i, name)
		ints := func(n int) []int {
			if len(op) != n+1 {
				t.Fatalf("%s: %d arguments", where, len(op)-1)
			}
			out := make([]int, n)
			for j := range out {
				golden.Unmarshal(t, where, op[j+1], &out[j])
			}
			return out
		}
		bigs := func() []*big.Int {
			out := make([]*big.Int, len(op)-1)
			for j := range out {
				text := strings.Trim(string(op[j+1]), `"`)
				n, ok := new(big.Int).SetString(text, 10)
				if !ok {
					t.Fatalf("%s: argument %s", where, text)
				}
				out[j] = n
			}
			return out
		}
		var want any
		golden.Unmarshal(t, where, outs[i], &want)
		switch name {
		case "random":
			if got := r.Float64(); got != want {
				t.Errorf("%s = %v, want %v", where, got, want)
			}
		case "getrandbits":
			k := ints(1)[0]
			if k < 0 {
				checkError(t, where, ErrRange, want) // Bits has no such k
				continue
			}
			var got string
			if k <= 64 {
				got = strconv.FormatUint(r.Bits(k), 10)
			} else {
				got = r.BigBits(k).String()
			}
			if got != want {
				t.Errorf("%s = %v, want %v", where, got, want)
			}
		case "randrange", "randint":
			a := bigs()
			if name == "randint" {
				a = []*big.Int{a[0], a[1].Add(a[1], big.NewInt(1)), big.NewInt(1)}
			}
			if len(a) != 3 {
				t.Fatalf("%s: %d arguments", where, len(a))
			}
			got, err := r.RandRange(a[0], a[1], a[2])
			if checkError(t, where, err, want) {
				continue
			}
			if got.String() != want {
				t.Errorf("%s = %v, want %v", where, got, want)
			}
		case "sample":
			a := ints(2)
			got, err := r.Sample(max(a[0], 0), a[1]) // range(-1) is empty
			if checkError(t, where, err, want) {
				continue
			}
			checkList(t, where, got, outs[i])
		case "shuffle":
			checkList(t, where, r.Perm(max(ints(1)[0], 0)), outs[i])
		case "choice":
			n := ints(1)[0]
			if n <= 0 {
				checkError(t, where, ErrRange, want) // Below has no such n
				continue
			}
			if got := r.Below(n); float64(got) != want {
				t.Errorf("%s = %v, want %v", where, got, want)
			}
		case "seed":
			var s goldenSeed
			golden.Unmarshal(t, where, op[1], &s)
			s.apply(t, r)
		default:
			t.Fatalf("%s: unknown operation", where)
		}
	}
}

// checkError reports whether an error was expected, having compared.
func checkError(t *testing.T, where string, err error, want any) bool {
	t.Helper()
	m, _ := want.(map[string]any)
	wantError := m["error"] != nil
	if (err != nil) != wantError {
		t.Errorf("%s: error %v, want %v", where, err, want)
	}
	return wantError || err != nil
}

func checkList(t *testing.T, where string, got []int, want json.RawMessage) {
	t.Helper()
	if want[0] == '[' {
		var list []int
		golden.Unmarshal(t, where, want, &list)
		if !slices.Equal(got, list) {
			t.Errorf("%s = %v, want %v", where, got, list)
		}
		return
	}
	var sum struct {
		Len    int
		SHA256 string
		First  []int
	}
	golden.Unmarshal(t, where, want, &sum)
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(text)
	if len(got) != sum.Len || hex.EncodeToString(hash[:]) != sum.SHA256 || !slices.Equal(got[:len(sum.First)], sum.First) {
		t.Errorf("%s: %d numbers from %v, want %d from %v", where, len(got), got[:min(10, len(got))], sum.Len, sum.First)
	}
}
