// Package money counts what calls cost in whole units, so that a sum does not
// depend on the order of its terms.
package money

import "math"

// USD is an amount in units of 1e-12 USD. It stays at Most where it would be more,
// since a service may claim any number of tokens.
type USD int64

// Most is the highest amount: eight of them can be added before one is cut.
const Most USD = math.MaxInt64 / 8

// Of returns an amount of dollars, to the nearest unit.
func Of(dollars float64) USD {
	if units := math.Round(dollars * 1e12); units < float64(Most) {
		return USD(units)
	}
	return Most
}

// Plus returns the sum of two amounts.
func (u USD) Plus(v USD) USD { return min(u+v, Most) }

// Add adds an amount of dollars.
func (u *USD) Add(dollars float64) { *u = u.Plus(Of(dollars)) }

// Dollars returns the amount in USD.
func (u USD) Dollars() float64 { return float64(u) / 1e12 }
