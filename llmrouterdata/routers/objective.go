package routers

import (
	"errors"
	"fmt"
	"math"
)

// An Objective says what a rule is to reach on validation data. At most one field
// is set; the zero value wants the highest performance at any cost.
type Objective struct {
	// Budget is at most what 1,000 queries may cost, in USD, above 0.
	Budget float64
	// ShareOfDearest is a budget as a share of what always calling the dearest
	// model costs, above 0 and up to 1.
	ShareOfDearest float64
	// KeepQuality wants at least the best single model's performance at the least
	// cost. The performance has to be above the single model's by one standard
	// error of their difference, query by query: the cheapest of many rules that
	// just reach it on one set of queries falls short on another.
	KeepQuality bool
}

// ErrObjective says that no rule reaches the objective.
var ErrObjective = errors.New("no rule reaches the objective")

func (o Objective) validate() error {
	set := 0
	for _, is := range []bool{o.Budget != 0, o.ShareOfDearest != 0, o.KeepQuality} {
		if is {
			set++
		}
	}
	switch {
	case set > 1:
		return errors.New("routers: Objective has more than one field set")
	case !(o.Budget >= 0) || math.IsInf(o.Budget, 0):
		return fmt.Errorf("routers: Objective.Budget is %v; it is above 0", o.Budget)
	case !(o.ShareOfDearest >= 0 && o.ShareOfDearest <= 1):
		return fmt.Errorf("routers: Objective.ShareOfDearest is %v; it is above 0 and up to 1", o.ShareOfDearest)
	}
	return nil
}

// String says what is wanted, for example "at most 0.1 USD for 1,000 queries".
func (o Objective) String() string {
	switch {
	case o.Budget > 0:
		return fmt.Sprintf("at most %v USD for 1,000 queries", o.Budget)
	case o.ShareOfDearest > 0:
		return fmt.Sprintf("at most %v of the dearest model's cost", o.ShareOfDearest)
	case o.KeepQuality:
		return "the best single model's performance at the least cost"
	}
	return "the highest performance"
}

// A Setting is a point of a curve over Lambda.
type Setting struct {
	Lambda float64 `json:"lambda"`
	Point
	// gain is how much the performance is above that of the best single model of
	// the same queries, and gainError the standard error of that.
	gain, gainError float64
}

// Curve is what rules give on the queries of the predictions, all of which must
// have a score of every model: Lambda 0 and a geometric grid, from where cost
// hardly matters to where it alone does. Nil where all costs are 0.
func (p *Predictions) Curve() ([]Setting, error) {
	lambdas := p.lambdas()
	single, err := Single(p.data, p.data.BestSingle())
	if err != nil {
		return nil, err
	}
	curve := make([]Setting, 0, len(lambdas))
	for _, lambda := range lambdas {
		replay, err := p.Replay(Rule{Lambda: lambda})
		if err != nil {
			return nil, err
		}
		curve = append(curve, newSetting(lambda, replay, single))
	}
	return curve, nil
}

// newSetting is the point of a curve at which choices were played.
func newSetting(lambda float64, r, single *Replay) Setting {
	s := Setting{Lambda: lambda, Point: Point{r.USD(), r.Performance()}}
	s.gain, s.gainError = difference(r.Scores, single.Scores)
	return s
}

// difference is the mean of a-b and its standard error.
func difference(a, b []float64) (mean, standardError float64) {
	n := float64(len(a))
	for i, v := range a {
		mean += (v - b[i]) / n
	}
	squares := 0.0
	for i, v := range a {
		d := v - b[i] - mean
		squares += float64(d * d)
	}
	return mean, math.Sqrt(squares / n / max(1, n-1))
}

// Replay plays the choices of a rule on the queries of the predictions.
func (p *Predictions) Replay(rule Rule) (*Replay, error) {
	choices, err := p.Choices(rule)
	if err != nil {
		return nil, err
	}
	return p.data.Replay(p.name, choices)
}

// lambdas are the grid.
func (p *Predictions) lambdas() []float64 {
	highest := 0.0
	for _, c := range p.costs {
		highest = max(highest, c)
	}
	list := []float64{0}
	if highest == 0 {
		return list
	}
	for i := range gridSize {
		// A score of lowestWorth to highestWorth for the dearest call.
		worth := lowestWorth * math.Pow(highestWorth/lowestWorth, float64(i)/(gridSize-1))
		list = append(list, worth/(1000*highest))
	}
	return list
}

// reach is how a curve meets an objective: the best setting, and whether it does.
// dearest is the highest cost of a single model.
func (o Objective) reach(curve []Setting, dearest float64) (best Setting, ok bool) {
	better := func(a, b Setting) bool { // the highest performance, of equals the cheapest
		return a.Performance > b.Performance || a.Performance == b.Performance && a.USD < b.USD
	}
	within := func(Setting) bool { return true }
	budget := o.Budget
	if o.ShareOfDearest > 0 {
		budget = o.ShareOfDearest * dearest
	}
	switch {
	case o.KeepQuality:
		within = func(s Setting) bool { return s.gain >= s.gainError }
		better = func(a, b Setting) bool {
			return a.USD < b.USD || a.USD == b.USD && a.Performance > b.Performance
		}
	case budget > 0:
		within = func(s Setting) bool { return s.USD <= budget }
	default:
		curve = curve[:1] // no cost counts
	}
	for _, s := range curve {
		if within(s) && (!ok || better(s, best)) {
			best, ok = s, true
		}
	}
	return best, ok
}

// singles are the models' mean scores, and their mean costs in USD for 1,000
// queries.
func (d *Data) singles() (scores, usd []float64) {
	scores, counts := d.means()
	usd = d.meanCosts(counts)
	for m := range usd {
		usd[m] *= 1000
	}
	return scores, usd
}
