package torchio

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/fnv"
	"io"
	"strconv"
)

// zipWriter writes a zip archive as torch's archive writer does: records
// stored, their data at multiples of 64 by a padding field "FB", checksum and
// size in a descriptor behind the data, no dates, zip64 end records always.
// It differs in one thing: a record's size need not be known beforehand, so
// that the header of a record that turns out to pass 4 GiB lacks the (empty)
// zip64 field that torch would put there; descriptor and directory do hold
// the long sizes.
type zipWriter struct {
	w      io.Writer
	folder string
	pos    int64
	err    error // the first error, which ends all writing

	entries []([]zipEntry) // in chunks: growing needs no second copy
	count   int64
	data    int64       // data/N records so far
	names   hash.Hash64 // of the records' names, in order
	crcs    uint32      // of the records' checksums

	open    bool
	current zipEntry
	crc     uint32
	long    bool // the header has a zip64 field
}

// alignment is the multiple at which data begin.
const alignment = 64

// zipEntry is what the directory needs of a record. The record's name is that
// of number unless name is set.
type zipEntry struct {
	header int64
	size   int64
	number int64
	name   string
	crc    uint32
	// described says that a descriptor follows the data: not in a record that
	// was known to be empty.
	described bool
}

const entryChunk = 1024

const long32 = 0xffffffff

func newZipWriter(w io.Writer, folder string) *zipWriter {
	return &zipWriter{w: w, folder: folder, names: fnv.New64a()}
}

func (z *zipWriter) write(b []byte) {
	if z.err != nil {
		return
	}
	n, err := z.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		z.err = fmt.Errorf("torchio: writing: %w", err)
	}
	z.pos += int64(n)
}

// appendName appends folder, a slash and the record's name.
func (z *zipWriter) appendName(b []byte, e *zipEntry) []byte {
	b = append(b, z.folder...)
	if e.name != "" {
		return append(append(b, '/'), e.name...)
	}
	return strconv.AppendInt(append(b, "/data/"...), e.number, 10)
}

// beginData begins the next record data/N and gives N. size is the bytes to
// come, -1 if unknown.
func (z *zipWriter) beginData(size int64) (number int64) {
	z.begin(zipEntry{number: z.data}, size)
	z.data++
	return z.data - 1
}

const (
	flagDescribed = 1 << 3  // sizes and checksum follow the data
	flagUTF8      = 1 << 11 // the name is UTF-8
)

func (e *zipEntry) flags() uint16 {
	if e.described {
		return flagUTF8 | flagDescribed
	}
	return flagUTF8
}

func (z *zipWriter) begin(e zipEntry, size int64) {
	e.header = z.pos
	e.described = size != 0
	z.open, z.current, z.crc = true, e, 0
	var buf [localHeaderSize + 512]byte
	h := z.appendName(buf[:localHeaderSize], &e)
	z.names.Write(h[localHeaderSize:])
	nameLen := len(h) - localHeaderSize
	z.long = size >= long32 || e.header >= long32
	if z.long {
		// The sizes are zero, as in every header whose descriptor follows.
		at := len(h)
		h = append(h, 1, 0, 0, 0)
		if size >= long32 {
			h = binary.LittleEndian.AppendUint64(h, uint64(size))
			h = binary.LittleEndian.AppendUint64(h, uint64(size))
		}
		if e.header >= long32 {
			h = binary.LittleEndian.AppendUint64(h, uint64(e.header))
		}
		binary.LittleEndian.PutUint16(h[at+2:], uint16(len(h)-at-4))
	}
	start := e.header + int64(len(h)) + 4
	padding := int((alignment - start%alignment) % alignment)
	h = append(h, 'F', 'B', byte(padding), 0)
	for range padding {
		h = append(h, 'Z')
	}
	binary.LittleEndian.PutUint32(h, sigLocal)
	binary.LittleEndian.PutUint16(h[6:], z.current.flags())
	binary.LittleEndian.PutUint16(h[26:], uint16(nameLen))
	binary.LittleEndian.PutUint16(h[28:], uint16(len(h)-localHeaderSize-nameLen))
	z.write(h)
}

// content adds bytes to the open record.
func (z *zipWriter) content(b []byte) {
	z.crc = crc32.Update(z.crc, crc32.IEEETable, b)
	z.current.size += int64(len(b))
	z.write(b)
}

// end finishes the open record, if there is one.
func (z *zipWriter) end() {
	if !z.open {
		return
	}
	z.open = false
	e := z.current
	e.crc = z.crc
	if e.described {
		var d [24]byte
		binary.LittleEndian.PutUint32(d[:], sigDescriptor)
		binary.LittleEndian.PutUint32(d[4:], e.crc)
		if z.long || e.size >= long32 {
			binary.LittleEndian.PutUint64(d[8:], uint64(e.size))
			binary.LittleEndian.PutUint64(d[16:], uint64(e.size))
			z.write(d[:24])
		} else {
			binary.LittleEndian.PutUint32(d[8:], uint32(e.size))
			binary.LittleEndian.PutUint32(d[12:], uint32(e.size))
			z.write(d[:16])
		}
	}
	z.crcs = z.crcs*31 + e.crc
	if z.count%entryChunk == 0 {
		z.entries = append(z.entries, make([]zipEntry, 0, entryChunk))
	}
	last := len(z.entries) - 1
	z.entries[last] = append(z.entries[last], e)
	z.count++
}

func (z *zipWriter) record(name string, content ...[]byte) {
	size := int64(0)
	for _, c := range content {
		size += int64(len(c))
	}
	z.begin(zipEntry{name: name}, size)
	for _, c := range content {
		z.content(c)
	}
	z.end()
}

// fingerprint gives 40 digits made of the records' names and contents, as
// torch's archives bear them under the name of serialization id.
func (z *zipWriter) fingerprint() string {
	return fmt.Sprintf("%020d%020d", z.names.Sum64(), z.crcs)
}

// finish writes the directory.
func (z *zipWriter) finish() {
	start := z.pos
	buf := make([]byte, 0, dirBuffer)
	for _, chunk := range z.entries {
		for i := range chunk {
			if cap(buf)-len(buf) < 1024 {
				z.write(buf)
				buf = buf[:0]
			}
			buf = z.appendDirEntry(buf, &chunk[i])
		}
	}
	z.write(buf)
	size := z.pos - start
	le := binary.LittleEndian
	b := le.AppendUint32(nil, sigEnd64)
	b = le.AppendUint64(b, end64RecordSize-12)
	b = append(b, 30, 3, 45, 0) // made by Unix, version 3.0; needs 4.5, for zip64
	b = le.AppendUint64(b, 0)   // disk numbers
	b = le.AppendUint64(b, uint64(z.count))
	b = le.AppendUint64(b, uint64(z.count))
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint64(b, uint64(start))
	b = le.AppendUint32(b, sigLocator)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(start+size))
	b = le.AppendUint32(b, 1) // disks
	b = le.AppendUint32(b, sigEnd)
	b = le.AppendUint32(b, 0) // disk numbers
	b = le.AppendUint16(b, uint16(min(z.count, 0xffff)))
	b = le.AppendUint16(b, uint16(min(z.count, 0xffff)))
	b = le.AppendUint32(b, uint32(min(size, long32)))
	b = le.AppendUint32(b, uint32(min(start, long32)))
	b = le.AppendUint16(b, 0) // no comment
	z.write(b)
}

func (z *zipWriter) appendDirEntry(b []byte, e *zipEntry) []byte {
	le := binary.LittleEndian
	at := len(b)
	b = append(b, make([]byte, centralHeaderSize)...)
	b = z.appendName(b, e)
	nameLen := len(b) - at - centralHeaderSize
	if e.size >= long32 || e.header >= long32 {
		field := len(b)
		b = append(b, 1, 0, 0, 0)
		if e.size >= long32 {
			b = le.AppendUint64(b, uint64(e.size))
			b = le.AppendUint64(b, uint64(e.size))
		}
		if e.header >= long32 {
			b = le.AppendUint64(b, uint64(e.header))
		}
		le.PutUint16(b[field+2:], uint16(len(b)-field-4))
	}
	h := b[at:]
	le.PutUint32(h, sigCentral)
	le.PutUint16(h[8:], e.flags())
	le.PutUint32(h[16:], e.crc)
	le.PutUint32(h[20:], uint32(min(e.size, long32)))
	le.PutUint32(h[24:], uint32(min(e.size, long32)))
	le.PutUint16(h[28:], uint16(nameLen))
	le.PutUint16(h[30:], uint16(len(h)-centralHeaderSize-nameLen))
	le.PutUint32(h[42:], uint32(min(e.header, long32)))
	return b
}
