package pyliteral

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// placement matches what torch prints behind the values of a tensor that is
// not a float32 tensor on the CPU.
var placement = regexp.MustCompile(`,\s*(?:device='[^']*'|dtype=torch\.\w+)`)

// ParseTensor reads the printed form of a torch tensor, such as
// "tensor([0.1, 0.2], device='cuda:0')", or a bare list or tuple, and returns
// nested []any of float64, each rounded to float32, or one float64. As with
// NumPy's float32, a number past the largest becomes infinite, but an integer
// that no float64 holds is an error; None is a NaN; and a text is the number that
// Python's float reads in it. Closing parentheses past those that were opened are
// left out. Rows of unequal length, elided values, inf and nan outside of texts,
// and other attributes are errors.
func ParseTensor(text string) (any, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "tensor("); ok {
		if rest, ok = strings.CutSuffix(rest, ")"); !ok {
			return nil, errors.New("tensor text is not closed")
		}
		for surplus := strings.Count(rest, ")") - strings.Count(rest, "("); surplus > 0 && strings.HasSuffix(rest, ")"); surplus-- {
			rest = rest[:len(rest)-1]
		}
		text = placement.ReplaceAllString(rest, "")
	}
	v, err := Parse(strings.TrimRight(strings.TrimSpace(text), ","))
	if err != nil {
		return nil, err
	}
	t, _, err := tensor(v)
	return t, err
}

// tensor converts v and returns its shape.
func tensor(v any) (any, []int, error) {
	switch v := v.(type) {
	case nil:
		return math.NaN(), nil, nil
	case bool:
		if v {
			return 1.0, nil, nil
		}
		return 0.0, nil, nil
	case pyjson.Int:
		f := v.Float64()
		if math.IsInf(f, 0) {
			return nil, nil, errors.New("an integer too large for a float")
		}
		return float64(float32(f)), nil, nil
	case float64:
		return float64(float32(v)), nil, nil
	case string:
		return textNumber(v)
	case Bytes:
		return textNumber(string(v))
	case []any:
		return rows(v)
	case Tuple:
		return rows(v)
	}
	return nil, nil, fmt.Errorf("a tensor of %T", v)
}

// textNumber reads a text as Python's float does.
func textNumber(text string) (any, []int, error) {
	var plain strings.Builder
	for _, r := range pytext.TrimSpace(text) {
		if digit, ok := pytext.IsDecimal(r); ok {
			r = rune('0' + digit)
		}
		plain.WriteRune(r)
	}
	s := plain.String()
	// Go reads hexadecimal numbers too, and takes no low line between digits.
	if strings.ContainsAny(s, "xXpP") || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || misplaced.MatchString(s) {
		return nil, nil, fmt.Errorf("the text %.20q is no number", text)
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, nil, fmt.Errorf("the text %.20q is no number", text)
	}
	return float64(float32(f)), nil, nil
}

// misplaced matches a low line that does not stand between two digits.
var misplaced = regexp.MustCompile(`_[^0-9]|[^0-9]_`)

func rows(items []any) (any, []int, error) {
	list := make([]any, len(items))
	var shape []int
	for i, item := range items {
		row, s, err := tensor(item)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && fmt.Sprint(s) != fmt.Sprint(shape) {
			return nil, nil, errors.New("a tensor with rows of unequal length")
		}
		list[i], shape = row, s
	}
	return list, append([]int{len(items)}, shape...), nil
}
