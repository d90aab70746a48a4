// Command generate writes tables.go: the character properties that Python's
// str methods consult, for Unicode 14.0.0.
//
// Its source is the npm package @unicode/unicode-14.0.0, version 2.0.7, which
// holds the Unicode Character Database as data files; the archive's SHA-512 is
// checked. To regenerate:
//
//	npm pack @unicode/unicode-14.0.0@2.0.7
//	go generate ./internal/pytext
//
// with the archive in the current folder of the second command's generator,
// internal/pytext (or name another place with -archive).
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
)

const (
	maxRune = 0x10FFFF
	// propsFile is what the package embeds.
	propsFile = "props.bin"
	// checksum is the "integrity" that the npm registry states for the archive.
	checksum = "/YPInxmeT1H4x/hNdol8c284q/2/OgmHSaBqG5xv7HIWR00DF5WQh7DixiqBWnpRqCX6kb5zjIDEvW7ufMd2oA=="
)

func main() {
	log.SetFlags(0)
	archive := flag.String("archive", "unicode-unicode-14.0.0-2.0.7.tgz", "`path` of the npm package's archive")
	out := flag.String("o", "tables.go", "`path` of the file to write")
	flag.Parse()
	if err := run(*archive, *out); err != nil {
		log.Fatal(err)
	}
}

func run(archive, out string) error {
	files, err := unpack(archive)
	if err != nil {
		return err
	}
	u := ucd{files: files}
	source, props := u.tables()
	source, err = format.Source(source)
	if err := errors.Join(append(u.errs, err)...); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(out, source, 0o644), os.WriteFile(propsFile, props, 0o644))
}

func unpack(name string) (map[string][]byte, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(raw); base64.StdEncoding.EncodeToString(sum[:]) != checksum {
		return nil, fmt.Errorf("%s: checksum differs", name)
	}
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(h.Name, ".mjs") {
			if files[strings.TrimPrefix(h.Name, "package/")], err = io.ReadAll(tr); err != nil {
				return nil, err
			}
		}
	}
}

// ucd reads the package's files; it collects the errors.
type ucd struct {
	files map[string][]byte
	errs  []error
}

func (u *ucd) fail(name, why string) {
	u.errs = append(u.errs, fmt.Errorf("%s: %s", name, why))
}

var (
	rangesCall = regexp.MustCompile(`decodeRanges\('([^']*)'\)`)
	gunzipCall = regexp.MustCompile(`Buffer\.from\('([^']*)'`)
)

// set returns the code points of a property as a table over all code points.
func (u *ucd) set(property string) []bool {
	name := property + "/ranges.mjs"
	has := make([]bool, maxRune+1)
	m := rangesCall.FindSubmatch(u.files[name])
	if m == nil {
		u.fail(name, "no ranges")
		return has
	}
	// Pairs of (gap, length-1), each a number of one to four base-64 digits;
	// the first digit's top bits state the count.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var numbers []int
	for text := m[1]; len(text) > 0; {
		first := strings.IndexByte(digits, text[0])
		n, x := 1, first
		switch first >> 3 {
		case 4, 5:
			n, x = 2, first&15
		case 6:
			n, x = 3, first&7
		case 7:
			n, x = 4, first&7
		}
		if n > len(text) {
			u.fail(name, "cut short")
			return has
		}
		for _, c := range text[1:n] {
			x = x<<6 | strings.IndexByte(digits, c)
		}
		numbers = append(numbers, x)
		text = text[n:]
	}
	end := -1
	for i := 1; i < len(numbers); i += 2 {
		begin := end + 1 + numbers[i-1]
		end = begin + numbers[i] + 1
		for r := begin; r < end; r++ {
			has[r] = true
		}
	}
	return has
}

// mapping returns the pairs of a case mapping.
func (u *ucd) mapping(property string) map[rune][]rune {
	name := property + "/code-points.mjs"
	out := map[rune][]rune{}
	m := gunzipCall.FindSubmatch(u.files[name])
	if m == nil {
		u.fail(name, "no mapping")
		return out
	}
	packed, err := base64.StdEncoding.DecodeString(string(m[1]))
	if err != nil {
		u.fail(name, err.Error())
		return out
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		u.fail(name, err.Error())
		return out
	}
	var pairs [][2]json.RawMessage
	if err := json.NewDecoder(zr).Decode(&pairs); err != nil {
		u.fail(name, err.Error())
	}
	for _, p := range pairs {
		var from, to rune
		var tos []rune
		err := json.Unmarshal(p[0], &from)
		if json.Unmarshal(p[1], &tos) != nil {
			err = errors.Join(err, json.Unmarshal(p[1], &to))
			tos = []rune{to}
		}
		if err != nil {
			u.fail(name, err.Error())
		}
		out[from] = tos
	}
	return out
}

// union returns the code points that have any of the properties.
func (u *ucd) union(properties ...string) []bool {
	all := make([]bool, maxRune+1)
	for _, p := range properties {
		for r, has := range u.set(p) {
			all[r] = all[r] || has
		}
	}
	return all
}

// tables returns the Go source of the small tables, and props.bin.
func (u *ucd) tables() (source, props []byte) {
	all := make([]byte, maxRune+1)
	mark := func(bit byte, has []bool) {
		for r, h := range has {
			if h {
				all[r] |= bit
			}
		}
	}

	// str.isalnum is isalpha (category L*), isdecimal, isdigit or isnumeric.
	// Every character with a numeric value is of category L* or N*, and every
	// one of category N* has a numeric value.
	word := u.union("General_Category/Letter", "General_Category/Number")
	word['_'] = true
	mark(1, word)

	// str.isspace: category Zs or bidirectional class WS, B or S.
	mark(2, u.union("General_Category/Space_Separator", "Bidi_Class/White_Space",
		"Bidi_Class/Paragraph_Separator", "Bidi_Class/Segment_Separator"))

	// str.isprintable: not of category C* or Z*, and the ASCII space.
	printable := u.union("General_Category/Other", "General_Category/Separator")
	for r := range printable {
		printable[r] = !printable[r]
	}
	printable[' '] = true
	mark(4, printable)

	// str.isdecimal: category Nd, whose members come in runs of ten, 0 to 9.
	decimal := u.set("General_Category/Decimal_Number")
	mark(8, decimal)
	var zeros []rune
	for r := 0; r <= maxRune; r++ {
		if !decimal[r] {
			continue
		}
		zeros = append(zeros, rune(r))
		for end := r + 10; r < end; r++ {
			if !decimal[r] {
				u.fail("General_Category/Decimal_Number", fmt.Sprintf("the digits at U+%04X are not ten", r))
			}
		}
		r--
	}

	mark(16, u.set("Binary_Property/Cased"))
	mark(32, u.set("Binary_Property/Case_Ignorable"))

	// str.lower: the full mapping. Only one code point has a lower case of
	// more than one; the code spells it out, so hold it to that.
	lower := u.mapping("Simple_Case_Mapping/Lowercase")
	for from, to := range u.mapping("Special_Casing/Lowercase") {
		switch {
		case from == 0x130 && slices.Equal(to, []rune{'i', 0x307}):
			delete(lower, from)
			all[from] |= 64
		case len(to) == 1:
			lower[from] = to
		default:
			u.fail("Special_Casing/Lowercase", fmt.Sprintf("U+%04X has an unforeseen mapping", from))
		}
	}
	type run struct{ lo, hi, step, delta rune }
	var runs []run
	for r := rune(0); r <= maxRune; r++ {
		to, ok := lower[r]
		if !ok || to[0] == r {
			continue
		}
		all[r] |= 64
		delta := to[0] - r
		if n := len(runs) - 1; n >= 0 && runs[n].delta == delta {
			last := &runs[n]
			step := r - last.hi
			if step <= 2 && (last.lo == last.hi || last.step == step) {
				last.hi, last.step = r, step
				continue
			}
		}
		runs = append(runs, run{r, r, 1, delta})
	}

	var b bytes.Buffer
	b.WriteString(`// Code generated from @unicode/unicode-14.0.0 2.0.7 by _generate/main.go. DO NOT EDIT.

package pytext

`)
	const size = 1 << 7
	var index []byte
	var blocks [][]byte
	for at := 0; at <= maxRune; at += size {
		block := all[at : at+size]
		i := slices.IndexFunc(blocks, func(b []byte) bool { return bytes.Equal(b, block) })
		if i < 0 {
			i = len(blocks)
			blocks = append(blocks, block)
		}
		if i > 255 {
			u.fail("tables", "more than 256 different blocks")
		}
		index = append(index, byte(i))
	}
	fmt.Fprintf(&b, "// blocksAt is where the blocks of properties begin in props.bin.\nconst blocksAt = %d\n\n", len(index))
	b.WriteString("// lowerRuns holds the simple lower-case mappings, sorted.\nvar lowerRuns = [...]lowerRun{\n")
	for _, r := range runs {
		fmt.Fprintf(&b, "{%#x, %#x, %d, %d},\n", r.lo, r.hi, r.step, r.delta)
	}
	b.WriteString("}\n\n// decimalZeros holds the digit zero of each run of ten decimal digits, sorted.\nvar decimalZeros = [...]rune{\n")
	for _, r := range zeros {
		fmt.Fprintf(&b, "%#x,\n", r)
	}
	b.WriteString("}\n")
	return b.Bytes(), slices.Concat(index, bytes.Join(blocks, nil))
}
