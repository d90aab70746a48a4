package parquetcol

import "github.com/parquet-go/parquet-go/format"

// unpacker reads the pages of a column on a goroutine of its own, through the
// row groups from one on. It holds two pages: the one in progress, and the next
// one.
type unpacker struct {
	ready, free chan aheadPage
	quit, ended chan struct{}

	// Of the reader: the row group that it is in, the page that it was given
	// last, and the one after it, where it has been looked at.
	group        int
	current, one aheadPage
}

// aheadPage is a page of a row group. One with an error, and one of pageEnd, is
// the last of its row group.
type aheadPage struct {
	*rawPage
	group int
	err   error
}

func (p aheadPage) last() bool { return p.err != nil || p.kind == pageEnd }

func startUnpacker(f *File, l Leaf, group, readBytes int) *unpacker {
	const pages = 2
	u := &unpacker{
		ready: make(chan aheadPage, pages), free: make(chan aheadPage, pages),
		quit: make(chan struct{}), ended: make(chan struct{}),
		group: group,
	}
	shared := new(codecs)
	for range pages {
		u.free <- aheadPage{rawPage: &rawPage{copied: true, unpack: decompressor{codecs: shared}}}
	}
	go func() {
		defer close(u.ended)
		var p pager
		for g := group; g < f.NumRowGroups(); g++ {
			if !u.readGroup(f, l, &p, g, readBytes) {
				return
			}
		}
	}()
	return u
}

// readGroup reads a row group's pages. It reports false when told to stop.
func (u *unpacker) readGroup(f *File, l Leaf, p *pager, g, readBytes int) bool {
	for first := true; ; first = false {
		var at aheadPage
		select {
		case at = <-u.free:
		case <-u.quit:
			return false
		}
		at.group = g
		at.err = func() (err error) {
			defer Guard(&err)
			if first {
				if err := p.open(f, l, g, readBytes); err != nil {
					return err
				}
			}
			return p.next(at.rawPage, 0)
		}()
		last := at.last()
		select {
		case u.ready <- at:
		case <-u.quit:
			return false
		}
		if last {
			return true
		}
	}
}

// open goes to a row group after the present one, or the first.
func (u *unpacker) open(g int) error {
	for u.group = g; ; {
		if u.look(); u.one.group >= g {
			return nil
		}
		u.step()
	}
}

// look waits for the next page.
func (u *unpacker) look() {
	if u.one.rawPage == nil {
		u.one = <-u.ready
	}
}

// step moves to the next page, which has been looked at.
func (u *unpacker) step() {
	if u.current.rawPage != nil {
		u.free <- u.current
	}
	u.current, u.one = u.one, aheadPage{}
}

// next returns the row group's next page. After the last one it returns that
// again.
func (u *unpacker) next() (*rawPage, error) {
	if u.current.rawPage == nil || u.current.group != u.group || !u.current.last() {
		u.look()
		u.step()
	}
	return u.current.rawPage, u.current.err
}

// rowEnds is that of the pager: of a page that could not be unpacked it tells
// what the page's header says.
func (u *unpacker) rowEnds() (bool, error) {
	u.look()
	switch h := u.one.header; {
	case h != nil:
		return h.Type == format.DataPageV2, nil
	case u.one.err != nil:
		return false, u.one.err
	}
	return true, nil
}

// stop ends the goroutine and waits for it.
func (u *unpacker) stop() {
	close(u.quit)
	<-u.ended
}
