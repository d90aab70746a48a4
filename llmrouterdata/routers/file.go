package routers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
)

// ErrEncoder says that a router was trained on the vectors of another encoder.
var ErrEncoder = errors.New("the router is for another encoder")

// A FormatError says that a file is not a router file, or not whole.
type FormatError struct {
	File string // "" where it has no name
	Err  error
}

// Error implements error.
func (e *FormatError) Error() string {
	if e.File == "" {
		return "routers: not a router file: " + e.Err.Error()
	}
	return fmt.Sprintf("routers: %s: not a router file: %v", e.File, e.Err)
}

// Unwrap gives Err.
func (e *FormatError) Unwrap() error { return e.Err }

// A Card is what a router file says of how the router was made.
type Card struct {
	// Encoder is the fingerprint of the encoder of the vectors, and Precision that
	// of its arithmetic; "" where they are unknown.
	Encoder   string `json:"encoder,omitempty"`
	Precision string `json:"precision,omitempty"`
	// Queries is how many queries the router was fitted to, Hash the SHA-256 of
	// their tasks, vectors and pairs, in hexadecimal digits.
	Queries int    `json:"queries"`
	Hash    string `json:"hash"`
	// Seed and Kernels, the kernel tier, are those of the fit.
	Seed    uint64 `json:"seed"`
	Kernels string `json:"kernels"`
	// Figures are those at training; nil: it was not judged.
	Figures *Judgement `json:"figures,omitempty"`
}

// Card is what is known of how the router was made.
func (r *Router) Card() Card { return r.card }

// WithFigures returns the router with figures for its card.
func (r *Router) WithFigures(j *Judgement) *Router {
	s := r.clone()
	s.card.Figures = j
	return s
}

// hash is the Card's hash of the data.
func (d *Data) hash(ctx context.Context) (string, error) {
	h := sha256.New()
	names, err := json.Marshal(d.models)
	if err != nil {
		return "", err
	}
	_, _ = h.Write(names)
	var b []byte
	x := make([]float32, d.dim)
	for q := range d.rows {
		if q%blockRows == 0 {
			if err := ctx.Err(); err != nil {
				return "", err
			}
		}
		if err := d.vector(x, q); err != nil {
			return "", err
		}
		b = append(b[:0], d.Task(q)...)
		b = append(b, 0)
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		for _, p := range d.Pairs(q) {
			if p.known() {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Score))
			} else {
				b = append(b, "no score"...)
			}
			b = binary.LittleEndian.AppendUint32(b, uint32(p.InputTokens))
			b = binary.LittleEndian.AppendUint32(b, uint32(p.OutputTokens))
		}
		_, _ = h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// The keys of a file's metadata.
const (
	fileFormat   = "llmrouter-router"
	fileVersion  = "1"
	keyFormat    = "format"
	keyVersion   = "format_version"
	keyRouter    = "router"
	keyModels    = "models"
	keyTasks     = "tasks"
	keyRule      = "rule"
	keyTraining  = "training"
	tensorTold   = "tasks.weights"
	tensorBias   = "tasks.bias"
	tensorScores = "tasks.scores"
	tensorInput  = "tasks.input_tokens"
	tensorOutput = "tasks.output_tokens"
)

// fileRouter is what the metadata say of the kind of router.
type fileRouter struct {
	Kind     string `json:"kind"`
	Settings string `json:"settings"`
	Dim      int    `json:"dim"`
	NoTasks  bool   `json:"no_tasks,omitempty"`
	K        int    `json:"k,omitempty"`
	Kept     int    `json:"kept,omitempty"` // training vectors that an index keeps; 0: there is none
}

// saved is what a predictor has in a file.
type saved interface {
	// save returns the tensors, and sets the settings that routing needs.
	save(to *fileRouter) []safetensors.Float32
}

// Save writes the router to a safetensors file, which has its settings in the
// metadata and appears whole or not at all.
func (r *Router) Save(name string) error {
	f, err := atomicfile.Create(name)
	if err != nil {
		return fmt.Errorf("routers: %w", err)
	}
	defer f.Close()
	if err := r.Write(f); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("routers: %w", err)
	}
	return nil
}

// Write writes what [Router.Save] does.
func (r *Router) Write(w io.Writer) error {
	head := fileRouter{Kind: r.kind, Settings: r.trainer, Dim: r.dim}
	t := r.tasks
	shape := []int{len(t.names), t.models}
	tensors := append([]safetensors.Float32{
		{Name: tensorTold, Shape: []int{len(t.names), r.dim}, Data: t.told.weights},
		{Name: tensorBias, Shape: []int{len(t.names)}, Data: narrow(t.told.bias)},
		{Name: tensorScores, Shape: shape, Data: narrow(t.scores)},
		{Name: tensorInput, Shape: shape, Data: narrow(t.input)},
		{Name: tensorOutput, Shape: shape, Data: narrow(t.output)},
	}, r.rest.save(&head)...)
	metadata := map[string]string{keyFormat: fileFormat, keyVersion: fileVersion}
	for key, value := range map[string]any{keyRouter: head, keyModels: r.models, keyTasks: t.names, keyRule: r.rule, keyTraining: r.card} {
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("routers: %s: %w", key, err)
		}
		metadata[key] = string(text)
	}
	if err := safetensors.Write(w, tensors, metadata); err != nil {
		return fmt.Errorf("routers: %w", err)
	}
	return nil
}

// narrow rounds to what files hold.
func narrow(values []float64) []float32 {
	list := make([]float32, len(values))
	for i, v := range values {
		list[i] = float32(v)
	}
	return list
}

// widen is the reverse of narrow.
func widen(values []float32) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = float64(v)
	}
	return list
}

// rounded rounds to what a file holds, so that a router is the same before and
// after.
func rounded(values []float64) []float64 { return widen(narrow(values)) }

// OpenOptions says what a router file must be for; nil and the zero value take
// any.
type OpenOptions struct {
	// Encoder is the fingerprint that the encoder must have; "": any.
	Encoder string
	// Dim is the length that vectors must have; 0: any.
	Dim int
}

// Open reads a router file. One that is not whole, or not a router file, gives a
// *[FormatError]; one of another encoder [ErrEncoder], of another width
// [ErrVector].
func Open(name string, o *OpenOptions) (*Router, error) {
	f, err := safetensors.Open(name)
	if err != nil {
		if _, bad := errors.AsType[*safetensors.FormatError](err); bad {
			return nil, &FormatError{name, err}
		}
		return nil, fmt.Errorf("routers: %w", err)
	}
	defer f.Close()
	r, err := read(f, o)
	if bad, ok := errors.AsType[*FormatError](err); ok {
		bad.File = name
		return nil, bad
	}
	if err != nil {
		return nil, fmt.Errorf("routers: %s: %w", name, err)
	}
	return r, nil
}

// Read reads a router file from memory, as [Open] does.
func Read(file []byte, o *OpenOptions) (*Router, error) {
	f, err := safetensors.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, &FormatError{"", err}
	}
	r, err := read(f, o)
	if err != nil {
		if _, bad := errors.AsType[*FormatError](err); !bad {
			err = fmt.Errorf("routers: %w", err)
		}
		return nil, err
	}
	return r, nil
}

func formatErr(format string, args ...any) error {
	return &FormatError{Err: fmt.Errorf(format, args...)}
}

// fileReader reads the parts of a file; the first error stays.
type fileReader struct {
	file     *safetensors.File
	metadata map[string]string
	router   fileRouter
	models   int
	err      error
}

func (f *fileReader) fail(format string, args ...any) {
	if f.err == nil {
		f.err = formatErr(format, args...)
	}
}

// json reads a value of the metadata.
func (f *fileReader) json(key string, value any) {
	text, ok := f.metadata[key]
	if !ok {
		f.fail("no %q in the metadata", key)
		return
	}
	if err := json.Unmarshal([]byte(text), value); err != nil {
		f.fail("%q of the metadata: %w", key, err)
	}
}

// tensor reads a tensor of a shape, in which -1 stands for any size above 0.
// Numbers must be finite; -Inf may stand where it says that nothing is known, and
// NaN where a score is missing.
func (f *fileReader) tensor(name string, minusInf, nan bool, shape ...int) []float32 {
	if f.err != nil {
		return nil
	}
	t, ok := f.file.Tensor(name)
	if !ok {
		f.fail("no tensor %q", name)
		return nil
	}
	have := t.Shape()
	if !slices.EqualFunc(have, shape, func(a, b int) bool { return a == b || b < 0 && a > 0 }) {
		f.fail("tensor %q has the shape %v, want %v", name, have, shape)
		return nil
	}
	data := make([]float32, t.NumElements())
	if err := t.CopyTo(data); err != nil {
		f.fail("%w", err)
		return nil
	}
	for i, v := range data {
		x := float64(v)
		if math.IsInf(x, 1) || math.IsInf(x, -1) && !minusInf || math.IsNaN(x) && !nan {
			f.fail("number %d of tensor %q is %v", i, name, v)
			return nil
		}
	}
	return data
}

// read makes the router of a file.
func read(file *safetensors.File, o *OpenOptions) (*Router, error) {
	if o == nil {
		o = &OpenOptions{}
	}
	f := &fileReader{file: file, metadata: file.Metadata()}
	if format := f.metadata[keyFormat]; format != fileFormat {
		return nil, formatErr("its format is %.40q, want %q", format, fileFormat)
	}
	if version := f.metadata[keyVersion]; version != fileVersion {
		return nil, formatErr("version %.40q of the format; this program knows %s", version, fileVersion)
	}
	r := &Router{}
	var models []Model
	t := &tasks{}
	f.json(keyRouter, &f.router)
	f.json(keyModels, &models)
	f.json(keyTasks, &t.names)
	f.json(keyRule, &r.rule)
	f.json(keyTraining, &r.card)
	if f.err != nil {
		return nil, f.err
	}
	var s store
	if err := errors.Join(s.setModels(models), r.rule.validate()); err != nil {
		return nil, formatErr("%w", err)
	}
	r.models, r.dim, r.kind, r.trainer = s.models, f.router.Dim, f.router.Kind, f.router.Settings
	if r.dim < 1 || r.dim > maxDim || len(t.names) == 0 {
		return nil, formatErr("vectors of %d numbers, %d tasks", r.dim, len(t.names))
	}
	switch {
	case o.Encoder != "" && o.Encoder != r.card.Encoder:
		return nil, fmt.Errorf("its vectors are of encoder %q, not %q: %w", r.card.Encoder, o.Encoder, ErrEncoder)
	case o.Dim != 0 && o.Dim != r.dim:
		return nil, fmt.Errorf("its vectors have %d numbers, not %d: %w", r.dim, o.Dim, ErrVector)
	}
	f.models, t.models = len(r.models), len(r.models)
	n := len(t.names)
	t.told = &linear{dim: r.dim, weights: f.tensor(tensorTold, false, false, n, r.dim), bias: widen(f.tensor(tensorBias, false, false, n))}
	t.scores = widen(f.tensor(tensorScores, true, false, n, f.models))
	t.input = widen(f.tensor(tensorInput, true, false, n, f.models))
	t.output = widen(f.tensor(tensorOutput, true, false, n, f.models))
	r.tasks = t
	load, ok := loaders[r.kind]
	if !ok {
		return nil, formatErr("it is of kind %.40q, which this program does not know", r.kind)
	}
	r.rest = load(f)
	return r, f.err
}

// loaders read predictors by the kind of router.
var loaders = map[string]func(f *fileReader) predictor{
	Ridge{}.Kind():    func(f *fileReader) predictor { return &ridge{*f.linear(), f.router.NoTasks} },
	Logistic{}.Kind(): func(f *fileReader) predictor { return &logistic{*f.linear(), f.router.NoTasks} },
	KNN{}.Kind():      loadNeighbours,
	MLP{}.Kind():      func(f *fileReader) predictor { return f.network(MLP{}.network()) },
	MF{}.Kind():       func(f *fileReader) predictor { return f.network(MF{}.network()) },
	BradleyTerry{}.Kind(): func(f *fileReader) predictor {
		return &ratings{models: f.models, strengths: widen(f.tensor("strengths", false, false, -1, f.models))}
	},
}

// linear reads a linear function for each model.
func (f *fileReader) linear() *linear {
	return &linear{
		dim: f.router.Dim, weights: f.tensor("weights", false, false, f.models, f.router.Dim),
		bias: widen(f.tensor("bias", true, false, f.models)),
	}
}

func (l *linear) tensors() []safetensors.Float32 {
	return []safetensors.Float32{
		{Name: "weights", Shape: []int{len(l.bias), l.dim}, Data: l.weights},
		{Name: "bias", Shape: []int{len(l.bias)}, Data: narrow(l.bias)},
	}
}

func (r *ridge) save(to *fileRouter) []safetensors.Float32 {
	to.NoTasks = r.noTasks
	return r.tensors()
}

func (l *logistic) save(to *fileRouter) []safetensors.Float32 {
	to.NoTasks = l.noTasks
	return l.tensors()
}

func (k *neighbours) save(to *fileRouter) []safetensors.Float32 {
	to.NoTasks, to.K = k.noTasks, k.k
	dim := len(k.by.mean)
	if k.index != nil {
		to.Kept = k.index.kept
	}
	return []safetensors.Float32{
		{Name: "centre", Shape: []int{dim}, Data: narrow(k.by.mean)},
		{Name: "scale", Shape: []int{1}, Data: narrow([]float64{k.by.scale})},
		{Name: "means", Shape: []int{len(k.means)}, Data: narrow(k.means)},
		{Name: "vectors", Shape: []int{k.n, dim}, Data: k.plainRows()},
		{Name: "scores", Shape: []int{k.n, len(k.means)}, Data: k.scores},
		{Name: "input_tokens", Shape: []int{k.n, len(k.means)}, Data: k.input},
		{Name: "output_tokens", Shape: []int{k.n, len(k.means)}, Data: k.output},
	}
}

func loadNeighbours(f *fileReader) predictor {
	dim := f.router.Dim
	k := &neighbours{k: f.router.K, noTasks: f.router.NoTasks, set: kernel.Default()}
	k.by.mean = widen(f.tensor("centre", false, false, dim))
	scale := f.tensor("scale", false, false, 1)
	k.means = widen(f.tensor("means", false, true, f.models))
	vectors := f.tensor("vectors", false, false, -1, dim)
	if f.err != nil {
		return nil
	}
	k.by.scale = float64(scale[0])
	k.n = len(vectors) / dim
	k.scores = f.tensor("scores", false, true, k.n, f.models)
	k.input = f.tensor("input_tokens", false, false, k.n, f.models)
	k.output = f.tensor("output_tokens", false, false, k.n, f.models)
	if k.k < 1 || k.k > k.n {
		f.fail("%d neighbours of %d", k.k, k.n)
		return nil
	}
	for i, v := range vectors { // as of unit vectors
		if v < -1.001 || v > 1.001 {
			f.fail("number %d of tensor %q is %v", i, "vectors", v)
			return nil
		}
	}
	switch kept := f.router.Kept; {
	case kept == 0:
		k.vectors = kernel.NewWeights(k.n, dim)
		k.vectors.SetRows(0, vectors)
	case kept < 0 || kept > k.n:
		f.fail("an index that keeps %d of %d vectors", kept, k.n)
		return nil
	default:
		k.index = newIndex(vectors, dim, kept, k.set)
	}
	return k
}
