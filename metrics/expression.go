package metrics

import (
	"math"
	"math/big"
	"math/cmplx"
	"slices"
	"strings"
)

// expression is a part of an answer that has a value: its form, and the value
// that was calculated beside it with sample values for its variables.
type expression struct {
	form  polynomial
	value complex128
}

// reader reads expressions from the tokens of an answer.
type reader struct {
	tokens []latexToken
	at     int
	depth  int
	sign   int // of \pm
	values map[string]complex128
}

// readExpression reads tokens that are all one expression. Its form must have
// the value that was calculated beside it.
func readExpression(tokens []latexToken, sign int) (polynomial, bool) {
	r := reader{tokens: tokens, sign: sign, values: map[string]complex128{"π": math.Pi, "i": 1i}}
	e, ok := r.sum()
	if !ok || r.at != len(tokens) || !near(e.value, e.form.value(r.valueOf)) {
		return nil, false
	}
	return e.form, true
}

// valueOf returns the value of a factor. A variable has one by its name.
func (r *reader) valueOf(factor string) complex128 {
	v, ok := r.values[factor]
	if !ok && factor[0] == '(' {
		return cmplx.NaN() // an expression that is taken as a whole: equal texts are held equal
	}
	if !ok {
		h := uint32(2166136261)
		for i := 0; i < len(factor); i++ {
			h = (h ^ uint32(factor[i])) * 16777619
		}
		v = complex(0.5+float64(h%1000003)/1000003, 0)
		r.values[factor] = v
	}
	return v
}

func (r *reader) peek() latexToken {
	if r.at < len(r.tokens) {
		return r.tokens[r.at]
	}
	return latexToken{}
}

// take takes a token of this text.
func (r *reader) take(text string) bool {
	if r.peek().kind == signToken && r.peek().text == text {
		r.at++
		return true
	}
	return false
}

func (r *reader) sum() (e expression, ok bool) {
	if r.depth++; r.depth > maxDepth {
		return e, false
	}
	defer func() { r.depth-- }()
	for first := true; ; first = false {
		sign := int64(1)
		switch {
		case r.take("-"):
			sign = -1
		case r.take("+"):
		case r.take("±"):
			sign = int64(r.sign)
		case r.take("∓"):
			sign = -int64(r.sign)
		case !first:
			return e, true
		}
		term, ok := r.product()
		if !ok {
			return e, false
		}
		e.form = e.form.add(term.form.scale(big.NewRat(sign, 1)))
		e.value += complex(float64(sign), 0) * term.value
		if e.form.isTooLarge() {
			return e, false
		}
	}
}

func (r *reader) product() (e expression, ok bool) {
	if e, ok = r.power(); !ok {
		return e, false
	}
	for {
		divide := r.take("/")
		if !divide && !r.take("*") && !r.beginsFactor() {
			return e, true
		}
		sign := int64(1)
		if r.take("-") {
			sign = -1
		}
		f, ok := r.power()
		if !ok {
			return e, false
		}
		if divide {
			if f, ok = f.inverse(); !ok {
				return e, false
			}
		}
		if e, ok = e.times(f); !ok {
			return e, false
		}
		e = expression{e.form.scale(big.NewRat(sign, 1)), e.value * complex(float64(sign), 0)}
	}
}

// beginsFactor reports whether a factor follows that has no sign of a product
// before it. A number may follow brackets so.
func (r *reader) beginsFactor() bool {
	switch t := r.peek(); t.kind {
	case numberToken:
		return isSign(")")(r.tokens[r.at-1])
	case letterToken, commandToken:
		return true
	case signToken:
		return t.text == "(" || t.text == "{" || t.text == "["
	}
	return false
}

func (e expression) times(f expression) (expression, bool) {
	form, ok := e.form.mul(f.form)
	return expression{form, e.value * f.value}, ok
}

func (e expression) inverse() (expression, bool) {
	form, ok := e.form.inverse()
	return expression{form, 1 / e.value}, ok
}

// power reads a factor with what follows it: a factorial, an exponent.
func (r *reader) power() (e expression, ok bool) {
	if e, ok = r.factor(); !ok {
		return e, false
	}
	for r.take("!") {
		if e, ok = r.factorial(e); !ok {
			return e, false
		}
	}
	if !r.take("^") {
		return e, true
	}
	exponent, ok := r.argument(false)
	if !ok {
		return e, false
	}
	return r.raise(e, exponent)
}

func (r *reader) factorial(e expression) (expression, bool) {
	n, ok := e.form.rational()
	if !ok || !n.IsInt() || n.Sign() < 0 || n.Num().BitLen() > 7 {
		return r.whole("fact", e.form, cmplx.NaN())
	}
	f := new(big.Rat).SetInt(new(big.Int).MulRange(1, n.Num().Int64()))
	v, _ := f.Float64()
	return expression{constant(f), complex(v, 0)}, true
}

// raise returns base to the exponent.
func (r *reader) raise(base, exponent expression) (expression, bool) {
	value := cmplx.Pow(base.value, exponent.value)
	if e, ok := exponent.form.rational(); ok {
		form, ok := base.form.pow(e)
		if negative := real(base.value) < 0 && imag(base.value) == 0; ok && negative && !e.IsInt() && e.Denom().Bit(0) == 1 {
			x, _ := e.Float64()
			value = cmplx.Pow(-base.value, complex(x, 0))
			if e.Num().Bit(0) == 1 {
				value = -value
			}
		}
		return expression{form, value}, ok
	}
	return r.whole("("+base.form.String()+")^", exponent.form, value)
}

// whole makes a factor of a function and its argument.
func (r *reader) whole(name string, argument polynomial, value complex128) (expression, bool) {
	factor := name + "(" + argument.String() + ")"
	r.values[factor] = value
	return expression{factorOf(factor), value}, true
}

func (r *reader) factor() (e expression, ok bool) {
	t := r.peek()
	switch t.kind {
	case numberToken:
		return r.number()
	case letterToken:
		r.at++
		name := t.text
		if r.take("_") {
			index, ok := r.index()
			if !ok {
				return e, false
			}
			name += "_" + index
		}
		for r.take("'") {
			name += "'"
		}
		return expression{factorOf(name), r.valueOf(name)}, true
	case commandToken:
		r.at++
		return r.command(t.text)
	case signToken:
		if closing := closings[t.text]; closing != "" {
			r.at++
			if e, ok = r.sum(); !ok || !r.take(closing) {
				return e, false
			}
			return e, true
		}
		if r.take("|") {
			if e, ok = r.sum(); !ok || !r.take("|") {
				return e, false
			}
			return r.absolute(e)
		}
	}
	return e, false
}

var closings = map[string]string{"(": ")", "[": "]", "{": "}"}

func (r *reader) absolute(e expression) (expression, bool) {
	if n, ok := e.form.rational(); ok {
		return expression{constant(new(big.Rat).Abs(n)), complex(cmplx.Abs(e.value), 0)}, true
	}
	return r.whole("abs", e.form, complex(cmplx.Abs(e.value), 0))
}

// number reads a number, a mixed one, or one in another base.
func (r *reader) number() (e expression, ok bool) {
	t := r.peek()
	r.at++
	n, ok := parseDecimal(t.text).rat()
	if !ok {
		return e, false
	}
	if repeated, ok := r.repeated(t.text); ok {
		n.Add(n, repeated)
	}
	if r.take("_") {
		base, ok := r.index()
		name := t.text + "_" + base
		return expression{factorOf(name), r.valueOf(name)}, ok
	}
	if n.IsInt() && r.peek().kind == commandToken && r.peek().text == "frac" {
		begin := r.at
		r.at++
		above, aOK := r.integerArgument()
		below, bOK := r.integerArgument()
		if aOK && bOK && below.Sign() != 0 && above.Cmp(below) < 0 {
			n = new(big.Rat).Add(n, new(big.Rat).Quo(above, below))
		} else {
			r.at = begin
		}
	}
	v, _ := n.Float64()
	return expression{constant(n), complex(v, 0)}, true
}

// repeated reads the digits under a line that follow a decimal number, and
// returns what they add to it: 0.1\overline{6}.
func (r *reader) repeated(decimal string) (*big.Rat, bool) {
	begin := r.at
	_, places, pointed := strings.Cut(decimal, ".")
	if !pointed && !r.take(".") {
		return nil, false
	}
	if r.peek() != (latexToken{"overline", commandToken}) {
		r.at = begin
		return nil, false
	}
	r.at++
	braced := r.take("{")
	digits := r.peek()
	r.at++
	n, ok := new(big.Rat).SetString(digits.text)
	if digits.kind != numberToken || !ok || len(digits.text)+len(places) > maxRatDigits || braced && !r.take("}") {
		r.at = begin
		return nil, false
	}
	nines := strings.Repeat("9", len(digits.text)) + strings.Repeat("0", len(places))
	below, _ := new(big.Rat).SetString(nines)
	return n.Quo(n, below), true
}

// integerArgument reads the argument of a command that is a positive integer.
func (r *reader) integerArgument() (*big.Rat, bool) {
	e, ok := r.argument(true)
	if !ok {
		return nil, false
	}
	n, ok := e.form.rational()
	return n, ok && n.IsInt() && n.Sign() > 0
}

// argument reads a group, or one token; of a number only a digit where that is
// asked for, as LaTeX has it.
func (r *reader) argument(digit bool) (e expression, ok bool) {
	t := r.peek()
	switch {
	case t.kind == numberToken && digit && len(t.text) > 1:
		rest := slices.Clone(r.tokens)
		rest[r.at].text = t.text[1:]
		r.tokens = rest
		d := big.NewRat(int64(t.text[0]-'0'), 1)
		return expression{constant(d), complex(float64(t.text[0]-'0'), 0)}, isDigit(t.text[0])
	case t.kind == signToken && (t.text == "-" || t.text == "+"):
		r.at++
		if e, ok = r.factor(); ok && t.text == "-" {
			e = expression{e.form.scale(big.NewRat(-1, 1)), -e.value}
		}
		return e, ok
	case t.kind == numberToken:
		r.at++
		n, ok := parseDecimal(t.text).rat()
		if !ok {
			return e, false
		}
		v, _ := n.Float64()
		return expression{constant(n), complex(v, 0)}, true
	}
	return r.factor()
}

// index reads a subscript as text.
func (r *reader) index() (string, bool) {
	if !r.take("{") {
		t := r.peek()
		r.at++
		return t.text, t.kind == numberToken || t.kind == letterToken
	}
	var text strings.Builder
	for r.at < len(r.tokens) && !r.take("}") {
		text.WriteString(r.tokens[r.at].text)
		r.at++
	}
	return text.String(), text.Len() > 0
}

var elementary = map[string]func(complex128) complex128{
	"sin": cmplx.Sin, "cos": cmplx.Cos, "tan": cmplx.Tan, "cot": cmplx.Cot, "sec": func(x complex128) complex128 { return 1 / cmplx.Cos(x) },
	"csc": func(x complex128) complex128 { return 1 / cmplx.Sin(x) }, "arcsin": cmplx.Asin, "arccos": cmplx.Acos, "arctan": cmplx.Atan,
	"sinh": cmplx.Sinh, "cosh": cmplx.Cosh, "tanh": cmplx.Tanh, "ln": cmplx.Log, "log": cmplx.Log10, "exp": cmplx.Exp,
}

// command reads what a command makes of its arguments.
func (r *reader) command(name string) (e expression, ok bool) {
	switch name {
	case "pi":
		return expression{factorOf("π"), math.Pi}, true
	case "infty":
		return expression{factorOf("∞"), cmplx.Inf()}, true
	case "frac":
		above, ok := r.argument(true)
		if !ok {
			return e, false
		}
		below, ok := r.argument(true)
		if ok {
			below, ok = below.inverse()
		}
		if !ok {
			return e, false
		}
		return above.times(below)
	case "sqrt":
		return r.root()
	case "binom":
		return r.binomial()
	case "overline":
		return e, false
	}
	if f := elementary[name]; f != nil {
		return r.function(name, f)
	}
	return r.greek(name)
}

// greek reads a command that is a letter.
func (r *reader) greek(name string) (e expression, ok bool) {
	switch name {
	case "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "theta", "lambda", "mu", "omega", "phi", "varphi", "psi", "rho", "sigma", "tau", "Delta", "Omega", "ell":
		return expression{factorOf(`\` + name), r.valueOf(`\` + name)}, true
	}
	return e, false
}

func (r *reader) root() (e expression, ok bool) {
	degree := big.NewRat(2, 1)
	if r.take("[") {
		n, ok := r.sum()
		if !ok || !r.take("]") {
			return e, false
		}
		if degree, ok = n.form.rational(); !ok || degree.Sign() <= 0 {
			return e, false
		}
	}
	if e, ok = r.argument(true); !ok {
		return e, false
	}
	exponent := new(big.Rat).Inv(degree)
	v, _ := exponent.Float64()
	return r.raise(e, expression{constant(exponent), complex(v, 0)})
}

func (r *reader) binomial() (e expression, ok bool) {
	above, aOK := r.integerArgument()
	below, bOK := r.integerArgument()
	if !aOK || !bOK || above.Num().BitLen() > 9 || below.Num().BitLen() > 9 {
		return e, false
	}
	n := new(big.Rat).SetInt(new(big.Int).Binomial(above.Num().Int64(), below.Num().Int64()))
	v, _ := n.Float64()
	return expression{constant(n), complex(v, 0)}, true
}

// function reads an elementary function: its index or exponent, then its
// argument, a group or the factors up to a sign or another function.
func (r *reader) function(name string, f func(complex128) complex128) (e expression, ok bool) {
	var exponent *expression
	base := ""
	for {
		if r.take("^") {
			x, ok := r.argument(false)
			if !ok {
				return e, false
			}
			exponent = &x
		} else if r.take("_") {
			if base, ok = r.index(); !ok {
				return e, false
			}
		} else {
			break
		}
	}
	argument, ok := r.functionArgument()
	if !ok {
		return e, false
	}
	value := f(argument.value)
	if base != "" {
		value = cmplx.NaN()
	}
	if e, ok = r.whole(name+base, argument.form, value); !ok || exponent == nil {
		return e, ok
	}
	return r.raise(e, *exponent)
}

func (r *reader) functionArgument() (e expression, ok bool) {
	if t := r.peek(); t.kind == signToken && closings[t.text] != "" {
		return r.factor()
	}
	if e, ok = r.power(); !ok {
		return e, false
	}
	for {
		t := r.peek()
		if t.kind != letterToken && !(t.kind == commandToken && elementary[t.text] == nil) {
			return e, true
		}
		f, ok := r.power()
		if !ok {
			return e, false
		}
		if e, ok = e.times(f); !ok {
			return e, false
		}
	}
}
