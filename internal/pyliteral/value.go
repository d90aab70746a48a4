package pyliteral

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// The values of a literal are nil, bool, pyjson.Int, float64, string and []any
// as in package pyjson, and the types below.
type (
	// Tuple is a Python tuple.
	Tuple []any
	// Set is a Python set, in the order of the text.
	Set []any
	// Bytes is a Python bytes object.
	Bytes []byte
	// Complex is a Python complex number.
	Complex complex128
	// Ellipsis is the value of "...".
	Ellipsis struct{}
)

// Dict is a Python dict in the order of its keys.
type Dict struct {
	Keys, Values []any
	index        map[string]int
}

func (d *Dict) set(key, value any) error {
	id, err := identity(key)
	if err != nil {
		return err
	}
	if i, ok := d.index[id]; ok {
		d.Values[i] = value
		return nil
	}
	if d.index == nil {
		d.index = map[string]int{}
	}
	d.index[id] = len(d.Keys)
	d.Keys = append(d.Keys, key)
	d.Values = append(d.Values, value)
	return nil
}

// identity is equal for values that Python holds to be equal, so that 1, 1.0,
// 1+0j and True are one key. Lists, dicts and sets are not hashable.
func identity(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "None", nil
	case Ellipsis:
		return "...", nil
	case string:
		return "s" + v, nil
	case Bytes:
		return "b" + string(v), nil
	case bool:
		if v {
			return "n1", nil
		}
		return "n0", nil
	case pyjson.Int:
		return "n" + string(v), nil
	case float64:
		return floatIdentity(v), nil
	case Complex:
		if imag(v) == 0 {
			return floatIdentity(real(v)), nil
		}
		return "c" + floatIdentity(real(v)) + "," + floatIdentity(imag(v)), nil
	case Tuple:
		var b strings.Builder
		for _, item := range v {
			id, err := identity(item)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%d:%s", len(id), id)
		}
		return "t" + b.String(), nil
	default:
		return "", fmt.Errorf("a %T is not hashable", v)
	}
}

func floatIdentity(f float64) string {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		n, _ := big.NewFloat(f).Int(nil)
		return "n" + n.String()
	}
	return "f" + strconv.FormatUint(math.Float64bits(f), 16)
}

// JSON converts a literal to the value that json.loads(json.dumps(v)) gives in
// Python: tuples become lists, keys become strings. Sets, bytes, complex
// numbers, the ellipsis and tuple keys have no JSON form.
func JSON(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, pyjson.Int, float64, string:
		return v, nil
	case []any:
		return jsonList(v)
	case Tuple:
		return jsonList(v)
	case *Dict:
		o := &pyjson.Object{}
		for i, k := range v.Keys {
			key, err := jsonKey(k)
			if err != nil {
				return nil, err
			}
			value, err := JSON(v.Values[i])
			if err != nil {
				return nil, err
			}
			o.Set(key, value)
		}
		return o, nil
	default:
		return nil, fmt.Errorf("a %T has no JSON form", v)
	}
}

func jsonList(items []any) (any, error) {
	list := make([]any, len(items))
	for i, item := range items {
		var err error
		if list[i], err = JSON(item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func jsonKey(k any) (string, error) {
	switch k := k.(type) {
	case string:
		return k, nil
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(k), nil
	case pyjson.Int:
		return string(k), nil
	case float64:
		return string(pyjson.AppendFloat(nil, k)), nil
	default:
		return "", fmt.Errorf("a %T cannot be a JSON key", k)
	}
}
