package hub_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func openRemote(t *testing.T, c *hub.Client, path string) *hub.RemoteFile {
	t.Helper()
	f, err := c.Open(t.Context(), hub.Dataset("o/d"), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// spans lists the ranges asked of the content server.
func spans(h *hubtest.Hub) []string {
	var out []string
	for _, r := range h.Requests() {
		if r.Method == "GET" {
			out = append(out, strings.TrimPrefix(r.Header.Get("Range"), "bytes="))
		}
	}
	return out
}

func TestRemoteFileReadsLikeAFile(t *testing.T) {
	h := hubtest.New(t)
	large := content(1_000_003)
	h.Dataset("o/d", map[string]string{largeName: large, smallName: "a small file", "empty": ""})
	c := newClient(t, h, nil)
	for path, want := range map[string]string{largeName: large, smallName: "a small file", "empty": ""} {
		f := openRemote(t, c, path)
		if f.Size() != int64(len(want)) {
			t.Errorf("%s: size %d, want %d", path, f.Size(), len(want))
		}
		if err := iotest.TestReader(io.NewSectionReader(f, 0, f.Size()), []byte(want)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := blobs(t, c); len(got) != 0 {
		t.Errorf("reading ranges filled the cache with %v", got)
	}
}

func TestRemoteFileEnds(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: "0123456789"})
	f := openRemote(t, newClient(t, h, nil), largeName)
	for _, tt := range []struct {
		off  int64
		n    int
		want string
		err  error
	}{
		{0, 10, "0123456789", nil},
		{0, 11, "0123456789", io.EOF},
		{9, 1, "9", nil},
		{9, 2, "9", io.EOF},
		{10, 1, "", io.EOF},
		{10, 0, "", nil},
		{1 << 40, 1, "", io.EOF},
		{3, 0, "", nil},
	} {
		p := make([]byte, tt.n)
		n, err := f.ReadAt(p, tt.off)
		if string(p[:n]) != tt.want || err != tt.err {
			t.Errorf("ReadAt(%d bytes, %d): %q, %v; want %q, %v", tt.n, tt.off, p[:n], err, tt.want, tt.err)
		}
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is no error")
	}
}

func TestRemoteFileAsksForBlocks(t *testing.T) {
	h := hubtest.New(t)
	large := content(20 << 20)
	h.Dataset("o/d", map[string]string{largeName: large})
	f := openRemote(t, newClient(t, h, nil), largeName)
	if diff := cmp.Diff([]string{"20709376-20971519"}, spans(h)); diff != "" {
		t.Errorf("Open: %s", diff)
	}
	read := func(off, n int) {
		t.Helper()
		p := make([]byte, n)
		if _, err := f.ReadAt(p, int64(off)); err != nil {
			t.Fatal(err)
		}
		if string(p) != large[off:off+n] {
			t.Errorf("%d bytes at %d differ", n, off)
		}
	}
	const block = 256 << 10
	for _, tt := range []struct {
		name string
		read func()
		want []string
	}{
		{"one block", func() { read(10, 5) }, []string{"0-262143"}},
		{"the same again", func() { read(100, block-100) }, nil},
		{"a run beside it", func() { read(block-1, 2*block) }, []string{"262144-786431"}},
		{"the tail, which Open has read", func() { read(len(large)-8, 8) }, nil},
		{"a large read goes past the blocks", func() { read(100, 2<<20) }, []string{"100-2097251"}},
		{"more blocks than are kept", func() {
			for i := range 40 {
				read((20+i)*block, 1)
			}
			h.Forget()
			read(10, 5) // dropped long ago
			read((20+39)*block, 1)
		}, []string{"0-262143"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.Forget()
			tt.read()
			if diff := cmp.Diff(tt.want, spans(h)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRemoteFileSurvives(t *testing.T) {
	large := content(600_000)
	for _, tt := range []struct {
		name   string
		faults []hubtest.Fault
		do     func(h *hubtest.Hub)
		ranges int // requests to the content server
	}{
		{name: "expired link", do: (*hubtest.Hub).ExpireLinks, ranges: 2},
		{name: "hangup and 500", faults: []hubtest.Fault{{Server: "cdn", Hangup: true}, {Server: "cdn", Status: 500}}, ranges: 3},
		{name: "body cut", faults: []hubtest.Fault{{Server: "cdn", Cut: 1000}}, ranges: 2},
		{name: "hub fails to give a new link, once", faults: []hubtest.Fault{{Server: "cdn", Status: 403}, {Method: "HEAD", Status: 500}}, ranges: 2},
		{name: "ranges passed over for a small file", faults: []hubtest.Fault{{Server: "cdn", NoRange: true, Times: -1}}, ranges: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: large})
			f := openRemote(t, newClient(t, h, nil), largeName)
			h.Forget()
			h.Inject(tt.faults...)
			if tt.do != nil {
				tt.do(h)
			}
			p := make([]byte, 1000)
			if _, err := f.ReadAt(p, 200_000); err != nil {
				t.Fatal(err)
			}
			if string(p) != large[200_000:201_000] {
				t.Error("the bytes differ")
			}
			if n := count(h, "cdn", "GET"); n != tt.ranges {
				t.Errorf("%d requests to the content server, want %d", n, tt.ranges)
			}
		})
	}
}

func TestRemoteFileFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault hubtest.Fault
		is    error
		says  string
	}{
		{name: "another range", fault: hubtest.Fault{Status: 206, Header: map[string][]string{"Content-Range": {"bytes 1-2/600000"}}, Body: "xx"}, says: "bytes 1-2/600000"},
		{name: "another size", fault: hubtest.Fault{Status: 206, Header: map[string][]string{"Content-Range": {"bytes 0-262143/600001"}}}, says: "0-262143/600001"},
		{name: "gone", fault: hubtest.Fault{Status: 404}, says: "content server"},
		{name: "empty bodies for ever", fault: hubtest.Fault{Status: 206, Header: map[string][]string{"Content-Range": {"bytes 0-262143/600000"}}}, is: io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: content(600_000)})
			f := openRemote(t, newClient(t, h, nil), largeName)
			tt.fault.Times, tt.fault.Server = -1, "cdn"
			h.Inject(tt.fault)
			_, err := f.ReadAt(make([]byte, 10), 0)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "Signature") {
				t.Errorf("the error tells the signature: %v", err)
			}
			// A later read is not poisoned by the failed one.
			h.Heal()
			if _, err := f.ReadAt(make([]byte, 10), 0); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: "x"}).Gate("auto")
	if _, err := newClient(t, h, nil).Open(t.Context(), hub.Dataset("o/d"), largeName); !errors.Is(err, hub.ErrGated) {
		t.Errorf("gated: %v", err)
	}
	h.Dataset("o/d2", map[string]string{largeName: content(17 << 20)})
	h.Inject(hubtest.Fault{Server: "cdn", NoRange: true, Times: -1})
	if _, err := newClient(t, h, nil).Open(t.Context(), hub.Dataset("o/d2"), largeName); !errors.Is(err, hub.ErrNoRanges) {
		t.Errorf("server without ranges: %v", err)
	}
}

func TestRemoteFileOfACachedFile(t *testing.T) {
	h := hubtest.New(t)
	commit := h.Dataset("o/d", nil).Branch("main", map[string]string{largeName: "0123456789"})
	c := newClient(t, h, nil)
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName); err != nil {
		t.Fatal(err)
	}
	for _, rev := range []string{"main", commit} {
		f, err := c.Open(t.Context(), hub.Dataset("o/d").At(rev), largeName)
		if err != nil {
			t.Fatal(err)
		}
		h.Forget()
		p := make([]byte, 4)
		if n, err := f.ReadAt(p, 3); n != 4 || err != nil || string(p) != "3456" || f.Size() != 10 {
			t.Errorf("%d %v %q of %d", n, err, p, f.Size())
		}
		if n := len(h.Requests()); n != 0 {
			t.Errorf("%d requests for a cached file", n)
		}
		must(t, f.Close(), f.Close())
		if _, err := f.ReadAt(p, 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestRemoteFileClosedOrCancelled(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: content(5 << 20)})
	c := newClient(t, h, nil)
	for name, tt := range map[string]struct {
		stop func(f *hub.RemoteFile, cancel context.CancelFunc)
		is   error
	}{
		"closed":    {func(f *hub.RemoteFile, _ context.CancelFunc) { f.Close() }, os.ErrClosed},
		"cancelled": {func(_ *hub.RemoteFile, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		for _, size := range []int{10, 3 << 20} {
			ctx, cancel := context.WithCancel(t.Context())
			f, err := c.Open(ctx, hub.Dataset("o/d"), largeName)
			if err != nil {
				t.Fatal(err)
			}
			h.Inject(hubtest.Fault{Server: "cdn", Stall: true, Times: -1})
			h.Forget()
			failed := make(chan error)
			go func() {
				_, err := f.ReadAt(make([]byte, size), 0)
				failed <- err
			}()
			for count(h, "cdn", "GET") == 0 { // until the read is under way
				runtime.Gosched()
			}
			tt.stop(f, cancel)
			if err := <-failed; !errors.Is(err, tt.is) {
				t.Errorf("%s during a read of %d: %v, want %v", name, size, err, tt.is)
			}
			if _, err := f.ReadAt(make([]byte, size), 0); !errors.Is(err, tt.is) {
				t.Errorf("%s before a read of %d: %v, want %v", name, size, err, tt.is)
			}
			h.Heal()
			cancel()
			must(t, f.Close())
		}
	}
}

func TestRemoteFileHammer(t *testing.T) {
	h := hubtest.New(t)
	large := []byte(content(10 << 20)) // more than the blocks hold
	h.Dataset("o/d", map[string]string{largeName: string(large)})
	f := openRemote(t, newClient(t, h, nil), largeName)
	h.Inject(hubtest.Fault{Server: "cdn", Cut: 100_000, Times: 3}, hubtest.Fault{Server: "cdn", Status: 403, Times: 3})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			for range 25 {
				n := 1 + rnd.IntN(400_000)
				if rnd.IntN(20) == 0 {
					n += 2 << 20
				}
				off := rnd.IntN(len(large) - n)
				p := make([]byte, n)
				if _, err := f.ReadAt(p, int64(off)); err != nil {
					t.Error(err)
				} else if !bytes.Equal(p, large[off:off+n]) {
					t.Errorf("%d bytes at %d differ", n, off)
				}
			}
		})
	}
	wg.Wait()
}
