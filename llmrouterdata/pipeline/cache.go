package pipeline

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
)

// A vectorCache keeps the vectors of texts in a file, so that they are computed
// once, and so that none of them need stay in memory. It belongs to one run at
// a time.
//
// The file is a header of cacheHeader bytes (what it is, the length of the
// vectors, a hash of the encoder's fingerprint) and then records of one size:
// the SHA-256 of the text, the vector as little-endian float32, a CRC-32C of
// both. Records are only appended; a torn last one is cut off. A cache of
// another encoder is started anew.
type vectorCache struct {
	file   *os.File
	dim    int
	record []byte // scratch, one record
	index  map[[32]byte]int64
	end    int64
}

const (
	cacheSuffix = ".cache" // behind the name of the embedding file
	cacheMagic  = "llmrouter vectors 1\n"
	cacheHeader = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openCache opens the cache of an encoder. With an empty fingerprint nothing
// of an earlier run is used, since nothing tells whether it fits.
func openCache(name, fingerprint string, dim int) (_ *vectorCache, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, fmt.Errorf("pipeline: vector cache: %w", err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("pipeline: vector cache: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("pipeline: vector cache %s: %w", name, err)
		}
	}()
	if err := filelock.TryLock(f); errors.Is(err, filelock.ErrLocked) {
		return nil, fmt.Errorf("%w: another run uses it", filelock.ErrLocked)
	} else if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("locking it: %w", err)
	}
	c := &vectorCache{file: f, dim: dim, record: make([]byte, 32+4*dim+4), index: map[[32]byte]int64{}}
	header := make([]byte, 0, cacheHeader)
	header = append(header, cacheMagic...)
	header = binary.LittleEndian.AppendUint32(header, uint32(dim))
	sum := sha256.Sum256([]byte(fingerprint))
	header = append(header, sum[:]...)
	header = header[:cacheHeader]
	found := make([]byte, cacheHeader)
	n, err := f.ReadAt(found, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if head := string(found[:min(n, len(cacheMagic))]); !strings.HasPrefix(cacheMagic, head) {
		return nil, errors.New("it is not a vector cache")
	}
	if fingerprint == "" || !bytes.Equal(found[:n], header) {
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
		if _, err := f.WriteAt(header, 0); err != nil {
			return nil, err
		}
		c.end = cacheHeader
		return c, nil
	}
	return c, c.load()
}

// load indexes the records up to the first one that is not whole.
func (c *vectorCache) load() error {
	c.end = cacheHeader
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

func (c *vectorCache) valid() bool {
	body, sum := c.record[:len(c.record)-4], c.record[len(c.record)-4:]
	return crc32.Checksum(body, castagnoli) == binary.LittleEndian.Uint32(sum)
}

func (c *vectorCache) has(text string) bool {
	_, ok := c.index[sha256.Sum256([]byte(text))]
	return ok
}

// put adds the vector of a text.
func (c *vectorCache) put(text string, vector []float32) error {
	key := sha256.Sum256([]byte(text))
	record := append(c.record[:0], key[:]...)
	for _, f := range vector {
		record = binary.LittleEndian.AppendUint32(record, math.Float32bits(f))
	}
	record = binary.LittleEndian.AppendUint32(record, crc32.Checksum(record, castagnoli))
	if _, err := c.file.WriteAt(record, c.end); err != nil {
		return fmt.Errorf("pipeline: vector cache: %w", errors.Join(err, c.file.Truncate(c.end)))
	}
	c.index[key] = c.end
	c.end += int64(len(record))
	return nil
}

// get reads the vector of a text into dst, of length dim.
func (c *vectorCache) get(text string, dst []float32) error {
	key := sha256.Sum256([]byte(text))
	offset, ok := c.index[key]
	if !ok {
		return fmt.Errorf("pipeline: vector cache: no vector of the text %.40q", text)
	}
	if _, err := c.file.ReadAt(c.record, offset); err != nil {
		return fmt.Errorf("pipeline: vector cache: %w", err)
	}
	if !c.valid() || [32]byte(c.record[:32]) != key {
		return errors.New("pipeline: vector cache: a record was changed while in use")
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(c.record[32+4*i:]))
	}
	return nil
}

func (c *vectorCache) close() error { return errors.Join(c.file.Sync(), c.file.Close()) }
