package parquetcol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// everything has a column of each kind that is read.
type everything struct {
	Text      string    `parquet:"text"`
	Labels    string    `parquet:"labels,dict"`
	Shared    string    `parquet:"shared,delta"`
	Maybe     *string   `parquet:"maybe,optional"`
	MaybeDict *string   `parquet:"maybe_dict,optional,dict"`
	I32       int32     `parquet:"i32"`
	I64       int64     `parquet:"i64,delta"`
	I32Delta  int32     `parquet:"i32_delta,delta"`
	I64Dict   int64     `parquet:"i64_dict,dict"`
	U32       uint32    `parquet:"u32"`
	U64       uint64    `parquet:"u64"`
	F32       float32   `parquet:"f32"`
	F64       float64   `parquet:"f64,dict"`
	SplitI32  int32     `parquet:"split_i32,split"`
	SplitI64  *int64    `parquet:"split_i64,optional,split"`
	SplitF32  float32   `parquet:"split_f32,split"`
	SplitF64  []float64 `parquet:"split_f64,list" parquet-element:",split"`
	Flag      bool      `parquet:"flag"`
	MaybeInt  *int64    `parquet:"maybe_int,optional"`
	List      []string  `parquet:"list,list"`
	ListDict  []string  `parquet:"list_dict,list" parquet-element:",dict"`
	Holes     []*string `parquet:"holes,list" parquet-element:",optional"`
	Ints      []int64   `parquet:"ints,list"`
	Bare      []string  `parquet:"bare"` // repeated, without the LIST groups
	Group     struct {
		Inner []string `parquet:"inner,list"`
		Deep  struct {
			Name string `parquet:"name"`
		} `parquet:"deep"`
	} `parquet:"group"`
	Items []item `parquet:"items,list"`
}

type item struct {
	Role string `parquet:"role"`
	N    int64  `parquet:"n"`
}

func makeRows(n int, seed uint64) []everything {
	r := rand.New(rand.NewPCG(seed, 1))
	text := func(max int) string {
		return strings.Repeat("x", r.IntN(max)) + fmt.Sprint("é", r.IntN(1000))
	}
	list := func(max int) []string {
		out := []string{}
		for range r.IntN(max) {
			out = append(out, text(9))
		}
		return out
	}
	rows := make([]everything, n)
	for i := range rows {
		e := &rows[i]
		e.Text, e.Labels, e.Shared = text(40), string(rune('A'+r.IntN(5))), fmt.Sprintf("prefix/%d/%s", i/10, text(5))
		if r.IntN(3) > 0 {
			e.Maybe = new(text(6))
		}
		if r.IntN(3) > 0 {
			e.MaybeDict = new(string(rune('a' + r.IntN(7))))
		}
		if r.IntN(2) > 0 {
			e.MaybeInt = new(r.Int64() - r.Int64())
		}
		e.I32, e.I64, e.I32Delta, e.I64Dict = r.Int32()-r.Int32(), int64(r.Uint64()), r.Int32()-1<<30, r.Int64N(4)-2
		e.U32, e.U64 = r.Uint32(), r.Uint64()
		e.SplitI32, e.SplitI64, e.SplitF32 = e.I32, e.MaybeInt, r.Float32()
		for range r.IntN(4) {
			e.SplitF64 = append(e.SplitF64, r.NormFloat64())
		}
		e.F32, e.F64, e.Flag = r.Float32(), float64(r.IntN(4))/3, r.IntN(2) == 1
		e.List, e.ListDict, e.Bare = list(4), list(3), list(3)
		if len(e.ListDict) > 0 {
			e.ListDict[0] = "common"
		}
		if r.IntN(40) == 0 {
			e.List = list(3000) // a row that goes on over pages
		}
		for range r.IntN(4) {
			if r.IntN(3) == 0 {
				e.Holes = append(e.Holes, nil)
			} else {
				e.Holes = append(e.Holes, new(text(4)))
			}
			e.Ints = append(e.Ints, r.Int64N(100))
		}
		e.Group.Inner, e.Group.Deep.Name = list(3), text(7)
		for range r.IntN(3) {
			e.Items = append(e.Items, item{text(4), r.Int64N(9)})
		}
	}
	return rows
}

// fileOptions are the ways in which a file of the test is written.
type fileOptions struct {
	codec       any // a compress.Codec
	version     int // of the data pages
	pageBytes   int
	groupRows   int64
	text        encoding.Encoding
	withoutSeek bool // drop the offset index
}

func (o fileOptions) String() string {
	return fmt.Sprintf("%v/v%d/page%d/group%d/%v/seek=%v", o.codec, o.version, o.pageBytes, o.groupRows, o.text, !o.withoutSeek)
}

func writeFile(t testing.TB, rows []everything, o fileOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	options := []parquet.WriterOption{
		parquet.DataPageVersion(o.version),
		parquet.PageBufferSize(o.pageBytes),
		parquet.MaxRowsPerRowGroup(o.groupRows),
		parquet.DefaultEncodingFor(parquet.ByteArray, o.text),
	}
	switch c := o.codec.(type) {
	case *zstdCodec:
		options = append(options, parquet.Compression(&parquet.Zstd))
	case *gzipCodec:
		options = append(options, parquet.Compression(&parquet.Gzip))
	case *snappyCodec:
		options = append(options, parquet.Compression(&parquet.Snappy))
	case *lz4Codec:
		options = append(options, parquet.Compression(&parquet.Lz4Raw))
	case *brotliCodec:
		options = append(options, parquet.Compression(&parquet.Brotli))
	case nil:
	default:
		t.Fatal(c)
	}
	w := parquet.NewGenericWriter[everything](&b, options...)
	// Small steps, since a page is only ended between them.
	for from := 0; from < len(rows); from += 7 {
		if _, err := w.Write(rows[from:min(len(rows), from+7)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type (
	zstdCodec   struct{}
	gzipCodec   struct{}
	snappyCodec struct{}
	lz4Codec    struct{}
	brotliCodec struct{}
)

func (*zstdCodec) String() string   { return "zstd" }
func (*gzipCodec) String() string   { return "gzip" }
func (*snappyCodec) String() string { return "snappy" }
func (*lz4Codec) String() string    { return "lz4" }
func (*brotliCodec) String() string { return "brotli" }

func variants() []fileOptions {
	var out []fileOptions
	for _, codec := range []any{nil, &snappyCodec{}, &zstdCodec{}, &gzipCodec{}, &brotliCodec{}, &lz4Codec{}} {
		for version := 1; version <= 2; version++ {
			out = append(out, fileOptions{codec, version, 2000, 300, &parquet.Plain, false})
		}
	}
	for version := 1; version <= 2; version++ {
		out = append(out,
			fileOptions{nil, version, 1 << 20, 1 << 20, &parquet.DeltaLengthByteArray, false},
			fileOptions{nil, version, 500, 1 << 20, &parquet.RLEDictionary, false},
			fileOptions{&snappyCodec{}, version, 700, 1 << 20, &parquet.DeltaByteArray, false},
			fileOptions{&snappyCodec{}, version, 700, 450, &parquet.Plain, true})
	}
	return out
}

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
