package torchio_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// The types of error, by name.
var errorTypes = map[string]func(error) bool{
	"format":      func(err error) bool { var e *torchio.FormatError; return errors.As(err, &e) },
	"global":      func(err error) bool { var e *torchio.GlobalError; return errors.As(err, &e) },
	"unsupported": func(err error) bool { var e *torchio.UnsupportedError; return errors.As(err, &e) },
	"limit":       func(err error) bool { var e *torchio.LimitError; return errors.As(err, &e) },
}

// TestHostilePickles reads pickles that a stranger might send.
func TestHostilePickles(t *testing.T) {
	one := pTuple(1)
	for _, tc := range []struct{ name, pickle, want string }{
		// Globals.
		{"os.system", "cposix\nsystem\n(" + pStr("true") + "tR.", "global"},
		{"eval", "c__builtin__\neval\n.", "global"},
		{"getattr", "cbuiltins\ngetattr\n.", "global"},
		{"near miss", "ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "global"},
		{"stack global", "\x80\x04" + pStr("os") + pStr("system") + "\x93.", "global"},
		{"numpy", "cnumpy.core.multiarray\n_reconstruct\n.", "global"},
		{"instance", "(iposix\nsystem\n.", "unsupported"},
		{"object", "(cposix\nsystem\no.", "global"},
		{"extension", "\x82\x01.", "unsupported"},
		{"text persistent id", "Pabc\n.", "unsupported"},
		{"call of a value", "K\x01)R.", "format"},
		{"call of a class that is only named", "ctorch\nTensor\n)R.", "format"},
		{"call with no tuple", pOrdered + "]R.", "format"},
		{"module id", "(" + pStr("module") + "NNNtQ.", "unsupported"},
		{"state of a dict", "}}b.", "format"},
		{"state of a tensor", pTensor(storage8, 0, []int64{1}, []int64{1}) + "}b.", "format"},
		{"state that is no dict", pOrdered + ")RK\x01b.", "format"},
		{"attribute that is no text", pOrdered + ")R}K\x01Nsb.", "format"},

		// The stack.
		{"empty", "", "format"},
		{"stop alone", ".", "format"},
		{"two values", "NN.", "format"},
		{"mark left over", "(N.", "format"},
		{"underflow", "\x85.", "format"},
		{"below a mark", "N(\x85.", "format"},
		{"tuple without a mark", "Nt.", "format"},
		{"append to a tuple", ")Na.", "format"},
		{"set item of a list", "]NNs.", "format"},
		{"odd items", "}(Nu.", "format"},
		{"odd dict", "(Nd.", "format"},
		{"add to a frozen set", "\x80\x04(\x91(N\x90.", "format"},
		{"unhashable key", "}]Ns.", "unsupported"},
		{"unhashable member", "\x8f(}\x90.", "unsupported"},
		{"memo that is not there", "h\x05.", "format"},
		{"memo in a gap", "Nq\x05h\x04.", "format"},
		{"memo of nothing", "q\x05.", "format"},
		{"protocol 9", "\x80\x09N.", "unsupported"},
		{"no instruction", "\xffN.", "unsupported"},
		{"not UTF-8", "X\x01\x00\x00\x00\xffN.", "format"},
		{"half a surrogate", "X\x02\x00\x00\x00\xed\xa0.", "format"},
		{"not a number", "Iabc\n.", "format"},
		{"not a float", "Fabc\n.", "format"},
		{"escape cut short", "V\\u00\n.", "format"},
		{"escape past Unicode", "V\\Uffffffff\n.", "format"},

		// Lengths.
		{"string of 4 GiB", "X\xff\xff\xff\xffabc.", "format"},
		{"string of 2^40", "\x8d\x00\x00\x00\x00\x00\x01\x00\x00abc.", "format"},
		{"string of 2^64-1", "\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "format"},
		{"bytes of 2^62", "\x8e\x00\x00\x00\x00\x00\x00\x00\x40abc.", "format"},
		{"negative integer length", "\x8b\xff\xff\xff\xff.", "format"},
		{"integer of 2 GiB", "\x8b\xff\xff\xff\x7f.", "limit"},
		{"decimal without end", "L" + strings.Repeat("9", 1<<16) + "L\n.", "limit"},
		{"global without end", "c" + strings.Repeat("a", 1<<16) + "\n.", "limit"},

		// Nesting and sharing.
		{"deep lists", strings.Repeat("]", 100_000) + strings.Repeat("a", 99_999) + ".", "limit"},
		{"deep tuples", ")" + strings.Repeat("\x85", 100_000) + ".", "limit"},
		{"deep dicts", strings.Repeat("}N", 100_000) + "N" + strings.Repeat("s", 100_000) + ".", "limit"},
		{"deep key", "})" + strings.Repeat("\x85", 100_000) + "Ns.", "limit"},
		{"list in itself", "]q\x00h\x00a.", "unsupported"},
		{"dict in itself", "}q\x00Nh\x00s.", "unsupported"},
		{"list in a tuple in itself", "]q\x00h\x00\x85a.", "unsupported"},
		{"attributes of itself", pOrdered + ")Rq\x00}" + pStr("a") + "h\x00sb.", "unsupported"},
		{"doubling", "]q\x00" + repeat(60, func(i int) string {
			return "0h" + string(rune(i)) + "h" + string(rune(i)) + "\x86q" + string(rune(i+1))
		}) + ".", "limit"},
		{"doubling key", "}]0Nq\x00" + repeat(60, func(i int) string {
			return "0h" + string(rune(i)) + "h" + string(rune(i)) + "\x86q" + string(rune(i+1))
		}) + "Ns.", "limit"},

		// Storages and tensors.
		{"missing record", pTensor(pStorage("FloatStorage", "7", 8), 0, []int64{1}, []int64{1}) + ".", "format"},
		{"a way out of the folder", pTensor(pStorage("FloatStorage", "../version", 0), 0, []int64{0}, []int64{1}) + ".", "format"},
		{"storage too short", pTensor(pStorage("FloatStorage", "0", 9), 0, []int64{1}, []int64{1}) + ".", "format"},
		{"storage of another type", pTensor(pStorage("DoubleStorage", "0", 8), 0, []int64{1}, []int64{1}) + ".", "format"},
		{"storage of 2^62", pTensor(pStorage("FloatStorage", "0", 1<<62), 0, []int64{1}, []int64{1}) + ".", "format"},
		{"negative storage", pTensor(pStorage("FloatStorage", "0", -1), 0, []int64{1}, []int64{1}) + ".", "format"},
		{"second use too long", "(" + pTensor(storage8, 0, []int64{1}, []int64{1}) + pTensor(pStorage("FloatStorage", "0", 16), 8, []int64{1}, []int64{1}) + "t.", "format"},
		{"past the end", pTensor(storage8, 0, []int64{9}, []int64{1}) + ".", "format"},
		{"offset past the end", pTensor(storage8, 8, []int64{1}, []int64{1}) + ".", "format"},
		{"stride past the end", pTensor(storage8, 0, []int64{3}, []int64{4}) + ".", "format"},
		{"negative offset", pTensor(storage8, -1, []int64{1}, []int64{1}) + ".", "format"},
		{"negative size", pTensor(storage8, 0, []int64{-1}, []int64{1}) + ".", "format"},
		{"negative sizes", pTensor(storage8, 0, []int64{-2, -4}, []int64{4, 1}) + ".", "format"},
		{"negative stride", pTensor(storage8, 7, []int64{8}, []int64{-1}) + ".", "format"},
		{"2^40 elements", pTensor(storage8, 0, []int64{1 << 40}, []int64{1}) + ".", "format"},
		{"2^40 times one element", pTensor(storage8, 0, []int64{1 << 40}, []int64{0}) + ".", "limit"},
		{"2^40 by sliding", pTensor(storage8, 0, []int64{1 << 20, 1 << 20}, []int64{0, 0}) + ".", "limit"},
		{"sizes overflow to 1", pTensor(storage8, 0, []int64{1 << 32, 1 << 32}, []int64{0, 0}) + ".", "format"},
		{"sizes overflow to 8", pTensor(storage8, 0, []int64{1<<61 + 1, 8}, []int64{0, 1}) + ".", "format"},
		{"strides overflow", pTensor(storage8, 0, []int64{3, 2}, []int64{1 << 62, 1 << 62}) + ".", "format"},
		{"strides overflow to 0", pTensor(storage8, 0, []int64{5}, []int64{1 << 62}) + ".", "format"},
		{"offset overflows", pTensor(storage8, 1<<63-1, []int64{2}, []int64{1}) + ".", "format"},
		{"sizes without strides", pTensor(storage8, 0, []int64{1, 1}, []int64{1}) + ".", "format"},
		{"65 dimensions", pTensor(storage8, 0, make([]int64, 65), make([]int64, 65)) + ".", "limit"},
		{"size that is no integer", pRebuild + "(" + storage8 + "K\x00(Nt" + one + "\x89" + pNoHooks + "tR.", "format"},
		{"size past 64 bits", pRebuild + "(" + storage8 + "K\x00(\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01t" + one + "\x89" + pNoHooks + "tR.", "format"},
		{"too few arguments", pRebuild + "(" + storage8 + "tR.", "format"},
		{"no storage", pRebuild + "(NK\x00" + one + one + "\x89" + pNoHooks + "tR.", "format"},
		{"persistent id of three", "(" + pStr("storage") + "NNtQ.", "format"},
		{"persistent id that is a number", "K\x01Q.", "format"},
		{"storage key that is a number", "(" + pStr("storage") + "ctorch\nFloatStorage\nK\x00" + pStr("cpu") + "K\x08tQ.", "format"},
		{"legacy view in an archive", "(" + pStr("storage") + "ctorch\nFloatStorage\n" + pStr("0") + pStr("cpu") + "K\x08(" + pStr("v") + "K\x00K\x01ttQ.", "format"},
		{"parameter of nothing", "ctorch._utils\n_rebuild_parameter\n(N\x88NtR.", "format"},
		{"encoding by another codec", "c_codecs\nencode\n(" + pStr("a") + pStr("rot13") + "tR.", "unsupported"},
		{"encoding of what is not Latin-1", "c_codecs\nencode\n(" + pStr("\u0100") + pStr("latin1") + "tR.", "format"},
		{"bytes from a number", "cbuiltins\nbytes\n(\x8a\x05\x00\x00\x00\x00\x01tR.", "format"},
		{"bytearray from a number", "c__builtin__\nbytearray\n(\x8a\x05\x00\x00\x00\x00\x01tR.", "format"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refuse(t, in(t, tc.pickle), tc.want)
			refuse(t, archive(t, record{name: "data.pkl", content: tc.pickle, deflated: true}, record{name: "data/0", content: strings.Repeat("\x00", 32)}), tc.want)
		})
	}
}

// refuse opens b, expects an error of a type, and bounds the memory that the
// attempt takes. Panics are for the test to die of.
func refuse(t *testing.T, b []byte, want string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := open(b, nil)
	runtime.ReadMemStats(&after)
	if err == nil {
		f.Close()
		t.Fatalf("read, as %T", f.Root())
	}
	if !errorTypes[want](err) {
		t.Errorf("%v (%T), want a %s error", err, err, want)
	}
	if !strings.HasPrefix(err.Error(), "torchio: ") {
		t.Errorf("an error without the package's name: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20+100*uint64(len(b)) {
		t.Errorf("%d bytes of memory for a file of %d", used, len(b))
	}
}

// TestAmplification reads pickles whose few bytes refer to large values again
// and again: the limit on objects must stop them.
func TestAmplification(t *testing.T) {
	big := strings.Repeat("x", 1<<14)
	const times = 10_000
	again := func(s string) string { return strings.Repeat(s, times) }
	for name, pickle := range map[string]string{
		"encode":  "c_codecs\nencode\nq\x00(" + pStr(big) + pStr("latin1") + "tq\x01" + "]" + "(" + again("h\x00h\x01R") + "e.",
		"pairs":   pOrdered + "q\x00](" + again("NN\x86") + "e\x85q\x01]" + "(" + again("h\x00h\x01R") + "e.",
		"key":     "}(" + repeat(times, func(int) string { return "h\x07N" }) + "u.",
		"set":     "c__builtin__\nset\nq\x00](" + repeat(5000, func(i int) string { return "M" + string([]byte{byte(i), byte(i >> 8)}) }) + "e\x85q\x01]" + "(" + again("h\x00h\x01R") + "e.",
		"size":    "ctorch\nSize\nq\x00(" + pTuple(make([]int64, 64)...) + "tq\x01]" + "(" + again(again("h\x00h\x01R")[:5000]) + "e.",
		"strings": "(" + again("]") + "l(" + strings.Repeat("]", 700_000) + "l\x86.",
	} {
		if name == "key" {
			pickle = pStr(big) + "q\x070" + pickle
		}
		t.Run(name, func(t *testing.T) {
			b := in(t, pickle)
			_, err := open(b, &torchio.ReadOptions{MaxObjectBytes: 16 << 20})
			if !errorTypes["limit"](err) {
				t.Errorf("%v, want a limit error", err)
			}
		})
	}
}

// TestPickleLimit bounds the pickle itself.
func TestPickleLimit(t *testing.T) {
	pickle := "(" + strings.Repeat("N", 1<<16) + "t."
	o := &torchio.ReadOptions{MaxPickleBytes: 1 << 12}
	for name, b := range map[string][]byte{
		"stored":   in(t, pickle),
		"deflated": archive(t, record{name: "data.pkl", content: pickle, deflated: true}),
		"legacy":   legacy(pickle[:len(pickle)-1], "]", ""),
	} {
		if _, err := open(b, o); !errorTypes["limit"](err) {
			t.Errorf("%s: %v", name, err)
		}
		if f, err := open(b, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			f.Close()
		}
	}
}

// TestBomb opens an archive whose records are a thousand times larger than
// the file.
func TestBomb(t *testing.T) {
	zeros := strings.Repeat("\x00", 4<<20)
	for name, b := range map[string][]byte{
		"pickle":  archive(t, record{name: "data.pkl", content: zeros, deflated: true}),
		"version": archive(t, record{name: "data.pkl", content: "N."}, record{name: ".data/version", content: zeros, deflated: true}),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(b, &torchio.ReadOptions{MaxInflatedBytes: 1 << 20})
		runtime.ReadMemStats(&after)
		if !errorTypes["limit"](err) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 512<<10 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
	}
}

// edit changes bytes at the last place where a signature occurs.
func edit(b []byte, sig string, at int, value ...byte) []byte {
	b = bytes.Clone(b)
	i := bytes.LastIndex(b, []byte(sig))
	copy(b[i+at:], value)
	return b
}

func le(n, width int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(n))
	return b[:width]
}

// TestHostileArchives damages the archive around a good pickle.
func TestHostileArchives(t *testing.T) {
	pickle := pTensor(storage8, 0, []int64{8}, []int64{1}) + "."
	good := in(t, pickle)
	const end, dir, local = "PK\x05\x06", "PK\x01\x02", "PK\x03\x04"
	ours := write(t, nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Of([]float32{1})) })
	data := record{name: "data/0", content: strings.Repeat("\x00", 32)}
	pkl := record{name: "data.pkl", content: pickle}
	twice := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for range 2 {
			for _, name := range []string{"a/data.pkl", "a/version"} {
				w, err := z.Create(name)
				if err != nil {
					t.Fatal(err)
				}
				w.Write([]byte("N."))
			}
		}
		z.Close()
		return b.Bytes()
	}
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "format"},
		{"one byte", []byte("P"), "format"},
		{"zip magic alone", []byte("PK\x03\x04"), "format"},
		{"empty archive", []byte("PK\x05\x06" + strings.Repeat("\x00", 18)), "format"},
		{"text", []byte("hello, world"), "format"},
		{"tar", []byte(strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 300)), "unsupported"},
		{"no data.pkl", archive(t, data), "format"},
		{"two data.pkl", archive(t, record{name: "x", content: ""}, record{name: "a/data.pkl", content: "N."}, record{name: "b/data.pkl", content: "N."}), "format"},
		{"two records of one name", twice(), "format"},
		{"TorchScript", archive(t, pkl, data, record{name: "constants.pkl"}), "unsupported"},
		{"version 99", edit(archive(t, pkl, data), "3\n", 0, '9', '9'), "unsupported"},
		{"version abc", archive(t, pkl, data, record{name: ".data/version", content: "abc"}), "format"},
		{"version of 1 MiB", archive(t, pkl, data, record{name: ".data/version", content: strings.Repeat("3", 1<<20), deflated: true}), "limit"},
		{"big-endian", archive(t, pkl, data, record{name: "byteorder", content: "big"}), "unsupported"},
		{"middle-endian", archive(t, pkl, data, record{name: "byteorder", content: "pdp"}), "format"},
		{"records past the directory", edit(good, end, 10, 0xff, 0x7f), "format"},
		{"directory past the end", edit(good, end, 16, le(1<<30, 4)...), "format"},
		{"directory of 4 GiB", edit(good, end, 12, le(1<<32-2, 4)...), "format"},
		{"directory elsewhere", edit(good, end, 16, le(4, 4)...), "format"},
		{"zip64 record past the end", edit(ours, "PK\x06\x07", 8, le(1<<40, 8)...), "format"},
		{"zip64 record elsewhere", edit(ours, "PK\x06\x07", 8, le(0, 8)...), "format"},
		{"zip64 records 2^60", edit(ours, "PK\x06\x06", 32, le(1<<60, 8)...), "format"},
		{"zip64 directory of 2^60", edit(ours, "PK\x06\x06", 40, le(1<<60, 8)...), "format"},
		{"zip64 directory at 2^63", edit(ours, "PK\x06\x06", 48, 0, 0, 0, 0, 0, 0, 0, 0x80), "format"},
		{"stored record of two sizes", edit(good, dir, 24, le(7, 4)...), "format"},
		{"record past the directory", edit(good, dir, 42, le(1<<20, 4)...), "format"},
		{"record longer than the file", edit(edit(good, dir, 20, le(1<<20, 4)...), dir, 24, le(1<<20, 4)...), "format"},
		{"long sizes without their field", edit(edit(good, dir, 20, 0xff, 0xff, 0xff, 0xff), dir, 24, 0xff, 0xff, 0xff, 0xff), "format"},
		{"overlapping records", edit(good, dir, 42, 0, 0, 0, 0), "format"},
		{"name longer than the directory", edit(good, dir, 28, 0xff, 0xff), "format"},
		{"encrypted", edit(good, dir, 8, 1), "unsupported"},
		{"local header of another name", edit(good, local, 30, 'X'), "format"},
		{"no local header", edit(good, local, 0, 'X'), "format"},
		{"local header that runs into the directory", edit(good, local, 28, 0xff, 0xff), "format"},
		{"unknown compression", edit(edit(good, dir, 10, 99), dir, 24, le(3, 4)...), "unsupported"},
	} {
		t.Run(tc.name, func(t *testing.T) { refuse(t, tc.file, tc.want) })
	}
	t.Run("every truncation", func(t *testing.T) {
		for _, b := range [][]byte{good, ours} {
			for n := range b {
				if _, err := open(b[:n], nil); !errorTypes["format"](err) && !errorTypes["unsupported"](err) {
					t.Fatalf("%d of %d bytes: %v", n, len(b), err)
				}
			}
		}
	})
}

// TestHostileStorage reads tensors whose records are damaged.
func TestHostileStorage(t *testing.T) {
	pickle := pTensor(storage8, 0, []int64{8}, []int64{1}) + "."
	zeros := strings.Repeat("\x00", 32)
	deflated := archive(t, record{name: "data.pkl", content: pickle}, record{name: "data/0", content: zeros, deflated: true})
	at := bytes.Index(deflated, []byte("archive/data/0")) + len("archive/data/0")
	broken := bytes.Clone(deflated)
	broken[at] ^= 0xff
	moved := in(t, pickle)
	moved[bytes.Index(moved, []byte("archive/data/0"))] = 'X'
	entry := bytes.LastIndex(deflated, []byte("PK\x01\x02"))
	entry = bytes.LastIndex(deflated[:entry], []byte("PK\x01\x02"))
	longer := bytes.Clone(deflated)
	copy(longer[entry+24:], le(33, 4))
	impossible := bytes.Clone(deflated)
	copy(impossible[entry+24:], le(1<<31, 4))
	unknown := bytes.Clone(deflated)
	unknown[entry+10] = 12
	large := archive(t, record{name: "data.pkl", content: pTensor(pStorage("FloatStorage", "0", 1<<20), 0, []int64{8}, []int64{1}) + "."},
		record{name: "data/0", content: strings.Repeat("\x00", 4<<20), deflated: true})
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"broken deflate", broken, "format"},
		{"header of another name", moved, "format"},
		{"more bytes declared", longer, "format"},
		{"impossible size", impossible, "format"},
		{"unknown compression", unknown, "unsupported"},
		{"past the limit", large, "limit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := open(tc.file, &torchio.ReadOptions{MaxInflatedBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			x, err := f.Tensor()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // a second attempt meets the same error
				if err := x.CopyTo(make([]float32, 8)); !errorTypes[tc.want](err) {
					t.Errorf("%v, want a %s error", err, tc.want)
				}
			}
		})
	}
}

// TestLegacy reads hand-written files of the old format, good and hostile.
func TestLegacy(t *testing.T) {
	st := func(key string, n int, view string) string {
		return "(" + pStr("storage") + "ctorch\nFloatStorage\n" + pStr(key) + pStr("cpu") + pInt(int64(n)) + view + "tQ"
	}
	keys := func(k ...string) string {
		s := "]("
		for _, key := range k {
			s += pStr(key)
		}
		return s + "e"
	}
	view := func(start, n int64) string { return "(" + pStr("v") + pInt(start) + pInt(n) + "t" }
	data := string(le(4, 8)) + le32(1, 2, 3, 4)
	all := pTensor(st("a", 4, "N"), 0, []int64{4}, []int64{1})
	good := legacy(all, keys("a"), data)
	for _, tc := range []struct {
		name string
		file []byte
		want []float32
	}{
		{"whole", good, []float32{1, 2, 3, 4}},
		{"part", legacy(pTensor(st("a", 4, view(1, 2)), 1, []int64{1}, []int64{1}), keys("a"), data), []float32{3}},
		{"without the sixth part", legacy(pTensor(st("a", 4, ""), 3, []int64{1}, []int64{1}), keys("a"), data), []float32{4}},
		{"two storages", legacy(pTensor(st("b", 1, "N"), 0, []int64{1}, []int64{1})+all+"0", keys("a", "b"), data+string(le(1, 8))+le32(9)), []float32{9}},
		{"bytes behind", legacy(all, keys("a"), data+"more"), []float32{1, 2, 3, 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, err := reopen(t, tc.file).Tensor()
			if err != nil {
				t.Fatal(err)
			}
			if got := floats(t, x); fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	replace := func(b []byte, old, new string) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"another magic number", replace(good, "l\xfc", "l\xfd"), "format"},
		{"another protocol", replace(good, "M\xe9\x03", "M\xe8\x03"), "format"},
		{"no system", replace(good, pProto+"}(", pProto+"](")[:0:0], "format"},
		{"big-endian", replace(good, pStr("little_endian")+"\x88", pStr("little_endian")+"\x89"), "unsupported"},
		{"a storage in the head", []byte(pProto + st("a", 4, "N") + "."), "format"},
		{"listed but not used", legacy(all, keys("a", "b"), data+data), "format"},
		{"listed twice", legacy(all, keys("a", "a"), data+data), "format"},
		{"used but not listed", legacy(all, "]", data), "format"},
		{"keys that are no list", legacy(all, ")", data), "format"},
		{"two sizes", legacy("("+all+pTensor(st("a", 5, "N"), 0, []int64{1}, []int64{1})+"t", keys("a"), data), "format"},
		{"another number of elements", legacy(all, keys("a"), string(le(3, 8))+le32(1, 2, 3, 4)), "format"},
		{"negative number of elements", legacy(all, keys("a"), string(le(-4, 8))+le32(1, 2, 3, 4)), "format"},
		{"2^60 elements", legacy(pTensor(st("a", 1<<60, "N"), 0, []int64{4}, []int64{1}), keys("a"), string(le(1<<60, 8))), "format"},
		{"part past the end", legacy(pTensor(st("a", 4, view(3, 2)), 0, []int64{1}, []int64{1}), keys("a"), data), "format"},
		{"part at a negative place", legacy(pTensor(st("a", 4, view(-1, 2)), 0, []int64{1}, []int64{1}), keys("a"), data), "format"},
		{"tensor past its part", legacy(pTensor(st("a", 4, view(1, 2)), 0, []int64{3}, []int64{1}), keys("a"), data), "format"},
		{"an unknown global", legacy("cposix\nsystem\n", "]", ""), "global"},
		{"a pickle of something else", []byte(pProto + "K\x01."), "format"},
	} {
		t.Run(tc.name, func(t *testing.T) { refuse(t, tc.file, tc.want) })
	}
	t.Run("every truncation", func(t *testing.T) {
		for n := range good {
			if _, err := open(good[:n], nil); !errorTypes["format"](err) {
				t.Fatalf("%d of %d bytes: %v", n, len(good), err)
			}
		}
	})
}
