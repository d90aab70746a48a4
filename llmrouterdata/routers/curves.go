package routers

import "context"

// A Curve is what a router gives on test queries over Lambda.
type Curve struct {
	Router string       `json:"router"`
	Points []CurvePoint `json:"points"`
}

// A CurvePoint is a setting of a curve. Gain is its performance minus that of the
// best single model of the training rows on the same queries; its intervals over
// all points are the curve's band, each of which holds by itself.
type CurvePoint struct {
	Setting
	Gain Interval `json:"gain"`
}

// A Comparison is what several routers give on the same test queries, beside what
// they have to beat. Nothing may be chosen by it: every point is a look at the
// test queries.
type Comparison struct {
	Queries int     `json:"queries"`
	Curves  []Curve `json:"curves"`
	// Singles are all models, in order; Single is the best of the training rows.
	Singles []Summary `json:"singles"`
	Single  Summary   `json:"single"`
	PerTask Summary   `json:"per_task"`
	Random  Summary   `json:"random"`
	Oracle  Summary   `json:"oracle"`
}

// Compare gives the curves of routers with their bands, on the test queries that
// every model has a score of, and the references. All draws of the bootstrap are
// the same for all points. train is as for [Evaluate]. Points of a curve whose
// performance and cost are those of the point before are left out.
func Compare(ctx context.Context, list []*Router, train, test *Data, o *JudgeOptions) (*Comparison, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	complete, _ := test.Complete()
	if complete.Len() == 0 {
		return nil, ErrNoQueries
	}
	var references Judgement
	single, err := references.addReferences(train, complete)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Queries: complete.Len(), Single: references.Single, PerTask: references.PerTask, Random: references.Random, Oracle: references.Oracle}
	for m := range complete.models {
		always, err := Single(complete, m)
		if err != nil {
			return nil, err
		}
		c.Singles = append(c.Singles, always.summary())
	}
	for _, r := range list {
		test.looks.Add(1)
		p, err := r.Predict(ctx, complete, &FitOptions{Workers: v.Workers})
		if err != nil {
			return nil, err
		}
		curve, err := p.banded(ctx, single, &v)
		if err != nil {
			return nil, err
		}
		c.Curves = append(c.Curves, Curve{r.trainer, curve})
	}
	return c, nil
}

// banded is the curve of predictions with the intervals of its gains over a
// single model.
func (p *Predictions) banded(ctx context.Context, single *Replay, o *JudgeOptions) ([]CurvePoint, error) {
	var points []CurvePoint
	var gains [][]float64
	for _, lambda := range p.lambdas() {
		replay, err := p.Replay(Rule{Lambda: lambda})
		if err != nil {
			return nil, err
		}
		s := newSetting(lambda, replay, single)
		if n := len(points); n > 0 && points[n-1].Point == s.Point {
			continue
		}
		points = append(points, CurvePoint{Setting: s})
		gains = append(gains, differences(replay.Scores, single.Scores))
	}
	intervals, err := p.data.meanIntervals(ctx, gains, o)
	for i, interval := range intervals {
		points[i].Gain = interval
	}
	return points, err
}

// differences are a-b, number by number.
func differences(a, b []float64) []float64 {
	list := make([]float64, len(a))
	for i, v := range a {
		list[i] = v - b[i]
	}
	return list
}
