package journal

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
	"github.com/llmrouter-go/llmrouter/internal/textfile"
)

// chunk is a run of lines of a journal.
type chunk struct {
	text    []byte
	lines   []line
	end     int64 // of the last line
	decoded chan struct{}
	err     error // ends the scan behind the lines
}

// line is one line; entry and note are nil where it is damaged.
type line struct {
	offset   int64
	number   int // from 1
	from, to int // in the chunk's text
	entry    *Entry
	note     *note
}

// Scan gives each the entries in the order of the file, and then recovers a
// journal that was opened by [Open]. Damaged lines are passed over with a
// warning. An error of each ends the scan; nothing is then changed.
//
// Chunks are decoded in parallel, since a journal may hold millions of entries.
// No more than a few are in memory.
func (j *Journal) Scan(each func(offset int64, e *Entry) error) error {
	chunks := make(chan *chunk, runtime.GOMAXPROCS(0))
	stop := make(chan struct{})
	var reader sync.WaitGroup
	defer reader.Wait()
	defer close(stop)
	reader.Go(func() { j.readChunks(chunks, stop) })
	for c := range chunks {
		<-c.decoded
		for _, line := range c.lines {
			if line.note != nil {
				j.addScanned(line.note)
				continue
			}
			if line.entry == nil {
				j.warn(fmt.Sprintf("%s:%d: damaged entry; its call is made again", j.name, line.number))
				continue
			}
			j.parts.settle(line.entry)
			if err := each(line.offset, line.entry); err != nil {
				return err
			}
		}
		j.end = c.end
		if c.err != nil {
			return fmt.Errorf("journal: %s: %w", j.name, c.err)
		}
	}
	if j.lock == nil { // it is only looked at
		return nil
	}
	if err := j.recover(); err != nil {
		return fmt.Errorf("journal: %s: %w", j.name, err)
	}
	return nil
}

// addScanned takes up what a note says.
func (j *Journal) addScanned(n *note) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n.Part != nil {
		j.parts.put(*n.Part)
	}
	if n.ScoredBy != "" && !slices.Contains(j.scorers, n.ScoredBy) {
		j.scorers = append(j.scorers, n.ScoredBy)
	}
}

// readChunks hands the journal on in chunks, in order, and has them decoded.
func (j *Journal) readChunks(chunks chan<- *chunk, stop <-chan struct{}) {
	defer close(chunks)
	r := bufio.NewReaderSize(io.NewSectionReader(j.file, 0, 1<<62), scanBuffer)
	at := line{number: 1}
	for more := true; more; {
		c := &chunk{decoded: make(chan struct{})}
		for more && len(c.text) < scanChunk {
			more, c.err = c.read(r, &at)
		}
		c.end = at.offset
		go c.decode()
		select {
		case chunks <- c:
		case <-stop:
			return
		}
	}
}

// read reads the line that begins at a place and moves the place on. What is
// not ended by a line feed is no line.
func (c *chunk) read(r *bufio.Reader, at *line) (more bool, err error) {
	from, size := len(c.text), 0
	for err = bufio.ErrBufferFull; err == bufio.ErrBufferFull; {
		var part []byte
		part, err = r.ReadSlice('\n')
		if size += len(part); size <= maxLine {
			c.text = append(c.text, part...)
		} else {
			c.text = c.text[:from] // such a line is damaged
		}
	}
	if at.number == 1 {
		head := string(c.text[from:])
		// A power cut may leave zeros for bytes that were not synced.
		torn := err == io.EOF && size == len(head) && strings.HasPrefix(header, strings.TrimRight(head, "\x00"))
		if head != header && !torn {
			return false, notJournal(c.text[from:])
		}
		c.text = c.text[:from]
	}
	switch {
	case err == io.EOF:
		return false, nil
	case err != nil:
		return false, err
	case at.number > 1:
		c.lines = append(c.lines, line{offset: at.offset, number: at.number, from: from, to: len(c.text)})
	}
	at.offset += int64(size)
	at.number++
	return true, nil
}

// notJournal says what the file is that begins with this line.
func notJournal(first []byte) error {
	if reason := cmp.Or(lfs.Pointer(first), textfile.CheckUTF8(first), textfile.CheckLines(first)); reason != nil {
		return fmt.Errorf("%w: %w", errNotJournal, reason)
	}
	return errNotJournal
}

func (c *chunk) decode() {
	defer close(c.decoded)
	text := string(c.text) // of which the entries are parts
	entries := make([]Entry, len(c.lines))
	for i := range c.lines {
		l, e := &c.lines[i], &entries[i]
		if decode(text[l.from:l.to], e) == nil && e.Call != "" {
			l.entry = e
		} else {
			l.note = decodeNote(text[l.from:l.to])
		}
	}
}
