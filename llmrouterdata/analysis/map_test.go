package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// cloud makes n vectors with the standard deviations 5 and 2 along two known
// directions and 0.1 across.
func cloud(n, dim int) (data []float32, u, v []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	u, v = make([]float64, dim), make([]float64, dim)
	for j := range dim {
		u[j], v[j] = r.NormFloat64(), r.NormFloat64()
	}
	orthonormalize([][]float64{u, v})
	for range n {
		a, b := 5*r.NormFloat64(), 2*r.NormFloat64()
		for j := range dim {
			data = append(data, float32(3+a*u[j]+b*v[j]+0.1*r.NormFloat64()))
		}
	}
	return data, u, v
}

func TestComponents(t *testing.T) {
	for _, dim := range []int{2, 3, 9, 100} {
		n := 1500
		data, u, v := cloud(n, dim)
		c, err := components(t.Context(), data, n, dim, 1)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := math.Abs(dot(c.axes[0], u)), math.Abs(dot(c.axes[1], v)); a < 0.995 || b < 0.995 {
			t.Errorf("dim %d: the axes are off by %v and %v", dim, 1-a, 1-b)
		}
		// The axes are eigenvectors of the covariance, formed in full.
		covariance := make([][]float64, dim)
		trace := 0.0
		for i := range covariance {
			covariance[i] = make([]float64, dim)
			for j := range covariance[i] {
				for k := range n {
					covariance[i][j] += (float64(data[k*dim+i]) - c.mean[i]) * (float64(data[k*dim+j]) - c.mean[j])
				}
			}
			trace += covariance[i][i]
		}
		for k, axis := range c.axes {
			for i := range dim {
				if got, want := dot(covariance[i], axis), c.explained[k]*trace*axis[i]; math.Abs(got-want) > 1e-5*trace {
					t.Errorf("dim %d, axis %d: no eigenvector: %v, want %v", dim, k, got, want)
					break
				}
			}
		}
		for _, workers := range []int{2, 5} {
			again, err := components(t.Context(), data, n, dim, workers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c, again, cmp.AllowUnexported(pca{})); diff != "" {
				t.Errorf("%d workers: %s", workers, diff)
			}
		}
	}
}

func TestComponentsOfOddClouds(t *testing.T) {
	for name, data := range map[string][]float32{
		"all the same": {1, 2, 3, 1, 2, 3, 1, 2, 3},
		"on a line":    {1, 1, 1, 2, 2, 2, 4, 4, 4},
		"zero":         make([]float32, 9),
		"huge":         {3e38, 0, 0, -3e38, 0, 0, 0, 1, 0},
	} {
		c, err := components(t.Context(), data, 3, 3, 2)
		if err != nil {
			t.Fatal(err)
		}
		x, y := c.project(data[:3])
		for _, f := range []float64{x, y, c.explained[0], c.explained[1]} {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				t.Errorf("%s: %v, %v, %v", name, x, y, c.explained)
			}
		}
		if name == "on a line" && (math.Abs(c.explained[0]-1) > 1e-9 || math.Abs(y) > 1e-6) {
			t.Errorf("on a line: %v, y %v", c.explained, y)
		}
	}
	one, err := components(t.Context(), []float32{1, 2, 4}, 3, 1, 1)
	if err != nil || one.explained != [2]float64{1, 0} {
		t.Errorf("one number a vector: %v, %v", one, err)
	}
}

func TestMap(t *testing.T) {
	const n = 300
	data, u, _ := cloud(n, 16)
	d := draft{candidates: two(), vectors: map[int64][]float32{}}
	for i := range n {
		d.vectors[int64(i)] = data[i*16 : (i+1)*16]
		q := "query " + string(rune('A'+i))
		task := "even"
		if i%2 == 1 {
			task = "odd"
		}
		a, b := answer(task, q, "small", float64(i%3)/2), answer(task, q, "large", float64(i%4)/3)
		a.EmbeddingID, b.EmbeddingID = i, i
		d.train = append(d.train, a, b)
	}
	all := d.report(t, nil, nil).Map
	if all == nil || all.Queries != n || all.Fitted != n || len(all.Points) != n || all.Dim != 16 {
		t.Fatalf("%+v", all)
	}
	for i, p := range all.Points {
		want := 0.0
		for j := range 16 {
			want += (float64(data[i*16+j]) - 3) * u[j]
		}
		// The sample's mean and axes are near the true ones.
		if math.Abs(math.Abs(p.X)-math.Abs(want)) > 1 {
			t.Errorf("point %d: x %v, want about %v", i, p.X, want)
		}
		s, l := float64(i%3)/2, float64(i%4)/3
		best := map[bool]string{true: "small", false: "large"}[s > l]
		if s == l {
			best = map[bool]string{true: BestNone, false: BestTie}[s == 0]
		}
		if p.Best != best {
			t.Errorf("point %d: best %s, want %s", i, p.Best, best)
		}
	}
	if len(all.Tasks) != 2 || all.Tasks[0].Points != n/2 || len(all.Best) != 4 {
		t.Errorf("%+v, %+v", all.Tasks, all.Best)
	}
	some := d.report(t, nil, &Options{MapPoints: 10, Workers: 3}).Map
	if len(some.Points) != 10 || some.Points[1] != all.Points[30] {
		t.Errorf("ten points: %+v", some.Points)
	}

	t.Run("one tensor", func(t *testing.T) {
		c := d.save(t)
		name := filepath.Join(t.TempDir(), "stacked.pt")
		c.DataPath.QueryEmbeddingData = name
		var file strings.Builder
		w := torchio.NewWriter(&file, nil)
		if err := w.PutTensor(torchio.Of(data, n, 16)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, name, []byte(file.String()))
		r := reportOf(t, c, nil, nil)
		if diff := cmp.Diff(all, r.Map); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("vectors of no numbers", func(t *testing.T) {
		c := d.save(t)
		var file strings.Builder
		w := torchio.NewWriter(&file, nil)
		if err := errors.Join(w.PutTensor(torchio.Of([]float32{}, n, 0)), w.Close()); err != nil {
			t.Fatal(err)
		}
		write(t, c.DataPath.QueryEmbeddingData, []byte(file.String()))
		if _, err := table(t, c, nil); err == nil || !strings.Contains(err.Error(), "vectors.pt: vectors of no numbers") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no embeddings", func(t *testing.T) {
		d := draft{candidates: two(), train: []llmrouterdata.RoutingRecord{answer("a", "q", "small", 1)}}
		if r := d.report(t, nil, nil); r.Map != nil {
			t.Error("a map of nothing")
		}
	})
	t.Run("no torch file", func(t *testing.T) {
		c := d.save(t)
		write(t, c.DataPath.QueryEmbeddingData, []byte("x"))
		if _, err := table(t, c, nil); err == nil || !strings.Contains(err.Error(), "vectors.pt") {
			t.Errorf("got %v", err)
		}
	})
}
