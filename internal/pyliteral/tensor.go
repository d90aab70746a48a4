package pyliteral

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// placement matches what torch prints behind the values of a tensor that is
// not a float32 tensor on the CPU.
var placement = regexp.MustCompile(`,\s*(?:device='[^']*'|dtype=torch\.\w+)`)

// ParseTensor reads the printed form of a torch tensor, such as
// "tensor([0.1, 0.2], device='cuda:0')", or a bare list or tuple, and returns
// nested []any of float64, each rounded to float32, or one float64; a number
// past the largest float32 becomes infinite, as in torch. Rows of unequal length,
// elided values, inf, nan and other attributes are errors.
func ParseTensor(text string) (any, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "tensor("); ok {
		if rest, ok = strings.CutSuffix(rest, ")"); !ok {
			return nil, errors.New("tensor text is not closed")
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
	case bool:
		if v {
			return 1.0, nil, nil
		}
		return 0.0, nil, nil
	case pyjson.Int:
		return float64(float32(v.Float64())), nil, nil
	case float64:
		return float64(float32(v)), nil, nil
	case []any:
		return rows(v)
	case Tuple:
		return rows(v)
	}
	return nil, nil, fmt.Errorf("a tensor of %T", v)
}

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
