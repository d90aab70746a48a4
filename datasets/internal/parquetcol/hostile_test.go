package parquetcol

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

func null[T any](v T) thrift.Null[T] { return thrift.Null[T]{V: v, Valid: true} }

// onePage makes a file in memory with one column of one page, whose header and
// body can say what they like.
func onePage(t *testing.T, typ format.Type, repetition format.FieldRepetitionType, codec format.CompressionCodec, rows int64, pages ...[]byte) (*File, Leaf) {
	t.Helper()
	data := append([]byte("PAR1"), slices.Concat(pages...)...)
	size := int64(len(data) - 4)
	data = append(data, make([]byte, 8)...)
	f := &File{r: bytes.NewReader(data), size: int64(len(data)), limits: Limits{}.withDefaults()}
	column := format.SchemaElement{Type: null(typ), Name: "c", RepetitionType: null(repetition)}
	f.meta = &format.FileMetaData{
		NumRows: rows,
		Schema:  []format.SchemaElement{{Name: "schema", NumChildren: null[int32](1)}, column},
		RowGroups: []format.RowGroup{{NumRows: rows, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			Type: typ, Codec: codec, DataPageOffset: 4, TotalCompressedSize: size, NumValues: rows,
		}}}}},
	}
	if err := f.readSchema(); err != nil {
		t.Fatal(err)
	}
	if err := f.countRows(); err != nil {
		t.Fatal(err)
	}
	l, err := f.Leaf("c")
	if err != nil {
		t.Fatal(err)
	}
	return f, l
}

func page(t *testing.T, h format.PageHeader, body []byte) []byte {
	t.Helper()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), h)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, body...)
}

func dataPage(t *testing.T, values, size int, e format.Encoding, body []byte) []byte {
	return page(t, format.PageHeader{Type: format.DataPage, UncompressedPageSize: int32(size), CompressedPageSize: int32(len(body)),
		DataPageHeader: null(format.DataPageHeader{NumValues: int32(values), Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})}, body)
}

func dictPage(t *testing.T, values, size int, body []byte) []byte {
	return page(t, format.PageHeader{Type: format.DictionaryPage, UncompressedPageSize: int32(size), CompressedPageSize: int32(len(body)),
		DictionaryPageHeader: null(format.DictionaryPageHeader{NumValues: int32(values), Encoding: format.Plain})}, body)
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func zstded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func lz4ed(b []byte) []byte {
	out := make([]byte, lz4.CompressBlockBound(len(b)))
	n, _ := lz4.CompressBlock(b, out, nil)
	if n == 0 { // which cannot be made shorter: all of it as one literal
		return append([]byte{byte(len(b)) << 4}, b...)
	}
	return out[:n]
}

func brotlied(b []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func plainText(texts ...string) []byte {
	var out []byte
	for _, s := range texts {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(s)))
		out = append(out, s...)
	}
	return out
}

// TestHostilePages feeds pages that ask for much or make no sense. Each must
// give its error and take little memory.
func TestHostilePages(t *testing.T) {
	const big = math.MaxInt32
	// A run of 2^30 levels in a few bytes, behind its length.
	run := func(value byte) []byte {
		b := binary.AppendUvarint(nil, 1<<30<<1)
		b = append(b, value)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	required, optional, repeated := format.Required, format.Optional, format.Repeated
	for name, c := range map[string]struct {
		repetition format.FieldRepetitionType
		typ        format.Type
		codec      format.CompressionCodec
		pages      [][]byte
		want       error
	}{
		"size of 2 GiB":              {required, format.ByteArray, format.Snappy, [][]byte{dataPage(t, 1, big, format.Plain, snappy.Encode(nil, plainText("a")))}, ErrLimit},
		"snappy that states 200 MB":  {required, format.ByteArray, format.Snappy, [][]byte{dataPage(t, 1, 200<<20, format.Plain, binary.AppendUvarint(nil, 200<<20))}, ErrCorrupt},
		"snappy of another size":     {required, format.ByteArray, format.Snappy, [][]byte{dataPage(t, 1, 9, format.Plain, snappy.Encode(nil, plainText("a")))}, ErrCorrupt},
		"gzip that states 200 MB":    {required, format.ByteArray, format.Gzip, [][]byte{dataPage(t, 1, 200<<20, format.Plain, gzipped(plainText("a")))}, ErrCorrupt},
		"gzip of more than stated":   {required, format.ByteArray, format.Gzip, [][]byte{dataPage(t, 1, 5, format.Plain, gzipped(make([]byte, 50<<20)))}, ErrCorrupt},
		"not gzip":                   {required, format.ByteArray, format.Gzip, [][]byte{dataPage(t, 1, 5, format.Plain, []byte("hello"))}, ErrCorrupt},
		"zstd that states 200 MB":    {required, format.ByteArray, format.Zstd, [][]byte{dataPage(t, 1, 200<<20, format.Plain, zstded(plainText("a")))}, ErrCorrupt},
		"zstd of more than stated":   {required, format.ByteArray, format.Zstd, [][]byte{dataPage(t, 1, 5, format.Plain, zstded(make([]byte, 50<<20)))}, ErrCorrupt},
		"plain of another size":      {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 9, format.Plain, plainText("a"))}, ErrCorrupt},
		"2^31 values":                {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, big, 5, format.Plain, plainText("a"))}, ErrLimit},
		"fewer values than stated":   {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 9, 5, format.Plain, plainText("a"))}, ErrCorrupt},
		"a text of 4 GiB":            {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 8, format.Plain, []byte{255, 255, 255, 255, 'a', 'b', 'c', 'd'})}, ErrCorrupt},
		"no levels":                  {optional, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 0, format.Plain, nil)}, ErrCorrupt},
		"levels of 4 GiB":            {optional, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 4, format.Plain, []byte{255, 255, 255, 255})}, ErrCorrupt},
		"a level too high":           {optional, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, len(run(3)), format.Plain, run(3))}, ErrCorrupt},
		"a run of levels cut short":  {optional, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 5, 6, format.Plain, []byte{2, 0, 0, 0, 2, 1})}, ErrCorrupt},
		"a list of millions":         {repeated, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, 1, 5, plainText("a")), endlessList(t)}, ErrLimit},
		"a list without a start":     {repeated, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 4, 2*len(run(1)), format.Plain, slices.Concat(run(1), run(1)))}, ErrCorrupt},
		"no dictionary":              {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 3, format.RLEDictionary, []byte{1, 2, 0})}, ErrCorrupt},
		"an index too high":          {required, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, 1, 5, plainText("a")), dataPage(t, 1, 3, format.RLEDictionary, []byte{1, 2, 1})}, ErrCorrupt},
		"indexes of 33 bits":         {required, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, 1, 5, plainText("a")), dataPage(t, 1, 3, format.RLEDictionary, []byte{33, 2, 1})}, ErrCorrupt},
		"a dictionary of 2^31":       {required, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, big, 5, plainText("a"))}, ErrLimit},
		"a dictionary cut short":     {required, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, 2, 8, append(plainText("a"), 9, 0, 0))}, ErrCorrupt},
		"two dictionaries":           {required, format.ByteArray, format.Uncompressed, [][]byte{dictPage(t, 1, 5, plainText("a")), dictPage(t, 1, 5, plainText("a"))}, ErrCorrupt},
		"a dictionary of numbers":    {required, format.Int64, format.Uncompressed, [][]byte{dictPage(t, 3, 8, make([]byte, 8))}, ErrCorrupt},
		"delta of 2^60 values":       {required, format.Int64, format.Uncompressed, [][]byte{deltaPage(t, 128, 4, 1<<60, 5)}, ErrCorrupt},
		"delta of odd blocks":        {required, format.Int64, format.Uncompressed, [][]byte{deltaPage(t, 100, 4, 1, 5)}, ErrCorrupt},
		"delta of blocks of 2^40":    {required, format.Int64, format.Uncompressed, [][]byte{deltaPage(t, 1<<40, 4, 1, 5)}, ErrCorrupt},
		"delta of no miniblocks":     {required, format.Int64, format.Uncompressed, [][]byte{deltaPage(t, 128, 0, 1, 5)}, ErrCorrupt},
		"delta lengths below zero":   {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 5, format.DeltaLengthByteArray, deltaBody(128, 4, 1, 5))}, ErrCorrupt},
		"delta prefix of nothing":    {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 10, format.DeltaByteArray, slices.Concat(deltaBody(128, 4, 1, 6), deltaBody(128, 4, 1, 0)))}, ErrCorrupt},
		"an encoding not read":       {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 8, format.ByteStreamSplit, make([]byte, 8))}, ErrUnsupported},
		"split bytes of no number":   {required, format.Int64, format.Uncompressed, [][]byte{dataPage(t, 1, 9, format.ByteStreamSplit, make([]byte, 9))}, ErrCorrupt},
		"too few split bytes":        {required, format.Double, format.Uncompressed, [][]byte{dataPage(t, 4, 24, format.ByteStreamSplit, make([]byte, 24))}, ErrCorrupt},
		"hadoop's lz4":               {required, format.ByteArray, format.Lz4, [][]byte{dataPage(t, 1, 5, format.Plain, plainText("a"))}, ErrUnsupported},
		"not lz4":                    {required, format.ByteArray, format.Lz4Raw, [][]byte{dataPage(t, 1, 5, format.Plain, []byte{0x50, 0xff, 0xff})}, ErrCorrupt},
		"lz4 that states 200 MB":     {required, format.ByteArray, format.Lz4Raw, [][]byte{dataPage(t, 1, 200<<20, format.Plain, lz4ed(plainText("a")))}, ErrCorrupt},
		"lz4 of more than stated":    {required, format.ByteArray, format.Lz4Raw, [][]byte{dataPage(t, 1, 5, format.Plain, lz4ed(make([]byte, 50<<20)))}, ErrCorrupt},
		"lz4 of nothing":             {required, format.ByteArray, format.Lz4Raw, [][]byte{dataPage(t, 1, 5, format.Plain, nil)}, ErrCorrupt},
		"not brotli":                 {required, format.ByteArray, format.Brotli, [][]byte{dataPage(t, 1, 5, format.Plain, []byte("\xff\xff\xff"))}, ErrCorrupt},
		"brotli that states 200 MB":  {required, format.ByteArray, format.Brotli, [][]byte{dataPage(t, 1, 200<<20, format.Plain, brotlied(plainText("a")))}, ErrCorrupt},
		"brotli of more than stated": {required, format.ByteArray, format.Brotli, [][]byte{dataPage(t, 1, 5, format.Plain, brotlied(make([]byte, 50<<20)))}, ErrCorrupt},
		"brotli of nothing":          {required, format.ByteArray, format.Brotli, [][]byte{dataPage(t, 1, 5, format.Plain, nil)}, ErrCorrupt},
		"a body beyond the column":   {required, format.ByteArray, format.Uncompressed, [][]byte{dataPage(t, 1, 5, format.Plain, plainText("a"))[:14]}, ErrCorrupt},
		"a header of nested nothing": {required, format.ByteArray, format.Uncompressed, [][]byte{bytes.Repeat([]byte{0x1c}, 1<<20)}, ErrCorrupt},
		"a header without an end":    {required, format.ByteArray, format.Uncompressed, [][]byte{bytes.Repeat([]byte{0x15, 0x80}, 1<<10)}, ErrCorrupt},
		"no page":                    {required, format.ByteArray, format.Uncompressed, nil, ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			f, l := onePage(t, c.typ, c.repetition, c.codec, 4, c.pages...)
			var err error
			for _, ahead := range []bool{false, true} {
				taken := memoryOf(func() {
					col := f.Column(l, ColumnOptions{Ahead: ahead})
					defer col.Close()
					if err = col.Start(0); err == nil {
						_, err = probe(col, l, 4)
					}
				})
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if taken > 100<<20 { // all that was ever set aside, garbage included
					t.Errorf("took %d MiB", taken>>20)
				}
			}
			// A seek notices too, or the reading of the row.
			col := f.Column(l, ColumnOptions{})
			if err = col.SeekRow(3); err == nil {
				_, err = probe(col, l, 1)
			}
			if err == nil && c.want != ErrLimit {
				t.Error("row 3 is there")
			}
		})
	}
}

func memoryOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// endlessList is a page of 2^24 values that are all one row's, in a few bytes.
func endlessList(t *testing.T) []byte {
	const n = 1 << 24
	levels := func(first, rest byte) []byte {
		b := []byte{2, first} // one value, then the others
		b = binary.AppendUvarint(b, (n-1)<<1)
		b = append(b, rest)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	indexes := append([]byte{1}, binary.AppendUvarint(nil, n<<1)...)
	body := slices.Concat(levels(0, 1), levels(1, 1), append(indexes, 0))
	return dataPage(t, n, len(body), format.RLEDictionary, body)
}

func deltaBody(block, minis, count uint64, first uint64) []byte {
	var b []byte
	for _, v := range []uint64{block, minis, count, first} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func deltaPage(t *testing.T, block, minis, count, first uint64) []byte {
	b := deltaBody(block, minis, count, first)
	return dataPage(t, 4, len(b), format.DeltaBinaryPacked, b)
}

// A page whose values are all in one run reads in little memory however many
// they are.
func TestLongRunsAreCheap(t *testing.T) {
	const n = 1 << 24
	indexes := append([]byte{1}, binary.AppendUvarint(nil, n<<1)...)
	indexes = append(indexes, 0)
	f, l := onePage(t, format.ByteArray, format.Required, format.Uncompressed, n,
		dictPage(t, 1, 9, plainText("hello")), dataPage(t, n, len(indexes), format.RLEDictionary, indexes))
	c := f.Column(l, ColumnOptions{})
	got := make([]string, 1000)
	taken := memoryOf(func() {
		if err := c.SeekRow(n - 1000); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Strings(got, false); err != nil {
			t.Fatal(err)
		}
	})
	if got[999] != "hello" || taken > 1<<20 {
		t.Errorf("%q, %d bytes", got[999], taken)
	}
}

func TestHostileFooters(t *testing.T) {
	marshal := func(m format.FileMetaData) []byte {
		b, err := thrift.Marshal(new(thrift.CompactProtocol), m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	schema := []format.SchemaElement{{Name: "s", NumChildren: null[int32](1)}, {Name: "c", Type: null(format.ByteArray), RepetitionType: null(format.Required)}}
	group := func(rows, offset, size int64) format.RowGroup {
		return format.RowGroup{NumRows: rows, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			Type: format.ByteArray, DataPageOffset: offset, TotalCompressedSize: size}}}}
	}
	for name, c := range map[string]struct {
		footer []byte
		want   error
	}{
		"a list of 2^28 structures":       {append([]byte{0x29, 0xfc}, binary.AppendUvarint(nil, 1<<28)...), ErrCorrupt},
		"a list of many empty structures": {append(append([]byte{0x29, 0xfc}, binary.AppendUvarint(nil, 4<<20)...), make([]byte, 4<<20)...), ErrLimit},
		"nested structures":               {bytes.Repeat([]byte{0x1c}, 1000), ErrCorrupt},
		"nested lists":                    {bytes.Repeat([]byte{0x19}, 1000), ErrCorrupt},
		"an unknown type":                 {[]byte{0x1e, 0}, ErrCorrupt},
		"nothing":                         {[]byte{0}, ErrCorrupt},
		"too few fields":                  {marshal(format.FileMetaData{Schema: schema[:1]}), ErrCorrupt},
		"too many fields":                 {marshal(format.FileMetaData{Schema: append(slices.Clone(schema), schema[1])}), ErrCorrupt},
		"rows below zero":                 {marshal(format.FileMetaData{Schema: schema, RowGroups: []format.RowGroup{group(-1, 4, 0)}, NumRows: -1}), ErrCorrupt},
		"another number of rows":          {marshal(format.FileMetaData{Schema: schema, RowGroups: []format.RowGroup{group(1, 4, 0)}, NumRows: 2}), ErrCorrupt},
		"rows past all numbers":           {marshal(format.FileMetaData{Schema: schema, RowGroups: []format.RowGroup{group(math.MaxInt64, 4, 0), group(9, 4, 0)}, NumRows: 8}), ErrCorrupt},
		"no columns":                      {marshal(format.FileMetaData{Schema: schema, RowGroups: []format.RowGroup{{NumRows: 1}}, NumRows: 1}), ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			data := file(c.footer)
			taken := memoryOf(func() { _, err = Open(bytes.NewReader(data), int64(len(data)), Limits{}) })
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if taken > 64<<20 {
				t.Errorf("took %d MiB", taken>>20)
			}
		})
	}
	// Columns that lie outside the file.
	for _, place := range [][2]int64{{-1, 5}, {0, 5}, {1 << 40, 5}, {4, 1 << 40}, {4, -1}, {math.MaxInt64, math.MaxInt64}} {
		data := file(marshal(format.FileMetaData{Schema: schema, RowGroups: []format.RowGroup{group(1, place[0], place[1])}, NumRows: 1}))
		f, err := Open(bytes.NewReader(data), int64(len(data)), Limits{})
		if err == nil {
			var l Leaf
			if l, err = f.Leaf("c"); err == nil {
				err = f.Column(l, ColumnOptions{}).Start(0)
			}
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a column at %v: %v", place, err)
		}
	}
}

// file puts a footer into its frame.
func file(footer []byte) []byte {
	b := append([]byte("PAR1"), footer...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(footer)))
	return append(b, "PAR1"...)
}

func TestLimits(t *testing.T) {
	data := writeFile(t, makeRows(100, 1), variants()[0])
	if _, err := Open(bytes.NewReader(data), int64(len(data)), Limits{FooterBytes: 100}); !errors.Is(err, ErrLimit) {
		t.Errorf("footer: %v", err)
	}
	for _, limits := range []Limits{{PageBytes: 100}, {PageValues: 3}} {
		f, err := Open(bytes.NewReader(data), int64(len(data)), limits)
		if err != nil {
			t.Fatal(err)
		}
		l, err := f.Leaf("text")
		if err != nil {
			t.Fatal(err)
		}
		c := f.Column(l, ColumnOptions{})
		if err = c.Start(0); err == nil {
			_, err = c.Strings(make([]string, 10), false)
		}
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v", limits, err)
		}
	}
}

// The names of a list's groups do not count, and lists of two levels are read.
func TestListSchemas(t *testing.T) {
	list := func(name string, repetition format.FieldRepetitionType) format.SchemaElement {
		return format.SchemaElement{Name: name, NumChildren: null[int32](1), RepetitionType: null(repetition), ConvertedType: null(deprecated.List)}
	}
	group := func(name string, repetition format.FieldRepetitionType, n int32) format.SchemaElement {
		return format.SchemaElement{Name: name, NumChildren: null(n), RepetitionType: null(repetition)}
	}
	text := func(name string, repetition format.FieldRepetitionType) format.SchemaElement {
		return format.SchemaElement{Name: name, Type: null(format.ByteArray), RepetitionType: null(repetition), ConvertedType: null(deprecated.UTF8)}
	}
	for name, c := range map[string]struct {
		schema  []format.SchemaElement
		path    string
		maxDef  uint32
		listDef uint32
		err     error
	}{
		"element":  {[]format.SchemaElement{list("x", format.Optional), group("list", format.Repeated, 1), text("element", format.Optional)}, "x", 3, 2, nil},
		"item":     {[]format.SchemaElement{list("x", format.Optional), group("list", format.Repeated, 1), text("item", format.Optional)}, "x", 3, 2, nil},
		"bag":      {[]format.SchemaElement{list("x", format.Required), group("bag", format.Repeated, 1), text("array_element", format.Required)}, "x", 1, 1, nil},
		"two":      {[]format.SchemaElement{list("x", format.Optional), text("element", format.Repeated)}, "x", 2, 2, nil},
		"array":    {[]format.SchemaElement{list("x", format.Optional), group("array", format.Repeated, 1), text("name", format.Optional)}, "x.name", 3, 2, nil},
		"x_tuple":  {[]format.SchemaElement{list("x", format.Optional), group("x_tuple", format.Repeated, 1), text("name", format.Optional)}, "x.name", 3, 2, nil},
		"repeated": {[]format.SchemaElement{text("x", format.Repeated)}, "x", 1, 1, nil},
		"lists in a list": {[]format.SchemaElement{list("x", format.Optional), group("list", format.Repeated, 1), list("element", format.Optional),
			group("list", format.Repeated, 1), text("element", format.Optional)}, "x", 5, 4, ErrUnsupported},
	} {
		f := &File{meta: &format.FileMetaData{Schema: append([]format.SchemaElement{group("schema", format.Required, 1)}, c.schema...)}}
		if err := f.readSchema(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l, err := f.Leaf(c.path)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (!l.List || l.Kind != KindString || l.maxDef != c.maxDef || l.listDef != c.listDef) {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// failingReader gives an error past a place.
type failingReader struct {
	io.ReaderAt
	from int64
}

var errRead = errors.New("read failed")

func (r failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.from && off < r.from+4096 {
		return 0, errRead
	}
	return r.ReaderAt.ReadAt(p, off)
}

func TestReadErrorsComeThrough(t *testing.T) {
	data := writeFile(t, makeRows(200, 1), fileOptions{nil, 1, 1000, 1 << 20, variants()[0].text, false})
	f, err := Open(failingReader{bytes.NewReader(data), 4}, int64(len(data)), Limits{})
	if err == nil {
		var l Leaf
		if l, err = f.Leaf("text"); err != nil {
			t.Fatal(err)
		}
		c := f.Column(l, ColumnOptions{})
		if err = c.Start(0); err == nil {
			_, err = c.Strings(make([]string, 100), false)
		}
	}
	if !errors.Is(err, errRead) {
		t.Errorf("%v", err)
	}
}

// Old writers state another encoding for dictionaries and for the pages that
// refer to them.
func TestOldDictionaries(t *testing.T) {
	dict := page(t, format.PageHeader{Type: format.DictionaryPage, UncompressedPageSize: 10, CompressedPageSize: 10,
		DictionaryPageHeader: null(format.DictionaryPageHeader{NumValues: 2, Encoding: plainDictionary})}, plainText("a", "b"))
	f, l := onePage(t, format.ByteArray, format.Required, format.Uncompressed, 4, dict, dataPage(t, 4, 5, plainDictionary, []byte{1, 4, 1, 4, 0}))
	c := f.Column(l, ColumnOptions{})
	if err := c.Start(0); err != nil {
		t.Fatal(err)
	}
	got := make([]string, 4)
	if _, err := c.Strings(got, false); err != nil || !slices.Equal(got, []string{"b", "b", "a", "a"}) {
		t.Errorf("%q, %v", got, err)
	}
}
