package pytext

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// block is the arguments of one vector: the code points from..to-1.
type block struct {
	From rune `json:"from"`
	To   rune `json:"to"`
}

func TestGoldenBlocks(t *testing.T) {
	predicate := func(has func(rune) bool) func(*testing.T, golden.Vector) {
		return func(t *testing.T, v golden.Vector) {
			var b block
			var want string
			golden.Unmarshal(t, v.Where, v.Args, &b)
			golden.Unmarshal(t, v.Where, v.Out, &want)
			// A leading 1, then one bit a code point, the first one highest.
			bits := big.NewInt(1)
			for r := b.From; r < b.To; r++ {
				bits.Lsh(bits, 1)
				if has(r) {
					bits.SetBit(bits, 0, 1)
				}
			}
			if got := bits.Text(16); got != want {
				t.Errorf("%s: U+%04X..U+%04X: got %s, want %s", v.Where, b.From, b.To-1, got, want)
			}
		}
	}
	hash := func(line func(c string) string) func(*testing.T, golden.Vector) {
		return func(t *testing.T, v golden.Vector) {
			var b block
			var want string
			golden.Unmarshal(t, v.Where, v.Args, &b)
			golden.Unmarshal(t, v.Where, v.Out, &want)
			var text strings.Builder
			for r := b.From; r < b.To; r++ {
				if 0xD800 <= r && r <= 0xDFFF {
					continue
				}
				text.WriteString(line(string(r)))
			}
			sum := sha256.Sum256([]byte(text.String()))
			if got := hex.EncodeToString(sum[:]); got != want {
				t.Errorf("%s: U+%04X..U+%04X: got %s, want %s", v.Where, b.From, b.To-1, got, want)
			}
		}
	}
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"block_word":      predicate(IsWord),
		"block_space":     predicate(IsSpace),
		"block_printable": predicate(IsPrintable),
		"block_decimal":   predicate(func(r rune) bool { _, ok := IsDecimal(r); return ok }),
		"block_lower":     hash(func(c string) string { return Lower(c) + "\n" }),
		"block_final_sigma": hash(func(c string) string {
			return Lower(c+"Σ") + "\n" + Lower("AΣ"+c) + "\n" + Lower("AΣ"+c+"B") + "\n"
		}),
	})
}
