package metrics

import (
	"context"
	"strings"
	"unicode"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// TriviaQAStrict is 1 when an alias of the truth stands in the prediction as
// whole words, else 0. The truth is one alias, or a list of them in JSON or as a
// Python literal.
//
// Both are normalised as TriviaQA (Joshi et al., 2017) normalises the aliases of
// its published answers: letters become small, punctuation becomes a space, of
// any script here, and the words "a", "an" and "the" go. It mends what [CEM]
// does to them, which deletes punctuation and seeks plain text:
//
//	truth         prediction             CEM  TriviaQAStrict
//	spider man    "It was Spider-Man."   0    1
//	u s           "The U.S. did."        0    1
//	art           "A cartoon"            1    0
//
// An alias without words counts for nothing. Time is linear in the prediction
// for each alias.
func TriviaQAStrict(prediction, truth string) float64 {
	words := triviaWords(prediction)
	for _, alias := range aliases(truth) {
		if wanted := triviaWords(alias); len(wanted) > len("  ") && strings.Contains(words, wanted) {
			return 1
		}
	}
	return 0
}

func scoreTriviaQAStrict(_ context.Context, in Input) (Result, error) {
	for _, alias := range aliases(in.Truth) {
		if len(triviaWords(alias)) > len("  ") {
			return Scored(TriviaQAStrict(in.Prediction, in.Truth)), nil
		}
	}
	return NotEvaluated("the ground truth holds no word"), nil
}

// aliases returns the texts of a truth that is a list of them, else the truth.
func aliases(truth string) []string {
	if !strings.HasPrefix(truth, "[") && !strings.HasPrefix(truth, "(") {
		return []string{truth}
	}
	v, err := pyjson.Parse([]byte(truth))
	if err != nil {
		if v, err = pyliteral.Parse(truth); err != nil {
			return []string{truth}
		}
	}
	if tuple, ok := v.(pyliteral.Tuple); ok {
		v = []any(tuple)
	}
	items, ok := v.([]any)
	if !ok {
		return []string{truth}
	}
	var texts []string
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return []string{truth}
		}
		texts = append(texts, text)
	}
	return texts
}

// triviaWords returns the words of a text with a space before and after each.
func triviaWords(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len("  "))
	b.WriteByte(' ')
	for _, word := range strings.Fields(strings.Map(func(r rune) rune {
		if r == '`' || r == '´' || r < 0x80 && isASCIIPunctuation(byte(r)) || r >= 0x80 && (pytext.IsSpace(r) || unicode.IsPunct(r)) {
			return ' '
		}
		return r
	}, pytext.Lower(s))) {
		if word != "a" && word != "an" && word != "the" {
			b.WriteString(word)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// isASCIIPunctuation reports whether c is in Python's string.punctuation.
func isASCIIPunctuation(c byte) bool {
	return '!' <= c && c <= '/' || ':' <= c && c <= '@' || '[' <= c && c <= '`' || '{' <= c && c <= '~'
}
