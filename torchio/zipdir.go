package torchio

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// zipRecord is one entry of a zip archive's central directory.
type zipRecord struct {
	name   string
	header int64 // position of the local header
	csize  int64 // bytes in the file
	usize  int64 // bytes after decompression
	method uint16
}

const (
	methodStored   = 0
	methodDeflated = 8

	localHeaderSize   = 30
	centralHeaderSize = 46
	endRecordSize     = 22
	end64RecordSize   = 56
	end64LocatorSize  = 20

	sigLocal      = 0x04034b50
	sigCentral    = 0x02014b50
	sigDescriptor = 0x08074b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator    = 0x07064b50
)

const whereDir = "zip directory"

// zipDir is a zip archive's central directory. A directory of our own rather
// than archive/zip's: 100,000 records cost a fifth of the memory, and
// overlapping records, duplicate names and sizes past the end are refused.
type zipDir struct {
	records []zipRecord
	byName  map[string]int32
	start   int64 // position of the directory; records end before it
}

// findZipDir reads the end records of the size bytes of r: the directory has
// count records, in bytes bytes from start.
func findZipDir(r io.ReaderAt, size int64) (count, bytes, start uint64, err error) {
	tail := make([]byte, min(size, endRecordSize+0xffff+end64LocatorSize+end64RecordSize))
	tailAt := size - int64(len(tail))
	if err := readFull(r, tail, tailAt); err != nil {
		return 0, 0, 0, &FormatError{Where: whereDir, Offset: tailAt, Reason: "cannot be read", Err: err}
	}
	at := endRecord(tail)
	if at < 0 {
		reason := "no end record: the file is cut short"
		if size > int64(len(tail)) {
			reason += fmt.Sprintf(", or followed by more than %d other bytes", 0xffff)
		}
		return 0, 0, 0, &FormatError{Where: whereDir, Offset: -1, Reason: reason}
	}
	end := tail[at:]
	count = uint64(binary.LittleEndian.Uint16(end[10:]))
	bytes = uint64(binary.LittleEndian.Uint32(end[12:]))
	start = uint64(binary.LittleEndian.Uint32(end[16:]))
	limit := uint64(tailAt) + uint64(at) // the directory ends before this
	if at >= end64LocatorSize && binary.LittleEndian.Uint32(tail[at-end64LocatorSize:]) == sigLocator {
		pos := binary.LittleEndian.Uint64(tail[at-end64LocatorSize+8:])
		limit -= end64LocatorSize
		if pos > limit || limit-pos < end64RecordSize {
			return 0, 0, 0, formatErr(whereDir, -1, "zip64 end record at %d is past the end", pos)
		}
		var rec [end64RecordSize]byte
		if err := readFull(r, rec[:], int64(pos)); err != nil {
			return 0, 0, 0, &FormatError{Where: whereDir, Offset: int64(pos), Reason: "cannot be read", Err: err}
		}
		if binary.LittleEndian.Uint32(rec[:]) != sigEnd64 {
			return 0, 0, 0, formatErr(whereDir, int64(pos), "no zip64 end record")
		}
		count = binary.LittleEndian.Uint64(rec[32:])
		bytes = binary.LittleEndian.Uint64(rec[40:])
		start = binary.LittleEndian.Uint64(rec[48:])
		limit = pos
	}
	if start > limit || bytes > limit-start {
		return 0, 0, 0, formatErr(whereDir, -1, "the directory at %d of %d bytes is past the end", start, bytes)
	}
	if count > bytes/centralHeaderSize {
		return 0, 0, 0, formatErr(whereDir, -1, "%d records do not fit into %d bytes", count, bytes)
	}
	return count, bytes, start, nil
}

// endRecord finds the end record in the last bytes of a file, -1 where there
// is none: the last one whose comment ends with the file or, as for torch, the
// last one at all, which other bytes follow (a line end, padding).
func endRecord(tail []byte) int {
	last := -1
	for i := len(tail) - endRecordSize; i >= 0; i-- {
		if binary.LittleEndian.Uint32(tail[i:]) != sigEnd {
			continue
		}
		end := i + endRecordSize + int(binary.LittleEndian.Uint16(tail[i+20:]))
		if end == len(tail) {
			return i
		}
		if end < len(tail) && last < 0 {
			last = i
		}
	}
	return last
}

// readZipDir reads the central directory of the size bytes of r. maxBytes
// bounds the directory's size.
func readZipDir(r io.ReaderAt, size, maxBytes int64) (*zipDir, error) {
	count, bytes, start, err := findZipDir(r, size)
	if err != nil {
		return nil, err
	}
	if bytes > uint64(maxBytes) {
		return nil, &LimitError{What: "bytes of the zip directory", Value: int64(bytes), Limit: maxBytes}
	}
	raw := make([]byte, bytes)
	if err := readFull(r, raw, int64(start)); err != nil {
		return nil, &FormatError{Where: whereDir, Offset: int64(start), Reason: "cannot be read", Err: err}
	}
	d := &zipDir{
		records: make([]zipRecord, 0, count),
		byName:  make(map[string]int32, count),
		start:   int64(start),
	}
	names := string(raw) // all names share it
	for pos := 0; uint64(len(d.records)) < count; {
		where := int64(start) + int64(pos)
		if len(raw)-pos < centralHeaderSize || binary.LittleEndian.Uint32(raw[pos:]) != sigCentral {
			return nil, formatErr(whereDir, where, "no record header")
		}
		h := raw[pos:]
		nameLen := int(binary.LittleEndian.Uint16(h[28:]))
		extraLen := int(binary.LittleEndian.Uint16(h[30:]))
		commentLen := int(binary.LittleEndian.Uint16(h[32:]))
		if len(h)-centralHeaderSize < nameLen+extraLen+commentLen {
			return nil, formatErr(whereDir, where, "a record header is cut short")
		}
		rec := zipRecord{
			name:   names[pos+centralHeaderSize : pos+centralHeaderSize+nameLen],
			method: binary.LittleEndian.Uint16(h[10:]),
		}
		if binary.LittleEndian.Uint16(h[8:])&1 != 0 {
			return nil, &UnsupportedError{Feature: "an encrypted zip record"}
		}
		csize := uint64(binary.LittleEndian.Uint32(h[20:]))
		usize := uint64(binary.LittleEndian.Uint32(h[24:]))
		header := uint64(binary.LittleEndian.Uint32(h[42:]))
		extra := h[centralHeaderSize+nameLen : centralHeaderSize+nameLen+extraLen]
		if !zip64Sizes(extra, &usize, &csize, &header) {
			return nil, formatErr(whereDir, where, "record %.100q: zip64 sizes are missing", rec.name)
		}
		if header > start || start-header < localHeaderSize+uint64(nameLen) ||
			csize > start-header-localHeaderSize-uint64(nameLen) || usize > 1<<62 {
			return nil, formatErr(whereDir, where, "record %.100q does not fit before the directory", rec.name)
		}
		rec.csize, rec.usize, rec.header = int64(csize), int64(usize), int64(header)
		if rec.method == methodStored && csize != usize {
			return nil, formatErr(whereDir, where, "stored record %.100q of two sizes, %d and %d", rec.name, csize, usize)
		}
		if _, ok := d.byName[rec.name]; ok {
			return nil, formatErr(whereDir, where, "two records of the name %.100q", rec.name)
		}
		d.byName[rec.name] = int32(len(d.records))
		d.records = append(d.records, rec)
		pos += centralHeaderSize + nameLen + extraLen + commentLen
	}
	return d, d.checkOverlap()
}

// zip64Sizes replaces the values that a zip64 field holds in their stead.
func zip64Sizes(extra []byte, values ...*uint64) bool {
	missing := false
	for _, v := range values {
		missing = missing || *v == 0xffffffff
	}
	if !missing {
		return true
	}
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return false
		}
		if id != 1 {
			extra = extra[n:]
			continue
		}
		field := extra[:n]
		for _, v := range values {
			if *v != 0xffffffff {
				continue
			}
			if len(field) < 8 {
				return false
			}
			*v = binary.LittleEndian.Uint64(field)
			field = field[8:]
		}
		return true
	}
	return false
}

// checkOverlap refuses records that share bytes: the trick of the zip bombs
// that repeat one record under many names.
func (d *zipDir) checkOverlap() error {
	order := make([]int32, len(d.records))
	for i := range order {
		order[i] = int32(i)
	}
	byHeader := func(a, b int32) int {
		return int(min(max(d.records[a].header-d.records[b].header, -1), 1))
	}
	if !slices.IsSortedFunc(order, byHeader) {
		slices.SortFunc(order, byHeader)
	}
	for i := 1; i < len(order); i++ {
		a, b := &d.records[order[i-1]], &d.records[order[i]]
		if b.header-a.header < localHeaderSize+int64(len(a.name))+a.csize {
			return formatErr(whereDir, b.header, "the records %.100q and %.100q overlap", a.name, b.name)
		}
	}
	return nil
}

func (d *zipDir) lookup(name string) *zipRecord {
	i, ok := d.byName[name]
	if !ok {
		return nil
	}
	return &d.records[i]
}

// folder gives the archive's top folder, which torch takes from the first
// record; failing that, the folder of the only data.pkl.
func (d *zipDir) folder() (string, error) {
	if len(d.records) == 0 {
		return "", formatErr(whereDir, -1, "the archive holds no records")
	}
	if dir, _, ok := strings.Cut(d.records[0].name, "/"); ok && d.lookup(dir+"/data.pkl") != nil {
		return dir, nil
	}
	found := ""
	n := 0
	for i := range d.records {
		if dir, ok := strings.CutSuffix(d.records[i].name, "/data.pkl"); ok {
			found = dir
			n++
		}
	}
	switch {
	case n == 1:
		return found, nil
	case n > 1:
		return "", formatErr(whereDir, -1, "%d records are named data.pkl", n)
	}
	return "", formatErr(whereDir, -1, "no record is named data.pkl: a zip archive, but not one of torch's")
}

// dataOffset reads a record's local header and gives the position of its
// data.
func (d *zipDir) dataOffset(r io.ReaderAt, rec *zipRecord) (int64, error) {
	h := make([]byte, localHeaderSize+len(rec.name))
	if err := readFull(r, h, rec.header); err != nil {
		return 0, &FormatError{Where: rec.name, Offset: rec.header, Reason: "the record's header cannot be read", Err: err}
	}
	if binary.LittleEndian.Uint32(h) != sigLocal {
		return 0, formatErr(rec.name, rec.header, "no record header")
	}
	nameLen := int(binary.LittleEndian.Uint16(h[26:]))
	extraLen := int64(binary.LittleEndian.Uint16(h[28:]))
	if nameLen != len(rec.name) || string(h[localHeaderSize:]) != rec.name {
		return 0, formatErr(rec.name, rec.header, "the record's header bears another name")
	}
	data := rec.header + int64(len(h)) + extraLen
	if data+rec.csize > d.start {
		return 0, formatErr(rec.name, rec.header, "the record runs into the directory")
	}
	return data, nil
}
