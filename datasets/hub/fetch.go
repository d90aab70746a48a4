package hub

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

const incompleteSuffix = ".incomplete"

// errVanished: our part was taken away, as by another process that believed to
// hold the lock, on a file system where several may.
var errVanished = errors.New("the part of the download has vanished")

// fetch downloads the content of a file at a commit to the name blob.
//
// The bytes go to a file of our own, so that nobody else can write to what we
// have verified; a part that an earlier attempt left behind is copied into it
// first. A failed attempt leaves its part for the next. Where nothing is known of
// the content no part is taken over or left, as other clients' may be filled in
// any order, and after a crash anybody's may hold zeros. locked tells that no
// other process is at it.
func (c *Client) fetch(ctx context.Context, t target, m meta, blob string, locked bool) (err error) {
	listed, ok := c.fact(t.repo, t.path)
	v := newVerifier(t, m, listed)
	if ok && listed.Size != m.size && !v.known() {
		return sizeError(t, listed.Size, strconv.FormatInt(m.size, 10))
	}
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return t.errorf("cache: %w", err)
	}
	f, err := createPart(blob)
	if err != nil {
		return t.errorf("cache: %w", err)
	}
	d := &transfer{c: c, t: t, m: m, f: f, v: v, told: ok}
	keep := false
	defer func() {
		if err == nil {
			return
		}
		f.Close()
		if !keep {
			os.Remove(f.Name())
		}
	}()

	leftovers := parts(blob, f.Name())
	if err = d.adopt(leftovers); err != nil {
		return t.errorf("cache: %w", err)
	}
	resumed := d.have > 0
	for tries := 0; ; tries++ {
		if err = d.run(ctx); err != nil {
			if keep = d.have > 0 && d.have <= m.size && d.v.known(); keep {
				clearParts(leftovers, locked) // ours holds what they held
			}
			return err
		}
		if err = d.check(ctx); err == nil {
			break
		}
		clearParts(leftovers, locked)
		// A part left behind may have been bad, and so may the wire; a second
		// failure of bytes that all came now is the server's.
		if tries > 0 {
			return err
		}
		c.o.Logger.Warn("fetching again from the start", "repo", t.repo.String(), "path", t.shownPath(), "resumed", resumed, "error", err)
		if err = d.restart(); err != nil {
			return err
		}
	}
	if err = d.become(blob); err != nil {
		return err
	}
	clearParts(leftovers, locked)
	if ok && listed.Size != m.size {
		c.correct(t, m.size)
	}
	return nil
}

// become gives the complete file its name.
func (d *transfer) become(blob string) error {
	err := d.f.Sync()
	if err == nil {
		err = d.f.Close()
	}
	if err == nil {
		err = atomicfile.Rename(d.f.Name(), blob)
	}
	if err == nil {
		return nil
	}
	if size, ok := fileSize(blob); ok && size == d.m.size {
		// Another process has finished first, where locks do not work.
		os.Remove(d.f.Name())
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errVanished
	}
	return d.t.errorf("cache: %w", err)
}

// createPart makes a new "<etag>.<8 hex>.incomplete" beside the blob, with the
// permissions that the umask leaves, as the cache may be shared.
func createPart(blob string) (f *os.File, err error) {
	_, err = createFree(blob, incompleteSuffix, func(name string) error {
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	return f, err
}

// parts finds what attempts at blob have left behind, ours and other clients'
// ("<etag>.incomplete"), except own.
func parts(blob, own string) []string {
	found, _ := filepath.Glob(globEscape(blob) + ".*" + incompleteSuffix)
	if _, ok := fileSize(blob + incompleteSuffix); ok {
		found = append(found, blob+incompleteSuffix)
	}
	kept := found[:0]
	for _, name := range found {
		if filepath.Base(name) != filepath.Base(own) {
			kept = append(kept, name)
		}
	}
	return kept
}

// globEscape takes the meaning from the pattern characters of a path.
func globEscape(s string) string {
	if os.PathSeparator == '\\' {
		return s // no escapes there, and none of * ? in names; "[" is rare enough
	}
	var b []byte
	for _, c := range []byte(s) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

// clearParts removes leftovers. Without the lock one that changed of late may be the
// part of a live transfer, and stays.
func clearParts(names []string, locked bool) {
	for _, n := range names {
		info, err := os.Stat(n)
		if err == nil && (locked || time.Since(info.ModTime()) > staleAfter) {
			os.Remove(n) // what stays only costs room
		}
	}
}

// transfer is the state of one file's download.
type transfer struct {
	c    *Client
	t    target
	m    meta
	f    *os.File
	v    *verifier
	told bool  // v knows what the commit's listing says, or that there is none
	have int64 // bytes in f, all hashed

	reported time.Time
}

// check compares the content with what is known of it. Where that is the ETag
// alone, and it is another hash than the content's, the commit's listing decides:
// a server may put any text there.
func (d *transfer) check(ctx context.Context) error {
	err := d.v.check()
	if err == nil || d.told {
		return err
	}
	d.told = true
	files, listErr := d.c.list(ctx, d.t.repo)
	if listErr != nil {
		d.c.o.Logger.Warn("no listing to hold the content against", "repo", d.t.repo.String(), "path", d.t.shownPath(), "error", listErr)
		return err
	}
	d.v = newVerifier(d.t, d.m, files[d.t.path])
	return d.v.checkAll(io.NewSectionReader(d.f, 0, d.have))
}

// adopt copies the longest usable leftover into f.
func (d *transfer) adopt(names []string) error {
	if !d.v.known() {
		return nil
	}
	best, length := "", int64(0)
	for _, n := range names {
		if size, ok := fileSize(n); ok && size > length && size <= d.m.size {
			best, length = n, size
		}
	}
	if best == "" {
		return nil
	}
	in, err := os.Open(best)
	if err != nil {
		return nil // another process has taken it
	}
	defer in.Close()
	d.have, err = io.Copy(io.MultiWriter(d.f, d.v), io.LimitReader(in, length))
	if err != nil {
		return err
	}
	d.c.o.Logger.Debug("resuming", "repo", d.t.repo.String(), "path", d.t.shownPath(), "have", d.have, "size", d.m.size)
	return nil
}

// restart forgets all bytes.
func (d *transfer) restart() error {
	err := d.f.Truncate(0)
	if err == nil {
		_, err = d.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return d.t.errorf("cache: %w", err)
	}
	d.have = 0
	d.v.reset()
	return nil
}

// run transfers until all bytes are there, with retries that count anew
// whenever it got further than ever before: a server that starts over each time
// could otherwise go on forever.
func (d *transfer) run(ctx context.Context) error {
	retry := retrier{c: d.c, t: d.t}
	d.report(true)
	for most := d.have; d.have < d.m.size; {
		err := d.attempt(ctx)
		if err == nil {
			continue
		}
		if d.have > most {
			most, retry.tries = d.have, 0
		}
		if err := retry.again(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// attempt makes one request for the missing bytes and takes what comes.
func (d *transfer) attempt(ctx context.Context) error {
	header := http.Header{}
	if d.have > 0 && !d.v.known() && d.m.etag.weak {
		if err := d.restart(); err != nil {
			return err
		}
	}
	if d.have > 0 {
		header.Set("Range", "bytes="+strconv.FormatInt(d.have, 10)+"-")
	}
	r, err := d.c.send(ctx, d.t, http.MethodGet, d.c.resolveURL(d.t.repo, d.t.path), header, true)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable && d.have > 0 {
			return d.startOver(err)
		}
		return err
	}
	defer r.Body.Close()
	switch r.StatusCode {
	case http.StatusOK:
		if d.have > 0 {
			// The range was ignored: this is the whole file.
			if err := d.restart(); err != nil {
				return err
			}
		}
	case http.StatusPartialContent:
		if err := d.continued(r.Header); err != nil {
			return d.startOver(err)
		}
	default:
		return d.t.errorf("unexpected status %d", r.StatusCode)
	}
	body, err := r.content()
	if err != nil {
		return d.t.errorf("%w", err)
	}
	return d.take(body)
}

// continued checks that an answer to a range goes on where the bytes end.
func (d *transfer) continued(h http.Header) error {
	first, _, total, err := parseContentRange(h.Get("Content-Range"))
	if err != nil || first != d.have || total != d.m.size || h.Get("Content-Encoding") != "" {
		return d.t.errorf("answer to the range from byte %d of %d: Content-Range %q", d.have, d.m.size, d.c.show(h.Get("Content-Range")))
	}
	if !d.v.known() && !d.m.etag.continues(h.Get("ETag")) {
		return d.t.errorf("the answer to the range from byte %d does not say that it is of the same content", d.have)
	}
	return nil
}

// startOver drops the bytes after the server would not continue them; the next
// attempt asks for the whole file, and counts as a retry.
func (d *transfer) startOver(cause error) error {
	if d.have == 0 {
		return cause
	}
	if err := d.restart(); err != nil {
		return err
	}
	return &passing{cause}
}

// take stores and hashes a body up to the announced size.
func (d *transfer) take(body io.Reader) error {
	buf := make([]byte, copyBuffer)
	for {
		n, err := body.Read(buf)
		if int64(n) > d.m.size-d.have {
			return d.badSize(strconv.FormatInt(d.have+int64(n), 10) + " or more")
		}
		if n > 0 {
			if _, werr := d.f.Write(buf[:n]); werr != nil {
				return d.t.errorf("cache: %w", werr)
			}
			_, _ = d.v.Write(buf[:n])
			d.have += int64(n)
			d.report(false)
		}
		switch {
		case err == io.EOF && d.have < d.m.size:
			return &passing{d.t.errorf("the body ends at byte %d of %d: %w", d.have, d.m.size, io.ErrUnexpectedEOF)}
		case err == io.EOF:
			return nil
		case err != nil && errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
			return err
		case err != nil:
			return &passing{err} // the wire's, or a broken gzip coating
		}
	}
}

// badSize ends the download: a body longer than announced is no fault of the
// wire.
func (d *transfer) badSize(got string) error {
	if err := d.restart(); err != nil {
		return err
	}
	return sizeError(d.t, d.m.size, got)
}

func sizeError(t target, want int64, got string) error {
	return &ChecksumError{Repo: t.repo, Path: t.shownPath(), Algorithm: "size", Want: strconv.FormatInt(want, 10), Got: got}
}

func (d *transfer) report(always bool) {
	if d.c.o.Progress == nil {
		return
	}
	if now := time.Now(); !always {
		if now.Sub(d.reported) < progressEvery {
			return
		}
		d.reported = now
	}
	d.c.report(Progress{Repo: d.t.repo, Path: d.t.path, Done: d.have, Total: d.m.size})
}
