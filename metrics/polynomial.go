package metrics

import (
	"math"
	"math/big"
	"math/cmplx"
	"slices"
	"strconv"
	"strings"
)

// polynomial is a sum of terms of different factors, sorted by them: the exact
// normal form of an expression. Numbers under roots are products of primes with
// exponents between 0 and 1, so that equal numbers have one form.
type polynomial []monomial

// monomial is a coefficient, which is not zero, times powers of factors.
type monomial struct {
	coefficient *big.Rat
	powers      []factorPower // sorted by their factors
	key         string        // of the powers
}

// factorPower is a factor with its exponent, which is not zero. A factor is a
// variable, π, i, a number to be rooted ("#" and its digits), or an expression
// that is taken as a whole.
type factorPower struct {
	factor   string
	exponent *big.Rat
}

var one, minusOne = big.NewRat(1, 1), big.NewRat(-1, 1)

func constant(r *big.Rat) polynomial { return polynomial{}.plus(monomial{coefficient: r}) }

func factorOf(name string) polynomial {
	return polynomial{newMonomial(one, []factorPower{{name, one}})}
}

// newMonomial brings a product into its form: exponents of equal factors are
// added, whole powers of numbers and squares of i become coefficients.
func newMonomial(coefficient *big.Rat, powers []factorPower) monomial {
	c := new(big.Rat).Set(coefficient)
	slices.SortStableFunc(powers, func(a, b factorPower) int { return strings.Compare(a.factor, b.factor) })
	var merged []factorPower
	for _, p := range powers {
		if n := len(merged); n > 0 && merged[n-1].factor == p.factor {
			merged[n-1].exponent = new(big.Rat).Add(merged[n-1].exponent, p.exponent)
		} else {
			merged = append(merged, p)
		}
	}
	m := monomial{coefficient: c}
	var key strings.Builder
	for _, p := range merged {
		p = p.reduce(c)
		if p.exponent.Sign() == 0 {
			continue
		}
		m.powers = append(m.powers, p)
		key.WriteString(p.factor + "^" + p.exponent.RatString() + " ")
	}
	m.key = key.String()
	return m
}

// reduce moves what is rational in a power into the coefficient c.
func (p factorPower) reduce(c *big.Rat) factorPower {
	floor := new(big.Int).Div(p.exponent.Num(), p.exponent.Denom()) // Euclid's, which is the floor
	switch {
	case p.factor == "i" && p.exponent.IsInt():
		turns := new(big.Int).And(floor, big.NewInt(3)).Int64()
		if turns >= 2 {
			c.Neg(c)
		}
		return factorPower{"i", big.NewRat(turns%2, 1)}
	case strings.HasPrefix(p.factor, "#") && floor.Sign() != 0 && floor.IsInt64() && magnitude(floor.Int64()) <= maxPower:
		n, _ := new(big.Int).SetString(p.factor[1:], 10)
		whole := new(big.Rat).SetInt(new(big.Int).Exp(n, big.NewInt(magnitude(floor.Int64())), nil))
		if floor.Sign() < 0 {
			whole.Inv(whole)
		}
		c.Mul(c, whole)
		return factorPower{p.factor, new(big.Rat).Sub(p.exponent, new(big.Rat).SetInt(floor))}
	}
	return p
}

func magnitude(n int64) int64 { return max(n, -n) }

// plus adds a monomial.
func (p polynomial) plus(m monomial) polynomial {
	if m.coefficient.Sign() == 0 {
		return p
	}
	at, found := slices.BinarySearchFunc(p, m.key, func(a monomial, key string) int { return strings.Compare(a.key, key) })
	if !found {
		return slices.Insert(slices.Clone(p), at, m)
	}
	sum := new(big.Rat).Add(p[at].coefficient, m.coefficient)
	p = slices.Clone(p)
	if sum.Sign() == 0 {
		return slices.Delete(p, at, at+1)
	}
	p[at].coefficient = sum
	return p
}

func (p polynomial) add(q polynomial) polynomial {
	for _, m := range q {
		p = p.plus(m)
	}
	return p
}

// isTooLarge reports whether a polynomial is larger than answers are.
func (p polynomial) isTooLarge() bool {
	return len(p) > maxTerms || slices.ContainsFunc(p, func(m monomial) bool {
		return m.coefficient.Num().BitLen()+m.coefficient.Denom().BitLen() > maxBits
	})
}

func (p polynomial) scale(r *big.Rat) polynomial {
	out := make(polynomial, 0, len(p))
	for _, m := range p {
		m.coefficient = new(big.Rat).Mul(m.coefficient, r)
		out = append(out, m)
	}
	return out
}

// mul multiplies, unless the product is too large to be an answer.
func (p polynomial) mul(q polynomial) (polynomial, bool) {
	if len(p)*len(q) > maxTerms {
		return nil, false
	}
	var out polynomial
	for _, a := range p {
		for _, b := range q {
			m := newMonomial(new(big.Rat).Mul(a.coefficient, b.coefficient), slices.Concat(a.powers, b.powers))
			if len(m.powers) > maxTerms || m.coefficient.Num().BitLen()+m.coefficient.Denom().BitLen() > maxBits {
				return nil, false
			}
			out = out.plus(m)
		}
	}
	return out, len(out) <= maxTerms
}

// rational returns the value of a polynomial without factors.
func (p polynomial) rational() (*big.Rat, bool) {
	switch {
	case len(p) == 0:
		return new(big.Rat), true
	case len(p) == 1 && len(p[0].powers) == 0:
		return p[0].coefficient, true
	}
	return nil, false
}

// isNumber reports whether a polynomial has no factors but roots and i.
func (p polynomial) isNumber() bool {
	for _, m := range p {
		for _, f := range m.powers {
			if f.factor != "i" && f.factor[0] != '#' {
				return false
			}
		}
	}
	return true
}

// content returns the positive number by which the coefficients are divided to
// be integers without a common divisor, and the quotient.
func (p polynomial) content() (*big.Rat, polynomial) {
	above, below := new(big.Int), big.NewInt(1)
	for _, m := range p {
		above.GCD(nil, nil, above, new(big.Int).Abs(m.coefficient.Num()))
		gcd := new(big.Int).GCD(nil, nil, below, m.coefficient.Denom())
		below.Mul(below, new(big.Int).Div(m.coefficient.Denom(), gcd))
	}
	c := new(big.Rat).SetFrac(above, below)
	return c, p.scale(new(big.Rat).Inv(c))
}

// inverse returns 1/p.
func (p polynomial) inverse() (polynomial, bool) {
	switch {
	case len(p) == 0:
		return nil, false
	case len(p) == 1:
		powers := slices.Clone(p[0].powers)
		for i := range powers {
			powers[i].exponent = new(big.Rat).Neg(powers[i].exponent)
		}
		return polynomial{newMonomial(new(big.Rat).Inv(p[0].coefficient), powers)}, true
	case len(p) == 2 && p.isNumber():
		// (a+b)(a-b) = a²-b², which is one term where both squares are rational.
		conjugate := polynomial{p[0]}.add(polynomial{p[1]}.scale(minusOne))
		product, ok := p.mul(conjugate)
		if !ok || len(product) != 1 {
			break
		}
		inverse, _ := product.inverse()
		return conjugate.mul(inverse)
	}
	c, q := p.content()
	if q[0].coefficient.Sign() < 0 {
		c, q = c.Neg(c), q.scale(minusOne)
	}
	return polynomial{newMonomial(c.Inv(c), []factorPower{{"(" + q.String() + ")", big.NewRat(-1, 1)}})}, true
}

// pow returns p to a rational power.
func (p polynomial) pow(e *big.Rat) (polynomial, bool) {
	if e.IsInt() {
		if !e.Num().IsInt64() || magnitude(e.Num().Int64()) > maxPower {
			return nil, false
		}
		n := e.Num().Int64()
		if n < 0 {
			inverse, ok := p.inverse()
			if !ok {
				return nil, false
			}
			p, n = inverse, -n
		}
		out, ok := constant(one), true
		for ; n > 0 && ok; n-- {
			out, ok = out.mul(p)
		}
		return out, ok
	}
	if r, ok := p.rational(); ok {
		return rootOf(r, e)
	}
	c, q := p.content()
	out, ok := rootOf(c, e)
	if !ok {
		return nil, false
	}
	name := "(" + q.String() + ")"
	if len(q) == 1 && q[0].coefficient.Cmp(one) == 0 && len(q[0].powers) == 1 && q[0].powers[0].exponent.Cmp(one) == 0 && q[0].powers[0].factor != "i" {
		name = q[0].powers[0].factor
	}
	return out.mul(polynomial{newMonomial(one, []factorPower{{name, e}})})
}

// rootOf returns a rational number to a rational power: its primes to that
// power. A negative one is i times its square root, or minus its odd root.
func rootOf(r, e *big.Rat) (polynomial, bool) {
	if r.Sign() == 0 {
		return nil, e.Sign() > 0
	}
	sign := constant(one)
	if r.Sign() < 0 {
		switch {
		case e.Denom().Bit(0) == 1:
			if e.Num().Bit(0) == 1 {
				sign = sign.scale(minusOne)
			}
		case e.Cmp(big.NewRat(1, 2)) == 0:
			sign = factorOf("i")
		default:
			return nil, false
		}
	}
	var powers []factorPower
	for _, side := range []struct {
		n    *big.Int
		sign int64
	}{{r.Num(), 1}, {r.Denom(), -1}} {
		exponent := new(big.Rat).Mul(e, big.NewRat(side.sign, 1))
		for _, f := range factorize(new(big.Int).Abs(side.n)) {
			powers = append(powers, factorPower{"#" + f.String(), exponent})
		}
	}
	if len(powers) > maxTerms || e.Num().BitLen() > 16 {
		return nil, false
	}
	return sign.mul(polynomial{newMonomial(one, powers)})
}

// factorize returns the prime factors of n. What is left of it once it was
// divided by small primes is one factor, or two equal ones: its form is exact
// all the same.
func factorize(n *big.Int) (factors []*big.Int) {
	if n.BitLen() > 256 {
		return []*big.Int{n}
	}
	n = new(big.Int).Set(n)
	q, r := new(big.Int), new(big.Int)
	for d := int64(2); d < maxDivisor && n.Cmp(big.NewInt(d*d)) >= 0; d++ {
		divisor := big.NewInt(d)
		for {
			if q.QuoRem(n, divisor, r); r.Sign() != 0 {
				break
			}
			factors = append(factors, divisor)
			n.Set(q)
		}
	}
	if n.Cmp(big.NewInt(1)) > 0 {
		if root := new(big.Int).Sqrt(n); new(big.Int).Mul(root, root).Cmp(n) == 0 {
			return append(factors, root, root)
		}
		factors = append(factors, n)
	}
	return factors
}

// String returns the form as text: equal polynomials have equal texts.
func (p polynomial) String() string {
	if len(p) == 0 {
		return "0"
	}
	var b strings.Builder
	for i, m := range p {
		if i > 0 {
			b.WriteString("+ ")
		}
		b.WriteString(m.coefficient.RatString() + " " + m.key)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// value returns the value of a polynomial given those of its factors: what the
// form is held against.
func (p polynomial) value(of func(factor string) complex128) complex128 {
	sum := complex(0, 0)
	for _, m := range p {
		c, _ := m.coefficient.Float64()
		product := complex(c, 0)
		for _, f := range m.powers {
			e, _ := f.exponent.Float64()
			base := of(f.factor)
			if n, err := strconv.ParseFloat(strings.TrimPrefix(f.factor, "#"), 64); f.factor[0] == '#' && err == nil {
				base = complex(n, 0)
			}
			product *= cmplx.Pow(base, complex(e, 0))
		}
		sum += product
	}
	return sum
}

// near reports whether two values are equal but for rounding. What is not finite
// says nothing.
func near(a, b complex128) bool {
	if cmplx.IsNaN(a) || cmplx.IsInf(a) || cmplx.IsNaN(b) || cmplx.IsInf(b) {
		return true
	}
	return cmplx.Abs(a-b) <= 1e-6*math.Max(1, math.Max(cmplx.Abs(a), cmplx.Abs(b)))
}
