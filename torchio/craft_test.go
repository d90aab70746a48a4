package torchio_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// record is a record of a crafted archive.
type record struct {
	name     string
	content  string
	deflated bool
}

// archive makes a zip archive of records below "archive/", with the version
// record that torch wants.
func archive(t testing.TB, records ...record) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, r := range append(records, record{name: "version", content: "3\n"}) {
		method := zip.Store
		if r.deflated {
			method = zip.Deflate
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + r.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(r.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The pieces of hand-written pickles.
const (
	pProto   = "\x80\x02"
	pRebuild = "ctorch._utils\n_rebuild_tensor_v2\n"
	pOrdered = "ccollections\nOrderedDict\n"
	pNoHooks = pOrdered + ")R"
)

func pStr(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func pInt(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func pTuple(items ...int64) string {
	s := "("
	for _, n := range items {
		s += pInt(n)
	}
	return s + "t"
}

func pStorage(class, key string, numel int64) string {
	return "(" + pStr("storage") + "ctorch\n" + class + "\n" + pStr(key) + pStr("cpu") + pInt(numel) + "tQ"
}

func pTensor(storage string, offset int64, size, stride []int64) string {
	return pRebuild + "(" + storage + pInt(offset) + pTuple(size...) + pTuple(stride...) + "\x89" + pNoHooks + "tR"
}

// legacy makes a file of the format before torch 1.6.
func legacy(object, keys, data string) []byte {
	return []byte(pProto + "\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." +
		pProto + "M\xe9\x03." +
		pProto + "}(" + pStr("little_endian") + "\x88u." +
		pProto + object + "." +
		pProto + keys + "." + data)
}

// le32 gives the bytes of floats.
func le32(v ...float32) string {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// stridedFile is a file of one tensor of [cols, rows] that is the transpose of
// the stored matrix, and the elements in the order of the tensor.
func stridedFile(t testing.TB, rows, cols int) (f *torchio.File, want []float32) {
	t.Helper()
	stored := make([]float32, rows*cols)
	want = make([]float32, rows*cols)
	for r := range rows {
		for c := range cols {
			stored[r*cols+c] = float32(r*1000 + c)
			want[c*rows+r] = float32(r*1000 + c)
		}
	}
	b := archive(t,
		record{name: "data.pkl", content: pProto + pTensor(pStorage("FloatStorage", "0", int64(rows*cols)), 0,
			[]int64{int64(cols), int64(rows)}, []int64{1, int64(cols)}) + "."},
		record{name: "data/0", content: le32(stored...)})
	return reopen(t, b), want
}

// in puts a pickle into an archive with one storage, data/0, of 8 floats.
func in(t testing.TB, pickle string) []byte {
	t.Helper()
	return archive(t, record{name: "data.pkl", content: pickle}, record{name: "data/0", content: le32(0, 1, 2, 3, 4, 5, 6, 7)})
}

// open reads crafted bytes.
func open(b []byte, o *torchio.ReadOptions) (*torchio.File, error) {
	return torchio.NewReader(bytes.NewReader(b), int64(len(b)), o)
}

// value reads the value of a crafted pickle.
func value(t testing.TB, pickle string) any {
	t.Helper()
	f, err := open(in(t, pickle), nil)
	if err != nil {
		t.Fatalf("%q: %v", pickle, err)
	}
	t.Cleanup(func() { f.Close() })
	return f.Root()
}

// repeat is strings.Repeat for pieces that count.
func repeat(n int, piece func(i int) string) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprint(&b, piece(i))
	}
	return b.String()
}
