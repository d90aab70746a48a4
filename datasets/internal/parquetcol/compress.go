package parquetcol

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"github.com/llmrouter-go/llmrouter/datasets/internal/snappy"
)

// decompressor unpacks pages into buffers of its own, never beyond the size that
// the page's header states.
type decompressor struct {
	out    []byte
	snappy snappy.Decoder
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
}

// unpack returns the size bytes that src holds. They are valid until the next
// call.
func (d *decompressor) unpack(codec format.CompressionCodec, src []byte, size int) ([]byte, error) {
	var err error
	switch codec {
	case format.Uncompressed:
		d.out = src
		if len(src) != size {
			return nil, corrupt("a page of %d bytes states %d", len(src), size)
		}
		return src, nil
	case format.Snappy:
		n, lenErr := snappy.Len(src)
		if lenErr != nil || n != size {
			return nil, corrupt("a page of %d bytes packs %d where %d are stated", len(src), n, size)
		}
		d.out, err = d.snappy.Decode(src)
	case format.Gzip:
		err = d.gunzip(src, size)
	case format.Zstd:
		if d.zstd == nil {
			d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(zstdMemory), zstd.WithDecoderMaxWindow(zstdMemory))
			if err != nil {
				return nil, err
			}
		}
		err = d.stream(zstdStream{d.zstd}, src, size)
	default:
		return nil, fmt.Errorf("%w: compression %v", ErrUnsupported, codec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: unpacking a page: %w", ErrCorrupt, err)
	}
	return d.out, nil
}

// room returns a buffer of n bytes.
func (d *decompressor) room(n int) []byte {
	if cap(d.out) < n {
		d.out = make([]byte, n)
	}
	return d.out[:n]
}

func (d *decompressor) gunzip(src []byte, size int) error {
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	return d.stream(gzipStream{d.gzip}, src, size)
}

type stream interface {
	io.Reader
	Reset(r io.Reader) error
}

type zstdStream struct{ *zstd.Decoder }

type gzipStream struct{ *gzip.Reader }

// stream reads exactly size bytes. The buffer grows with what comes, so that
// a header's word alone takes little memory.
func (d *decompressor) stream(s stream, src []byte, size int) error {
	if err := s.Reset(bytes.NewReader(src)); err != nil {
		return err
	}
	got := 0
	out := d.room(min(size, max(4*len(src), unpackAhead)))
	for {
		n, err := io.ReadFull(s, out[got:])
		got += n
		if err != nil {
			return fmt.Errorf("%d bytes of %d: %w", got, size, err)
		}
		if got == size {
			break
		}
		out = append(out[:got], make([]byte, min(size-got, got))...)
	}
	d.out = out
	var one [1]byte
	if n, err := s.Read(one[:]); n != 0 || err != io.EOF {
		return fmt.Errorf("more than the %d bytes stated", size)
	}
	return nil
}
