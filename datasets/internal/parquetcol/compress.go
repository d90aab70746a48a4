package parquetcol

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"

	"github.com/llmrouter-go/llmrouter/datasets/internal/snappy"
)

// decompressor unpacks pages into buffers of its own, never beyond the size that
// the page's header states.
type decompressor struct {
	out    []byte
	snappy snappy.Decoder
	*codecs
}

// codecs holds what the decoders of streams keep from page to page. Pages that
// are unpacked one after the other share it.
type codecs struct {
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
	brotli *brotli.Reader
}

// readable reports a codec that is not read.
func readable(c format.CompressionCodec) error {
	switch c {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli, format.Lz4Raw:
		return nil
	case format.Lz4:
		return fmt.Errorf("%w: compression LZ4 in Hadoop's frames, which the format has withdrawn (LZ4_RAW is read)", ErrUnsupported)
	}
	return fmt.Errorf("%w: compression %v", ErrUnsupported, c)
}

// release lets go of the buffer.
func (d *decompressor) release() { d.out, d.snappy = nil, snappy.Decoder{} }

// unpack returns the size bytes that src holds. They are valid until the next
// call. Blocks of snappy are not unpacked here but where they are read to.
func (d *decompressor) unpack(codec format.CompressionCodec, src []byte, size int) ([]byte, error) {
	if d.codecs == nil {
		d.codecs = new(codecs)
	}
	var err error
	switch codec {
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
	case format.Brotli:
		if d.brotli == nil {
			d.brotli = brotli.NewReader(nil)
		}
		err = d.stream(d.brotli, src, size)
	case format.Lz4Raw:
		err = d.unlz4(src, size)
	default:
		return nil, readable(codec)
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

// unlz4 unpacks a bare LZ4 block. It is unpacked in one piece, so that a size
// which the block is too short for is refused first.
func (d *decompressor) unlz4(src []byte, size int) error {
	if size > lz4Most*len(src) {
		return fmt.Errorf("%d bytes cannot hold %d", len(src), size)
	}
	// A byte for the decoder to point to: given none, it writes to address 0.
	out := d.room(max(size, 1))[:size]
	n, err := lz4.UncompressBlock(src, out)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes of %d", n, size)
	}
	d.out = out
	return err
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
