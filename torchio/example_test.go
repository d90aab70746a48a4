package torchio_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// Write a dict of embeddings by id, for torch.load.
func ExampleWriter_PutInt() {
	dir, err := os.MkdirTemp("", "torchio")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	out, err := os.Create(filepath.Join(dir, "query_embeddings.pt"))
	if err != nil {
		log.Fatal(err)
	}
	defer out.Close()

	w := torchio.NewWriter(out, nil)
	for id := range int64(3) {
		vec := []float32{float32(id), 0.5, -0.5}
		if err := w.PutInt(id, torchio.Of(vec)); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	f, err := torchio.Open(out.Name())
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Root().(*torchio.Dict).Len(), "tensors")
	// Output: 3 tensors
}

// Write a state dict of several types and shapes.
func ExampleWriter_PutState() {
	var file bytes.Buffer
	w := torchio.NewWriter(&file, nil)
	for _, p := range []struct {
		name  string
		value torchio.Elements
	}{
		{"linear.weight", torchio.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)},
		{"linear.bias", torchio.Of([]torchio.BF16{torchio.ToBF16(0.25), torchio.ToBF16(-1)})},
		{"steps", torchio.Scalar(int64(1000))},
	} {
		if err := w.PutState(p.name, p.value); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	f, err := torchio.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	state, err := f.StateDict()
	if err != nil {
		log.Fatal(err)
	}
	for name, t := range state.All() {
		fmt.Println(name, t)
	}
	// Output:
	// linear.weight float32[2 3]
	// linear.bias bfloat16[2]
	// steps int64[]
}

// embeddings is a file of three vectors by id.
func embeddings() *bytes.Reader {
	var file bytes.Buffer
	w := torchio.NewWriter(&file, nil)
	for _, id := range []int64{7, 3, 40} {
		if err := w.PutInt(id, torchio.Of([]float32{float32(id), 1, 2})); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return bytes.NewReader(file.Bytes())
}

// Read one tensor of a file.
func ExampleFile_IntDict() {
	file := embeddings()
	f, err := torchio.NewReader(file, file.Size(), nil) // or torchio.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	vectors, err := f.IntDict()
	if err != nil {
		log.Fatal(err)
	}
	t, ok := vectors.Get(3)
	if !ok {
		log.Fatal("no vector 3")
	}
	vec := make([]float32, t.NumElements())
	if err := t.CopyTo(vec); err != nil {
		log.Fatal(err)
	}
	fmt.Println(vec)
	// Output: [3 1 2]
}

// Go through all ids and vectors in the file's order.
func ExampleTensors_All() {
	file := embeddings()
	f, err := torchio.NewReader(file, file.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	vectors, err := f.IntDict()
	if err != nil {
		log.Fatal(err)
	}
	var buf []float32
	for id, t := range vectors.All() {
		// Without a copy where the file is mapped (ReadOptions.MapFile).
		vec, ok := t.View()
		if !ok {
			buf = append(buf[:0], make([]float32, t.NumElements())...)
			if err := t.CopyTo(buf); err != nil {
				log.Fatal(err)
			}
			vec = buf
		}
		fmt.Println(id, vec)
	}
	// Output:
	// 7 [7 1 2]
	// 3 [3 1 2]
	// 40 [40 1 2]
}

// Convert a dict of vectors to one stacked tensor [N, D].
func ExampleWriter_Append() {
	file := embeddings()
	f, err := torchio.NewReader(file, file.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	vectors, err := f.IntDict()
	if err != nil {
		log.Fatal(err)
	}

	var stacked bytes.Buffer
	w := torchio.NewWriter(&stacked, nil)
	for _, t := range vectors.All() {
		e, err := t.Elements()
		if err != nil {
			log.Fatal(err)
		}
		if err := w.Append(e); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	g, err := torchio.NewReader(bytes.NewReader(stacked.Bytes()), int64(stacked.Len()), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	matrix, err := g.Tensor()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ids", vectors.Keys(), "rows", matrix)
	// Output: ids [7 3 40] rows float32[3 3]
}

// What a tensor tells of itself, and its elements in another type.
func ExampleTensor() {
	file := embeddings()
	f, err := torchio.NewReader(file, file.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	vectors, err := f.IntDict()
	if err != nil {
		log.Fatal(err)
	}
	t, _ := vectors.Get(7)
	fmt.Println(t.DType(), t.Shape(), t.Strides(), "contiguous:", t.Contiguous(), "complex:", t.DType().IsComplex())
	fmt.Println("parameter:", t.IsParameter(), "requires grad:", t.RequiresGrad())
	wide := make([]float64, t.NumElements())
	if err := t.CopyFloat64To(wide); err != nil {
		log.Fatal(err)
	}
	fmt.Println(wide)
	// Output:
	// float32 [3] [1] contiguous: true complex: false
	// parameter: false requires grad: false
	// [7 1 2]
}

// Read the state dict inside a training checkpoint.
func ExampleDict_StateDict() {
	f, err := torchio.NewReader(bytes.NewReader(checkpoint), int64(len(checkpoint)), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	root, ok := f.Root().(*torchio.Dict)
	if !ok {
		log.Fatal("not a checkpoint")
	}
	epoch, _ := root.Get("epoch")
	model, _ := root.Get("model")
	dict, ok := model.(*torchio.Dict)
	if !ok {
		log.Fatal("no state dict")
	}
	state, err := dict.StateDict()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("epoch", epoch, "names", state.Keys())
	// Output: epoch 3 names [weight]
}

var checkpoint = legacy(
	"}("+pStr("epoch")+"K\x03"+pStr("model")+pOrdered+")R"+pStr("weight")+
		pTensor("("+pStr("storage")+"ctorch\nFloatStorage\n"+pStr("a")+pStr("cpu")+"K\x02NtQ", 0, []int64{2}, []int64{1})+"su",
	"]"+pStr("a")+"a", string(le(2, 8))+le32(1, 2))
