// Package vectorcache keeps the vectors of texts in a file, so that they are
// computed once, and so that none of them need stay in memory.
//
// # Terms
//
// The fingerprint names an encoder: encoders of one fingerprint and dimension
// give the same vector for the same text. Of an empty one nothing is known.
//
// The header is the first headerSize bytes of the file: what it is, the
// dimension as a little-endian uint32, the SHA-256 of the fingerprint, zeros.
//
// A record is one text's vector: the SHA-256 of the text (its key), the vector
// as little-endian float32, the CRC-32C of both. All records of a file have one
// size.
//
// # Recovery
//
// Records are only appended. [Open] reads the file up to the first record that
// is not whole, which a crash has torn, and cuts off what follows. A cache of
// another fingerprint or dimension is started anew. The header is synced before
// the first record, records at Close: a power cut costs vectors of the run that
// it ended, which the next run computes again.
package vectorcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// Suffix ends the name of the cache behind that of an embedding file.
const Suffix = ".cache"

const (
	magic      = "llmrouter vectors 1\n"
	headerSize = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Options configures [Open]; nil and the zero value are good.
type Options struct {
	// Fingerprint is that of the encoder. Default: empty, with which nothing of
	// an earlier run is used, since nothing tells whether it fits.
	Fingerprint string
	// FS holds the file; nil: vfs.OS.
	FS vfs.FS
}

// Cache is an open cache. It belongs to one run at a time and is not for
// concurrent use.
type Cache struct {
	file   vfs.File // locked
	dim    int
	record []byte // scratch, one record
	// index gives the offset of each key's record. Records stand whole at
	// headerSize + n*len(record), up to end, where the next one goes.
	index map[[32]byte]int64
	end   int64
}

// Open opens the cache of an encoder of vectors of dim numbers, or makes it and
// the folders above it. The error is filelock.ErrLocked while another run holds
// it.
func Open(name string, dim int, o *Options) (_ *Cache, err error) {
	var options Options
	if o != nil {
		options = *o
	}
	fsys := vfs.Or(options.FS)
	defer func() {
		if err != nil {
			err = fmt.Errorf("vectorcache: %s: %w", name, err)
		}
	}()
	if err := vfs.MkdirAll(fsys, filepath.Dir(name)); err != nil {
		return nil, err
	}
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	c := &Cache{file: f, dim: dim, record: make([]byte, 32+4*dim+4), index: map[[32]byte]int64{}, end: headerSize}
	if err := c.open(fsys, options.Fingerprint); err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// open locks the file and loads it, or starts it anew.
func (c *Cache) open(fsys vfs.FS, fingerprint string) error {
	if err := fsys.TryLock(c.file); errors.Is(err, filelock.ErrLocked) {
		return fmt.Errorf("%w: another run uses it", err)
	} else if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("locking it: %w", err)
	}
	header := make([]byte, 0, headerSize)
	header = append(header, magic...)
	header = binary.LittleEndian.AppendUint32(header, uint32(c.dim))
	sum := sha256.Sum256([]byte(fingerprint))
	header = append(header, sum[:]...)
	header = header[:headerSize]
	found := make([]byte, headerSize)
	n, err := c.file.ReadAt(found, 0)
	if err != nil && err != io.EOF {
		return err
	}
	// A power cut may leave zeros for bytes that were not synced.
	if head := strings.TrimRight(string(found[:min(n, len(magic))]), "\x00"); !strings.HasPrefix(magic, head) {
		return errors.New("it is not a vector cache")
	}
	if fingerprint != "" && bytes.Equal(found[:n], header) {
		return c.load()
	}
	// Were the two not synced apart, a power cut could leave the new header over
	// vectors of the old encoder.
	if err := errors.Join(c.file.Truncate(0), c.file.Sync()); err != nil {
		return err
	}
	if _, err := c.file.WriteAt(header, 0); err != nil {
		return err
	}
	return errors.Join(c.file.Sync(), fsys.SyncDir(filepath.Dir(c.file.Name())))
}

// load indexes the records up to the first one that is not whole.
func (c *Cache) load() error {
	for {
		_, err := c.file.ReadAt(c.record, c.end)
		if err == io.EOF || err == nil && !c.valid() {
			return c.file.Truncate(c.end)
		}
		if err != nil {
			return err
		}
		c.index[[32]byte(c.record[:32])] = c.end
		c.end += int64(len(c.record))
	}
}

func (c *Cache) valid() bool {
	body, sum := c.record[:len(c.record)-4], c.record[len(c.record)-4:]
	return crc32.Checksum(body, castagnoli) == binary.LittleEndian.Uint32(sum)
}

// Dim returns the length of the vectors.
func (c *Cache) Dim() int { return c.dim }

// Has reports whether the cache holds the vector of a text.
func (c *Cache) Has(text string) bool {
	_, ok := c.index[sha256.Sum256([]byte(text))]
	return ok
}

// Put adds the vector of a text, of length Dim.
func (c *Cache) Put(text string, vector []float32) error {
	if len(vector) != c.dim {
		return fmt.Errorf("vectorcache: a vector of %d numbers, want %d", len(vector), c.dim)
	}
	key := sha256.Sum256([]byte(text))
	record := append(c.record[:0], key[:]...)
	for _, f := range vector {
		record = binary.LittleEndian.AppendUint32(record, math.Float32bits(f))
	}
	record = binary.LittleEndian.AppendUint32(record, crc32.Checksum(record, castagnoli))
	if _, err := c.file.WriteAt(record, c.end); err != nil {
		return fmt.Errorf("vectorcache: %w", errors.Join(err, c.file.Truncate(c.end)))
	}
	c.index[key] = c.end
	c.end += int64(len(record))
	return nil
}

// Get reads the vector of a text into dst, of length Dim.
func (c *Cache) Get(text string, dst []float32) error {
	key := sha256.Sum256([]byte(text))
	offset, ok := c.index[key]
	if !ok {
		return fmt.Errorf("vectorcache: no vector of the text %.40q", text)
	}
	if _, err := c.file.ReadAt(c.record, offset); err != nil {
		return fmt.Errorf("vectorcache: %w", err)
	}
	if !c.valid() || [32]byte(c.record[:32]) != key {
		return errors.New("vectorcache: a record was changed while in use")
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(c.record[32+4*i:]))
	}
	return nil
}

// Close syncs the records and gives the lock back.
func (c *Cache) Close() error { return errors.Join(c.file.Sync(), c.file.Close()) }
