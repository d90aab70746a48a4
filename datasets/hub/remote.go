package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
)

// RemoteFile reads parts of a file of a repository without downloading all of
// it. A file that the cache holds is read from there. It is safe for concurrent
// use; small reads are served in blocks of 256 KiB, at most 8 MiB of which are
// kept.
//
// Parts cannot be verified, as the hub publishes hashes of whole files; that
// each comes complete, from the right place and from a file of the right size
// is checked. Use Client.Download where the content must be verified.
type RemoteFile struct {
	c      *Client
	t      target // pinned to the commit
	m      meta
	ctx    context.Context
	cancel context.CancelFunc
	local  *os.File // set when the file is in the cache

	mu     sync.Mutex
	url    *url.URL // where the content lies; a signed address expires
	closed bool
	blocks map[int64]*block
	clock  int64
}

// block is a part of the file, or the promise of it.
type block struct {
	ready chan struct{} // closed when data or err is set
	data  []byte
	err   error
	used  int64 // clock of the last use
}

// Open prepares a file for reading by ranges. ctx governs the opening and all
// later reads; Close ends them too. Offline only files in the cache open.
//
// The file's last block is read at once: that is where parquet and zip files
// are read first, and it shows here rather than later that a server does not
// serve parts (ErrNoRanges).
func (c *Client) Open(ctx context.Context, repo Repo, path string) (*RemoteFile, error) {
	repo, err := repo.normalize()
	if err != nil {
		return nil, err
	}
	if err := c.secrets.Err(checkPath(path)); err != nil {
		return nil, err
	}
	local, m, err := c.find(ctx, repo, path, false)
	if err != nil {
		return nil, err
	}
	if local == "" {
		pinned := repo.At(m.commit)
		if listed, ok := c.fact(pinned, path); ok && listed.Size != m.size {
			return nil, c.about(pinned, path).errorf("%w: of %d bytes, and %d by the commit's listing, only the whole can be verified", ErrNoRanges, m.size, listed.Size)
		}
		if p := c.pointer(repo, m.commit, path); c.isThat(c.about(pinned, path), m, p) {
			local = p
		}
	}
	f := &RemoteFile{c: c, t: c.about(repo, path), m: m}
	if local != "" {
		file, err := os.Open(local)
		if err != nil {
			return nil, f.t.errorf("cache: %w", err)
		}
		info, err := file.Stat()
		if err != nil {
			file.Close()
			return nil, f.t.errorf("cache: %w", err)
		}
		f.local, f.m.size = file, info.Size()
		return f, nil
	}
	f.t.repo = repo.At(m.commit)
	f.url = m.url
	f.ctx, f.cancel = context.WithCancel(ctx)
	f.blocks = map[int64]*block{}
	if f.m.size > 0 {
		if _, err := f.ReadAt(make([]byte, 1), f.m.size-1); err != nil {
			f.cancel()
			return nil, err
		}
	}
	return f, nil
}

// Size returns the file's length in bytes.
func (f *RemoteFile) Size() int64 { return f.m.size }

// Close releases the file and ends reads under way. A second call does nothing.
func (f *RemoteFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.blocks = nil
	if f.local != nil {
		return f.local.Close()
	}
	f.cancel()
	return nil
}

// ReadAt implements io.ReaderAt. Reads of 2 MiB and more are one request each
// into p; smaller ones share blocks.
func (f *RemoteFile) ReadAt(p []byte, off int64) (int, error) {
	if f.local != nil {
		return f.local.ReadAt(p, off)
	}
	if off < 0 {
		return 0, f.t.errorf("read at the negative offset %d", off)
	}
	if off >= f.m.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > f.m.size-off {
		p, end = p[:f.m.size-off], io.EOF
	}
	if len(p) >= directRead {
		if err := f.open(); err != nil {
			return 0, err
		}
		if n, err := f.fetch(p, off); err != nil {
			return n, err
		}
		return len(p), end
	}
	n, err := f.readBlocks(p, off)
	if err != nil {
		return n, err
	}
	return n, end
}

func (f *RemoteFile) open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.t.errorf("%w", os.ErrClosed)
	}
	return nil
}

// readBlocks serves a read from blocks. Missing ones that lie side by side are
// fetched by one request.
func (f *RemoteFile) readBlocks(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		i := (off + int64(n)) / blockSize
		last := (off + int64(len(p)) - 1) / blockSize
		b, err := f.block(i, last)
		if err != nil {
			return n, err
		}
		select {
		case <-b.ready:
		case <-f.ctx.Done():
			return n, f.closedError()
		}
		if b.err != nil {
			return n, b.err
		}
		n += copy(p[n:], b.data[off+int64(n)-i*blockSize:])
	}
	return n, nil
}

// block gives block i, fetching it, with the missing ones after it up to last,
// where nobody has.
func (f *RemoteFile) block(i, last int64) (*block, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, f.t.errorf("%w", os.ErrClosed)
	}
	f.clock++
	if b := f.blocks[i]; b != nil {
		b.used = f.clock
		f.mu.Unlock()
		return b, nil
	}
	var run []*block
	for j := i; j <= last && f.blocks[j] == nil; j++ {
		b := &block{ready: make(chan struct{}), used: f.clock}
		f.blocks[j] = b
		run = append(run, b)
	}
	f.evict()
	f.mu.Unlock()

	start := i * blockSize
	data := make([]byte, min(int64(len(run))*blockSize, f.m.size-start))
	_, err := f.fetch(data, start)
	f.mu.Lock()
	for k, b := range run {
		if err != nil {
			b.err = err
			if f.blocks[i+int64(k)] == b {
				delete(f.blocks, i+int64(k)) // the next read tries again
			}
		} else {
			part := data[int64(k)*blockSize:]
			// Cut off from its neighbours, so that dropping one frees it.
			b.data = append([]byte(nil), part[:min(int64(len(part)), blockSize)]...)
		}
		close(b.ready)
	}
	f.mu.Unlock()
	return run[0], nil
}

// evict drops the blocks used least recently that are beyond the bound. Those
// still being fetched stay: readers wait for them.
func (f *RemoteFile) evict() {
	for len(f.blocks) > maxBlocks {
		oldest, found := int64(0), false
		for j, b := range f.blocks {
			select {
			case <-b.ready:
				if !found || b.used < f.blocks[oldest].used {
					oldest, found = j, true
				}
			default:
			}
		}
		if !found {
			return
		}
		delete(f.blocks, oldest)
	}
}

func (f *RemoteFile) closedError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.t.errorf("%w", os.ErrClosed)
	}
	return f.t.errorf("%w", f.ctx.Err())
}

// fetch fills p from off by requests of the missing rest until it is full.
func (f *RemoteFile) fetch(p []byte, off int64) (int, error) {
	retry := retrier{c: f.c, t: f.t}
	n := 0
	for n < len(p) {
		got, err := f.fetchOnce(p[n:], off+int64(n))
		n += got
		if got > 0 {
			retry.tries = 0
		}
		if err == nil {
			continue
		}
		if f.ctx.Err() != nil {
			return n, f.closedError()
		}
		if err := retry.again(f.ctx, err); err != nil {
			if f.ctx.Err() != nil {
				return n, f.closedError()
			}
			return n, err
		}
	}
	return n, nil
}

func (f *RemoteFile) fetchOnce(p []byte, off int64) (int, error) {
	u, err := f.address()
	if err != nil {
		return 0, err
	}
	last := off + int64(len(p)) - 1
	header := http.Header{"Range": {"bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(last, 10)}}
	r, err := f.c.send(f.ctx, f.t, http.MethodGet, u.String(), header, true)
	if err != nil {
		// Whatever it was, the next attempt had better ask the hub where the
		// content lies now: the address may have expired.
		f.forget(u)
		return 0, err
	}
	defer r.Body.Close()
	body, err := r.content()
	if err != nil {
		return 0, f.t.errorf("%w", err)
	}
	switch r.StatusCode {
	case http.StatusPartialContent:
		first, to, total, err := parseContentRange(r.Header.Get("Content-Range"))
		if err != nil || first != off || to > last || total != f.m.size {
			return 0, f.t.errorf("answer to the range %d-%d of %d: Content-Range %q", off, last, f.m.size, f.c.show(r.Header.Get("Content-Range")))
		}
	case http.StatusOK:
		if f.m.size > skipLimit {
			return 0, f.t.errorf("%w: %d bytes are too many to read from the start each time", ErrNoRanges, f.m.size)
		}
		if _, err := io.CopyN(io.Discard, body, off); err != nil {
			return 0, f.bodyError(err)
		}
	default:
		return 0, f.t.errorf("unexpected status %d", r.StatusCode)
	}
	n, err := io.ReadFull(body, p)
	if err != nil {
		return n, f.bodyError(err)
	}
	return n, nil
}

func (f *RemoteFile) bodyError(err error) error {
	if _, ok := errors.AsType[*passing](err); ok {
		return err
	}
	return &passing{f.t.errorf("body of a range: %w", err)}
}

// address gives where the content lies, asking the hub again after forget. The
// commit is pinned, so that it must describe the same content.
func (f *RemoteFile) address() (*url.URL, error) {
	f.mu.Lock()
	u := f.url
	f.mu.Unlock()
	if u != nil {
		return u, nil
	}
	m, err := f.c.describeOnce(f.ctx, f.t)
	if err != nil {
		return nil, err
	}
	if m.etag != f.m.etag || m.size != f.m.size {
		return nil, sizeError(f.t, f.m.size, strconv.FormatInt(m.size, 10))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.url = m.url
	return m.url, nil
}

func (f *RemoteFile) forget(u *url.URL) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.url == u {
		f.url = nil
	}
}
