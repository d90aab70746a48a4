package metrics

import (
	"slices"
	"strings"
)

// answerForm is the form of an answer: answers of equal forms are equal.
type answerForm struct {
	// name is what the answer is given for, as the x of "x = 5"; "" for nothing.
	name string
	// value is the form of the answer itself: equal texts are equal answers.
	value string
	// equation is the form of what is all in all an equation; "" for others.
	equation string
}

// equal reports whether two answers are equal. What only one of them is given
// for does not matter.
func (f answerForm) equal(g answerForm) bool {
	return f.equation != "" && f.equation == g.equation || f.value == g.value && (f.name == g.name || f.name == "" || g.name == "")
}

// formOf returns the form of an answer, or false where it is of no kind that is
// known: a number or an expression, with or without a unit; a tuple, an
// interval, a union of them, a set or a list, whose order does not matter, an
// inequality of one variable, a matrix, an equation, or a text.
func formOf(s string) (answerForm, bool) {
	tokens, ok := readLatex(s)
	if !ok {
		return answerForm{}, false
	}
	return formOfTokens(trimTokens(tokens), maxForms)
}

// formOfTokens is formOf of tokens; deep is how many forms may be in one another.
func formOfTokens(tokens []latexToken, deep int) (answerForm, bool) {
	tokens = trimTokens(tokens)
	if len(tokens) == 0 || deep == 0 {
		return answerForm{}, false
	}
	if parts := splitList(tokens); len(parts) > 1 {
		return listForm(parts, deep)
	}
	if inner, ok := enclosed(tokens, "⟨", "⟩"); ok {
		return listForm(splitTop(inner, isSeparator), deep)
	}
	if parts := splitTop(tokens, isSign("=")); len(parts) > 1 {
		return equationForm(parts, deep)
	}
	if at := indexTop(tokens, isSign("∈")); at == 1 && tokens[0].kind == letterToken {
		f, ok := formOfTokens(tokens[2:], deep-1)
		f.name = tokens[0].text
		return f, ok
	}
	if parts := splitTop(tokens, isSign("∪")); len(parts) > 1 {
		return sortedForm(parts, "∪", deep)
	}
	if f, ok := inequalityForm(tokens); ok {
		return f, true
	}
	if f, ok := bracketForm(tokens, deep); ok {
		return f, true
	}
	if f, ok := matrixForm(tokens, deep); ok {
		return f, true
	}
	return valueForm(tokens)
}

// valueForm returns the form of an expression, of several that a ± stands for,
// of one with a unit, or of a text.
func valueForm(tokens []latexToken) (answerForm, bool) {
	if word := slices.IndexFunc(tokens, isWordToken); word >= 0 {
		if word > 0 && isUnit(tokens[word:]) {
			if f, ok := valueForm(trimTokens(tokens[:word])); ok {
				return f, true
			}
		}
		return textForm(tokens)
	}
	plus, ok := readExpression(tokens, 1)
	if !ok {
		return answerForm{}, false
	}
	if indexTop(tokens, isSign("±")) >= 0 || indexTop(tokens, isSign("∓")) >= 0 {
		minus, ok := readExpression(tokens, -1)
		values := []string{plus.String(), minus.String()}
		slices.Sort(values)
		return answerForm{value: "list " + strings.Join(values, " , ")}, ok
	}
	return answerForm{value: plus.String()}, true
}

// textForm returns the form of a text: its words and marks.
func textForm(tokens []latexToken) (answerForm, bool) {
	var words []string
	for _, t := range tokens {
		if t.kind == commandToken {
			return answerForm{}, false
		}
		if t.kind != signToken || !strings.Contains("{}()", t.text) {
			words = append(words, t.text)
		}
	}
	return answerForm{value: "text " + strings.Join(words, " ")}, true
}

// isUnit reports whether tokens may be the unit of a number: words, with
// exponents, quotients and single letters.
func isUnit(tokens []latexToken) bool {
	for i, t := range tokens {
		switch {
		case t.kind == wordLatex && t.text != "am" && t.text != "pm", t.kind == letterToken && i > 0:
		case t.kind == numberToken && i > 0 && tokens[i-1].text == "^", t.kind == numberToken && i > 1 && tokens[i-1].text == "{" && tokens[i-2].text == "^":
		case t.kind == signToken && i > 0 && strings.Contains("^{}/.()-", t.text):
		default:
			return false
		}
	}
	return true
}

func isWordToken(t latexToken) bool { return t.kind == wordLatex }

func isSign(text string) func(latexToken) bool {
	return func(t latexToken) bool { return t.kind == signToken && t.text == text }
}

func isSeparator(t latexToken) bool {
	return t.kind == signToken && (t.text == "," || t.text == ";") || t.kind == wordLatex && (t.text == "and" || t.text == "or") || t.text == "∨" && t.kind == signToken
}

// trimTokens takes off the braces around tokens, and the marks that end a
// sentence.
func trimTokens(tokens []latexToken) []latexToken {
	for range maxBraces {
		n := len(tokens)
		if n > 0 && tokens[n-1].kind == signToken && strings.Contains(".,;:?", tokens[n-1].text) {
			tokens = tokens[:n-1]
			continue
		}
		inner, ok := enclosed(tokens, "{", "}")
		if !ok {
			break
		}
		tokens = inner
	}
	return tokens
}

// enclosed returns what stands in the brackets that are around all tokens.
func enclosed(tokens []latexToken, opening, closing string) ([]latexToken, bool) {
	n := len(tokens)
	if n < 2 || !isSign(opening)(tokens[0]) || !isSign(closing)(tokens[n-1]) {
		return nil, false
	}
	depth := 0
	for i, t := range tokens {
		if depth += bracketStep(t); depth == 0 {
			return tokens[1 : n-1], i == n-1
		}
	}
	return nil, false
}

// bracketStep is 1 for what opens, -1 for what closes.
func bracketStep(t latexToken) int {
	switch {
	case t.kind == signToken:
		switch t.text {
		case "(", "[", "{", "⟨":
			return 1
		case ")", "]", "}", "⟩":
			return -1
		}
	case t.kind == commandToken && strings.HasPrefix(t.text, "begin "):
		return 1
	case t.kind == commandToken && strings.HasPrefix(t.text, "end "):
		return -1
	}
	return 0
}

// indexTop returns the first token outside of brackets that is one, or -1.
func indexTop(tokens []latexToken, is func(latexToken) bool) int {
	depth := 0
	for i, t := range tokens {
		if depth += bracketStep(t); depth == 0 && is(t) {
			return i
		}
	}
	return -1
}

// splitTop divides tokens at separators outside of brackets. Empty parts are
// left out: "1, 2, and 3".
func splitTop(tokens []latexToken, is func(latexToken) bool) (parts [][]latexToken) {
	depth, begin := 0, 0
	for i, t := range tokens {
		if depth += bracketStep(t); depth == 0 && is(t) {
			if i > begin {
				parts = append(parts, tokens[begin:i])
			}
			begin = i + 1
		}
	}
	if begin < len(tokens) {
		parts = append(parts, tokens[begin:])
	}
	return parts
}

// splitList divides a list. "and" and "or" within a text are words of it.
func splitList(tokens []latexToken) [][]latexToken {
	parts := splitTop(tokens, isSeparator)
	for _, p := range parts {
		if len(parts) > 1 && p[0].kind == wordLatex && !slices.ContainsFunc(tokens, isSign(",")) {
			return nil
		}
	}
	return parts
}

// listForm returns the form of a list or a set. A name that all parts have is
// the list's; inequalities are a union.
func listForm(parts [][]latexToken, deep int) (answerForm, bool) {
	names := map[string]bool{}
	var forms []answerForm
	unions := 0
	for _, p := range parts {
		f, ok := formOfTokens(p, deep-1)
		if !ok {
			return answerForm{}, false
		}
		if strings.HasPrefix(f.value, "interval ") && f.name != "" {
			unions++
		}
		names[f.name] = true
		forms = append(forms, f)
	}
	named := len(names) > 2 || len(names) == 2 && !names[""] // for several things
	var values []string
	for _, f := range forms {
		if named {
			f.value = f.name + " = " + f.value
		}
		values = append(values, f.value)
	}
	slices.Sort(values)
	kind := "list "
	if unions > 0 && unions == len(parts) {
		kind = "∪ "
	}
	f := answerForm{value: kind + strings.Join(values, " , ")}
	if len(values) == 1 {
		f.value = "list " + values[0]
	}
	for name := range names {
		if !named {
			f.name = max(f.name, name)
		}
	}
	return f, true
}

// sortedForm returns the form of parts whose order does not matter.
func sortedForm(parts [][]latexToken, kind string, deep int) (answerForm, bool) {
	values, ok := valuesOf(parts, deep)
	if !ok {
		return answerForm{}, false
	}
	slices.Sort(values)
	return answerForm{value: kind + " " + strings.Join(values, " , ")}, true
}

// valuesOf returns the values of the forms of parts.
func valuesOf(parts [][]latexToken, deep int) (values []string, ok bool) {
	for _, p := range parts {
		f, ok := formOfTokens(p, deep-1)
		if !ok {
			return nil, false
		}
		values = append(values, f.value)
	}
	return values, true
}

// equationForm returns the form of "x = 5", which is 5 for x, or of an equation
// of two expressions: their difference, without a common factor.
func equationForm(parts [][]latexToken, deep int) (answerForm, bool) {
	if len(parts) != 2 {
		return answerForm{}, false
	}
	if _, is := nameOf(parts[0]); !is {
		if _, is = nameOf(parts[1]); is {
			parts = [][]latexToken{parts[1], parts[0]}
		}
	}
	if name, is := nameOf(parts[0]); is {
		f, ok := formOfTokens(parts[1], deep-1)
		if right, isValue := readExpression(parts[1], 1); isValue && len(parts[0]) == 1 {
			f.equation = differenceForm(factorOf(name), right)
		}
		f.name = name
		return f, ok
	}
	left, lOK := readExpression(parts[0], 1)
	right, rOK := readExpression(parts[1], 1)
	if !lOK || !rOK {
		return answerForm{}, false
	}
	if a, constant := left.rational(); constant {
		if b, constant := right.rational(); constant {
			return answerForm{value: "equation " + a.RatString() + " = " + b.RatString()}, true
		}
	}
	form := differenceForm(left, right)
	return answerForm{value: "equation " + form, equation: form}, true
}

// nameOf returns what the left side of an equation names: a variable, a pair of
// them, a segment, a word or two. A function of variables says no more than that
// an expression follows, and has no name.
func nameOf(tokens []latexToken) (name string, ok bool) {
	if len(tokens) == 0 || len(tokens) > maxNameTokens {
		return "", false
	}
	var b strings.Builder
	letters, depth, brackets := 0, 0, false
	for i, t := range tokens {
		switch {
		case t.kind == letterToken:
			if depth == 0 {
				letters++
			}
		case t.kind == wordLatex, t.kind == numberToken && i > 0, t.kind == commandToken && i == 0 && isNameCommand(t.text):
		case t.kind == signToken && strings.Contains("_'{}(),", t.text):
			depth += bracketStep(t)
			brackets = brackets || t.text == "("
		default:
			return "", false
		}
		b.WriteString(t.text)
	}
	switch {
	case brackets && letters == 1, isSign("(")(tokens[0]):
		return "", letters <= 1
	case letters <= 1: // more than one is a product, unless it is a segment
		return b.String(), true
	}
	return b.String(), letters == len(tokens) && tokens[0].text <= "Z"
}

func isNameCommand(name string) bool {
	switch name {
	case "angle", "triangle", "overline", "theta", "alpha", "beta", "gamma", "lambda", "phi":
		return true
	}
	return false
}

// inequalityForm returns the interval of an inequality: "-3 < x ≤ 5", "x > 2".
func inequalityForm(tokens []latexToken) (answerForm, bool) {
	isRelation := func(t latexToken) bool { return t.kind == signToken && strings.Contains("<>≤≥", t.text) }
	parts := splitTop(tokens, isRelation)
	var relations []string
	depth := 0
	for _, t := range tokens {
		if depth += bracketStep(t); depth == 0 && isRelation(t) {
			relations = append(relations, t.text)
		}
	}
	if len(relations) == 0 || len(parts) != len(relations)+1 || len(relations) > 2 {
		return answerForm{}, false
	}
	variable := slices.IndexFunc(parts, func(p []latexToken) bool { return len(p) == 1 && p[0].kind == letterToken })
	if variable < 0 || len(parts) == 3 && variable != 1 {
		return answerForm{}, false
	}
	low, high := "(-∞", "∞)"
	for i, p := range parts {
		if i == variable {
			continue
		}
		bound, ok := readExpression(trimTokens(p), 1)
		if !ok {
			return answerForm{}, false
		}
		relation := relations[min(i, variable)]
		closed := relation == "≤" || relation == "≥"
		// Whether the bound is below the variable.
		if below := (relation == "<" || relation == "≤") == (i < variable); below {
			low = map[bool]string{true: "[", false: "("}[closed] + bound.String()
		} else {
			high = bound.String() + map[bool]string{true: "]", false: ")"}[closed]
		}
	}
	return answerForm{name: parts[variable][0].text, value: intervalForm(low, high)}, true
}

func intervalForm(low, high string) string {
	low = strings.Replace(low, "-∞", "-1 ∞^1", 1)
	if high == "∞)" {
		high = "1 ∞^1)"
	}
	return "interval " + low + " , " + high
}

// bracketForm returns the form of a tuple or an interval.
func bracketForm(tokens []latexToken, deep int) (answerForm, bool) {
	n := len(tokens)
	for _, pair := range [...][2]string{{"(", ")"}, {"[", "]"}, {"(", "]"}, {"[", ")"}} {
		inner, ok := enclosed(tokens, pair[0], pair[1])
		if !ok {
			continue
		}
		parts := splitTop(inner, func(t latexToken) bool { return t.kind == signToken && (t.text == "," || t.text == ";") })
		if len(parts) < 2 {
			if f, ok := matrixForm(trimTokens(inner), deep); ok {
				return f, true
			}
			return answerForm{}, false
		}
		values, ok := valuesOf(parts, deep)
		if !ok {
			return answerForm{}, false
		}
		if len(parts) == 2 {
			return answerForm{value: intervalForm(tokens[0].text+values[0], values[1]+tokens[n-1].text)}, true
		}
		return answerForm{value: "tuple " + tokens[0].text + strings.Join(values, " , ") + tokens[n-1].text}, true
	}
	return answerForm{}, false
}

// matrixForm returns the form of a matrix, by rows.
func matrixForm(tokens []latexToken, deep int) (answerForm, bool) {
	n := len(tokens)
	if n < 2 || tokens[0].kind != commandToken || tokens[n-1].kind != commandToken {
		return answerForm{}, false
	}
	name, ok := strings.CutPrefix(tokens[0].text, "begin ")
	if !ok || tokens[n-1].text != "end "+name {
		return answerForm{}, false
	}
	var b strings.Builder
	b.WriteString(name)
	for _, row := range splitTop(tokens[1:n-1], isSign(`\\`)) {
		b.WriteString(" ;")
		for _, cell := range splitTop(row, isSign("&")) {
			f, ok := formOfTokens(cell, deep-1)
			if !ok {
				return answerForm{}, false
			}
			b.WriteString(" , " + f.value)
		}
	}
	return answerForm{value: b.String()}, true
}

// differenceForm returns the form of an equation whose sides are given.
func differenceForm(left, right polynomial) string {
	d := left.add(right.scale(minusOne))
	if len(d) == 0 {
		return "0"
	}
	_, d = d.content()
	if d[0].coefficient.Sign() < 0 {
		d = d.scale(minusOne)
	}
	return d.String()
}
