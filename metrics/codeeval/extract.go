package codeeval

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// ErrTaskID: the id of an MBPP task is not an integer.
var ErrTaskID = errors.New("codeeval: task id is not an integer")

// ExtractCode returns the code that the Python pipeline takes from a model's
// reply, and the task id as its runner gets it. It is here for scores that are
// to be compared with the pipeline's; [MetricOptions.PipelineExtraction] makes
// the metric use it.
//
// The code is what stands between the first "[BEGIN]" and the next "[DONE]",
// in any letter case, or the end; without "[BEGIN]" it is the whole reply.
// White space around it is removed. An id that starts with "HumanEval" is
// HumanEval's: then code found behind a marker that does not start with "def "
// gets four spaces before every line. Any other id is MBPP's and must be an
// integer as Python's int() reads one, which is returned in decimal digits;
// else the error is ErrTaskID.
//
// The quirks: fences stay, and a body whose first line lost its indentation to
// the removal of white space is not valid Python any more. An empty reply is
// empty code.
func ExtractCode(prediction, taskID string) (code, id string, err error) {
	humanEval := strings.HasPrefix(taskID, "HumanEval")
	if !humanEval {
		if taskID, err = decimalID(taskID); err != nil {
			return "", "", err
		}
	}
	inner, marked := betweenMarkers(prediction)
	code = pytext.TrimSpace(inner)
	if humanEval && marked && !strings.HasPrefix(code, "def ") {
		code = "    " + strings.ReplaceAll(code, "\n", "\n    ")
	}
	return code, taskID, nil
}

// betweenMarkers returns what stands between the first [BEGIN] and the next
// [DONE], or the end; or the whole text when there is no [BEGIN].
func betweenMarkers(text string) (inner string, marked bool) {
	_, after, found := cutMarker(text, "[begin]")
	if !found {
		return text, false
	}
	inner, _, _ = cutMarker(after, "[done]")
	return inner, true
}

// cutMarker is strings.Cut with the letters compared as Python's re.IGNORECASE
// does: the capital dotted and the small dotless i are an i.
func cutMarker(text, marker string) (before, after string, found bool) {
	for i := 0; i < len(text); i++ {
		if text[i] != marker[0] {
			continue
		}
		if n, ok := hasMarker(text[i:], marker); ok {
			return text[:i], text[i+n:], true
		}
	}
	return text, "", false
}

func hasMarker(text, marker string) (size int, ok bool) {
	for _, want := range marker {
		r, n := utf8.DecodeRuneInString(text[size:])
		switch {
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r == '\u0130' || r == '\u0131':
			r = 'i'
		}
		if r != want {
			return 0, false
		}
		size += n
	}
	return size, true
}

// decimalID reads an integer as Python's int(str) does: white space around it,
// a sign, decimal digits of any script, single underscores between them.
func decimalID(text string) (string, error) {
	s := pytext.TrimSpace(text)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var digits []byte
	underscore := true // none may come first
	for _, r := range s {
		if r == '_' && !underscore {
			underscore = true
			continue
		}
		d, ok := pytext.IsDecimal(r)
		if !ok || len(digits) == pyjson.MaxIntDigits {
			return "", fmt.Errorf("%w: %.40q", ErrTaskID, text)
		}
		underscore = false
		digits = append(digits, byte('0'+d))
	}
	if underscore {
		return "", fmt.Errorf("%w: %.40q", ErrTaskID, text)
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return "", fmt.Errorf("%w: %.40q", ErrTaskID, text)
	}
	if negative {
		n.Neg(n)
	}
	return n.String(), nil
}
