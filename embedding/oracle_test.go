package embedding

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// oracleCase is one call of the reference model: B sequences padded to one
// length. Offsets are into outputs.f32, or pooled.f64.
type oracleCase struct {
	ID         int       `json:"id"`
	Kind       string    `json:"kind"`
	IDs        [][]int32 `json:"input_ids"`
	Mask       [][]int   `json:"attention_mask"`
	Global     [][]int   `json:"global_attention_mask"`
	Shape      [3]int    `json:"shape"`
	Last       *int      `json:"last_hidden_state"`
	Pooled     *int      `json:"mean_pooled"`
	Pooler     *int      `json:"pooler_output"`
	Hidden     []int     `json:"hidden_states"`
	PooledWide *int      `json:"mean_pooled_f64"`
}

// oracleFolder is a small model with its cases.
type oracleFolder struct {
	Cases      []oracleCase `json:"cases"`
	Tolerance  float64      `json:"tolerance"`
	Difference float64      `json:"hf_f32_vs_f64"`
	f32        []float32
	f64        []float64
}

func readOracle(t testing.TB, dir string) *oracleFolder {
	t.Helper()
	o := new(oracleFolder)
	readJSON(t, filepath.Join(dir, "cases.json"), o)
	o.f32, o.f64 = readFloats(t, dir)
	return o
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func readFloats(t testing.TB, dir string) (f32 []float32, f64 []float64) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "outputs.f32"))
	if err != nil {
		t.Fatal(err)
	}
	f32 = make([]float32, len(raw)/4)
	for i := range f32 {
		f32[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[i*4:]))
	}
	raw, err = os.ReadFile(filepath.Join(dir, "pooled.f64"))
	if err != nil {
		t.Fatal(err)
	}
	f64 = make([]float64, len(raw)/8)
	for i := range f64 {
		f64[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[i*8:]))
	}
	return f32, f64
}

// sequences turns the rows of a padded batch into sequences.
func (c *oracleCase) sequences() []Sequence {
	seqs := make([]Sequence, len(c.IDs))
	flags := func(rows [][]int, i int) []bool {
		if rows == nil {
			return nil
		}
		out := make([]bool, len(rows[i]))
		for j, v := range rows[i] {
			out[j] = v != 0
		}
		return out
	}
	for i := range seqs {
		seqs[i] = Sequence{IDs: c.IDs[i], Mask: flags(c.Mask, i), Global: flags(c.Global, i)}
	}
	return seqs
}

// worst is the largest difference seen, by what was compared.
type worst map[string]float64

func (w worst) note(what string, got []float32, want []float32) float64 {
	d := 0.0
	for i := range want {
		d = max(d, math.Abs(float64(got[i])-float64(want[i])))
		if got[i] != got[i] {
			d = math.Inf(1)
		}
	}
	w[what] = max(w[what], d)
	return d
}

// checkFolder runs every case of a folder on m.
func checkFolder(t *testing.T, m *Longformer, o *oracleFolder) {
	t.Helper()
	ctx := context.Background()
	h := m.Dim()
	seen := worst{}
	for _, c := range o.Cases {
		seqs := c.sequences()
		out, err := m.Forward(ctx, seqs, &ForwardOptions{LastHidden: true, AllHidden: true, Pooler: true})
		if err != nil {
			t.Fatalf("case %d: %v", c.ID, err)
		}
		length := c.Shape[1]
		rows := func(what string, got []float32, b, at int) {
			for i := range length {
				if seqs[b].Mask != nil && !seqs[b].Mask[i] {
					continue
				}
				row := (b*length + i) * h
				if d := seen.note(what, got[i*h:(i+1)*h], o.f32[at+row:at+row+h]); d > o.Tolerance {
					t.Errorf("case %d (%s): %s, sequence %d, token %d differs by %g", c.ID, c.Kind, what, b, i, d)
				}
			}
		}
		for b := range out {
			if c.Last != nil {
				rows("last", out[b].Last, b, *c.Last)
			}
			for l, at := range c.Hidden {
				rows("layers", out[b].Hidden[l], b, at)
			}
			if c.Pooled != nil {
				at := *c.Pooled + b*h
				if d := seen.note("pooled", out[b].Pooled, o.f32[at:at+h]); d > o.Tolerance {
					t.Errorf("case %d (%s): pooled, sequence %d differs by %g", c.ID, c.Kind, b, d)
				}
				if c.PooledWide != nil {
					checkWide(t, seen, c.ID, out[b].Pooled, o.f32[at:at+h], o.f64[*c.PooledWide+b*h:][:h], o.Difference)
				}
			}
			if c.Pooler != nil && (seqs[b].Mask == nil || seqs[b].Mask[0]) {
				at := *c.Pooler + b*h
				if d := seen.note("pooler", out[b].Pooler, o.f32[at:at+h]); d > o.Tolerance {
					t.Errorf("case %d (%s): pooler, sequence %d differs by %g", c.ID, c.Kind, b, d)
				}
			}
		}
	}
	t.Logf("%s: %d cases, largest differences %v", m.Kernel(), len(o.Cases), seen)
}

// checkWide holds a pooled vector against the one computed in float64: our
// error is at most twice that of the reference in float32, as known for the
// whole folder.
func checkWide(t *testing.T, seen worst, id int, got, reference []float32, wide []float64, known float64) {
	t.Helper()
	ours, theirs := 0.0, 0.0
	for i, v := range wide {
		ours = max(ours, math.Abs(float64(got[i])-v))
		theirs = max(theirs, math.Abs(float64(reference[i])-v))
	}
	seen["pooled, from float64"] = max(seen["pooled, from float64"], ours)
	seen["reference, from float64"] = max(seen["reference, from float64"], theirs)
	if !(ours <= 2*max(theirs, known)) {
		t.Errorf("case %d: pooled differs by %g from float64, the reference by %g", id, ours, theirs)
	}
}

// TestOracleTiny runs every case on every tier, from every form in which the
// folder stores the weights.
func TestOracleTiny(t *testing.T) {
	for _, dir := range golden.OracleSets(t, "longformer/*/config.json") {
		dir := filepath.Dir(dir)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			o := readOracle(t, dir)
			for _, k := range kernel.Available() {
				t.Run(k.Name(), func(t *testing.T) {
					m, err := OpenLongformer(t.Context(), dir, &LongformerOptions{Kernel: k.Name()})
					if err != nil {
						t.Fatal(err)
					}
					defer m.Close()
					checkFolder(t, m, o)
				})
			}
		})
	}
}

// renamed is a folder that shows one of its files under another name, and no
// other weights.
type renamed struct {
	fs.FS
	from, to string
}

func (r renamed) Open(name string) (fs.File, error) {
	switch {
	case name == r.to:
		return r.FS.Open(r.from)
	case strings.HasPrefix(name, "model") || strings.HasPrefix(name, "pytorch_model"):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return r.FS.Open(name)
}

// TestOracleWeightFiles opens every form in which the folders store one model's
// weights; all give one fingerprint and the same bits.
func TestOracleWeightFiles(t *testing.T) {
	for _, name := range golden.OracleSets(t, "longformer/*/config.json") {
		dir := filepath.Dir(name)
		files, err := filepath.Glob(filepath.Join(dir, "*model*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no weights (%v)", dir, err)
		}
		var first *Longformer
		var want []Output
		seqs := []Sequence{{IDs: []int32{0, 5, 6, 7, 8, 2}}}
		for _, file := range files {
			from, to := filepath.Base(file), "pytorch_model.bin"
			if filepath.Ext(file) == ".safetensors" {
				to = "model.safetensors"
			}
			m, err := OpenLongformerFS(t.Context(), renamed{os.DirFS(dir), from, to}, nil)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			got, err := m.Forward(t.Context(), seqs, nil)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if first == nil {
				first, want = m, got
				continue
			}
			if m.Fingerprint() != first.Fingerprint() {
				t.Errorf("%s: fingerprint %s, not %s", file, m.Fingerprint(), first.Fingerprint())
			}
			for i, v := range want[0].Pooled {
				if got[0].Pooled[i] != v {
					t.Errorf("%s: element %d is %v, not %v", file, i, got[0].Pooled[i], v)
					break
				}
			}
		}
	}
}

// oracleBase is the real size with seeded weights.
type oracleBase struct {
	Config json.RawMessage `json:"config"`
	Cases  []baseCase      `json:"cases"`
	Batch  struct {
		IDs    [][]int32 `json:"input_ids"`
		Pooled int       `json:"mean_pooled"`
	} `json:"batch"`
	Globals    []baseCase `json:"globals"`
	Difference struct {
		Pooled float64 `json:"pooled"`
		Rows   float64 `json:"rows"`
	} `json:"hf_f32_vs_f64"`
	Tolerance struct {
		Pooled float64 `json:"pooled"`
		Rows   float64 `json:"rows"`
	} `json:"tolerance"`
}

type baseCase struct {
	IDs        []int32 `json:"input_ids"`
	Global     []int   `json:"global_attention_mask"`
	Pooled     int     `json:"mean_pooled"`
	Rows       []int   `json:"rows"`
	RowValues  int     `json:"row_values"`
	PooledWide *int    `json:"mean_pooled_f64"`
}

// TestOracleBase computes the real size: 595 MB of seeded weights, and some
// 5,000 tokens. It runs on the fastest tier, as the others would take long.
func TestOracleBase(t *testing.T) {
	if testing.Short() {
		t.Skip("the real size takes seconds")
	}
	for _, name := range golden.OracleSets(t, "longformer/base*/cases.json") {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var o oracleBase
			readJSON(t, name, &o)
			f32, f64 := readFloats(t, dir)
			fields := map[string]any{}
			if err := json.Unmarshal(o.Config, &fields); err != nil {
				t.Fatal(err)
			}
			fields["model_type"] = "longformer"
			raw, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			c, err := parseDesign(raw)
			if err != nil {
				t.Fatal(err)
			}
			m, err := OpenLongformerFS(t.Context(), SeededModel(c.Config, 2001), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()

			h := m.Dim()
			seen := worst{}
			seqs := make([]Sequence, 0, len(o.Cases)+len(o.Globals)+len(o.Batch.IDs))
			cases := append(append([]baseCase{}, o.Cases...), o.Globals...)
			for _, c := range cases {
				s := Sequence{IDs: c.IDs}
				for _, g := range c.Global {
					s.Global = append(s.Global, g != 0)
				}
				seqs = append(seqs, s)
			}
			for _, ids := range o.Batch.IDs {
				seqs = append(seqs, Sequence{IDs: ids})
			}
			out, err := m.Forward(t.Context(), seqs, &ForwardOptions{LastHidden: true})
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range cases {
				want := f32[c.Pooled : c.Pooled+h]
				if d := seen.note("pooled", out[i].Pooled, want); d > o.Tolerance.Pooled {
					t.Errorf("case %d (%d tokens): pooled differs by %g", i, len(c.IDs), d)
				}
				if c.PooledWide != nil {
					checkWide(t, seen, i, out[i].Pooled, want, f64[*c.PooledWide:][:h], o.Difference.Pooled)
				}
				for j, row := range c.Rows {
					at := c.RowValues + j*h
					if d := seen.note("rows", out[i].Last[row*h:(row+1)*h], f32[at:at+h]); d > o.Tolerance.Rows {
						t.Errorf("case %d (%d tokens): row %d differs by %g", i, len(c.IDs), row, d)
					}
				}
			}
			for i := range o.Batch.IDs {
				at := o.Batch.Pooled + i*h
				if d := seen.note("pooled", out[len(cases)+i].Pooled, f32[at:at+h]); d > o.Tolerance.Pooled {
					t.Errorf("batch, sequence %d: pooled differs by %g", i, d)
				}
			}
			t.Logf("%s: largest differences %v", m.Kernel(), seen)
		})
	}
}
